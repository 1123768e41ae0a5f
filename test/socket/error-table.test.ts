/**
 * The table of violations over real sockets: what a client does wrong, the Close frame that it gets for it, the error
 * that the application gets, and that nobody else is the worse for it.
 */

import { describe, expect, it } from 'vitest';
import type { MessageRate } from '../../src/admission/message-limits.ts';
import { VIOLATIONS, type ViolationId } from '../../src/protocol/index.ts';
import type { NetRequest } from '../../src/server/net-server.ts';
import { binary, clientFrame, close, closed, echoed, RawPeer, text } from '../support/raw-peer.ts';
import { echo, eventOf, SERVER_KINDS, type ServerSetup, startServer } from '../support/servers.ts';
import { bits, concat, frame } from '../support/wire.ts';

interface Row {
  readonly id: ViolationId;
  readonly what: string;
  readonly wire: Uint8Array;
  readonly message: string;
  readonly setup?: ServerSetup;
}

const MASKED = [1, 2, 3, 4];
const SMALL: ServerSetup = { maxMessageBytes: 100 };
/** Of each connection. */
const ONE_A_SECOND: MessageRate = {
  perSecond: 0.001,
  burst: 1,
  onExcess: 'close',
  key: (request) => String((request as NetRequest).socket.remotePort),
};
const TINY_FRAMES: ServerSetup = { net: { limits: { maxFrameBytes: 10 } } };

const ROWS: readonly Row[] = [
  {
    id: 'unexpectedRsv23',
    what: '§5.2 RSV2 set',
    wire: text('Hi', { rsv: 2 }),
    message: 'Invalid WebSocket frame: RSV2 and RSV3 must be clear',
  },
  {
    id: 'unexpectedRsv23',
    what: '§5.2 RSV3 set, with RSV1 as well',
    wire: text('Hi', { rsv: 5 }),
    message: 'Invalid WebSocket frame: RSV2 and RSV3 must be clear',
  },
  {
    id: 'unexpectedRsv1',
    what: '§5.2 RSV1 set without an extension',
    wire: text('Hi', { rsv: 4 }),
    message: 'Invalid WebSocket frame: RSV1 must be clear',
  },
  {
    id: 'unexpectedRsv1',
    what: '§5.2 RSV1 set on a ping',
    wire: frame({ opcode: 9, rsv: 4, key: MASKED }),
    message: 'Invalid WebSocket frame: RSV1 must be clear',
  },
  {
    id: 'reservedOpcode',
    what: '§5.2 opcode 3',
    wire: clientFrame(3),
    message: 'Invalid WebSocket frame: invalid opcode 3',
  },
  {
    id: 'reservedOpcode',
    what: '§5.2 opcode 15',
    wire: clientFrame(15),
    message: 'Invalid WebSocket frame: invalid opcode 15',
  },
  {
    id: 'unexpectedContinuation',
    what: '§5.4 a continuation of nothing',
    wire: clientFrame(0, 'Hi'),
    message: 'Invalid WebSocket frame: invalid opcode 0',
  },
  {
    id: 'expectedContinuation',
    what: '§5.4 a text frame inside a message',
    wire: concat(text('Hel', { fin: false }), text('lo')),
    message: 'Invalid WebSocket frame: invalid opcode 1',
  },
  {
    id: 'expectedFin',
    what: '§5.5 a fragmented ping',
    wire: clientFrame(9, [], { fin: false }),
    message: 'Invalid WebSocket frame: FIN must be set',
  },
  {
    id: 'controlPayloadTooLong',
    what: '§5.5 a ping of 126 bytes',
    wire: clientFrame(9, new Uint8Array(126)),
    message: 'Invalid WebSocket frame: invalid payload length 126',
  },
  {
    id: 'closePayloadOneByte',
    what: '§5.5.1 a Close body of one byte',
    wire: clientFrame(8, [3]),
    message: 'Invalid WebSocket frame: invalid payload length 1',
  },
  {
    id: 'expectedMask',
    what: '§5.1 an unmasked frame',
    wire: frame({ opcode: 1, payload: 'Hi' }),
    message: 'Invalid WebSocket frame: MASK must be set',
  },
  {
    id: 'lengthUnsupported',
    what: '§5.2 a length with the top bit set',
    wire: bits('1 000 0010   1 1111111   8000000000000001 01020304'),
    message: 'Unsupported WebSocket frame: payload length > 2^53 - 1',
  },
  {
    id: 'lengthUnsupported',
    what: '§5.2 a length of 2^53',
    wire: bits('1 000 0010   1 1111111   0020000000000000'),
    message: 'Unsupported WebSocket frame: payload length > 2^53 - 1',
  },
  {
    id: 'messageTooLong',
    what: '§10.4 a message over the limit, on its header alone',
    wire: bits('1 000 0010   1 1111110   0065'),
    message: 'Max payload size exceeded',
    setup: SMALL,
  },
  {
    id: 'messageTooLong',
    what: '§10.4 fragments that are too long together',
    wire: concat(binary(new Uint8Array(60), { fin: false }), clientFrame(0, new Uint8Array(41))),
    message: 'Max payload size exceeded',
    setup: SMALL,
  },
  {
    id: 'tooManyFragments',
    what: '§10.4 a thousand empty fragments and more',
    wire: concat(binary([], { fin: false }), ...Array.from({ length: 1100 }, () => clientFrame(0, [], { fin: false }))),
    message: 'Too many message fragments',
    setup: SMALL,
  },
  {
    id: 'tooManyControlFrames',
    what: '§10.4 two thousand pongs and one',
    wire: concat(...Array.from({ length: 2001 }, () => clientFrame(10))),
    message: 'Too many control frames between data frames',
  },
  {
    id: 'rateExceeded',
    what: '§10.4 a second message in a second',
    wire: text('second'),
    message: 'Messages come faster than messageRate allows',
    setup: { http: { messageRate: ONE_A_SECOND }, net: { messageRate: ONE_A_SECOND } },
  },
  {
    id: 'invalidCloseCode',
    what: '§7.4 the code 1005 on the wire',
    wire: close(1005),
    message: 'Invalid WebSocket frame: invalid status code 1005',
  },
  {
    id: 'invalidCloseCode',
    what: '§7.4 the code 999',
    wire: close(999),
    message: 'Invalid WebSocket frame: invalid status code 999',
  },
  {
    id: 'invalidText',
    what: '§8.1 an octet that no text has',
    wire: text([0x48, 0xff]),
    message: 'Invalid WebSocket frame: invalid UTF-8 sequence',
  },
  {
    id: 'invalidText',
    what: '§8.1 a bad octet in a frame that has not ended',
    wire: text([0x48, 0xff, 0x48], {}).subarray(0, -1),
    message: 'Invalid WebSocket frame: invalid UTF-8 sequence',
  },
  {
    id: 'invalidText',
    what: '§8.1 text that ends inside a code point',
    wire: concat(text([0x48, 0xe2], { fin: false }), clientFrame(0, [0x82])),
    message: 'Invalid WebSocket frame: invalid UTF-8 sequence',
  },
  {
    id: 'invalidCloseReason',
    what: '§5.5.1 a reason that is not UTF-8',
    wire: close(1000, [0xff]),
    message: 'Invalid WebSocket frame: invalid UTF-8 sequence',
  },
];

