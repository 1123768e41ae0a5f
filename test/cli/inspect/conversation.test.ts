import { deflateRawSync, constants as zlib } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Conversation, type Sight } from '../../../src/cli/inspect/conversation.ts';
import { acceptValue } from '../../../src/handshake/index.ts';
import type { Direction } from '../../../src/inspector/index.ts';
import { isControlOpcode, readFrames } from '../../../src/protocol/index.ts';
import { KEY, upgradeRequest } from '../../support/raw-peer.ts';
import { acceptance } from '../../support/raw-server.ts';
import { byteByByte, concat, type FrameFields, frame, toBytes } from '../../support/wire.ts';

const UP = 'clientToServer';
const DOWN = 'serverToClient';
type Step = readonly [direction: Direction, bytes: string | Uint8Array];

/** What is seen of these bytes, in a word or two each. */
function see(steps: readonly Step[], cut: (bytes: Uint8Array) => Uint8Array[] = (bytes) => [bytes]): string[] {
  return sights(steps, cut).map(inWords);
}

function sights(steps: readonly Step[], cut: (bytes: Uint8Array) => Uint8Array[] = (bytes) => [bytes]): Sight[] {
  const seen: Sight[] = [];
  const conversation = new Conversation((sight) => seen.push(sight));
  for (const [direction, bytes] of steps) {
    for (const piece of cut(toBytes(bytes))) conversation.push(direction, piece);
  }
  conversation.finish(UP);
  conversation.finish(DOWN);
  return seen;
}

function inWords(sight: Sight): string {
  const arrow = sight.direction === UP ? '>' : '<';
  if (sight.type === 'unread') return `${arrow} unread: ${sight.reason}`;
  if (sight.type === 'head') {
    const { head, fault } = sight;
    const line = 'method' in head ? `${head.method} ${head.target}` : `${head.statusCode}`;
    return `${arrow} ${line}${fault === undefined ? '' : ` ! ${fault.section}`}`;
  }
  const { opcode, fin, payloadLength, beginning, message, faults, presentLength } = sight.frame;
  const parts = [
    `${arrow} ${opcode}${fin ? '' : '…'} ${payloadLength}`,
    JSON.stringify(Buffer.from(beginning).toString()),
  ];
  if (presentLength < payloadLength) parts.push('cut');
  if (message?.isCompressed && fin) parts.push(`from ${message.isInflated ? message.contentLength : '?'}`);
  for (const { id } of faults) parts.push(`! ${id}`);
  return parts.join(' ');
}

