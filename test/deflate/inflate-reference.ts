/**
 * RFC 1951 word for word, slow and plain: the oracle for what zlib does. Beside the data it tells how far the stream
 * ever looked back, which zlib does not.
 */

export interface Inflated {
  readonly bytes: Uint8Array;
  /** The greatest distance of any match; 0 when there is none. */
  readonly maxDistance: number;
}

/** RFC 1951 §3.2.5: least length or distance of each symbol, and how many bits more follow. */
const LENGTHS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = Array.from({ length: 30 }, (_, i) => (i < 4 ? i + 1 : ((2 + (i & 1)) << ((i >> 1) - 1)) + 1));
const DISTANCE_BITS = Array.from({ length: 30 }, (_, i) => (i < 4 ? 0 : (i >> 1) - 1));
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** RFC 1951 §3.2.2: canonical codes; a code with a leading 1 bit, so that lengths cannot be mixed up, gives its symbol. */
function codesOf(lengths: readonly number[]): Map<number, number> {
  const codes = new Map<number, number>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] === length) codes.set((1 << length) | code++, symbol);
    }
    code <<= 1;
  }
  return codes;
}

const FIXED_LITERALS = codesOf(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)));
const FIXED_DISTANCES = codesOf(Array.from({ length: 30 }, () => 5));

export function inflateReference(stream: Uint8Array): Inflated {
  const output: number[] = [];
  let maxDistance = 0;
  let position = 0;
  const bits = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, position++) {
      if (position >> 3 >= stream.length) throw new Error('the stream ends inside a block');
      value |= ((stream[position >> 3]! >> (position & 7)) & 1) << i;
    }
    return value;
  };
  const symbol = (codes: Map<number, number>): number => {
    for (let code = 1, length = 0; length < 15; length++) {
      code = (code << 1) | bits(1);
      const found = codes.get(code);
      if (found !== undefined) return found;
    }
    throw new Error('no such code');
  };
  const readCodes = (): [Map<number, number>, Map<number, number>] => {
    const literalCount = bits(5) + 257;
    const distanceCount = bits(5) + 1;
    const lengthCount = bits(4) + 4;
    const codeLengths: number[] = Array.from({ length: 19 }, () => 0);
    for (let i = 0; i < lengthCount; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = bits(3);
    const codes = codesOf(codeLengths);
    const lengths: number[] = [];
    while (lengths.length < literalCount + distanceCount) {
      const next = symbol(codes);
      if (next < 16) lengths.push(next);
      else if (next === 16) lengths.push(...Array.from({ length: 3 + bits(2) }, () => lengths.at(-1)!));
      else lengths.push(...Array.from({ length: next === 17 ? 3 + bits(3) : 11 + bits(7) }, () => 0));
    }
    return [codesOf(lengths.slice(0, literalCount)), codesOf(lengths.slice(literalCount))];
  };
  const compressedBlock = (literals: Map<number, number>, distances: Map<number, number>): void => {
    for (let next = symbol(literals); next !== 256; next = symbol(literals)) {
      if (next < 256) {
        output.push(next);
        continue;
      }
      const length = LENGTHS[next - 257]! + bits(LENGTH_BITS[next - 257]!);
      const far = symbol(distances);
      const distance = DISTANCES[far]! + bits(DISTANCE_BITS[far]!);
      if (distance > output.length) throw new Error('a distance reaches before the beginning');
      maxDistance = Math.max(maxDistance, distance);
      for (let i = 0; i < length; i++) output.push(output[output.length - distance]!);
    }
  };
  for (let isFinal = false; !isFinal && position < stream.length * 8; ) {
    isFinal = bits(1) === 1;
    const type = bits(2);
    if (type === 0) {
      position = (position + 7) & ~7;
      const length = bits(16);
      if ((bits(16) ^ length) !== 0xffff) throw new Error('a stored length and its complement differ');
      for (let i = 0; i < length; i++) output.push(bits(8));
    } else if (type === 1) compressedBlock(FIXED_LITERALS, FIXED_DISTANCES);
    else if (type === 2) compressedBlock(...readCodes());
    else throw new Error('no such block type');
  }
  return { bytes: Uint8Array.from(output), maxDistance };
}
