/**
 * Reads the rows of `spec-notes/traceability.md`. A row is a line of six cells under a header whose first cell is `id`;
 * the page may hold several such tables, one per chapter, and any prose between them.
 */

export interface Row {
  readonly id: string;
  /** Section number without the sign: `5.5.1`; of RFC 8441 `8441-5`. */
  readonly section: string;
  readonly requirement: string;
  /** `file#exportedName` or `file#ExportedClass.member`, below `src`; empty when the cell holds a dash. */
  readonly symbol: string;
  /** `file > title`, below `test`; empty when the cell holds a dash or a question mark. */
  readonly test: string;
  readonly status: string;
  /** Line in the page, counted from 1. */
  readonly line: number;
}

const CELLS = ['id', 'section', 'requirement', 'symbol', 'test', 'status'];

function splitCells(line: string): string[] {
  return line
    .trim()
    .replace(/^\||(?<!\\)\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll('\\|', '|').trim());
}

function readCell(cell: string): string {
  const text = cell.replace(/^(`+)\s?(.*?)\s?\1$/, '$2');
  return /^[?–-]?$/.test(text) ? '' : text;
}

/** All rows of all traceability tables in the page. Throws when a row has not exactly six cells. */
export function readRows(markdown: string): Row[] {
  const rows: Row[] = [];
  let isInTable = false;
  markdown.split('\n').forEach((text, index) => {
    if (!text.trimStart().startsWith('|')) {
      isInTable = false;
      return;
    }
    const cells = splitCells(text);
    if (!isInTable) isInTable = cells.join('|') === CELLS.join('|');
    else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) rows.push(toRow(cells, index + 1));
  });
  return rows;
}

function toRow(cells: readonly string[], line: number): Row {
  if (cells.length !== CELLS.length) {
    throw new Error(`traceability.md:${line}: ${cells.length} cells where a row has ${CELLS.length} (write \\| for |)`);
  }
  const [id, section, requirement, symbol, test, status] = cells.map(readCell);
  return {
    id: id!,
    section: section!.replace('RFC 8441 §', '8441-').replace('§', ''),
    requirement: requirement!,
    symbol: symbol!,
    test: test!,
    status: status!,
    line,
  };
}
