/** Looks at the memory of this process, after a garbage collection that is asked for. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nextTurn } from './servers.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

/** What is young: of that, only what is held is left. */
export function collectYoung(): void {
  collectGarbage({ type: 'minor' });
}

/** Two collections with turns between them, so that what the first one frees has been given back. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await nextTurn();
    collectGarbage();
  }
  await nextTurn();
}

/** Bytes in buffers of any kind, after a collection. */
export async function bufferBytes(): Promise<number> {
  await collect();
  return process.memoryUsage().arrayBuffers;
}

/** Bytes on V8's heap, after a collection. */
export async function heapBytes(): Promise<number> {
  await collect();
  return process.memoryUsage().heapUsed;
}
