/**
 * Measured code runs in processes of its own, pinned to a core where the machine has `taskset`: whoever makes the load
 * must not take the time of whoever is measured.
 */

import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';

export const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/** Keeps this process on one core. */
export function pinSelf(core: number): void {
  if (hasTaskset) spawnSync('taskset', ['-cp', String(core), String(process.pid)]);
}

/** Starts a TypeScript file on one core; what it prints is the caller's. */
export function startOnCore(
  core: number,
  script: URL,
  args: readonly string[],
): ChildProcessByStdio<null, Readable, null> {
  const node = [process.execPath, '--import', 'tsx', script.pathname, ...args];
  const [command, ...rest] = hasTaskset ? ['taskset', '-c', String(core), ...node] : node;
  return spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs it to its end. @returns the JSON that it printed. @throws {Error} when it failed */
export async function runOnCore<Result>(core: number, script: URL, args: readonly string[]): Promise<Result> {
  const child = startOnCore(core, script, args);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await exitOf(child);
  if (status !== 0) throw new Error(`${script.pathname} ${args.join(' ')} ended with status ${status}`);
  return JSON.parse(output) as Result;
}

/** The first line that a process prints. */
export async function firstLineOf(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    output += text;
    const end = output.indexOf('\n');
    if (end >= 0) return output.slice(0, end);
  }
  throw new Error('The process ended before it printed a line');
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}
