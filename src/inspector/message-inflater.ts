/**
 * What compressed messages say (RFC 7692 §7.2.2), one behind the other, where there is no zlib: DEFLATE (RFC 1951) undone
 * with tables, since recordings may be long, and with a word about what cannot be. It tells each symbol to whoever wants
 * to look at them. What the last 32 KiB of messages said is kept, since the next may refer to it.
 */

/** One thing that the compressed bits say. Bits count from the first of the message; `at` counts bytes of its output. */
export type DeflateStep = { readonly firstBit: number; readonly bitLength: number; readonly at: number } & (
  | { readonly kind: 'block'; readonly coding: 'stored' | 'fixed' | 'dynamic'; readonly isLast: boolean }
  | { readonly kind: 'literal'; readonly byte: number }
  /** `length` bytes again that stand `distance` bytes back. */
  | { readonly kind: 'copy'; readonly length: number; readonly distance: number }
  | { readonly kind: 'end' }
);

/** What a step says, without its place. */
type Said<Step = DeflateStep> = Step extends DeflateStep ? Omit<Step, 'firstBit' | 'bitLength' | 'at'> : never;

/** Why a message could not be inflated. */
export interface InflateFault {
  /** `context`: it refers to bytes that were never seen, or got lost. `tooLong`: more would come out than may. */
  readonly id: 'corrupt' | 'context' | 'tooLong';
  readonly message: string;
  /** The compressed byte at which it was noticed. */
  readonly at: number;
}

export interface Inflation {
  /** What came out; with a fault, as far as it came. */
  readonly output: Uint8Array;
  readonly fault?: InflateFault;
}

interface Huffman {
  /** By the next `bits` bits, the first bit lowest: symbol times 16, and the length of its code; 0 for no code. */
  readonly table: Uint16Array;
  readonly bits: number;
}

/** By the two bits that say it (RFC 1951 §3.2.3). */
const CODINGS = ['stored', 'fixed', 'dynamic'] as const;
const WINDOW_BYTES = 32_768;
/** The window is cut out of what came before only when that is longer than this: cutting costs as much as it is long. */
const KEPT_BYTES = 2 * WINDOW_BYTES;
/** What a sender has cut off the end of a message (RFC 7692 §7.2.1). */
const TAIL = [0x00, 0x00, 0xff, 0xff];

/** RFC 1951 §3.2.5: the least length for each symbol from 257 on, and how many more bits follow it. */
const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const DISTANCE_BASES = DISTANCE_BITS.map((bits, symbol) =>
  symbol < 2 ? symbol + 1 : ((2 + (symbol & 1)) << bits) + 1,
);
/** RFC 1951 §3.2.7: the order in which the lengths of the codes for code lengths stand. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** RFC 1951 §3.2.6 */
const FIXED_LITERALS = huffman(
  Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
);
const FIXED_DISTANCES = huffman(new Array<number>(30).fill(5));

class FaultFound extends Error {
  readonly id: InflateFault['id'];
  constructor(id: InflateFault['id'], message: string) {
    super(message);
    this.id = id;
  }
}

export class Inflater {
  /** Whether bytes before the window were never seen: a recording that begins in the middle, or has a gap. */
  hasLostContext = false;
  #input = new Uint8Array(0);
  #at = 0;
  /** Bits of the input that have been taken out of it and not been used, the next one lowest. */
  #held = 0;
  #heldCount = 0;
  /** What came out of the messages before, as far back as is needed, and behind it what comes out. */
  #output = new Uint8Array(0);
  #start = 0;
  #length = 0;
  #maxLength = 0;
  #onStep: ((step: DeflateStep) => void) | undefined;

  /** What the next message may refer to: the last bytes of those before it. */
  get window(): Uint8Array {
    return this.#output.subarray(Math.max(0, this.#length - WINDOW_BYTES), this.#length);
  }

  /** Forgets the window: bytes of the stream were lost, so it is not what the sender has. */
  loseContext(): void {
    this.#length = 0;
    this.hasLostContext = true;
  }

