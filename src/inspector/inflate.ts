/**
 * DEFLATE (RFC 1951) read the plain way, to be looked at: it tells every symbol as it goes, and what permessage-deflate
 * makes of it (RFC 7692 §7.2.2). Servers inflate with zlib; this is for pages and reports.
 */

/** One thing that the compressed bits say. Bits count from the first of the message; `at` counts bytes of its output. */
export type DeflateStep = { readonly firstBit: number; readonly bitLength: number; readonly at: number } & (
  | { readonly kind: 'block'; readonly coding: 'stored' | 'fixed' | 'dynamic'; readonly isLast: boolean }
  | { readonly kind: 'literal'; readonly byte: number }
  /** `length` bytes again that stand `distance` bytes back. */
  | { readonly kind: 'copy'; readonly length: number; readonly distance: number }
  | { readonly kind: 'end' }
);

/** The bits are no DEFLATE data, or are not all there. */
export class InflateError extends Error {
  override readonly name: string = 'InflateError';
}

/** More would come out than is wanted. */
export class InflateLimitError extends InflateError {
  override readonly name = 'InflateLimitError';
}

export interface InflateOptions {
  /** What earlier messages left behind, where context is taken over (RFC 7692 §7.2.3.2). Default: nothing. */
  readonly window?: Uint8Array;
  /** Default: no limit. */
  readonly maxBytes?: number;
  readonly onStep?: (step: DeflateStep) => void;
}

/** The largest window, and the default one, in bytes (RFC 7692 §7.1.2). */
export const MAX_WINDOW_BYTES = 32_768;

const NONE = new Uint8Array(0);
/** RFC 7692 §7.2.2: what the sender took off the end of the message. */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** RFC 1951 3.2.5: what a length or distance symbol begins with, and how many bits follow it. */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const END_OF_BLOCK = 256;
/** RFC 1951 3.2.7: the order in which a block says how long the codes of its code lengths are. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const MAX_CODE_BITS = 15;

/**
 * Inflates the payload of one compressed message.
 * @throws {InflateLimitError} past `maxBytes`
 * @throws {InflateError} when it is none
 */
export function inflateMessage(payload: Uint8Array, options: InflateOptions = {}): Uint8Array {
  const { window = NONE, maxBytes = Number.POSITIVE_INFINITY, onStep = () => {} } = options;
  const whole = new Uint8Array(payload.length + TAIL.length);
  whole.set(payload);
  whole.set(TAIL, payload.length);
  const bits = new Bits(whole);
  const output = new Output(window, maxBytes);
  // RFC 7692 §7.2.3.4: a block may say that it is the last one.
  while (!bits.isAtEnd) if (readBlock(bits, output, onStep)) break;
  return output.bytes();
}

/** What is kept of the bytes so far for the next message. */
export function windowAfter(window: Uint8Array, message: Uint8Array, windowBytes = MAX_WINDOW_BYTES): Uint8Array {
  const both = new Uint8Array(window.length + message.length);
  both.set(window);
  both.set(message, window.length);
  return both.slice(Math.max(0, both.length - windowBytes));
}

