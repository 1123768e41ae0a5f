/**
 * Base64 as RFC 4648 §4 defines it: the standard alphabet, with padding. Encoding only, because §4.2.2 lets the server
 * use the key as the text it is and never needs to decode it.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** `bytes` in padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const remaining = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63);
    text += remaining > 1 ? ALPHABET.charAt((group >> 6) & 63) : '=';
    text += remaining > 2 ? ALPHABET.charAt(group & 63) : '=';
  }
  return text;
}
