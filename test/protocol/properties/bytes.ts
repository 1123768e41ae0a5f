/** Properties of masking (§5.3), UTF-8 (§8.1) and single frames (§5.2). */

import fc from 'fast-check';
import {
  Chunk,
  encodeFrame,
  firstByteOf,
  maskChunk,
  maskReference,
  UNLIMITED,
  Utf8Validator,
} from '../../../src/protocol/index.ts';
import {
  anyCuts,
  anyKey,
  anyPayload,
  anyText,
  applyCuts,
  type Cuts,
  fill,
  keyNumber,
} from '../../support/arbitraries.ts';
import { parseChunks } from '../../support/frames.ts';
import { defineProperty, type FuzzProperty } from '../../support/fuzz.ts';
import { firstOffendingByte } from '../../support/utf8-grammar.ts';
import { copyOf, toHex } from '../../support/wire.ts';
import { WsSender } from '../../support/ws-internals.ts';

function expectSame(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, expected ${String(expected)}`);
}

const maskEqualsReference = defineProperty(
  'mask-equals-reference',
  '§5.3 the fast mask is the plain one, anywhere in memory and anywhere in a payload',
  fc.record({
    offset: fc.nat(15),
    start: fc.nat(15),
    length: fc.oneof({ weight: 4, arbitrary: fc.nat(80) }, { weight: 1, arbitrary: fc.nat(5000) }),
    position: fc.oneof(fc.nat(7), fc.maxSafeNat()),
    key: anyKey,
    keepsWords: fc.boolean(),
    seed: fc.nat(),
  }),
  ({ offset, start, length, position, key, keepsWords, seed }) => {
    const memory = fill(offset + start + length + 9, seed);
    const expected = copyOf(memory);
    const bytes = memory.subarray(offset);
    const end = start + length;
    const chunk = new Chunk(bytes);
    // Masked three times with the same words it is masked.
    for (let i = keepsWords ? 0 : 2; i < 3; i++) maskChunk(chunk, start, end, keyNumber(key), position);
    maskReference(expected.subarray(offset), start, end, keyNumber(key), position % 4);
    expectSame(toHex(memory), toHex(expected), 'masked');
  },
);

/** Validates pieces; the index of the first offending byte, 'cut' when text ends too early, 'valid' otherwise. */
function validate(chunks: readonly Uint8Array[]): number | 'cut' | 'valid' {
  const validator = new Utf8Validator();
  let before = 0;
  for (const chunk of chunks) {
    const offending = validator.push(chunk, 0, chunk.length);
    if (offending !== -1) return before + offending;
    before += chunk.length;
  }
  return validator.isComplete ? 'valid' : 'cut';
}

function expectSameUtf8(bytes: Uint8Array, cuts: Cuts): void {
  const verdict = validate(applyCuts(bytes, cuts));
  expectSame(typeof verdict === 'number' ? verdict : -1, firstOffendingByte(bytes), 'first offending byte');
  let isDecodable = true;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    isDecodable = false;
  }
  expectSame(verdict === 'valid', isDecodable, 'valid');
}

/** Bytes of the kinds that decide something in UTF-8. */
const utf8Byte = fc.oneof(
  fc.nat(255),
  fc.integer({ min: 0x80, max: 0xbf }),
  fc.constantFrom(
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xec,
    0xed,
    0xee,
    0xef,
    0xf0,
    0xf3,
    0xf4,
    0xf5,
  ),
);

const utf8RandomBytes = defineProperty(
  'utf8-random-bytes',
  '§8.1 any bytes are judged as TextDecoder judges them, and fail at the byte the grammar says, however cut',
  fc.tuple(fc.array(utf8Byte, { maxLength: 12 }), anyCuts),
  ([bytes, cuts]) => expectSameUtf8(Uint8Array.from(bytes), cuts),
);

const utf8DamagedText = defineProperty(
  'utf8-damaged-text',
  '§8.1 text with one byte changed, removed or cut off is judged so too',
  fc.tuple(anyText, anyCuts, fc.constantFrom('sound', 'change', 'remove', 'cut'), fc.nat(9999), utf8Byte),
  ([text, cuts, damage, part, value]) => {
    const bytes = Array.from(text);
    const place = Math.floor((part * bytes.length) / 10_000);
    if (damage === 'change') bytes[place] = value;
    if (damage === 'remove') bytes.splice(place, 1);
    if (damage === 'cut') bytes.length = place;
    expectSameUtf8(Uint8Array.from(bytes), cuts);
  },
);

const anyFrame = fc.record({
  opcode: fc.constantFrom(1, 2, 8, 9, 10),
  fin: fc.boolean(),
  rsv1: fc.boolean(),
  payload: fc.oneof(
    { weight: 200, arbitrary: anyPayload },
    { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 70_000).map((length) => fill(length, length)) },
  ),
  key: fc.option(anyKey, { nil: undefined }),
});

const frameRoundTrip = defineProperty(
  'frame-round-trip',
  '§5.2 a frame written is the frame that is read, however cut',
  fc.tuple(anyFrame, anyCuts),
  ([{ opcode, fin, rsv1, payload, key }, cuts]) => {
    const isControl = opcode > 2;
    const firstByte = firstByteOf(opcode, isControl || fin, !isControl && rsv1);
    // A control frame longer than its limit is cut, and a Close body of one byte made empty: they could not be read.
    const longest = opcode === 8 && payload.length === 1 ? 0 : 125;
    const body = isControl ? payload.subarray(0, longest) : payload;
    const maskingKey = key === undefined ? undefined : keyNumber(key);
    const wire = encodeFrame(firstByte, body, maskingKey);
    const isLong = wire.length > 4096 && cuts === 'bytes';
    const found = parseChunks(applyCuts(wire, isLong ? 'whole' : cuts), {
      role: key === undefined ? 'client' : 'server',
      limits: UNLIMITED,
      allowsRsv1: true,
      strictLengths: true,
    });
    const expected = [{ firstByte, masked: key !== undefined, maskingKey: maskingKey ?? 0, payload: toHex(body) }];
    expectSame(JSON.stringify(found), JSON.stringify(expected), 'read');
  },
);

const frameSameAsWsSender = defineProperty(
  'frame-same-as-ws-sender',
  '§5.2 a frame is written as ws writes it',
  anyFrame,
  ({ opcode, fin, rsv1, payload, key }) => {
    const generateMask = (target: Uint8Array) => target.set(key ?? []);
    const options = { opcode, fin, rsv1, mask: key !== undefined, generateMask, readOnly: true };
    const theirs = Buffer.concat(WsSender.frame(Buffer.from(payload), options));
    const ours = encodeFrame(firstByteOf(opcode, fin, rsv1), payload, key === undefined ? undefined : keyNumber(key));
    expectSame(toHex(ours), toHex(theirs), 'written');
  },
);

export const BYTES_PROPERTIES: readonly FuzzProperty[] = [
  maskEqualsReference,
  utf8RandomBytes,
  utf8DamagedText,
  frameRoundTrip,
  frameSameAsWsSender,
];