const REQUEST = upgradeRequest();
const RESPONSE = acceptance(`Sec-WebSocket-Key: ${KEY}\r\n`);
const OPENING: readonly Step[] = [
  [UP, REQUEST],
  [DOWN, RESPONSE],
];
const SEEN_OPENING = ['> GET /', '< 101'];
const up = (fields: FrameFields) => frame({ key: [1, 2, 3, 4], ...fields });
const withDeflate = (parameters = ''): readonly Step[] => [
  [UP, upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' })],
  [
    DOWN,
    acceptance(`Sec-WebSocket-Key: ${KEY}\r\n`, { 'Sec-WebSocket-Extensions': `permessage-deflate${parameters}` }),
  ],
];

function deflate(text: string, dictionary?: string): Buffer {
  const flush = { finishFlush: zlib.Z_SYNC_FLUSH, ...(dictionary && { dictionary: Buffer.from(dictionary) }) };
  return deflateRawSync(text, flush).subarray(0, -4);
}

const ROWS: readonly { title: string; steps: readonly Step[]; seen: readonly string[] }[] = [
  {
    title: '§5.6 frames of both directions, unmasked',
    steps: [...OPENING, [UP, up({ opcode: 1, payload: 'Hello' })], [DOWN, frame({ opcode: 1, payload: 'Hello' })]],
    seen: [...SEEN_OPENING, '> 1 5 "Hello"', '< 1 5 "Hello"'],
  },
  {
    title: '§5.4 fragments with a ping between them',
    steps: [
      ...OPENING,
      [UP, up({ opcode: 1, fin: false, payload: 'Hel' })],
      [UP, up({ opcode: 9, payload: '' })],
      [UP, up({ opcode: 0, payload: 'lo' })],
    ],
    seen: [...SEEN_OPENING, '> 1… 3 "Hel"', '> 9 0 ""', '> 0 2 "lo"'],
  },
  {
    title: '§5.1 every fault of a frame, and what stands behind it',
    steps: [
      ...OPENING,
      [UP, frame({ opcode: 3, rsv: 3, payload: 'x' })],
      [UP, up({ opcode: 1, payload: 'on' })],
      [DOWN, up({ opcode: 0, payload: 'y' })],
    ],
    seen: [
      ...SEEN_OPENING,
      '> 3 1 "x" ! unexpectedRsv23 ! reservedOpcode ! expectedMask',
      '> 1 2 "on"',
      '< 0 1 "y" ! unexpectedContinuation ! unexpectedMask',
    ],
  },
  {
    title: '§8.1 text that is no UTF-8, in the frame where it goes wrong or lacks its end',
    steps: [
      ...OPENING,
      [UP, up({ opcode: 1, fin: false, payload: [0xc3] })],
      [UP, up({ opcode: 0, fin: false, payload: [0x28] })],
      [UP, up({ opcode: 0, payload: '' })],
      [DOWN, frame({ opcode: 1, payload: [0xe2, 0x82] })],
    ],
    seen: [...SEEN_OPENING, '> 1… 1 "�"', '> 0… 1 "(" ! invalidText', '> 0 0 ""', '< 1 2 "�" ! invalidText'],
  },
  {
    title: '§5.5.1 Close frames with a code that may not be sent, and a reason that is no text',
    steps: [
      ...OPENING,
      [UP, up({ opcode: 8, payload: [0x03, 0xed] })],
      [DOWN, frame({ opcode: 8, payload: [0x03, 0xe8, 0xff] })],
      [DOWN, frame({ opcode: 8, payload: [3] })],
    ],
    seen: [
      ...SEEN_OPENING,
      '> 8 2 "\\u0003�" ! invalidCloseCode',
      '< 8 3 "\\u0003��" ! invalidCloseReason',
      '< 8 1 "\\u0003" ! closePayloadOneByte',
    ],
  },
  {
    title: 'a frame that the end of the connection cuts',
    steps: [...OPENING, [DOWN, frame({ opcode: 2, payload: 'abcdef' }).subarray(0, 5)]],
    seen: [...SEEN_OPENING, '< 2 6 "abc" cut'],
  },
  {
    title: 'RFC 7692 §7.2.3.2 compressed messages, the later ones with the context of the earlier',
    steps: [
      ...withDeflate(),
      [UP, up({ opcode: 1, rsv: 4, payload: deflate('Hello Hello Hello Hello') })],
      [UP, up({ opcode: 1, rsv: 4, payload: deflate('Hello Hello', 'Hello Hello Hello Hello') })],
      [UP, up({ opcode: 1, payload: 'plain' })],
    ],
    seen: [...SEEN_OPENING, '> 1 11 "Hello Hello Hello Hello" from 23', '> 1 4 "Hello Hello" from 11', '> 1 5 "plain"'],
  },
  {
    title: 'RFC 7692 §7.2.3.3 without context, in fragments; and what cannot be inflated',
    steps: [
      ...withDeflate('; server_no_context_takeover'),
      [DOWN, frame({ opcode: 1, rsv: 4, fin: false, payload: deflate('one one one').subarray(0, 3) })],
      [DOWN, frame({ opcode: 0, payload: deflate('one one one').subarray(3) })],
      [DOWN, frame({ opcode: 1, rsv: 4, payload: deflate('one one one') })],
      [DOWN, frame({ opcode: 1, rsv: 4, payload: [0xff, 0xff] })],
    ],
    seen: [
      ...SEEN_OPENING,
      '< 1… 3 "on"',
      `< 0 ${deflate('one one one').length - 3} "one one one" from 11`,
      `< 1 ${deflate('one one one').length} "one one one" from 11`,
      '< 1 2 "��" from ? ! invalidCompression',
    ],
  },
  {
    title: 'RFC 7692 §6.1 RSV1 without permessage-deflate',
    steps: [...OPENING, [UP, up({ opcode: 1, rsv: 4, payload: '' })]],
    seen: [...SEEN_OPENING, '> 1 0 "" ! unexpectedRsv1'],
  },
  {
    title: 'other requests before the handshake, with bodies of all kinds',
    steps: [
      [UP, 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n'],
      [
        DOWN,
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n',
      ],
      [DOWN, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'],
      [UP, 'GET /c HTTP/1.1\r\nHost: x\r\n\r\n'],
      ...OPENING,
      [DOWN, frame({ opcode: 9 })],
    ],
    seen: ['> POST /a', '> HEAD /b', '< 100', '< 200', '< 200', '< 204', '> GET /c', '> GET /', '< 101', '< 9 0 ""'],
  },
  {
    title: 'a refused handshake, and another behind it that was sent before the answer',
    steps: [
      [UP, REQUEST + REQUEST],
      [DOWN, 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'],
      [DOWN, RESPONSE],
      [UP, up({ opcode: 9 })],
    ],
    seen: ['> GET /', '< 401', '> GET /', '< 101', '> 9 0 ""'],
  },
  {
    title: '§4.1 frames that the client sent before the answer',
    steps: [
      [UP, concat(toBytes(REQUEST), up({ opcode: 1, payload: 'early' }))],
      [DOWN, RESPONSE],
    ],
    seen: ['> GET /', '< 101', '> 1 5 "early"'],
  },
  {
    title: '§4.2.2 an answer to another key, and a request without one',
    steps: [
      [UP, REQUEST],
      [DOWN, acceptance('', { 'Sec-WebSocket-Accept': acceptValue('other') })],
    ],
    seen: ['> GET /', '< 101 ! §4.1'],
  },
  {
    title: '§4.2.1 a request that lacks its key',
    steps: [[UP, upgradeRequest({ 'Sec-WebSocket-Key': undefined })]],
    seen: ['> GET / ! §4.2.1'],
  },
  { title: 'what is no HTTP', steps: [[UP, [22, 3, 1]]] as never, seen: ['> unread: they are no HTTP/1.1'] },
  {
    title: 'an upgrade to something else',
    steps: [
      [UP, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
      [DOWN, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0'],
    ],
    seen: ['> GET /', '< 101', '> unread: they are h2c', '< unread: they are h2c'],
  },
];

describe('a conversation', () => {
  for (const { title, steps, seen } of ROWS) {
    it(title, () => {
      expect(see(steps)).toEqual(seen);
      expect(see(steps, byteByByte)).toEqual(seen);
    });
  }

  it('§10.4 keeps the beginning of a payload, and no more of what waits for an answer than 64 KiB', () => {
    const [, , long] = sights([...OPENING, [DOWN, frame({ opcode: 2, payload: new Uint8Array(100_000) })]]);
    expect(long).toMatchObject({ frame: { payloadLength: 100_000, presentLength: 100_000 } });
    expect((long as Sight & { type: 'frame' }).frame.beginning.length).toBe(512);
    const early = up({ opcode: 2, payload: new Uint8Array(100_000) });
    expect(
      see([
        [UP, REQUEST],
        [UP, early],
        [DOWN, RESPONSE],
        [UP, early],
      ]),
    ).toEqual(['> GET /', '> unread: they did not wait for the answer to the handshake', '< 101']);
  });

  it('§10.4 counts what a bomb becomes, and keeps its beginning', () => {
    const bomb = deflate('0'.repeat(5_000_000));
    const [, , seen] = sights([...withDeflate(), [DOWN, frame({ opcode: 1, rsv: 4, payload: bomb })]]);
    const { frame: found } = seen as Sight & { type: 'frame' };
    expect([found.message?.contentLength, found.message?.wireLength]).toEqual([5_000_000, bomb.length]);
    expect(found.beginning.length).toBe(512);
  });

  it('leaves the bytes that it is given as they are', () => {
    const bytes = up({ opcode: 1, payload: 'Hello' });
    const before = Uint8Array.from(bytes);
    see([...OPENING, [UP, bytes]]);
    expect(bytes).toEqual(before);
  });

  it('§5.2 sees in legal frames what the plain reader sees, however they are cut', () => {
    const payload = fc.string({ maxLength: 200 });
    const frames = fc.array(
      fc.oneof(
        fc.record({ opcode: fc.constantFrom(1, 2), payload }),
        fc.record({ opcode: fc.constantFrom(9, 10), payload: fc.string({ maxLength: 30 }) }),
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 50 }), (list, size) => {
        const bytes = concat(...list.map((fields) => up(fields)));
        const chop = (all: Uint8Array) =>
          Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.subarray(i * size, (i + 1) * size));
        const found = sights([...OPENING, [UP, bytes]], chop).slice(2) as (Sight & { type: 'frame' })[];
        const plain = readFrames(bytes, { role: 'server' }).frames;
        expect(found.map(({ frame }) => [frame.opcode, frame.payloadLength, Buffer.from(frame.beginning)])).toEqual(
          plain.map((frame) => [frame.opcode, frame.payloadLength, Buffer.from(frame.payload.subarray(0, 512))]),
        );
        expect(found.every(({ frame }) => frame.faults.length === 0)).toBe(true);
        expect(found.every(({ frame }) => (frame.message === undefined) === isControlOpcode(frame.opcode))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
