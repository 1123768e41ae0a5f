/**
 * The lines of source that lessons lead to. They are found by name when the page is built, so they are those of the parser
 * that the page has, and their numbers cannot grow old.
 */

import { LESSONS } from './lessons.ts';

export interface Lines {
  /** From 1 on. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** From the comment above a declaration to its last line; undefined when there is none of this name. */
function findDeclaration(text: string, symbol: string): Lines | undefined {
  const lines = text.split('\n');
  const start = new RegExp(`^(export )?(const|function|class|interface|type) ${symbol}\\b`);
  const at = lines.findIndex((line) => start.test(line));
  if (at === -1) return undefined;
  let first = at;
  while (first > 0 && /^( \*|\/\*\*|\/\/)/.test(lines[first - 1]!)) first--;
  // The formatter ends what is longer than a line in the first column.
  const isWhole = /[;}]$/.test(lines[at]!) && !/[{[(]$/.test(lines[at]!);
  const last = isWhole
    ? at
    : lines.findIndex((line, i) => i > at && /^[})\]]/.test(line) && !/^\) *(:.*)?\{$/.test(line));
  return { first: first + 1, lines: lines.slice(first, last + 1) };
}

/** By `file#symbol`. @throws {Error} when a lesson leads to a declaration that is not there */
export function collectDeclarations(readFile: (file: string) => string): Record<string, Lines> {
  const sources = LESSONS.flatMap((lesson) => lesson.sources);
  return Object.fromEntries(
    sources.map((source) => {
      const found = findDeclaration(readFile(source.file), source.symbol);
      if (found === undefined) throw new Error(`There is no ${source.symbol} in ${source.file}`);
      return [`${source.file}#${source.symbol}`, found];
    }),
  );
}
