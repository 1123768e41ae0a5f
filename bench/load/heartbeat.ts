/**
 * Idle connections that answer pings, and nothing else: what the heartbeat of a server costs it, in processor time and in
 * memory.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame, FIN, MAX_CONTROL_PAYLOAD_BYTES, Opcode } from '../../src/protocol/index.ts';
import { type LoadConnection, openMany } from './connection.ts';
import type { HeartbeatLoad, RunLoad } from './contract.ts';
import { settledBytes } from './memory.ts';
import { meter } from './meter.ts';

const PING = FIN | Opcode.Ping;
const MASKING_KEY = 0x37fa213d;

let pongs = 0;

/** Servers write a ping in one piece; what is no whole ping ends the run. */
function answerPings(connection: LoadConnection): void {
  connection.receive = (bytes, start, end) => {
    for (let at = start; at < end; ) {
      const payloadBytes = bytes[at + 1]!;
      const next = at + 2 + payloadBytes;
      if (bytes[at] !== PING || payloadBytes > MAX_CONTROL_PAYLOAD_BYTES || next > end) {
        throw new Error(`not a ping: ${bytes.toString('hex', at, end)}`);
      }
      connection.write(encodeFrame(FIN | Opcode.Pong, bytes.subarray(at + 2, next), MASKING_KEY));
      pongs++;
      at = next;
    }
  };
}

export const run: RunLoad<HeartbeatLoad> = async (target, { first, connections, intervalMs }, timing) => {
  await openMany(target, first, undefined, answerPings);
  await sleep(2 * intervalMs);
  const before = await settledBytes(target.pids);
  await openMany(target, connections - first, undefined, answerPings);
  // Each has been pinged before anything is measured.
  await sleep(2 * intervalMs);
  const after = await settledBytes(target.pids);
  // Unwatched: a timer would be most of what these servers do.
  const figures = await meter(target, timing, () => pongs, false);
  return { ...figures, bytesPerConnection: (after - before) / (connections - first) };
};
