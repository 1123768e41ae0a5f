/** The frame parser on hand-drawn frames (§5.2–§5.7): each row whole, byte by byte, split in two, with bytes behind it. */

import { describe, expect, it } from 'vitest';
import {
  Chunk,
  type FrameHeader,
  FrameParser,
  type FrameSink,
  resolveLimits,
  UNLIMITED,
} from '../../src/protocol/index.ts';
import { expectFrames, type ParseOptions, parseChunks, writeFrames } from '../support/frames.ts';
import { bits, byteByByte, concat, copyOf, frame, hex, toBytes, toHex } from '../support/wire.ts';

const HELLO = '48 65 6c 6c 6f';
const KEY = [0x37, 0xfa, 0x21, 0x3d];
const SERVER: ParseOptions = { role: 'server' };

describe('frame parser: examples', () => {
  it('§5.7 unmasked text "Hello"', () => {
    expectFrames('81 05 48 65 6c 6c 6f', [{ firstByte: 0x81, masked: false, maskingKey: 0, payload: HELLO }]);
  });
  it('§5.7 masked text "Hello"', () => {
    const wire = '81 85 37 fa 21 3d 7f 9f 4d 51 58';
    expectFrames(wire, [{ firstByte: 0x81, masked: true, maskingKey: 0x37fa213d, payload: HELLO }], SERVER);
    expect(toHex(bits('1 000 0001   1 0000101   37fa213d', 'Hello'))).toBe(wire);
  });
  it('§5.7 fragmented unmasked text "Hel" "lo"', () => {
    expectFrames('01 03 48 65 6c 80 02 6c 6f', [
      { firstByte: 0x01, payload: '48 65 6c' },
      { firstByte: 0x80, payload: '6c 6f' },
    ]);
  });
  it('§5.7 unmasked ping and masked pong "Hello"', () => {
    expectFrames(bits('1 000 1001   0 0000101', 'Hello'), [{ firstByte: 0x89, payload: HELLO }]);
    expectFrames('8a 85 37 fa 21 3d 7f 9f 4d 51 58', [{ firstByte: 0x8a, payload: HELLO }], SERVER);
  });
  it('§5.7 256 bytes of binary', () => {
    const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
    expectFrames(bits('1 000 0010   0 1111110   0100', payload), [{ firstByte: 0x82, payload: toHex(payload) }]);
  });
  it('§5.7 64 KiB of binary', () => {
    const payload = Uint8Array.from({ length: 65_536 }, (_, i) => i * 31);
    const wire = bits('1 000 0010   0 1111111   0000000000010000', payload);
    const found = [{ firstByte: 0x82, masked: false, maskingKey: 0, payload: toHex(payload) }];
    expect(parseChunks([copyOf(wire)])).toEqual(found);
    expect(parseChunks(byteByByte(wire))).toEqual(found);
    expect(parseChunks([wire.slice(0, 9), wire.slice(9, 30_001), wire.slice(30_001)])).toEqual(found);
    expect(toHex(writeFrames(found))).toBe(toHex(wire));
  });
  it('§5.4 a ping between the fragments of a message, and two messages behind each other', () => {
    const wire = concat(
      bits('0 000 0010   1 0000010   01020304', [1, 2]),
      bits('1 000 1001   1 0000001   ffffffff', [9]),
      bits('0 000 0000   1 0000000   00000000'),
      bits('1 000 0000   1 0000001   80000001', [3]),
      bits('1 000 0001   1 0000000   00000000'),
      bits('1 000 1000   1 0000010   0a0b0c0d', [0x03, 0xe8]),
    );
    const events = [
      { firstByte: 0x02, payload: '01 02' },
      { firstByte: 0x89, payload: '09', maskingKey: 0xffffffff },
      { firstByte: 0x00, payload: '' },
      { firstByte: 0x80, payload: '03', maskingKey: 0x80000001 },
      { firstByte: 0x81, payload: '' },
      { firstByte: 0x88, payload: '03 e8' },
    ];
    expectFrames(wire, events, SERVER);
  });
  it('§5.4 a frame that has not all arrived', () => {
    expectFrames('82 05 01 02', [{ firstByte: 0x82, payloadLength: 5, arrived: '01 02' }], { isRoundTrip: false });
    expect(parseChunks([hex('82')])).toEqual([]);
    expect(parseChunks([])).toEqual([]);
  });
  it('RFC 7692 §6.1 RSV1 on the first frame of a message, where it has a meaning', () => {
    const wire = concat(bits('0 100 0001   0 0000001', [1]), bits('1 000 0000   0 0000001', [2]));
    const events = [
      { firstByte: 0x41, payload: '01' },
      { firstByte: 0x80, payload: '02' },
    ];
    expectFrames(wire, events, { allowsRsv1: true });
    expectFrames(wire, [{ violation: 'unexpectedRsv1', detail: 1 }]);
  });
});

