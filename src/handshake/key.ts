/**
 * The two values that prove that both sides speak WebSocket: the client's nonce `Sec-WebSocket-Key` (§4.1) and the
 * server's answer `Sec-WebSocket-Accept` (§4.2.2). It refuses to know where randomness comes from.
 */

import { sha1 } from './sha1.ts';

const KEY_BYTES = 16;

/** The text of §1.3 that no endpoint adds to a key unless it knows this protocol. */
export const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** In the base64 of §4.3, sixteen bytes make 22 characters and two of padding. */
const KEY_SHAPE = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Whether `text` decodes to 16 bytes, which is all that §4.2.1 asks for. The last character has four unused bits, which
 * an encoder leaves at zero (RFC 4648 §3.5); the specimen key printed in §4.1 has one of them set.
 */
export function isKeyShaped(text: string): boolean {
  return KEY_SHAPE.test(text);
}

/**
 * A new `Sec-WebSocket-Key`; §4.1: each connection needs one of its own.
 * @param randomBytes a cryptographically secure source that returns as many bytes as it is asked for
 * @throws RangeError when the source returns another number of bytes
 */
export function generateKey(randomBytes: (lengthBytes: number) => Uint8Array): string {
  const nonce = randomBytes(KEY_BYTES);
  if (nonce.length !== KEY_BYTES) {
    throw new RangeError(`The random source was asked for ${KEY_BYTES} bytes and returned ${nonce.length}`);
  }
  return encodeBase64(nonce);
}

/** The `Sec-WebSocket-Accept` value that answers `key`, which is used as text and not decoded (§4.2.2). */
export function acceptValue(key: string): string {
  const text = key + GUID;
  const bytes = new Uint8Array(text.length);
  // A header has one character per byte.
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return encodeBase64(sha1(bytes));
}

export const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** `bytes` in base64 (RFC 4648 §4), padded. There is no decoder: §4.2.2 has the key used as text. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const remaining = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63]!;
    text += remaining > 1 ? ALPHABET[(group >> 6) & 63]! : '=';
    text += remaining > 2 ? ALPHABET[group & 63]! : '=';
  }
  return text;
}
