/**
 * Makes bytes of a connection out of what somebody hands in. Raw bytes stay as they are; text is read as hex. A file that
 * holds something else is called by its name, and the error says what to do.
 */

import { headKindOf } from './handshake.ts';

import { parseHexText } from './hex-dump.ts';

export interface ReadInput {
  readonly bytes: Uint8Array;
  /** What it was taken for, for people. */
  readonly form: string;
}

/** Says what the input is, and how to come by bytes that can be inspected. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

const ONE_DIRECTION =
  'open it in Wireshark, choose Follow > TCP Stream, one direction, "Show as: Raw", and save that; ' +
  'with TLS, decrypt it there first';

interface ForeignFormat {
  readonly what: string;
  /** First bytes, each of the alternatives in hex without spaces. */
  readonly starts: readonly string[];
  readonly remedy: string;
}

/**
 * Formats that begin with bytes of their own. But for PNG's, whose eight are no ping that anybody sends, no legal frame
 * begins with any of these: reserved bits and opcodes stand against it, or a control frame in fragments (§5.5).
 */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    what: 'a pcap capture of packets',
    starts: ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d'],
    remedy: ONE_DIRECTION,
  },
  { what: 'a pcapng capture of packets', starts: ['0a0d0d0a'], remedy: ONE_DIRECTION },
  { what: 'gzip-compressed data', starts: ['1f8b'], remedy: 'unpack it with gunzip first' },
  { what: 'a ZIP archive', starts: ['504b0304'], remedy: 'unpack it first' },
  { what: 'zstd-compressed data', starts: ['28b52ffd'], remedy: 'unpack it with unzstd first' },
  { what: 'a PNG image', starts: ['89504e470d0a1a0a'], remedy: 'bytes in a picture have to be typed in as hex' },
  {
    what: 'a TLS connection, which is encrypted',
    starts: ['160301', '160302', '160303', '170303'],
    remedy: 'record what is inside: with the keys of SSLKEYLOGFILE, Wireshark decrypts it',
  },
  {
    what: 'an HTTP/2 connection',
    // "PRI * HTTP/2.0"
    starts: ['505249202a20485454502f322e30'],
    remedy: 'have the client use HTTP/1.1; WebSocket over HTTP/2 (RFC 8441) is not read here',
  },
];

const HAR_REMEDY =
  'it lists messages as the browser saw them, without the bytes of their frames; to record those, run "framewright ' +
  'serve" and connect through its page, or capture the traffic with Wireshark';

/**
 * @param content raw bytes or text, such as a file's content, or a string for text
 * @throws {InputError} when it holds something else
 * @throws {HexSyntaxError} when it is text, and no hex
 */
export function readInput(content: Uint8Array | string): ReadInput {
  if (typeof content === 'string') return readText(content);
  refuseForeign(content, '');
  if (headKindOf(content) !== undefined) return { bytes: content, form: 'raw bytes' };
  const text = textOf(content);
  return text === undefined ? { bytes: content, form: 'raw bytes' } : readText(text);
}

function readText(text: string): ReadInput {
  const json = /^\s*\{/.test(text) || (/^\s*\[/.test(text) && /\]\s*$/.test(text));
  if (json) {
    const isHar = /"log"\s*:/.test(text) && /"entries"\s*:/.test(text);
    const what = isHar ? `a HAR file: ${HAR_REMEDY}` : 'JSON: give the bytes themselves, raw or as hex';
    throw new InputError(`This is ${what}`);
  }
  if (/^\s*</.test(text) && !/^\s*<Buffer/.test(text)) {
    throw new InputError('This is XML or HTML: give the bytes themselves, raw or as hex');
  }
  if (/^([A-Z]+ \S+ )?HTTP\/1\.\d/.test(text)) {
    // Lines end as they did on the wire, whatever a text field made of them.
    const head = text.replace(/\r?\n/g, '\r\n');
    return { bytes: Uint8Array.from(head, (character) => character.charCodeAt(0)), form: 'text' };
  }
  const read = parseHexText(text);
  refuseForeign(read.bytes, ', in hex');
  return read;
}

function refuseForeign(bytes: Uint8Array, how: string): void {
  const format = FOREIGN_FORMATS.find(({ starts }) => starts.some((start) => startsWith(bytes, start)));
  if (format !== undefined) throw new InputError(`This is ${format.what}${how}: ${format.remedy}`);
}

function startsWith(bytes: Uint8Array, hex: string): boolean {
  if (bytes.length < hex.length / 2) return false;
  for (let i = 0; i < hex.length; i += 2) {
    if (bytes[i / 2] !== Number.parseInt(hex.slice(i, i + 2), 16)) return false;
  }
  return true;
}

/**
 * The text that the bytes are, if they are text throughout. No legal stream of frames is: the bytes that frames begin with
 * are control characters or no UTF-8.
 */
function textOf(bytes: Uint8Array): string | undefined {
  let encoding = 'utf-8';
  if (startsWith(bytes, 'fffe')) encoding = 'utf-16le';
  else if (startsWith(bytes, 'feff')) encoding = 'utf-16be';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return /[\u0000-\u0008\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