describe('frame parser: payload lengths', () => {
  const FORMS = [
    ['7', [0, 1, 125]],
    ['16', [0, 1, 125, 126, 127, 65_535]],
    ['64', [0, 1, 125, 126, 127, 65_535, 65_536]],
  ] as const;
  const shortestForm = (length: number) => (length <= 125 ? '7' : length <= 65_535 ? '16' : '64');
  const ROWS = FORMS.flatMap(([form, lengths]) => lengths.map((length) => [length, form] as const));

  it.each(ROWS)('§5.2 %i bytes in the %s-bit form', (length, lengthForm) => {
    const payload = Uint8Array.from({ length }, (_, i) => i * 13 + 5);
    const isMinimal = lengthForm === shortestForm(length);
    for (const key of [undefined, KEY]) {
      const role = key === undefined ? 'client' : 'server';
      const wire = frame({ opcode: 2, payload, lengthForm, key });
      const events = [{ firstByte: 0x82, payload: toHex(payload) }];
      if (length <= 127) expectFrames(wire, events, { role, isRoundTrip: isMinimal });
      else expect(parseChunks([copyOf(wire)], { role })).toMatchObject(events);

      const strict = { role, strictLengths: true } as const;
      const refused = [{ violation: 'lengthNotMinimal', detail: length }];
      expect(parseChunks([copyOf(wire)], strict)).toMatchObject(isMinimal ? events : refused);
      const headerOnly = wire.subarray(0, lengthForm === '7' ? 2 : lengthForm === '16' ? 4 : 10);
      if (!isMinimal) expect(parseChunks(byteByByte(headerOnly), strict)).toEqual(refused);
    }
  });

  const BORDERS: [header: string, isTaken: boolean][] = [
    ['82 7f 00 1f ff ff ff ff ff ff', true],
    ['82 7f 00 20 00 00 00 00 00 00', false],
    ['82 7f 7f ff ff ff ff ff ff ff', false],
    ['82 7f 80 00 00 00 00 00 00 00', false],
    ['82 7f 80 00 00 00 00 00 00 01', false],
    ['82 7f ff ff ff ff ff ff ff fc', false],
    ['82 7f ff ff ff ff ff ff ff ff', false],
  ];
  it.each(BORDERS)('§5.2 [%s] is taken: %s', (header, isTaken) => {
    const open = { firstByte: 0x82, payloadLength: Number.MAX_SAFE_INTEGER, arrived: '' };
    if (isTaken) expect(parseChunks([hex(`${header} 01`)])).toEqual([{ ...open, arrived: '01' }]);
    else expectFrames(header, [{ violation: 'lengthUnsupported', detail: 0 }]);
  });
});

