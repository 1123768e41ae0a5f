import { expect, it } from 'vitest';
import { printable, quote } from '../../src/protocol/quote.ts';

it.each([
  ['plain "text"', String.raw`"plain \"text\""`, 'plain "text"'],
  ['line\nforged', String.raw`"line\nforged"`, String.raw`line\u000aforged`],
  ['\u001b[31mred', String.raw`"\u001b[31mred"`, String.raw`\u001b[31mred`],
  ['\u009b31m\u007f', String.raw`"\u009b31m\u007f"`, String.raw`\u009b31m\u007f`],
  ['\u202etxt\u2028\ufeff', String.raw`"\u202etxt\u2028\ufeff"`, String.raw`\u202etxt\u2028\ufeff`],
  ['\u061ctxt\u200f\u2066', String.raw`"\u061ctxt\u200f\u2066"`, String.raw`\u061ctxt\u200f\u2066`],
  ['grüße 👋', '"grüße 👋"', 'grüße 👋'],
])('%j is shown without its controls', (text, quoted, printed) => {
  expect(quote(text)).toBe(quoted);
  expect(printable(text)).toBe(printed);
});
