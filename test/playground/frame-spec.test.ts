import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHex, parseHex } from '../../src/inspector/index.ts';
import {
  encodeSpec,
  encodeSpecs,
  type FrameSpec,
  fitsForm,
  formatSpecs,
  type LengthForm,
  parseSpecs,
  split,
  TEXT_FRAME,
} from '../../src/playground/build/frame-spec.ts';
import { encodeUtf8, readFrames, readHeader } from '../../src/protocol/index.ts';

const hexOf = (spec: Partial<FrameSpec>) => formatHex(encodeSpec({ ...TEXT_FRAME, ...spec }));
const HELLO = encodeUtf8('Hello');

const anySpec: fc.Arbitrary<FrameSpec> = fc.record({
  fin: fc.boolean(),
  rsv1: fc.boolean(),
  rsv2: fc.boolean(),
  rsv3: fc.boolean(),
  opcode: fc.nat(15),
  maskingKey: fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined }),
  lengthForm: fc.option(fc.constantFrom<LengthForm>(7, 16, 64), { nil: undefined }),
  declaredLength: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
  payload: fc.uint8Array({ maxLength: 200 }),
});

describe('a frame that is set bit by bit', () => {
  it('§5.7 gives the bytes of the examples', () => {
    expect(hexOf({ payload: HELLO })).toBe('81 05 48 65 6c 6c 6f');
    expect(hexOf({ payload: HELLO, maskingKey: parseHex('37 fa 21 3d') })).toBe('81 85 37 fa 21 3d 7f 9f 4d 51 58');
    expect(hexOf({ opcode: 2, payload: new Uint8Array(256) }).slice(0, 11)).toBe('82 7e 01 00');
    expect(hexOf({ opcode: 2, payload: new Uint8Array(65_536) }).slice(0, 29)).toBe('82 7f 00 00 00 00 00 01 00 00');
  });

  it('§5.2 says a length in any form, and any length', () => {
    expect(hexOf({ payload: HELLO, lengthForm: 16 })).toBe('81 7e 00 05 48 65 6c 6c 6f');
    expect(hexOf({ payload: HELLO, lengthForm: 64 })).toBe('81 7f 00 00 00 00 00 00 00 05 48 65 6c 6c 6f');
    expect(hexOf({ declaredLength: 2n ** 63n })).toBe('81 7f 80 00 00 00 00 00 00 00');
    const long = { ...TEXT_FRAME, payload: new Uint8Array(300), lengthForm: 7 as const };
    expect(fitsForm(long)).toBe(false);
    expect(fitsForm({ ...long, lengthForm: 16 })).toBe(true);
    expect(fitsForm({ ...long, lengthForm: undefined })).toBe(true);
  });

  it('§5.2 has each bit where the reference reader finds it', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const header = readHeader(encodeSpec(spec));
        const rsv = (spec.rsv1 ? 4 : 0) + (spec.rsv2 ? 2 : 0) + (spec.rsv3 ? 1 : 0);
        expect(header).toMatchObject({
          fin: spec.fin,
          rsv,
          opcode: spec.opcode,
          masked: spec.maskingKey !== undefined,
        });
      }),
    );
  });

  it('stands in an address, and comes out of it as it was', () => {
    fc.assert(
      fc.property(fc.array(anySpec, { maxLength: 3 }), (specs) => {
        expect(parseSpecs(formatSpecs(specs))).toEqual(specs);
      }),
    );
    expect(parseSpecs('nonsense,81.-.-.-.4869,82.-.8.-.')).toEqual([{ ...TEXT_FRAME, payload: encodeUtf8('Hi') }]);
  });

  it('§5.4 is split into fragments that make the same message', () => {
    const spec = { ...TEXT_FRAME, rsv1: true, payload: HELLO };
    const parts = split(spec, 3);
    expect(parts.map(({ fin, rsv1, opcode }) => [fin, rsv1, opcode])).toEqual([
      [false, true, 1],
      [false, false, 0],
      [true, false, 0],
    ]);
    const { frames, violation } = readFrames(encodeSpecs(parts), { role: 'client', allowsRsv1: true });
    expect(violation).toBeUndefined();
    expect(frames.flatMap(({ payload }) => [...payload])).toEqual([...HELLO]);
  });
});