describe('frame parser: limits', () => {
  const limited = (limits: Parameters<typeof resolveLimits>[0], role: 'client' | 'server' = 'client') => ({
    role,
    limits: resolveLimits(limits),
  });

  it('§10.4 a message of just the limit is taken, one byte more is refused on its header alone', () => {
    const options = limited({ maxMessageBytes: 300 });
    const payload = new Uint8Array(300);
    expectFrames(frame({ opcode: 2, payload }), [{ firstByte: 0x82, payload: toHex(payload) }], options);
    expectFrames('82 7e 01 2d', [{ violation: 'messageTooLong', detail: 301 }], options);
    expectFrames('82 7f 00 00 00 00 00 00 01 2d', [{ violation: 'messageTooLong', detail: 301 }], options);
  });
  it('§10.4 the masking key is not waited for', () => {
    expectFrames('82 fe 01 2d', [{ violation: 'messageTooLong' }], limited({ maxMessageBytes: 300 }, 'server'));
    expectFrames('82 83', [{ violation: 'messageTooLong' }], limited({ maxMessageBytes: 2 }, 'server'));
  });
  it('§10.4 fragments count together, per message', () => {
    const options = limited({ maxMessageBytes: 4 });
    const fragments = '02 02 00 00   00 02 00 00   80 00   02 02 00 00   80 02 00 00   82 04 00 00 00 00';
    const found = parseChunks([hex(fragments)], options);
    expect(found.length).toBe(6);
    expectFrames(fragments, found as object[], options);
    expectFrames('02 02 00 00   89 01 07   80 03', [{}, {}, { violation: 'messageTooLong', detail: 3 }], options);
  });
  it('§10.4 a frame of just the limit is taken, one byte more is refused', () => {
    const options = limited({ maxFrameBytes: 2 });
    expectFrames('02 02 00 00 80 02 00 00', [{}, {}], options);
    expectFrames('02 02 00 00 80 03', [{}, { violation: 'frameTooLong', detail: 3 }], options);
    expectFrames('82 03', [{ violation: 'frameTooLong', detail: 3 }], options);
  });
  it('§10.4 limits of data leave control frames alone', () => {
    const options = limited({ maxFrameBytes: 0, maxMessageBytes: 0, maxFragments: 0 });
    expectFrames('89 02 00 00 8a 01 00 88 00', [{}, {}, {}], options);
    expectFrames('82 00', [{}], options);
  });
  it('§10.4 fragments that are empty count as well', () => {
    const options = limited({ maxFragments: 3 });
    expectFrames('02 00 00 00 80 00 02 00', [{}, {}, {}, {}], options);
    expectFrames('02 00 00 00 00 00 80 00', [{}, {}, {}, { violation: 'tooManyFragments' }], options);
    expectFrames('02 00 00 00 00 00 00 01', [{}, {}, {}, { violation: 'tooManyFragments', detail: 1 }], options);
  });
  it('§10.4 by default a short message may have a thousand of them', () => {
    const fragments = Array<string>(1024).fill('00 00').join(' ');
    const found = parseChunks([hex(`02 00 ${fragments}`)], limited({ maxMessageBytes: 0 }));
    expect(found.length).toBe(1025);
    expect(found.at(-1)).toEqual({ violation: 'tooManyFragments', detail: 0 });
  });
  it('§10.4 the number of fragments, counted per message', () => {
    const options = limited({ maxFragments: 2 });
    expectFrames('02 00 80 00 02 00 89 00 80 00 82 00', [{}, {}, {}, {}, {}, {}], options);
    expectFrames('02 00 00 00 80 00', [{}, {}, { violation: 'tooManyFragments' }], options);
    expectFrames('02 00', [{ violation: 'tooManyFragments' }], limited({ maxFragments: 0 }));
    expectFrames('82 00', [{}], limited({ maxFragments: 0 }));
  });
  it('§10.4 the frame is judged before the message, the message before its fragments', () => {
    const all = { maxFrameBytes: 0, maxMessageBytes: 0, maxFragments: 0 };
    expectFrames('02 01', [{ violation: 'frameTooLong' }], limited(all));
    expectFrames('02 01', [{ violation: 'messageTooLong' }], limited({ ...all, maxFrameBytes: 1 }));
    expectFrames(
      '02 01',
      [{ violation: 'tooManyFragments' }],
      limited({ ...all, maxFrameBytes: 1, maxMessageBytes: 1 }),
    );
  });
});

