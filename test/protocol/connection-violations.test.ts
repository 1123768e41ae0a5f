/**
 * Every violation of the table, provoked from the wire, in each role it can happen to: the Close frame that goes out,
 * the end of the transport, and silence from then on.
 */

import { describe, expect, it } from 'vitest';
import { type Inflater, type Limits, type Role, VIOLATIONS, type ViolationId } from '../../src/protocol/index.ts';
import { End, peerFrame } from '../support/link-pair.ts';
import { byteByByte, concat, type FrameFields, frame, hex, toBytes, toHex } from '../support/wire.ts';

interface Row {
  readonly what: string;
  readonly id: ViolationId;
  readonly close: string;
  /** The number that the message speaks of. */
  readonly detail?: number;
  /** Frames of the peer, the last of them bad; or bytes behind legal frames. */
  readonly frames: readonly FrameFields[];
  readonly bytes?: (role: Role) => Uint8Array;
  readonly roles?: readonly Role[];
  readonly limits?: Partial<Limits>;
  readonly strictLengths?: boolean;
  /** What was rightly heard before. */
  readonly heard?: readonly string[];
}

const C1002 = '88 03 ea';
const C1007 = '88 03 ef';
const C1008 = '88 03 f0';
const C1009 = '88 03 f1';
const KEY = [1, 2, 3, 4];
const START: FrameFields = { fin: false, opcode: 1, payload: 'a' };
/** A header with a 64-bit length, and no more. */
const declaring = (length: string) => (role: Role) => hex(`82 ${role === 'server' ? 'ff' : '7f'} ${length}`);

