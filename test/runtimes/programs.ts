/** The programs in `program/`, each in a process of a runtime. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { npmBinary } from '../support/npm-binary.ts';

const BUN = '1.4.5';
const DENO = '2.9.6';

/** What starts a program of a project in its folder. */
export const RUNTIMES = {
  node: [process.execPath],
  bun: [npmBinary('bun', BUN), '--no-install'],
  deno: [
    npmBinary('deno', DENO),
    ...['run', '--allow-all', '--no-check', '--no-lock', '--no-remote', '--node-modules-dir=manual'],
  ],
} as const;

export type Runtime = keyof typeof RUNTIMES;

export interface Program {
  /** Its first line, or all that it has printed when it ends without one. */
  readonly firstLine: Promise<string>;
  /** All that it prints, once it has ended. */
  readonly output: Promise<string>;
  /** What it has complained about so far. */
  readonly complaints: string;
  /** Ends it; it has until then. @returns how it ended: 0 when all was well */
  end(): Promise<number | string>;
}

/** Starts one; it ends with its stdin, or by itself. */
export function start(runtime: Runtime, folder: string, script: string, ...args: readonly string[]): Program {
  const [command, ...flags] = RUNTIMES[runtime];
  const child = spawn(command, [...flags, script, ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', DENO_NO_UPDATE_CHECK: '1' },
  });
  // It may have ended by itself.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  let output = '';
  let complaints = '';
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      output += part;
      if (output.includes('\n')) resolve(output.slice(0, output.indexOf('\n')));
    });
    child.once('close', () => resolve(output));
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    complaints += part;
  });
  return {
    firstLine,
    output: ended.then(() => output),
    get complaints() {
      return complaints;
    },
    async end() {
      child.stdin.end();
      const [status, signal] = await ended;
      return status ?? signal!;
    },
  };
}
