/** Memory of idle connections: how the server's grows from one number of them to a larger one, after its garbage is gone. */

import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { type LoadConnection, openMany } from './connection.ts';
import type { MemoryLoad, RunLoad, Target } from './contract.ts';
import { payloadOf } from './frames.ts';
import { residentBytesOf } from './process-usage.ts';

const PAYLOAD_BYTES = 64;
const REQUEST = encodeFrame(FIN | Opcode.Binary, payloadOf(0, PAYLOAD_BYTES, false), 0x37fa213d);

/** What the processes hold once their garbage is gone. */
export async function settledBytes(pids: readonly number[]): Promise<number> {
  for (let i = 0; i < 4; i++) {
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    await sleep(150);
  }
  return residentBytesOf(pids);
}

/** Sends one message to and fro. */
function use(connection: LoadConnection, isRaw: boolean): Promise<void> {
  const expected = isRaw ? REQUEST.length : 2 + PAYLOAD_BYTES;
  return new Promise((resolve) => {
    let received = 0;
    connection.receive = (_, start, end) => {
      received += end - start;
      if (received === expected) resolve();
    };
    connection.write(REQUEST);
  });
}

async function openIdle(target: Target, count: number, isUsed: boolean): Promise<void> {
  const connections = await openMany(target, count);
  if (isUsed) for (const connection of connections) await use(connection, target.isRaw);
}

export const run: RunLoad<MemoryLoad> = async (target, { first, last, isUsed }) => {
  await openIdle(target, first, isUsed);
  const before = await settledBytes(target.pids);
  await openIdle(target, last - first, isUsed);
  const after = await settledBytes(target.pids);
  return { bytesPerConnection: (after - before) / (last - first) };
};
