/** Codecs as promises, and payloads to put through them. */

import fc from 'fast-check';
import type { InflateFault, MessageDeflater, MessageInflater } from '../../src/deflate/codec.ts';

/** Both ways in which zlib is driven; the tests of the codec run with each. */
export const ENGINES = ['handle', 'stream'] as const;
export type Engine = (typeof ENGINES)[number];

/** What a sender cuts off a message's end. */
export const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function deflate(codec: MessageDeflater, payload: Uint8Array, fin = true): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    codec.deflate(payload, fin, (error, output) => (error === undefined ? resolve(output) : reject(error)));
  });
}

export interface InflateOutcome {
  readonly fault: InflateFault | undefined;
  readonly output: Uint8Array;
}

export function inflate(codec: MessageInflater, bytes: Uint8Array, maxBytes = 1 << 24): Promise<InflateOutcome> {
  return new Promise((resolve) => {
    codec.inflate(bytes, 0, bytes.length, maxBytes, (fault, output) =>
      resolve({ fault, output: new Uint8Array(output) }),
    );
  });
}

/** Bytes that compress well (few different ones), badly (all random), or in between. */
export function makePayload(lengthBytes: number, alphabet: number, seed: number): Uint8Array {
  const payload = new Uint8Array(lengthBytes);
  let state = seed | 1;
  for (let i = 0; i < lengthBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    payload[i] = (state >>> 16) % alphabet;
  }
  return payload;
}

export const anyPayload: fc.Arbitrary<Uint8Array> = fc
  .record({
    length: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(0, 1) },
      { weight: 8, arbitrary: fc.nat(3000) },
      { weight: 2, arbitrary: fc.nat(80_000) },
    ),
    alphabet: fc.constantFrom(1, 2, 5, 40, 256),
    seed: fc.nat(),
  })
  .map(({ length, alphabet, seed }) => makePayload(length, alphabet, seed));
