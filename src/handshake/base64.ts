/**
 * Base64 as RFC 4648 §4 defines it: the standard alphabet, with padding. Encoding only, because §4.2.2 lets the server
 * use the key as the text it is and never needs to decode it.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** = */
const PADDING = 0x3d;

/** `bytes` in padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const remaining = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    // Four characters at once: each string in between would be garbage.
    text += String.fromCharCode(
      ALPHABET.charCodeAt(group >> 18),
      ALPHABET.charCodeAt((group >> 12) & 63),
      remaining > 1 ? ALPHABET.charCodeAt((group >> 6) & 63) : PADDING,
      remaining > 2 ? ALPHABET.charCodeAt(group & 63) : PADDING,
    );
  }
  return text;
}