describe('frame parser: violations', () => {
  it('§5.2 a bad frame is refused on its first two bytes', () => {
    expectFrames('83 ff', [{ violation: 'reservedOpcode', detail: 3 }]);
    expectFrames('88 01', [{ violation: 'closePayloadOneByte', detail: 1 }]);
    expectFrames('89 7f', [{ violation: 'controlPayloadTooLong', detail: 127 }]);
    expectFrames('81 80', [{ violation: 'unexpectedMask', detail: 1 }]);
    expectFrames('81 00', [{ violation: 'expectedMask', detail: 1 }], SERVER);
  });
  it('§5.2 a violation behind frames that are none', () => {
    expectFrames('81 02 48 69 89 00 a1 00', [{}, {}, { violation: 'unexpectedRsv23', detail: 1 }]);
    expectFrames('82 7e 00 01 07 80 00', [{}, { violation: 'unexpectedContinuation' }]);
    expectFrames('01 00 81 00', [{}, { violation: 'expectedContinuation', detail: 1 }]);
    expectFrames('01 00 09 00', [{}, { violation: 'expectedFin', detail: 9 }]);
    const wire = concat(bits('1 000 0010   1 0000011   01020304', [1, 2, 3]), hex('8b 80'));
    expectFrames(wire, [{}, { violation: 'reservedOpcode', detail: 11 }], SERVER);
  });
});

/** Does something at each call, and writes the calls down. */
class ActingSink implements FrameSink {
  readonly calls: string[] = [];
  act: (call: string) => void = () => {};
  framePart({ payloadLength, position }: FrameHeader, { bytes }: Chunk, start: number, end: number): void {
    const isWhole = end - start === payloadLength;
    this.call(`${isWhole ? 'whole' : `part ${position}`} ${toHex(bytes.slice(start, end))}`);
  }
  violation(id: string): void {
    this.call(id);
  }
  private call(call: string): void {
    this.calls.push(call);
    this.act(call.split(' ')[0]!);
  }
}

