/** Generators shared by the properties: payloads, text, chunkings, and frame sequences with at most one fault. */

import fc from 'fast-check';
import type { Role } from '../../src/protocol/index.ts';
import { concat, cutAt, type FrameFields, frame, type LengthForm, toBytes } from './wire.ts';

export const anyRole: fc.Arbitrary<Role> = fc.constantFrom('server', 'client');

/** Masking keys as four bytes; zero and extremes among them. */
export const anyKey: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 5, arbitrary: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom<number[]>([0, 0, 0, 0], [255, 255, 255, 255], [128, 0, 0, 0], [0, 0, 0, 1]) },
);

export function keyNumber(key: readonly number[]): number {
  return ((key[0]! << 24) | (key[1]! << 16) | (key[2]! << 8) | key[3]!) >>> 0;
}

const TEXTS = [
  '',
  'a',
  'Hello',
  'é',
  '€uro',
  '😀',
  'κόσμε',
  'a\u0000b',
  '\ufeffbom',
  '\ud7ff\ue000',
  '\u{10ffff}',
  '𝄞'.repeat(8),
];
export const anyText: fc.Arbitrary<Uint8Array> = fc
  .array(fc.constantFrom(...TEXTS), { maxLength: 4 })
  .map((parts) => toBytes(parts.join('')));

/** Lengths around the borders of the three length forms, and small ones. */
export const anyLength: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(40) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 2, 123, 124, 125, 126, 127, 128, 255, 256) },
  { weight: 1, arbitrary: fc.integer({ min: 126, max: 700 }) },
);

/** Bytes that differ from each other and from one seed to another, without a draw for each. */
export function fill(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state, 0x01000193) ^ (state >>> 15);
    bytes[i] = state >>> 7;
  }
  return bytes;
}

export const anyPayload: fc.Arbitrary<Uint8Array> = fc
  .tuple(anyLength, fc.nat())
  .map(([length, seed]) => fill(length, seed));

/** How to cut bytes: whole, byte by byte, or at places given as parts of the length. */
export type Cuts = 'whole' | 'bytes' | readonly number[];
export const anyCuts: fc.Arbitrary<Cuts> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Cuts>('whole') },
  { weight: 1, arbitrary: fc.constant<Cuts>('bytes') },
  { weight: 4, arbitrary: fc.array(fc.nat(9999), { maxLength: 8 }) },
);

/** Chunks of memory of their own. */
export function applyCuts(bytes: Uint8Array, cuts: Cuts): Uint8Array[] {
  if (cuts === 'whole') return [bytes.slice()];
  if (cuts === 'bytes') return Array.from(bytes, (byte) => Uint8Array.of(byte));
  return cutAt(
    bytes,
    cuts.map((part) => Math.floor((part * bytes.length) / 10_000)),
  );
}

// ---- Frame sequences ----------------------------------------------------------------------------------------------

/** A frame before masking is decided. */
export interface LooseFrame extends FrameFields {
  readonly payload: Uint8Array;
  readonly isMaskWrong?: boolean;
}

const anyControl: fc.Arbitrary<LooseFrame> = fc
  .tuple(fc.constantFrom(9, 10), fc.oneof(fc.nat(12), fc.constantFrom(0, 124, 125)), fc.nat())
  .map(([opcode, length, seed]) => ({ opcode, payload: fill(length, seed) }));

const anyContent: fc.Arbitrary<{ opcode: number; content: Uint8Array }> = fc.oneof(
  anyText.map((content) => ({ opcode: 1, content })),
  anyPayload.map((content) => ({ opcode: 2, content })),
);

export interface LooseMessage {
  readonly opcode: number;
  readonly content: Uint8Array;
  /** Where it is cut into fragments, and what control frames stand before each but the first. */
  readonly fragments: readonly { readonly part: number; readonly controls: readonly LooseFrame[] }[];
}
export const anyMessage: fc.Arbitrary<LooseMessage> = fc
  .tuple(
    anyContent,
    fc.array(fc.record({ part: fc.nat(9999), controls: fc.array(anyControl, { maxLength: 2 }) }), { maxLength: 3 }),
  )
  .map(([content, fragments]) => ({ ...content, fragments }));

export function framesOfMessage({ opcode, content, fragments }: LooseMessage): LooseFrame[] {
  const places = fragments.map(({ part }) => Math.floor((part * content.length) / 9999)).sort((a, b) => a - b);
  const starts = [0, ...places];
  return starts.flatMap((start, i) => [
    ...(i === 0 ? [] : fragments[i - 1]!.controls),
    {
      opcode: i === 0 ? opcode : 0,
      fin: i === places.length,
      payload: content.subarray(start, places[i] ?? content.length),
    },
  ]);
}

const CLOSE_BODIES = ['', '\x03\xe8', '\x03\xe9bye', '\x03\xf1\xe2\x82\xac', '\x0b\xb8', '\x13\x87'];
const BAD_CLOSE_BODIES = [
  ...['\x03', '\x00\x00', '\x03\xe7', '\x03\xed', '\x03\xee', '\x03\xf7', '\x07\xd0', '\x13\x88'],
  ...['\x03\xe8\xff', '\x03\xe8\xc3', '\x03\xef\xf0\x9f'],
];
const anyClose: fc.Arbitrary<LooseFrame> = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...CLOSE_BODIES) },
    { weight: 1, arbitrary: fc.constantFrom(...BAD_CLOSE_BODIES) },
  )
  .map((body) => ({ opcode: 8, payload: Uint8Array.from(body, (character) => character.charCodeAt(0)) }));

