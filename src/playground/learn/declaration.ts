/** Finds a declaration in the text of a file: the lines of it, with their numbers, so that links cannot grow old. */

export interface Lines {
  /** From 1 on. */
  readonly first: number;
  readonly lines: readonly string[];
}

/** From the comment above a declaration to its last line; undefined when there is none of this name. */
export function findDeclaration(text: string, symbol: string): Lines | undefined {
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
