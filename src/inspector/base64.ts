/** Base64, as text that people paste: in one line or many, of either alphabet, with padding or without. */

import { ALPHABET } from '../handshake/key.ts';

const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

const ARMOUR = /^-----[^\n]*$/gm;
/** What stands above it in a message. */
const MIME_HEADERS = /^(?:[\w-]{1,60}:[^\n]*\n)+\s*\n/;
const DATA_URL = /^data:[^,]{0,200};base64,/i;

/** The bytes; undefined when the text is no Base64. White space counts for nothing. */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const [, body = '', padding = ''] =
    /^([^=]*)(={0,2})$/.exec(
      text.trim().replace(MIME_HEADERS, '').replace(ARMOUR, '').replace(DATA_URL, '').replace(/\s+/g, ''),
    ) ?? [];
  const rest = body.length % 4;
  if (body === '' || rest === 1 || (padding !== '' && padding.length !== 4 - rest)) return undefined;
  const bytes = new Uint8Array(Math.floor((3 * body.length) / 4));
  let length = 0;
  let held = 0;
  for (let i = 0; i < body.length; i++) {
    const value = VALUES[body.charCodeAt(i)] ?? -1;
    if (value === -1) return undefined;
    held = ((held << 6) | value) & 0xff_ffff;
    if (i % 4 > 0) bytes[length++] = (held >> (6 - 2 * (i % 4))) & 0xff;
  }
  // What is left over of the last character says nothing.
  return rest > 0 && (held & (rest === 2 ? 0xf : 3)) !== 0 ? undefined : bytes;
}