  /**
   * Inflates the payload of one message, whole. After a fault the context is lost.
   * @param onStep is told each symbol, in order; the bits of the last ones may be those that a sender leaves out
   */
  inflate(
    compressed: Uint8Array,
    maxBytes = Number.POSITIVE_INFINITY,
    onStep?: (step: DeflateStep) => void,
  ): Inflation {
    // Nobody's compressor makes nothing of a message, and everybody takes it for an empty one.
    if (compressed.length === 0) return { output: compressed };
    this.#input = new Uint8Array(compressed.length + TAIL.length);
    this.#input.set(compressed);
    this.#input.set(TAIL, compressed.length);
    this.#at = this.#held = this.#heldCount = 0;
    this.#start = this.#length;
    this.#maxLength = this.#start + maxBytes;
    this.#onStep = onStep;
    let fault: InflateFault | undefined;
    try {
      this.#blocks(compressed.length);
    } catch (error) {
      if (!(error instanceof FaultFound)) throw error;
      fault = { id: error.id, message: error.message, at: Math.min(this.#at, compressed.length) };
    }
    const output = this.#output.slice(this.#start, this.#length);
    if (this.#length > KEPT_BYTES) {
      this.#output = this.#output.slice(this.#length - WINDOW_BYTES, this.#length);
      this.#length = WINDOW_BYTES;
    }
    this.#input = new Uint8Array(0);
    if (fault === undefined) return { output };
    this.loseContext();
    return { output, fault };
  }

  /** RFC 7692 §7.2.3.4: a final block may be followed by others. */
  #blocks(compressedLength: number): void {
    const { length } = this.#input;
    while (this.#at < length || this.#heldCount >= 8) {
      const firstBit = this.#bitAt;
      const isLast = this.#bits(1) === 1;
      const type = this.#bits(2);
      const coding = CODINGS[type];
      if (coding === undefined) throw new FaultFound('corrupt', 'a block has type 3, which there is not');
      const tellBlock = () => this.#tell(firstBit, { kind: 'block', coding, isLast });
      if (coding === 'stored') this.#storedBlock(tellBlock);
      else if (coding === 'dynamic') this.#dynamicBlock(tellBlock);
      else {
        tellBlock();
        this.#codedBlock(FIXED_LITERALS, FIXED_DISTANCES);
      }
      if (!isLast) continue;
      this.#alignToByte();
      // Senders that end their stream with a final block may have cut nothing off.
      if (this.#at === compressedLength) return;
    }
  }

  /** The place of the next bit. */
  get #bitAt(): number {
    return 8 * this.#at - this.#heldCount;
  }

  /** @param at where its bytes begin in the output; default: where the next will stand */
  #tell(firstBit: number, said: Said, at = this.#length - this.#start): void {
    this.#onStep?.({ ...said, firstBit, bitLength: this.#bitAt - firstBit, at });
  }

  #storedBlock(tellBlock: () => void): void {
    this.#alignToByte();
    const input = this.#input;
    const start = this.#at + 4;
    if (start > input.length) throw cutShort();
    const size = input[this.#at]! | (input[this.#at + 1]! << 8);
    const inverse = input[this.#at + 2]! | (input[this.#at + 3]! << 8);
    if (size !== (~inverse & 0xffff))
      throw new FaultFound('corrupt', 'the length of a stored block is not its own complement');
    this.#at = start;
    tellBlock();
    if (start + size > input.length) throw cutShort();
    this.#makeRoom(size);
    const bytes = input.subarray(start, start + size);
    this.#output.set(bytes, this.#length);
    if (this.#onStep === undefined) {
      this.#at += size;
      this.#length += size;
      return;
    }
    for (const byte of bytes) {
      this.#at++;
      this.#tell(8 * (this.#at - 1), { kind: 'literal', byte });
      this.#length++;
    }
  }

  #dynamicBlock(tellBlock: () => void): void {
    const literalCount = this.#bits(5) + 257;
    const distanceCount = this.#bits(5) + 1;
    const lengthCount = this.#bits(4) + 4;
    const codeLengths = new Array<number>(19).fill(0);
    for (let i = 0; i < lengthCount; i++) codeLengths[LENGTH_ORDER[i]!] = this.#bits(3);
    const lengthCode = huffman(codeLengths);
    const lengths: number[] = [];
    while (lengths.length < literalCount + distanceCount) {
      const symbol = this.#symbol(lengthCode);
      if (symbol < 16) {
        lengths.push(symbol);
        continue;
      }
      const value = symbol === 16 ? lengths.at(-1) : 0;
      if (value === undefined) throw new FaultFound('corrupt', 'a code length repeats one that is not there');
      let times = symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      while (times-- > 0) lengths.push(value);
    }
    if (lengths.length > literalCount + distanceCount)
      throw new FaultFound('corrupt', 'there are too many code lengths');
    tellBlock();
    this.#codedBlock(huffman(lengths.slice(0, literalCount)), huffman(lengths.slice(literalCount)));
  }

