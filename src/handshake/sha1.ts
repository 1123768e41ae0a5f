/**
 * SHA-1 as RFC 3174 defines it. The opening handshake (§4.2.2) hashes some sixty bytes with it once per connection and
 * nothing else here uses it. It knows nothing of keys or headers, and must not be used where a hash has to resist an
 * attacker: §10.8 says why the handshake does not need that.
 */

const BLOCK_BYTES = 64;
const ROUNDS = 80;

/** The 20-byte SHA-1 digest of `bytes`, which is not changed. */
export function sha1(bytes: Uint8Array): Uint8Array {
  const message = pad(bytes);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const schedule = new Int32Array(ROUNDS);
  for (let offset = 0; offset < message.byteLength; offset += BLOCK_BYTES) {
    digestBlock(message, offset, state, schedule);
  }
  const digest = new DataView(new ArrayBuffer(20));
  state.forEach((word, i) => {
    digest.setInt32(i * 4, word);
  });
  return new Uint8Array(digest.buffer);
}

/** RFC 3174 §4: a single 1 bit, zeros, and the length in bits as a 64-bit big-endian number, up to whole blocks. */
function pad(bytes: Uint8Array): DataView {
  const lengthBytes = bytes.length;
  const padded = new Uint8Array(Math.ceil((lengthBytes + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(bytes);
  padded[lengthBytes] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(lengthBytes / 2 ** 29));
  view.setUint32(padded.length - 4, lengthBytes << 3);
  return view;
}

/** RFC 3174 §6.1, steps a to e, for the block at `offset`. */
function digestBlock(message: DataView, offset: number, state: Int32Array, schedule: Int32Array): void {
  for (let t = 0; t < 16; t++) schedule[t] = message.getInt32(offset + t * 4);
  for (let t = 16; t < ROUNDS; t++) {
    schedule[t] = rotateLeft(schedule[t - 3]! ^ schedule[t - 8]! ^ schedule[t - 14]! ^ schedule[t - 16]!, 1);
  }
  let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
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
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
