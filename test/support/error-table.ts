/** The table of errors in spec-notes/use.md, made of the table of violations. */

import type { Violation } from '../../src/protocol/index.ts';

const HEADING = ['what was wrong: `message`', 'Close', '`code`', 'section'];

/** One row for each message, with all the sections in which it is used. A number in a message is an ellipsis here. */
export function formatErrorTable(violations: readonly Violation[]): string {
  const sections = new Map<string, Set<string>>();
  for (const { message, closeCode, code, section } of violations) {
    const start = [message.replace('{}', '…'), closeCode, `\`${code}\``].join(' | ');
    sections.set(start, (sections.get(start) ?? new Set()).add(section));
  }
  const rows = Array.from(sections, ([start, cited]) => `${start} | ${[...cited].join(', ')}`);
  return [`| ${HEADING.join(' | ')} |`, '|---|---|---|---|', ...rows.map((row) => `| ${row} |`)].join('\n');
}