const ROWS: Row[] = [
  { what: '§5.2 RSV3 on text', id: 'unexpectedRsv23', close: C1002, detail: 1, frames: [{ rsv: 1, opcode: 1 }] },
  { what: '§5.2 RSV2 on binary', id: 'unexpectedRsv23', close: C1002, detail: 2, frames: [{ rsv: 2, opcode: 2 }] },
  { what: '§5.2 RSV2 on a ping', id: 'unexpectedRsv23', close: C1002, detail: 9, frames: [{ rsv: 2, opcode: 9 }] },
  {
    what: '§5.2 all RSV on a Close frame',
    id: 'unexpectedRsv23',
    close: C1002,
    detail: 8,
    frames: [{ rsv: 7, opcode: 8 }],
  },
  {
    what: '§5.2 RSV3 on a continuation frame',
    id: 'unexpectedRsv23',
    close: C1002,
    detail: 0,
    frames: [START, { rsv: 1, opcode: 0 }],
  },
  { what: '§5.2 RSV1 on text', id: 'unexpectedRsv1', close: C1002, detail: 1, frames: [{ rsv: 4, opcode: 1 }] },
  { what: '§5.2 RSV1 on a ping', id: 'unexpectedRsv1', close: C1002, detail: 9, frames: [{ rsv: 4, opcode: 9 }] },
  { what: '§5.2 RSV1 on a pong', id: 'unexpectedRsv1', close: C1002, detail: 10, frames: [{ rsv: 4, opcode: 10 }] },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode): Row => ({
      what: `§5.2 opcode ${opcode}`,
      id: 'reservedOpcode',
      close: C1002,
      detail: opcode,
      frames: [{ opcode: 2 }, { opcode }],
      heard: ['binary:'],
    }),
  ),
  { what: '§5.4 nothing to continue', id: 'unexpectedContinuation', close: C1002, detail: 0, frames: [{ opcode: 0 }] },
  {
    what: '§5.4 continuing a message that is over',
    id: 'unexpectedContinuation',
    close: C1002,
    frames: [START, { opcode: 0 }, { opcode: 0 }],
    heard: ['text:a'],
  },
  {
    what: '§5.4 text inside a message',
    id: 'expectedContinuation',
    close: C1002,
    detail: 1,
    frames: [START, { opcode: 1 }],
  },
  {
    what: '§5.4 binary inside a message',
    id: 'expectedContinuation',
    close: C1002,
    detail: 2,
    frames: [START, { opcode: 2 }],
  },
  ...[8, 9, 10].map(
    (opcode): Row => ({
      what: `§5.5 control frame ${opcode} without FIN`,
      id: 'expectedFin',
      close: C1002,
      detail: opcode,
      frames: [{ fin: false, opcode }],
    }),
  ),
  ...[8, 9, 10].map(
    (opcode): Row => ({
      what: `§5.5 control frame ${opcode} of 126 bytes`,
      id: 'controlPayloadTooLong',
      close: C1002,
      detail: 126,
      frames: [{ opcode, payload: new Uint8Array(126).fill(3) }],
    }),
  ),
  {
    what: '§5.5 a ping with a 64-bit length',
    id: 'controlPayloadTooLong',
    close: C1002,
    detail: 127,
    frames: [{ opcode: 9, lengthForm: '64' }],
  },
  {
    what: '§5.5.1 a Close body of one byte',
    id: 'closePayloadOneByte',
    close: C1002,
    detail: 1,
    frames: [{ opcode: 8, payload: [3] }],
  },
  ...[1, 2, 8, 9, 10].map(
    (opcode): Row => ({
      what: `§5.1 unmasked frame ${opcode} at the server`,
      id: 'expectedMask',
      close: C1002,
      frames: [],
      bytes: () => frame({ opcode }),
      roles: ['server'],
    }),
  ),
  ...[1, 2, 8, 9, 10].map(
    (opcode): Row => ({
      what: `§5.1 masked frame ${opcode} at the client`,
      id: 'unexpectedMask',
      close: C1002,
      frames: [],
      bytes: () => frame({ opcode, key: KEY }),
      roles: ['client'],
    }),
  ),
  {
    what: '§5.2 five bytes in the 16-bit form, when lengths are strict',
    id: 'lengthNotMinimal',
    close: C1002,
    detail: 5,
    frames: [{ opcode: 2, payload: 'Hello', lengthForm: '16' }],
    strictLengths: true,
  },
  {
    what: '§5.2 a length of 2^53',
    id: 'lengthUnsupported',
    close: C1009,
    frames: [],
    bytes: declaring('00 20 00 00 00 00 00 00'),
  },
  {
    what: '§5.2 a length with its top bit set',
    id: 'lengthUnsupported',
    close: C1009,
    frames: [],
    bytes: declaring('80 00 00 00 00 00 00 01'),
  },
  {
    what: '§10.4 a frame over its limit',
    id: 'frameTooLong',
    close: C1009,
    detail: 3,
    frames: [{ opcode: 2, payload: 'abc' }],
    limits: { maxFrameBytes: 2 },
  },
  {
    what: '§10.4 a message over 1 MiB',
    id: 'messageTooLong',
    close: C1009,
    detail: 1_048_577,
    frames: [],
    bytes: declaring('00 00 00 00 00 10 00 01'),
  },
  {
    what: '§10.4 fragments over the limit together',
    id: 'messageTooLong',
    close: C1009,
    detail: 2,
    frames: [START, { opcode: 9 }, { opcode: 0, payload: 'bc' }],
    limits: { maxMessageBytes: 2 },
    heard: ['ping:'],
  },
  {
    what: '§10.4 too many empty fragments',
    id: 'tooManyFragments',
    close: C1008,
    detail: 0,
    frames: [START, ...Array.from({ length: 4 }, () => ({ fin: false, opcode: 0 }))],
    limits: { maxFragments: 4 },
  },
  {
    what: '§10.4 more fragments than were allowed',
    id: 'tooManyFragments',
    close: C1008,
    frames: [START, { fin: false, opcode: 0 }, { opcode: 0 }],
    limits: { maxFragments: 2 },
  },
  {
    what: '§10.4 a flood of pings',
    id: 'tooManyControlFrames',
    close: C1008,
    frames: [{ opcode: 10 }, { opcode: 10 }, { opcode: 9 }],
    limits: { maxControlFramesBetweenData: 2 },
    heard: ['pong:', 'pong:'],
  },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    (code): Row => ({
      what: `§7.4 close code ${code}`,
      id: 'invalidCloseCode',
      close: C1002,
      detail: code,
      frames: [{ opcode: 8, payload: [code >>> 8, code & 255] }],
    }),
  ),
  {
    what: '§8.1 text that is not UTF-8',
    id: 'invalidText',
    close: C1007,
    frames: [{ opcode: 1, payload: [0x61, 0xff] }],
  },
  {
    what: '§8.1 text that ends too early',
    id: 'invalidText',
    close: C1007,
    frames: [{ opcode: 1, payload: [0xf0, 0x9f] }],
  },
  {
    what: '§8.1 a bad fragment',
    id: 'invalidText',
    close: C1007,
    frames: [START, { fin: false, opcode: 0, payload: [0xc0] }],
  },
  {
    what: '§8.1 a bad last fragment',
    id: 'invalidText',
    close: C1007,
    frames: [START, { opcode: 0, payload: [0x62, 0xff] }],
  },
  {
    what: '§8.1 fragments that end too early',
    id: 'invalidText',
    close: C1007,
    frames: [START, { opcode: 9 }, { opcode: 0, payload: [0xc3] }],
    heard: ['ping:'],
  },
  {
    what: '§5.5.1 a reason that is not UTF-8',
    id: 'invalidCloseReason',
    close: C1007,
    detail: 1000,
    frames: [{ opcode: 8, payload: [0x03, 0xe8, 0xff] }],
  },
  {
    what: '§5.5.1 a reason cut inside a code point',
    id: 'invalidCloseReason',
    close: C1007,
    frames: [{ opcode: 8, payload: [0x03, 0xe8, 0x61, 0xe2, 0x82] }],
  },
  {
    what: 'RFC 7692 §7.2.2 compressed data that is corrupt',
    id: 'invalidCompression',
    close: C1007,
    frames: [{ rsv: 4, opcode: 2, payload: 'corrupt' }],
  },
  {
    what: '§10.4 messages that come too fast for the handler, which says so, with a reason',
    id: 'rateExceeded',
    close: `88 03 f0 ${toHex(toBytes('Messages come too fast'))}`,
    frames: [{ opcode: 2 }],
    heard: ['binary:'],
  },
  {
    what: '§7.4.1 a handler that throws',
    id: 'handlerFailed',
    close: '88 03 f3',
    frames: [{ opcode: 2 }],
    heard: ['binary:'],
  },
];