  #codedBlock(literals: Huffman, distances: Huffman): void {
    const isTold = this.#onStep !== undefined;
    for (;;) {
      const firstBit = this.#bitAt;
      const symbol = this.#symbol(literals);
      if (symbol < 256) {
        if (this.#length === this.#output.length) this.#makeRoom(1);
        if (this.#length >= this.#maxLength) throw tooLong();
        if (isTold) this.#tell(firstBit, { kind: 'literal', byte: symbol });
        this.#output[this.#length++] = symbol;
      } else if (symbol === 256) {
        if (isTold) this.#tell(firstBit, { kind: 'end' });
        return;
      } else {
        const base = LENGTH_BASES[symbol - 257];
        if (base === undefined) throw new FaultFound('corrupt', `length symbol ${symbol}, which there is not`);
        const length = base + this.#bits(LENGTH_BITS[symbol - 257]!);
        const distanceSymbol = this.#symbol(distances);
        if (distanceSymbol >= 30)
          throw new FaultFound('corrupt', `distance symbol ${distanceSymbol}, which there is not`);
        const distance = DISTANCE_BASES[distanceSymbol]! + this.#bits(DISTANCE_BITS[distanceSymbol]!);
        const at = this.#length - this.#start;
        this.#copy(length, distance);
        if (isTold) this.#tell(firstBit, { kind: 'copy', length, distance }, at);
      }
    }
  }

  #copy(length: number, distance: number): void {
    const start = this.#length - distance;
    if (start < 0) {
      const why = this.hasLostContext ? 'context' : 'corrupt';
      throw new FaultFound(why, `it refers to ${distance} bytes back, and only ${this.#length} are there`);
    }
    this.#makeRoom(length);
    const output = this.#output;
    for (let i = 0; i < length; i++) output[this.#length + i] = output[start + i]!;
    this.#length += length;
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#maxLength) throw tooLong();
    if (needed <= this.#output.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#output.length, 1024));
    larger.set(this.#output.subarray(0, this.#length));
    this.#output = larger;
  }

  #bits(count: number): number {
    while (this.#heldCount < count) {
      if (this.#at >= this.#input.length) throw cutShort();
      this.#held |= this.#input[this.#at++]! << this.#heldCount;
      this.#heldCount += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#heldCount -= count;
    return value;
  }

  #symbol({ table, bits }: Huffman): number {
    while (this.#heldCount < bits && this.#at < this.#input.length) {
      this.#held |= this.#input[this.#at++]! << this.#heldCount;
      this.#heldCount += 8;
    }
    const entry = table[this.#held & ((1 << bits) - 1)]!;
    const length = entry & 15;
    if (length === 0) throw new FaultFound('corrupt', 'a code stands there that means nothing');
    if (length > this.#heldCount) throw cutShort();
    this.#held >>>= length;
    this.#heldCount -= length;
    return entry >>> 4;
  }

  /** Whole bytes that are held go back. */
  #alignToByte(): void {
    this.#at -= this.#heldCount >>> 3;
    this.#held = this.#heldCount = 0;
  }
}

function cutShort(): FaultFound {
  return new FaultFound('corrupt', 'it ends inside a block');
}

function tooLong(): FaultFound {
  return new FaultFound('tooLong', 'more comes out than is kept');
}

/** RFC 1951 §3.2.2: the codes that follow from their lengths. */
function huffman(lengths: readonly number[]): Huffman {
  const bits = Math.max(1, ...lengths);
  const table = new Uint16Array(1 << bits);
  let code = 0;
  for (let length = 1; length <= bits; length++, code <<= 1) {
    for (const [symbol, its] of lengths.entries()) {
      if (its !== length) continue;
      if (code >= 1 << length) throw new FaultFound('corrupt', 'there are more codes than fit');
      for (let at = reversed(code, length); at < table.length; at += 1 << length) table[at] = (symbol << 4) | length;
      code++;
    }
  }
  return { table, bits };
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) result |= ((code >>> i) & 1) << (length - 1 - i);
  return result;
}