/** RFC 1951 3.1.1: the lowest bit of a byte comes first. */
class Bits {
  /** The place of the next bit. */
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at >= 8 * this.#bytes.length;
  }

  /** A number, its lowest bit first. */
  read(count: number): number {
    let number = 0;
    for (let i = 0; i < count; i++, this.at++) {
      if (this.isAtEnd) throw new InflateError('the compressed data ends inside a block');
      number |= ((this.#bytes[this.at >>> 3]! >>> (this.at & 7)) & 1) << i;
    }
    return number;
  }

  skipToByte(): void {
    this.at = (this.at + 7) & ~7;
  }
}

/** Window and message behind each other: copies reach back into both. */
class Output {
  #bytes: Uint8Array;
  #end: number;
  readonly #start: number;
  readonly #maxBytes: number;

  constructor(window: Uint8Array, maxBytes: number) {
    this.#bytes = new Uint8Array(2 * window.length + 256);
    this.#bytes.set(window);
    this.#start = window.length;
    this.#end = window.length;
    this.#maxBytes = maxBytes;
  }

  /** How many bytes have come out. */
  get length(): number {
    return this.#end - this.#start;
  }

  push(byte: number): void {
    if (this.length >= this.#maxBytes) throw new InflateLimitError(`more than ${this.#maxBytes} bytes come out`);
    if (this.#end === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#end);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#end++] = byte;
  }

  copy(length: number, distance: number): void {
    if (distance > this.#end) throw new InflateError('a copy reaches back behind the start of the window');
    // One by one: a copy may reach into itself.
    for (let i = 0; i < length; i++) this.push(this.#bytes[this.#end - distance]!);
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(this.#start, this.#end);
  }
}

/** @returns whether it was the last block */
function readBlock(bits: Bits, output: Output, onStep: (step: DeflateStep) => void): boolean {
  const firstBit = bits.at;
  const isLast = bits.read(1) === 1;
  const type = bits.read(2);
  const tell = (coding: 'stored' | 'fixed' | 'dynamic') =>
    onStep({ kind: 'block', coding, isLast, firstBit, bitLength: bits.at - firstBit, at: output.length });
  if (type === 0) {
    bits.skipToByte();
    const length = bits.read(16);
    if ((length ^ bits.read(16)) !== 0xffff) throw new InflateError('the length of a stored block is said wrong');
    tell('stored');
    for (let i = 0; i < length; i++) {
      const step = { kind: 'literal', firstBit: bits.at, bitLength: 8, at: output.length } as const;
      const byte = bits.read(8);
      output.push(byte);
      onStep({ ...step, byte });
    }
  } else if (type === 1) {
    tell('fixed');
    readSymbols(bits, output, FIXED_LITERALS, FIXED_DISTANCES, onStep);
  } else if (type === 2) {
    const [literals, distances] = readCodes(bits);
    tell('dynamic');
    readSymbols(bits, output, literals, distances, onStep);
  } else {
    throw new InflateError('there is no fourth type of block');
  }
  return isLast;
}

function readSymbols(
  bits: Bits,
  output: Output,
  literals: Code,
  distances: Code,
  onStep: (step: DeflateStep) => void,
): void {
  for (;;) {
    const firstBit = bits.at;
    const at = output.length;
    const symbol = literals.read(bits);
    if (symbol === END_OF_BLOCK) {
      onStep({ kind: 'end', firstBit, bitLength: bits.at - firstBit, at });
      return;
    }
    if (symbol < END_OF_BLOCK) {
      output.push(symbol);
      onStep({ kind: 'literal', byte: symbol, firstBit, bitLength: bits.at - firstBit, at });
      continue;
    }
    const base = LENGTH_BASE[symbol - 257];
    if (base === undefined) throw new InflateError('a length has no meaning');
    const length = base + bits.read(LENGTH_BITS[symbol - 257]!);
    const distanceSymbol = distances.read(bits);
    const distanceBase = DISTANCE_BASE[distanceSymbol];
    if (distanceBase === undefined) throw new InflateError('a distance has no meaning');
    const distance = distanceBase + bits.read(Math.max(0, (distanceSymbol >>> 1) - 1));
    output.copy(length, distance);
    onStep({ kind: 'copy', length, distance, firstBit, bitLength: bits.at - firstBit, at });
  }
}

/** RFC 1951 3.2.2: a Huffman code, told by how long the code of each symbol is. */
class Code {
  /** How many codes there are of each length, and all symbols in the order of their codes. */
  readonly #counts: number[] = new Array(MAX_CODE_BITS + 1).fill(0);
  readonly #symbols: number[] = [];

  constructor(lengths: readonly number[]) {
    for (const length of lengths) this.#counts[length]!++;
    this.#counts[0] = 0;
    for (let length = 1; length <= MAX_CODE_BITS; length++) {
      for (const [symbol, own] of lengths.entries()) if (own === length) this.#symbols.push(symbol);
    }
    const free = this.#counts.reduce((left, count, length) => (length === 0 ? left : 2 * left - count), 1);
    if (free < 0) throw new InflateError('a Huffman code has more codes than fit');
  }

  /** Bit by bit: the codes of a length are numbers in a row, behind those of the length before. */
  read(bits: Bits): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_CODE_BITS; length++) {
      code |= bits.read(1);
      const count = this.#counts[length]!;
      if (code - first < count) return this.#symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new InflateError('a Huffman code has no symbol');
  }
}

const run = (count: number, length: number): number[] => new Array(count).fill(length);
/** RFC 1951 3.2.6. */
const FIXED_LITERALS = new Code([...run(144, 8), ...run(112, 9), ...run(24, 7), ...run(8, 8)]);
const FIXED_DISTANCES = new Code(run(30, 5));

/** RFC 1951 3.2.7: a block that brings its own codes, whose lengths are compressed in turn. */
function readCodes(bits: Bits): [literals: Code, distances: Code] {
  const literalCount = bits.read(5) + 257;
  const distanceCount = bits.read(5) + 1;
  const codeLengthCount = bits.read(4) + 4;
  const codeLengths = run(19, 0);
  for (let i = 0; i < codeLengthCount; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = bits.read(3);
  const code = new Code(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const symbol = code.read(bits);
    if (symbol < 16) lengths.push(symbol);
    else if (symbol === 16) lengths.push(...run(3 + bits.read(2), lengths.at(-1) ?? 0));
    else if (symbol === 17) lengths.push(...run(3 + bits.read(3), 0));
    else lengths.push(...run(11 + bits.read(7), 0));
  }
  return [
    new Code(lengths.slice(0, literalCount)),
    new Code(lengths.slice(literalCount, literalCount + distanceCount)),
  ];
}
