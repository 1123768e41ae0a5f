/** How a message that has come is shown: to people on a terminal, or to the next program in a pipe. */

import { formatHex, printable } from '../../inspector/index.ts';

/** How messages go into a pipe: a line for each, a line of JSON for each, or their bytes and nothing else. */
export const OUTPUTS = ['lines', 'json', 'raw'] as const;
export type Output = (typeof OUTPUTS)[number];

const SHOWN_CHARACTERS = 4000;
const SHOWN_BYTES = 256;

/** Text keeps its lines, the later ones set in; all that could move a cursor or speak to the terminal is an escape. */
export function textForPeople(text: string, isFull: boolean): string {
  const isLong = !isFull && text.length > SHOWN_CHARACTERS;
  const shown = isLong ? text.slice(0, SHOWN_CHARACTERS) : text;
  const lines = shown.split('\n').map((line) => line.split('\t').map(printable).join('\t'));
  const rest = isLong ? ` … (${text.length} characters; --full shows all)` : '';
  return lines.join('\n  ') + rest;
}

export function bytesForPeople(bytes: Uint8Array, isFull: boolean): string {
  const isLong = !isFull && bytes.length > SHOWN_BYTES;
  const hex = formatHex(isLong ? bytes.subarray(0, SHOWN_BYTES) : bytes);
  return isLong ? `${hex} … (--full shows all)` : hex;
}

/** @param atMs from when the connection was open */
export function forPipe(data: Buffer, isBinary: boolean, output: Output, atMs: number): Buffer | string {
  if (output === 'raw') return data;
  if (output === 'json') {
    const content = isBinary ? { hex: data.toString('hex') } : { text: data.toString() };
    return `${JSON.stringify({ type: isBinary ? 'binary' : 'text', length: data.length, atMs, ...content })}\n`;
  }
  return `${isBinary ? data.toString('hex') : data.toString()}\n`;
}
