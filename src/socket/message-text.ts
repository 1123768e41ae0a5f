/** Text messages as strings. */

import { Buffer, isAscii } from 'node:buffer';
import { viewOf } from '../memory/view.ts';

/** From here on it pays to look whether text is ASCII, which latin1 decodes faster. */
const LONG_TEXT_BYTES = 4096;
/**
 * Node keeps longer strings decoded as latin1 outside V8's heap, and V8 collects the whole of that when too much lies
 * outside: text of 1 MiB then took twice the time.
 */
const MAX_LATIN1_BYTES = 1_000_000;

/** Straight from the bytes that arrived: of short text no view is made. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length < LONG_TEXT_BYTES && bytes instanceof Buffer) return bytes.toString('utf8', start, end);
  const view = viewOf(bytes, start, end);
  return view.toString(length <= MAX_LATIN1_BYTES && isAscii(view) ? 'latin1' : 'utf8');
}
