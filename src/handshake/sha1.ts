/**
 * SHA-1 as RFC 3174 defines it. The opening handshake (§4.2.2) hashes some sixty bytes with it once per connection. It must
 * not be used where a hash has to resist an attacker: §10.8 says why the handshake does not need that.
 */

const BLOCK_BYTES = 64;
const ROUNDS = 80;

/** The 20-byte SHA-1 digest of `bytes`, which is not changed. */
export function sha1(bytes: Uint8Array): Uint8Array {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const blocks = padded(bytes);
  for (let offset = 0; offset < blocks.length; offset += BLOCK_BYTES) digestBlock(state, blocks, offset);

  const digest = new Uint8Array(20);
  for (let i = 0; i < digest.length; i++) digest[i] = state[i >> 2]! >>> (24 - 8 * (i & 3));
  return digest;
}

/** RFC 3174 §4, in whole blocks: `bytes`, a 1 bit, zeros, and the length in bits as a 64-bit big-endian number. */
function padded(bytes: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  blocks.set(bytes);
  blocks[bytes.length] = 0x80;
  const lengthField = new DataView(blocks.buffer, blocks.length - 8);
  lengthField.setUint32(0, bytes.length / 2 ** 29);
  lengthField.setUint32(4, bytes.length << 3);
  return blocks;
}

/** RFC 3174 §6.1, steps a to e, for the block at `offset`. */
function digestBlock(state: Int32Array, bytes: Uint8Array, offset: number): void {
  const schedule = new Int32Array(ROUNDS);
  for (let t = 0; t < 16; t++) {
    const at = offset + t * 4;
    schedule[t] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  for (let t = 16; t < ROUNDS; t++) {
    schedule[t] = rotateLeft(schedule[t - 3]! ^ schedule[t - 8]! ^ schedule[t - 14]! ^ schedule[t - 16]!, 1);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let t = 0; t < ROUNDS; t++) {
    const next = (rotateLeft(a, 5) + mix(t, b, c, d) + e + schedule[t]!) | 0;
    e = d;
    d = c;
    c = rotateLeft(b, 30);
    b = a;
    a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}

/** RFC 3174 §5: the function and the constant of round `t`, added. */
function mix(t: number, b: number, c: number, d: number): number {
  if (t < 20) return (((b & c) | (~b & d)) + 0x5a827999) | 0;
  if (t < 40) return ((b ^ c ^ d) + 0x6ed9eba1) | 0;
  if (t < 60) return (((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc) | 0;
  return ((b ^ c ^ d) + 0xca62c1d6) | 0;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
