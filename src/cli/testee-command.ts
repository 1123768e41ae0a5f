/**
 * A program that is tested: started by a shell in a process group of its own, waited for until its port answers, and
 * stopped with everything that it has started. What it prints is kept, and shown when something goes wrong with it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { complain } from './terminal.ts';

export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

export interface TesteeCommand {
  /** Fulfilled when the program has ended: with its status, or the signal that ended it. */
  readonly ended: Promise<string>;
  /** The last of what it printed. */
  readonly output: string;
  /** Ends it, and waits until it and all that it has started are gone. */
  stop(): Promise<void>;
}

const MAX_OUTPUT_CHARACTERS = 16_384;
const RETRY_MS = 50;
/** From SIGTERM to SIGKILL. */
const PATIENCE_MS = 5000;
const PATIENCE_WITHOUT_OUTPUT_MS = 1000;
/** Whoever waits at a terminal wants to know for what. */
const NOTICE_MS = 1000;
const NOTICE = 'conformance: the command has not ended at SIGTERM yet: 5 s behind it, it is killed';

/** Starts a command line. @param environment beside this process's own */
export function startCommand(line: string, environment: Readonly<Record<string, string>> = {}): TesteeCommand {
  const child = spawn(line, {
    shell: true,
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  const take = (text: string): void => {
    output = (output + text).slice(-MAX_OUTPUT_CHARACTERS);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) => resolve(status === null ? `signal ${signal}` : `status ${status}`));
  });
  // Whatever ends this process ends the command as well; nobody can wait for it then.
  const leave = (): void => signalGroup(child, 'SIGKILL');
  process.once('exit', leave);
  let stopped: Promise<void> | undefined;
  return {
    ended,
    get output() {
      return output;
    },
    stop() {
      stopped ??= endGroup(child).then(() => void process.off('exit', leave));
      return stopped;
    },
  };
}

/**
 * Waits until all endpoints answer.
 * @returns undefined when they do, or what went wrong
 */
export async function waitForEndpoints(
  { ended }: TesteeCommand,
  endpoints: readonly Endpoint[],
  timeoutMs: number,
): Promise<string | undefined> {
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  const deadline = performance.now() + timeoutMs;
  for (const endpoint of endpoints) {
    while (!(await answers(endpoint))) {
      // One that has ended well may have left a server behind.
      if (end !== undefined && end !== 'status 0') {
        return `the command ended with ${end} before anything answered at ${placeOf(endpoint)}`;
      }
      if (performance.now() > deadline) {
        return `nothing answered at ${placeOf(endpoint)} within ${timeoutMs / 1000} s: does the command listen there? --command-timeout gives it longer`;
      }
      await pause(RETRY_MS);
    }
  }
  return undefined;
}

/** Whether somebody takes connections there. */
export function answers(endpoint: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(endpoint);
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

export function placeOf(endpoint: Endpoint): string {
  return 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM');
  const notice = setTimeout(() => process.stderr.isTTY && complain(NOTICE), NOTICE_MS);
  await groupEnd(child, PATIENCE_MS);
  clearTimeout(notice);
  signalGroup(child, 'SIGKILL');
  await groupEnd(child, arePipesClosed(child) ? 2 * RETRY_MS : PATIENCE_MS);
}

/**
 * Waits until nobody is left in the group, or so long. One that has ended stays there when nobody asks after it, as in
 * containers whose first process is no init: so when all have let go of their output, that is a second at most.
 */
async function groupEnd(child: ChildProcess, patienceMs: number): Promise<void> {
  const start = performance.now();
  let closedAt = Number.POSITIVE_INFINITY;
  for (let now = start; isGroupAlive(child); now = performance.now()) {
    if (arePipesClosed(child)) closedAt = Math.min(closedAt, now);
    if (now >= Math.min(start + patienceMs, closedAt + PATIENCE_WITHOUT_OUTPUT_MS)) return;
    await pause(RETRY_MS);
  }
}

function arePipesClosed({ stdout, stderr }: ChildProcess): boolean {
  return stdout?.closed !== false && stderr?.closed !== false;
}

/** Windows has no groups: there it is the tree below the shell. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

function isGroupAlive(child: ChildProcess): boolean {
  const { pid, exitCode, signalCode } = child;
  if (pid === undefined) return false;
  if (process.platform === 'win32') return exitCode === null && signalCode === null;
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
