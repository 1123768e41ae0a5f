/**
 * Connect, upgrade, close: the opening handshake, a Close frame each way, the end of the TCP connection; then again. Or
 * without the Close frames, as clients go that are lost.
 */

import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { isAccepted, requestFor } from './connection.ts';
import type { ConnectLoad, RunLoad } from './contract.ts';
import { converse, type Step } from './conversation.ts';
import { meter } from './meter.ts';

const NORMAL = new Uint8Array([0x03, 0xe8]);
const ANSWER = Buffer.from(encodeFrame(FIN | Opcode.Close, NORMAL)).toString('latin1');

const OPENING: Step = {
  request: Buffer.from(requestFor()),
  isAnswered: (heard) => heard.endsWith('\r\n\r\n') && isAccepted(heard),
};
const CLOSING: Step = {
  request: encodeFrame(FIN | Opcode.Close, NORMAL, 0x37fa213d),
  isAnswered: (heard) => heard === ANSWER,
};

export const run: RunLoad<ConnectLoad> = async (target, { concurrency, isBrief = false }, timing) => {
  let done = 0;
  const steps = isBrief ? [OPENING] : [OPENING, CLOSING];
  const again = () =>
    converse(target, steps, isBrief ? 'client' : 'server', (failure) => {
      if (failure !== undefined) throw new Error(failure);
      done++;
      again();
    });
  for (let i = 0; i < concurrency; i++) again();
  return await meter(target, timing, () => done);
};
