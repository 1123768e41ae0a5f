/**
 * Measured code runs in processes of its own, pinned to a core where the machine has `taskset`: whoever makes the load
 * must not take the time of whoever is measured.
 */

import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { DEFAULT_NODE, nodeFile } from './nodes.ts';

export const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/** What runs a TypeScript file. */
export interface Runtime {
  readonly command: readonly string[];
  /** Beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Loads TypeScript into any version of Node.js. */
export const TYPESCRIPT_LOADER = ['--import', import.meta.resolve('tsx')];

function defaultNode(): Runtime {
  return { command: [nodeFile(DEFAULT_NODE) ?? process.execPath, ...TYPESCRIPT_LOADER] };
}

/** Keeps this process on one core. */
export function pinSelf(core: number): void {
  if (hasTaskset) spawnSync('taskset', ['-cp', String(core), String(process.pid)]);
}

/** Its output is the caller's; what it complains about comes up when it fails. */
export interface Worker extends ChildProcessByStdio<null, Readable, Readable> {
  /** The end of what it has written to stderr. */
  complaints: string;
}

const MAX_COMPLAINTS = 8192;

/** What ends others with this process, however it ends. */
const kills = new Set<() => unknown>();
process.on('exit', () => {
  for (const kill of kills) kill();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/**
 * Starts a TypeScript file.
 * @param core the one it has to itself, or a list of those that it shares: `0,1`
 */
export function startOnCore(
  core: number | string,
  script: URL,
  args: readonly string[],
  { command: runtime, environment }: Runtime = defaultNode(),
): Worker {
  const run = [...runtime, fileURLToPath(script), ...args];
  const [command, ...rest] = hasTaskset ? ['taskset', '-c', String(core), ...run] : run;
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  const worker = Object.assign(child, { complaints: '' });
  child.once(
    'exit',
    tie(() => child.kill('SIGKILL')),
  );
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    worker.complaints = (worker.complaints + text).slice(-MAX_COMPLAINTS);
  });
  return worker;
}

/** Has another process end with this one. @returns what is to be done when it has ended */
export function tie(kill: () => unknown): () => void {
  kills.add(kill);
  return () => void kills.delete(kill);
}

/** The line that says what went wrong; the rest is a stack. */
function failureOf({ complaints }: Worker): string {
  const lines = complaints.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => /(error|load):? /i.test(line)) ?? lines.at(-1) ?? 'no reason given';
}

/** Runs it to its end. @returns the JSON that it printed. @throws {Error} when it failed */
export async function runOnCore<Result>(
  core: number | string,
  script: URL,
  args: readonly string[],
  runtime?: Runtime,
): Promise<Result> {
  const child = startOnCore(core, script, args, runtime);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await exitOf(child);
  if (status !== 0) throw new Error(failureOf(child));
  return JSON.parse(output) as Result;
}

/** What a process prints, line by line. */
export function linesOf(child: Worker): AsyncIterator<string> {
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

/** @throws {Error} when the process ends without another line */
export async function nextLineOf(child: Worker, lines = linesOf(child)): Promise<string> {
  const { value, done } = await lines.next();
  if (done !== true) return value;
  await exitOf(child);
  throw new Error(failureOf(child));
}

/** Resolves with its status when it has ended and all it wrote has been read. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('close', resolve));
}
