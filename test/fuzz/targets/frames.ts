/** Bytes as they are, to all that reads frames: the parser, a Connection, and ws. The first two bytes say how. */

import { resolveLimits, UNLIMITED } from '../../../src/protocol/index.ts';
import { expectHeardAsReference, expectParsedAsReference, type Reading } from '../../protocol/properties/streams.ts';
import { expectSameAsWs } from '../../protocol/properties/ws-differential.ts';
import { applyCuts } from '../../support/arbitraries.ts';
import { clientFrame, close } from '../../support/raw-peer.ts';
import { concat, frame, toHex } from '../../support/wire.ts';
import type { FuzzTarget } from '../target.ts';
import { bytesTarget, cutsOf } from './support.ts';

const LIMITS = [
  UNLIMITED,
  resolveLimits({ maxMessageBytes: 60, maxFrameBytes: 50, maxFragments: 4 }),
  resolveLimits({ maxMessageBytes: 125, maxFragments: 2 }),
];

interface FrameInput extends Reading {
  /** Whether compression is in use. */
  readonly isCompressing: boolean;
}

function readInput(input: Uint8Array): FrameInput {
  const [how = 0, cut = 0] = input;
  return {
    stream: { role: (how & 1) === 0 ? 'server' : 'client', wire: input.subarray(2) },
    strictLengths: (how & 2) !== 0,
    isCompressing: (how & 4) !== 0,
    halts: [(how & 8) !== 0, (how & 16) !== 0, (cut & 1) !== 0],
    limits: LIMITS[(how >> 5) % LIMITS.length]!,
    cuts: cutsOf(cut),
    otherCuts: cutsOf(how ^ cut),
  };
}

const masked = concat(
  clientFrame(1, 'κόσμε', { fin: false }),
  clientFrame(9, 'ping'),
  clientFrame(0, '€'),
  clientFrame(2, new Uint8Array(130)),
  close(1000, 'bye'),
);
const unmasked = concat(
  frame({ opcode: 1, payload: 'text' }),
  frame({ opcode: 2, payload: [1, 2, 3], lengthForm: '64' }),
  frame({ opcode: 1, rsv: 4, payload: [0, 1] }),
  frame({ opcode: 10 }),
  frame({ opcode: 8 }),
);
const SEEDS = [Uint8Array.of(0, 0, ...masked), Uint8Array.of(1, 3, ...unmasked), Uint8Array.of(13, 40, ...unmasked)];

function show(input: Uint8Array): string {
  const { stream, cuts, otherCuts, limits, ...how } = readInput(input);
  const chunks = applyCuts(stream.wire, cuts).map((chunk) => `[${toHex(chunk)}]`);
  return `to a ${stream.role}: ${chunks.join(' ')} ${JSON.stringify({ ...how, limits: LIMITS.indexOf(limits) })}`;
}

export const FRAME_TARGETS: readonly FuzzTarget[] = [
  bytesTarget({
    name: 'frame-bytes',
    title: '§5.2 any bytes, in any chunks, are read by the parser and by a Connection as the reference reads them',
    seeds: SEEDS,
    show,
    run(input) {
      const { isCompressing, ...reading } = readInput(input);
      expectParsedAsReference(reading, isCompressing);
      expectHeardAsReference(reading, isCompressing);
    },
  }),
  bytesTarget({
    name: 'frame-bytes-as-ws',
    title: '§5.4 any bytes, in any chunks, are heard as ws hears them',
    seeds: SEEDS,
    show,
    run(input) {
      const { stream, cuts, strictLengths } = readInput(input);
      expectSameAsWs(stream, cuts, strictLengths ? 60 : 0);
    },
  }),
];
