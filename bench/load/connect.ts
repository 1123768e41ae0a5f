/** Connect, upgrade, close: the opening handshake, a Close frame each way, the end of the TCP connection; then again. */

import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { open } from './connection.ts';
import type { ConnectLoad, RunLoad, Target } from './contract.ts';
import { meter } from './meter.ts';

const NORMAL = new Uint8Array([0x03, 0xe8]);
const CLOSE = encodeFrame(FIN | Opcode.Close, NORMAL, 0x37fa213d);
const ANSWER = Buffer.from(encodeFrame(FIN | Opcode.Close, NORMAL));

async function openAndClose(target: Target): Promise<void> {
  const connection = await open(target);
  let received = Buffer.alloc(0);
  connection.receive = (bytes, start, end) => {
    received = Buffer.concat([received, bytes.subarray(start, end)]);
  };
  await new Promise<void>((resolve) => {
    connection.ended = resolve;
    connection.write(CLOSE);
  });
  if (!received.equals(ANSWER)) throw new Error(`Close was answered with ${received.toString('hex')}`);
  // The server has ended first: its side waits for stray segments, and our port is free again at once.
  await new Promise<void>((resolve) => {
    connection.socket.on('close', () => resolve());
    connection.socket.end();
  });
}

export const run: RunLoad<ConnectLoad> = async (target, { concurrency }, timing) => {
  let done = 0;
  async function repeat(): Promise<never> {
    for (;;) {
      await openAndClose(target);
      done++;
    }
  }
  for (let i = 0; i < concurrency; i++) void repeat();
  return await meter(target, timing, () => done);
};
