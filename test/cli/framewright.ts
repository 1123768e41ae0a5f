/** Runs `framewright` as a process of its own, as a shell would. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const WORKERS = new URL('../support/typescript-workers.mjs', import.meta.url).href;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, ['--import', 'tsx', '--import', WORKERS, MAIN, ...args], { env });
}

/** Runs to the end, with `input` on standard input. */
export async function framewright(args: readonly string[], input: Uint8Array | string = ''): Promise<Outcome> {
  const child = start(args);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return outcomeOf(child);
}

export async function outcomeOf(child: ChildProcessWithoutNullStreams): Promise<Outcome> {
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.stderr += chunk;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...text };
}
