/** Is it UTF-8? framewright's incremental validator beside what it leaves whole messages to, and what ws does. */

import { isUtf8 } from 'node:buffer';
import { protocol, wsValidation } from './libraries.ts';
import type { Pass, Subjects } from './worker.ts';

interface Utf8Cell {
  readonly payloadBytes: number;
  readonly isAscii: boolean;
}

const ASCII = '{"id":2654435761,"name":"user 42","score":17.25} ';
const MIXED = 'Grüße, 世界 – naïve café, добрый день, 🙂 ';
const PER_PASS = 8;

/** Whole characters, filled up with spaces. */
function textOf({ payloadBytes, isAscii }: Utf8Cell): Buffer {
  const text = Buffer.alloc(payloadBytes, ' ');
  const character = (isAscii ? ASCII : MIXED).repeat(Math.ceil(payloadBytes / ASCII.length) + 1);
  text.write(character);
  return text;
}

function validateWith(cell: Utf8Cell, isValid: (bytes: Buffer) => boolean): Pass {
  const text = textOf(cell);
  return () => {
    for (let i = 0; i < PER_PASS; i++) if (!isValid(text)) throw new Error('This text is valid');
    return PER_PASS;
  };
}

export const subjects: Subjects<Utf8Cell> = {
  framewright: (cell) => validateWith(cell, (bytes) => protocol.isValidUtf8(bytes, 0, bytes.length)),
  native: (cell) => validateWith(cell, isUtf8),
  ws: (cell) => validateWith(cell, wsValidation.isValidUTF8),
};