const NET_ROWS: readonly Row[] = [
  {
    id: 'frameTooLong',
    what: '§10.4 a frame over the limit for frames',
    wire: binary(new Uint8Array(11)),
    message: 'Max frame size exceeded',
    setup: TINY_FRAMES,
  },
  {
    id: 'lengthNotMinimal',
    what: '§5.2 a length of 5 in sixteen bits, with strictLengths',
    wire: text('Hello', { lengthForm: '16' }),
    message: 'Invalid WebSocket frame: payload length 5 is not in its shortest form',
    setup: { net: { strictLengths: true } },
  },
];

describe.each(SERVER_KINDS)('the table of violations on %s', (kind) => {
  it.each(kind === 'node:net' ? [...ROWS, ...NET_ROWS] : ROWS)(
    '$what: Close frame, error, end; others echo on',
    async ({ id, wire, message, setup }) => {
      const server = await startServer(kind, setup, echo);
      const other = await RawPeer.open(server);
      const peer = await RawPeer.open(server);
      const socket = server.connections[1]!;
      const error = eventOf(socket, 'error');
      const end = eventOf(socket, 'close');
      const { closeCode, closeReason } = VIOLATIONS[id];
      // What follows a violation is not read (§7.1.7).
      peer.send(text('before'), wire, text('behind'));

      expect(await peer.framesUntilEnd()).toEqual([echoed('before'), closed(closeCode, closeReason)]);
      expect(peer.error).toBeUndefined();
      const [reported] = await error;
      expect(reported).toMatchObject({ message, code: VIOLATIONS[id].code });
      expect(reported).toBeInstanceOf(VIOLATIONS[id].isRangeError ? RangeError : Error);
      expect(await end).toEqual([1006, Buffer.alloc(0)]);

      other.send(text('still here'));
      expect(await other.frame()).toBe(echoed('still here'));
    },
  );
});

it('covers every violation that a client can cause at a server', () => {
  const covered = new Set([...ROWS, ...NET_ROWS].map(({ id }) => id));
  // Only a server can mask wrongly towards a client; handlerFailed is the application's own doing; and nothing can be
  // compressed wrongly where compression has not been agreed on. Who does not read says nothing at all.
  const elsewhere: readonly ViolationId[] = ['unexpectedMask', 'handlerFailed', 'invalidCompression', 'backlogTooLong'];
  expect(new Set([...covered, ...elsewhere])).toEqual(new Set(Object.keys(VIOLATIONS)));
});