describe('frame parser: halt, resume, stop', () => {
  const CHUNKS = ['82 02 01 02 82 03 04', '05 06 82', '01 07 83 00 82 00'];
  const CALLS = ['whole 01 02', 'part 0 04', 'part 1 05 06', 'whole 07', 'reservedOpcode'];

  function open(role: 'client' | 'server' = 'client') {
    const sink = new ActingSink();
    return { sink, parser: new FrameParser(sink, { role, limits: UNLIMITED }) };
  }

  it('§5.2 calls in the order of the wire', () => {
    const { sink, parser } = open();
    for (const chunk of CHUNKS) expect(parser.push(hex(chunk))).toBe(hex(chunk).length);
    expect(sink.calls).toEqual(CALLS);
  });

  it.each(['whole', 'part', 'every call'])('§5.2 halted in %s, it goes on where it stopped', (where) => {
    const { sink, parser } = open();
    let haltedCalls = -1;
    sink.act = (call) => {
      if (call !== where && where !== 'every call') return;
      parser.isHalted = true;
      haltedCalls = sink.calls.length;
    };
    for (const chunk of CHUNKS) {
      let rest = hex(chunk);
      while (rest.length > 0) {
        const consumed = parser.push(rest);
        rest = rest.slice(consumed);
        if (!parser.isHalted) continue;
        expect(sink.calls.slice(haltedCalls)).toEqual([]);
        expect(parser.push(copyOf(rest))).toBe(
          parser.isHalted && !sink.calls.includes('reservedOpcode') ? 0 : rest.length,
        );
        parser.isHalted = false;
      }
    }
    expect(sink.calls).toEqual(CALLS);
  });

  it('§5.2 halted from outside, it takes nothing', () => {
    const { sink, parser } = open();
    parser.isHalted = true;
    expect(parser.push(hex('82 00'))).toBe(0);
    parser.isHalted = false;
    expect(sink.calls).toEqual([]);
    expect(parser.push(hex('82 00'))).toBe(2);
    expect(sink.calls).toEqual(['whole ']);
  });

  it('§5.2 halted and resumed in one call, it does not stop', () => {
    const { sink, parser } = open();
    sink.act = () => {
      parser.isHalted = true;
      parser.isHalted = false;
    };
    for (const chunk of CHUNKS) expect(parser.push(hex(chunk))).toBe(hex(chunk).length);
    expect(sink.calls).toEqual(CALLS);
  });

  it('§5.3 bytes that were not consumed are still masked', () => {
    const { sink, parser } = open('server');
    const wire = concat(
      frame({ opcode: 2, key: KEY, payload: [1, 2] }),
      frame({ opcode: 2, key: KEY, payload: [3, 4, 5] }),
    );
    sink.act = () => {
      parser.isHalted = true;
    };
    const chunk = wire.slice(0, wire.length - 1);
    const consumed = parser.push(chunk);
    expect(consumed).toBe(8);
    expect(toHex(chunk.subarray(consumed))).toBe(toHex(wire.subarray(consumed, -1)));
    parser.isHalted = false;
    const next = chunk.subarray(consumed);
    expect(parser.push(next)).toBe(8);
    parser.isHalted = false;
    expect(parser.push(wire.slice(-1))).toBe(1);
    expect(sink.calls).toEqual(['whole 01 02', 'part 0 03 04', 'part 2 05']);
  });

  it.each(CALLS.map((call, index) => [index, call] as const))(
    '§7.1.7 stopped in call %i (%s), it is silent',
    (index) => {
      const { sink, parser } = open();
      sink.act = () => {
        if (sink.calls.length === index + 1) parser.isStopped = true;
      };
      for (const chunk of CHUNKS) expect(parser.push(hex(chunk))).toBe(hex(chunk).length);
      expect(sink.calls).toEqual(CALLS.slice(0, index + 1));
    },
  );

  it('§7.1.7 stopped and halted, it still takes every byte', () => {
    const { sink, parser } = open();
    parser.isStopped = true;
    parser.isHalted = true;
    expect(parser.push(hex('82 00 82 00'))).toBe(4);
    expect(sink.calls).toEqual([]);
  });

  it('§5.2 a chunk is parsed whole, or the part of it that is named', () => {
    const { sink, parser } = open();
    expect(parser.push(new Chunk(hex('82 01 01')))).toBe(3);
    expect(parser.push(new Chunk(hex('ff ff 82 01 02 ff')), 2, 5)).toBe(5);
    expect(sink.calls).toEqual(['whole 01', 'whole 02']);
  });

  it('§5.3 payload is handed out where it lies, in the chunk', () => {
    const { sink, parser } = open('server');
    const memory = new Uint8Array(64);
    const wire = frame({ opcode: 1, key: KEY, payload: 'in place' });
    memory.set(wire, 5);
    const chunk = memory.subarray(5, 5 + wire.length);
    let handed: Uint8Array | undefined;
    sink.framePart = (_, { bytes }, start, end) => {
      handed = bytes.subarray(start, end);
    };
    parser.push(chunk);
    expect(handed).toEqual(toBytes('in place'));
    expect(handed!.buffer).toBe(memory.buffer);
    expect(toHex(memory.subarray(0, 11))).toBe(toHex(concat(new Uint8Array(5), wire.subarray(0, 6))));
    expect(toHex(memory.subarray(5 + wire.length))).toBe(toHex(new Uint8Array(64 - 5 - wire.length)));
  });
});
