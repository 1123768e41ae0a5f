/** The tables of spec-notes/realtime-wire.md, made from the table of messages and what its source says of each. */

import { readFileSync } from 'node:fs';
import { RealtimeCloseCode, reactionTo } from '../../src/realtime-protocol/close-codes.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../src/realtime-protocol/wire.ts';

const root = new URL('../../', import.meta.url);
export const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** The comments of one block of a source file, by the name that each stands before. */
function commentsIn(source: string, start: string, end: string): Map<string, string> {
  const block = source.slice(source.indexOf(start), source.indexOf(end, source.indexOf(start)));
  const found = block.matchAll(/\/\*\*([^/]*?)\*\/\s+(\w+):/g);
  return new Map([...found].map(([, text, name]) => [name!, text!.replace(/\s*\*\s/g, ' ').trim()]));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function messages(fields: Readonly<Record<string, Readonly<Record<string, string>>>>, start: string): string {
  const comments = commentsIn(read('src/realtime-protocol/wire.ts'), start, '} as const');
  const rows = Object.entries(fields).map(([type, members]) => {
    const list = Object.entries(members).map(([name, kind]) => {
      return `\`${name}\`${kind.endsWith('?') ? '?' : ''} ${kind.replace('?', '')}`;
    });
    return [`\`${type}\``, list.join(', '), comments.get(type) ?? 'has no comment'];
  });
  return table(['message', 'members', 'about'], rows);
}

const WORDS: Readonly<Record<ReturnType<typeof reactionTo>, string>> = {
  later: 'come back after the time in the reason (`retry-after-ms=1500`), if it has one, and a random one of your own',
  token: 'get a new token, then come back; with a token that never changes, stop',
  stop: 'do not come back',
  again: 'come back after a random time that doubles with each failure, up to a bound',
};

export const TABLES: Readonly<Record<string, () => string>> = {
  kinds: () => {
    const comments = commentsIn(read('src/realtime-protocol/wire.ts'), 'interface KindTypes', '\n}\n');
    return table(['kind', 'what it is'], [...comments]);
  },
  client: () => messages(CLIENT_MESSAGES, 'export const CLIENT_MESSAGES'),
  server: () => messages(SERVER_MESSAGES, 'export const SERVER_MESSAGES'),
  codes: () => {
    const names = new Map(Object.entries(RealtimeCloseCode).map(([name, code]) => [code as number, name]));
    const codes = [1001, 1012, 1013, ...names.keys()];
    const rows = codes.map((code) => [String(code), names.get(code) ?? '', WORDS[reactionTo(code)]]);
    return table(['code', 'name', 'the client'], [...rows, ['others, and none', '', WORDS.again]]);
  },
  errors: () => {
    const source = read('src/realtime-protocol/realtime-error.ts');
    const block = source.slice(
      source.indexOf('export type RealtimeErrorCode'),
      source.indexOf(';', source.indexOf("'INTERNAL'")),
    );
    const rows = [...block.matchAll(/(?:\/\*\* (.*?) \*\/\s+)?\| '(\w+)'/g)].map(([, text = '', code]) => [
      `\`${code}\``,
      text,
    ]);
    return table(['code', 'about'], rows);
  },
};

/** The page, with its tables made anew. */
export function refresh(page: string): string {
  return Object.entries(TABLES).reduce(
    (text, [name, make]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`),
        (_all, start, end) => `${start}${make()}\n${end}`,
      ),
    page,
  );
}
