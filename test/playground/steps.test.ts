import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHex } from '../../src/inspector/index.ts';
import { traceMessages } from '../../src/playground/cut/compressed.ts';
import { countSameCuts, stepTo } from '../../src/playground/cut/steps.ts';
import { describeEvent } from '../../src/playground/lab/describe.ts';
import { receive } from '../../src/playground/lab/receiver.ts';

const CLIENT = { role: 'client' } as const;
const SERVER = { role: 'server' } as const;
const FRAGMENTS = parseHex('01 03 48 65 6c 89 02 68 69 80 02 6c 6f');
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe('the same bytes, cut', () => {
  it('§5.4 say the same at every cut, faults included', () => {
    expect(receive(FRAGMENTS, CLIENT, [4]).events.map(describeEvent)).toEqual(['ping “hi”', 'text “Hello”']);
    expect(countSameCuts(FRAGMENTS, CLIENT)).toEqual({ cuts: 12, same: 12 });
    expect(countSameCuts(parseHex('01 03 48 69 20 80 03 e2 28 a1'), CLIENT)).toEqual({ cuts: 9, same: 9 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(CLIENT, SERVER), (bytes, options) => {
        const { cuts, same } = countSameCuts(bytes, options);
        expect(same).toBe(cuts);
      }),
      { numRuns: 100 },
    );
  });

  it('tells of which bytes an event came', () => {
    expect(receive(FRAGMENTS, CLIENT, [4, 9]).events.map(({ at }) => at)).toEqual([9, 13]);
  });
});

describe('byte by byte, what the parser of production holds', () => {
  const heldAt = (bytes: Uint8Array, count: number, options: Parameters<typeof stepTo>[2]) =>
    stepTo(bytes, count, options).held;

  it('§5.2 the bytes of a header, until it is whole', () => {
    const bytes = parseHex('82 fe 01 00 01 02 03 04');
    const lengths = [1, 2, 4, 7].map((count) => {
      const { headerBytes, headerLength } = heldAt(bytes, count, SERVER);
      return [headerBytes.length, headerLength];
    });
    expect(lengths).toEqual([
      [1, 2],
      [2, 8],
      [4, 8],
      [7, 8],
    ]);
    expect(heldAt(bytes, 8, SERVER)).toMatchObject({ headerLength: 0, frame: { payloadLength: 256, position: 0 } });
  });

  it('§5.3 the place in the payload, and so in the masking key', () => {
    const bytes = parseHex('81 85 37 fa 21 3d 7f 9f 4d 51 58');
    const { frame, message } = heldAt(bytes, 9, SERVER);
    expect(frame).toMatchObject({ position: 3, payloadLength: 5, opcode: 1, fin: true });
    expect([...frame!.maskingKey!]).toEqual([0x37, 0xfa, 0x21, 0x3d]);
    expect(text(message?.bytes)).toBe('Hel');
    expect(heldAt(bytes, 11, SERVER)).toMatchObject({ frame: undefined, message: undefined });
  });

  it('§5.4 the message so far, across fragments and a ping between them', () => {
    expect(text(heldAt(FRAGMENTS, 5, CLIENT).message?.bytes)).toBe('Hel');
    const inPing = heldAt(FRAGMENTS, 8, CLIENT);
    expect([text(inPing.controlPayload), text(inPing.message?.bytes)]).toEqual(['h', 'Hel']);
    expect(text(heldAt(FRAGMENTS, 12, CLIENT).message?.bytes)).toBe('Hell');
    // A second message does not begin with what the first has left.
    const twice = Uint8Array.from([...FRAGMENTS, 0x82, 0x02, 0x00, 0x01]);
    expect(heldAt(twice, 15, CLIENT).message).toMatchObject({ isBinary: true, bytes: new Uint8Array(0) });
  });

  it('§8.1 the state of the UTF-8 validator, across frames', () => {
    const bytes = parseHex('01 01 e2 00 00 80 02 82 ac');
    expect(heldAt(bytes, 3, CLIENT).message?.utf8).toEqual({ pending: 2, lower: 0x80, upper: 0xbf });
    expect(heldAt(parseHex('01 01 e0 80 00'), 4, CLIENT).message?.utf8).toEqual({
      pending: 2,
      lower: 0xa0,
      upper: 0xbf,
    });
    expect(heldAt(parseHex('01 01 e2 80 02 82 ac'), 6, CLIENT).message?.utf8?.pending).toBe(1);
    expect(heldAt(parseHex('01 01 e2 80 02 82 ac'), 7, CLIENT).message).toBeUndefined();
  });

  it('§7.1.7 nothing once it has failed', () => {
    const { held, receiver } = stepTo(parseHex('83 00 81'), 3, CLIENT);
    expect(held).toMatchObject({ isStopped: true, frame: undefined, message: undefined });
    expect(receiver.violation?.id).toBe('reservedOpcode');
  });
});

describe('compressed messages, symbol by symbol', () => {
  const TWICE = parseHex('c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00');

  it('RFC 7692 §7.2.3 a copy reaches into the message before', () => {
    const messages = traceMessages(TWICE, 'client', true);
    expect(messages.map(({ output }) => text(output))).toEqual(['Hello', 'Hello']);
    expect(messages.map(({ window }) => text(window))).toEqual(['', 'Hello']);
    expect(messages[1]!.steps.some((step) => step.kind === 'copy' && step.distance === 5)).toBe(true);
    expect(receive(TWICE, { role: 'client', hasDeflate: true }).events.map(describeEvent)).toEqual([
      'text “Hello”',
      'text “Hello”',
    ]);
  });

  it('RFC 7692 §7.1.1 without take-over it reaches nothing', () => {
    const options = { role: 'client', hasDeflate: true, takesOver: false } as const;
    const [, second] = traceMessages(TWICE, 'client', false);
    expect(second).toMatchObject({ fault: 'it refers to 5 bytes back, and only 1 are there' });
    expect(text(second!.output)).toBe('H');
    expect(receive(TWICE, options).violation?.id).toBe('invalidCompression');
  });

  it('RFC 7692 §6.1 joins fragments, and passes over what is not compressed or not whole', () => {
    const bytes = parseHex('81 02 48 69 41 03 f2 48 cd 89 00 80 04 c9 c9 07 00 c1 07 f2 48');
    expect(traceMessages(bytes, 'client', true).map(({ output }) => text(output))).toEqual(['Hello']);
  });
});