/** One thing wrong with a sequence, at a place given as a part of it. */
export type Fault =
  | { readonly kind: 'rsv' | 'opcode' | 'flipByte'; readonly part: number; readonly value: number }
  | { readonly kind: 'fin' | 'mask' | 'drop' | 'double' | 'badText' | 'cutEnd'; readonly part: number }
  | { readonly kind: 'length'; readonly part: number; readonly lengthForm: LengthForm }
  | { readonly kind: 'hugeLength'; readonly part: number; readonly high: number };

const part = fc.nat(9999);
const anyFault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant('rsv' as const), part, value: fc.integer({ min: 1, max: 7 }) }),
  fc.record({ kind: fc.constant('opcode' as const), part, value: fc.nat(15) }),
  fc.record({ kind: fc.constant('flipByte' as const), part, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constantFrom('fin', 'mask', 'drop', 'double', 'badText', 'cutEnd'), part }),
  fc.record({ kind: fc.constant('length' as const), part, lengthForm: fc.constantFrom<LengthForm>('16', '64') }),
  fc.record({
    kind: fc.constant('hugeLength' as const),
    part,
    high: fc.constantFrom(0x1fffff, 0x200000, 0x80000000, 1),
  }),
);

export interface Stream {
  readonly role: Role;
  readonly wire: Uint8Array;
}

export interface StreamSpec {
  readonly role: Role;
  readonly key: readonly number[];
  readonly frames: readonly LooseFrame[];
  readonly fault: Fault | undefined;
}

/** What a peer of this role might send: messages, control frames, perhaps a Close frame; often with one fault in it. */
export const anyStream: fc.Arbitrary<Stream> = fc
  .record({
    role: anyRole,
    key: anyKey,
    parts: fc.array(
      fc.oneof(
        { weight: 4, arbitrary: anyMessage.map(framesOfMessage) },
        { weight: 1, arbitrary: anyControl.map((frame) => [frame]) },
      ),
      { maxLength: 4 },
    ),
    close: fc.option(anyClose, { freq: 2 }),
    after: fc.option(anyControl, { freq: 2 }),
    fault: fc.option(anyFault, { freq: 3, nil: undefined }),
  })
  .map(({ role, key, parts, close, after, fault }) => {
    const frames = [...parts.flat(), ...(close === null ? [] : [close]), ...(after === null ? [] : [after])];
    return { role, wire: writeStream({ role, key, frames, fault }) };
  });

/** The bytes of a stream, its fault included. */
export function writeStream({ role, key, frames, fault }: StreamSpec): Uint8Array {
  const written = [...frames];
  const at = fault === undefined ? 0 : Math.floor((fault.part * written.length) / 10_000);
  const target = written[at];
  if (fault !== undefined && target !== undefined) written.splice(at, 1, ...damageFrame(target, fault));
  const parts = written.map(({ isMaskWrong = false, ...fields }) => {
    const isMasked = (role === 'server') !== isMaskWrong;
    return frame({ ...fields, key: isMasked ? key : undefined });
  });
  if (fault?.kind === 'hugeLength' && parts[at] !== undefined) {
    const [high, isMasked] = [fault.high, role === 'server'];
    const length = [high >>> 24, high >>> 16, high >>> 8, high, 0, 0, 0, 1];
    parts[at] = Uint8Array.of(0x82, isMasked ? 255 : 127, ...length, ...(isMasked ? key : []), 1, 2, 3);
  }
  return damageBytes(concat(...parts), fault);
}

function damageFrame(target: LooseFrame, fault: Fault): LooseFrame[] {
  switch (fault.kind) {
    case 'rsv':
      return [{ ...target, rsv: fault.value }];
    case 'opcode':
      return [{ ...target, opcode: fault.value }];
    case 'fin':
      return [{ ...target, fin: !(target.fin ?? true) }];
    case 'mask':
      return [{ ...target, isMaskWrong: true }];
    case 'drop':
      return [];
    case 'double':
      return [target, target];
    case 'length':
      return [{ ...target, lengthForm: fault.lengthForm }];
    case 'badText': {
      const payload = target.payload.slice();
      payload[Math.floor((fault.part * payload.length) / 9999)] = 0xc0 + (fault.part % 64);
      return [{ ...target, payload }];
    }
    default:
      return [target];
  }
}

function damageBytes(wire: Uint8Array, fault: Fault | undefined): Uint8Array {
  const place = Math.floor(((fault?.part ?? 0) * wire.length) / 10_000);
  if (fault?.kind === 'cutEnd') return wire.subarray(0, place);
  if (fault?.kind === 'flipByte' && wire.length > 0) wire[place]! ^= fault.value;
  return wire;
}

/**
 * Bytes that mean nothing. Half of them start like a frame again and again, so that the parser comes further than to
 * the first two bytes.
 */
export const anyGarbage: fc.Arbitrary<Stream> = fc
  .tuple(
    anyRole,
    fc.array(
      fc.tuple(
        fc.constantFrom('raw', 'text', 'binary', 'open', 'continue', 'ping', 'close'),
        fc.uint8Array({ maxLength: 24 }),
      ),
      {
        maxLength: 6,
      },
    ),
  )
  .map(([role, pieces]) => {
    const starts = { text: 0x81, binary: 0x82, open: 0x01, continue: 0x80, ping: 0x89, close: 0x88 };
    const wires = pieces.map(([kind, bytes]) =>
      kind === 'raw'
        ? bytes
        : concat(
            Uint8Array.of(starts[kind as keyof typeof starts], bytes.length + (role === 'server' ? 128 : 0)),
            bytes,
          ),
    );
    return { role, wire: concat(...wires) };
  });