const cause = new Error('what the fault came from');
const CAUSED: readonly ViolationId[] = ['handlerFailed', 'invalidCompression'];
const failingInflater: Inflater = {
  inflate(_bytes, _start, _end, _maxBytes, done) {
    done({ id: 'corrupt', error: cause }, new Uint8Array(0));
  },
};

const CASES = ROWS.flatMap((row) => (row.roles ?? (['server', 'client'] as const)).map((role) => ({ ...row, role })));

describe('violations on the wire', () => {
  it('§7.1.7 each violation of the table has a row', () => {
    // No peer's bytes say that it does not read.
    const provoked = new Set<ViolationId>([...ROWS.map((row) => row.id), 'backlogTooLong']);
    expect(Object.keys(VIOLATIONS).filter((id) => !provoked.has(id as ViolationId))).toEqual([]);
  });

  it.each(CASES)(
    '$what: $id, $role',
    ({ role, id, close, detail, frames, bytes, limits, strictLengths, heard = [] }) => {
      const wire = concat(...frames.map((fields) => peerFrame(role, fields)), bytes?.(role) ?? new Uint8Array(0));
      for (const chunks of [[wire], byteByByte(wire)]) {
        const end = new End(role, {
          limits: limits ?? {},
          strictLengths: strictLengths ?? false,
          now: () => 0,
          autoPong: false,
          inflater: id === 'invalidCompression' ? failingInflater : undefined,
        });
        if (id === 'handlerFailed') {
          end.handler.react = ({ call }) => {
            if (call === 'message') throw cause;
          };
        }
        if (id === 'rateExceeded') {
          end.handler.react = ({ call }) => call === 'message' && end.connection.fail(id);
        }
        for (const chunk of chunks) end.receive(chunk);

        expect(end.handler.log).toEqual([...heard, `failed:${id}`]);
        expect(end.handler.calls.at(-1)).toMatchObject({ id, detail: detail ?? expect.any(Number) });
        expect(end.handler.calls.at(-1)).toMatchObject({ cause: CAUSED.includes(id) ? cause : undefined });
        expect(end.output.log).toEqual([close]);
        expect(Number.parseInt(close.slice(3).replace(' ', ''), 16)).toBe(VIOLATIONS[id].closeCode);
        expect(end.output.endCalls).toBe(1);
        expect(end.connection.state).toBe('failed');

        end.receiveFrames({ opcode: 1, payload: 'later' }, { opcode: 9 }, { opcode: 8 });
        end.connection.receiveEnd();
        end.connection.transportClosed();
        expect(end.handler.log).toEqual([...heard, `failed:${id}`, 'closed']);
        expect(end.output.log).toEqual([close]);
        expect(end.connection.closeCode).toBe(1006);
      }
    },
  );
});
