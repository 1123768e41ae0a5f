/** Starts `testee-program.ts`. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EchoServer } from './faulty/raw-echo.ts';

/**
 * MiB of V8's own heap before it marks all of it for the first time. Otherwise it does so for every 15 MiB of payload, which
 * lies outside that heap and is gone by then.
 */
const EARLY_HEAP = '--initial-old-space-size=512';
const PROGRAM = fileURLToPath(new URL('testee-program.ts', import.meta.url));

function start(...args: readonly string[]): ChildProcess {
  return fork(PROGRAM, args, { execArgv: [EARLY_HEAP, '--import', 'tsx'] });
}

/** One of `SERVERS`. */
export async function startServerProcess(name: string): Promise<EchoServer> {
  const child = start(name);
  const [url] = (await once(child, 'message')) as [string];
  return {
    url,
    async close() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** Has one of `CLIENTS` run the cases that are served at the URL. */
export async function runClientProcess(name: string, url: string): Promise<void> {
  const [code] = await once(start(name, url), 'exit');
  if (code !== 0) throw new Error(`The client ended with ${code}`);
}
