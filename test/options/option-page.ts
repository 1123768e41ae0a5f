/**
 * The tables of spec-notes/options.md, made of the table of options and of what the types say in their comments: a name, a
 * default or a sentence stands once, in the code.
 */

import { readFileSync } from 'node:fs';
import { DEFLATE_KINDS } from '../../src/options/deflate-options.ts';
import type { DoorName } from '../../src/options/option-check.ts';
import { OPTIONS, type OptionRow, WS_DEFAULT_LIMITS } from '../../src/options/option-table.ts';
import { SAME_IN_WS, WS_OPTION_NAMES } from '../../src/options/ws-names.ts';
import { type Limits, resolveLimits } from '../../src/protocol/index.ts';

const src = new URL('../../src/', import.meta.url);

export const DOORS: readonly DoorName[] = ['listen()', 'WebSocketServer', 'WebSocket', 'setSocket()'];

/** Every limit. */
export const LIMIT_NAMES = Object.keys(resolveLimits()) as (keyof Limits)[];

/** Doors of a part of a connection, which take a few. */
const PARTS = ['Receiver', 'PerMessageDeflate'] as const satisfies readonly DoorName[];

/** The types in which options have their comments. Of servers first, which `WebSocket` follows where it has its own. */
const SERVER_TYPES: readonly (readonly [door: DoorName, path: string, name: string])[] = [
  ['listen()', 'server/net-server.ts', 'ListenOptions'],
  ['WebSocketServer', 'server/websocket-server.ts', 'WebSocketServerOptions'],
];
const SHARED_TYPES: typeof SERVER_TYPES = [
  ['setSocket()', 'options/connection-settings.ts', 'ConnectionOptions'],
  ['setSocket()', 'options/backlog-settings.ts', 'BacklogOptions'],
  ['setSocket()', 'options/connection-options.ts', 'WsConnectionOptions'],
  ['listen()', 'admission/options.ts', 'AdmissionOptions'],
];
const CLIENT_TYPES: typeof SERVER_TYPES = [
  ['WebSocket', 'client/client-handshake.ts', 'HandshakeOptions'],
  ['WebSocket', 'client/options.ts', 'DialOptions'],
];

/** A default in a comment, as far as it is a value: `Default 10 000.` */
const LITERAL_DEFAULT = /(?:^| )Default(?: (?:(true|false|'\w+')|([\d ]+?)( MiB)?))(?: \([^)]*\))?(?:,[^.]*)?\.(?= |$)/;

export type Value = number | boolean | string;

/** The comments of an interface's members, each on one line. */
export function commentsOf(source: string, name: string): ReadonlyMap<string, string> {
  const [, body = ''] =
    new RegExp(`export interface ${name}\\b[\\s\\S]*?\\{\\n([\\s\\S]*?)\\n\\}\\n`).exec(source) ?? [];
  const members = body.matchAll(/(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)? {2}(?:readonly )?(\w+)\??: /gm);
  return new Map(
    Array.from(members, ([, comment = '', member]) => [
      member!,
      comment
        .replaceAll(/^ *\* ?/gm, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    ]),
  );
}

/** What a comment says beside its default, and that. */
export function splitComment(comment: string): { readonly text: string; readonly value: Value | undefined } {
  const match = LITERAL_DEFAULT.exec(comment);
  if (match === null) return { text: comment, value: undefined };
  const [whole, word, digits, mib] = match;
  const number = Number(digits?.replaceAll(' ', '')) * (mib === undefined ? 1 : 2 ** 20);
  const value = word === 'true' || word === 'false' ? word === 'true' : (word ?? number);
  return { text: comment.replace(whole, '').trim(), value };
}

/** Of a default in words, what stands in front of its reasons. */
const WORDS_OF_DEFAULT = /(?:^| )Default:? (.*?)(?:,[^.]*| \([^)]*\))?\.(?= |$)/;

const withoutDefault = (comment: string) => comment.replace(/(?:^| )Default:? .*?\.(?= |$)/, '').trim();

/** A comment that an option has, and at which door it speaks. */
export interface Said {
  readonly door: DoorName;
  readonly text: string;
  readonly value: Value | undefined;
  /** Its default in words. */
  readonly words: string | undefined;
}

function find(types: typeof SERVER_TYPES, option: string): Said | undefined {
  for (const [door, path, name] of types) {
    const comment = commentsOf(readFileSync(new URL(path, src), 'utf8'), name).get(option);
    if (comment !== undefined && comment !== '')
      return {
        door,
        text: withoutDefault(comment),
        value: splitComment(comment).value,
        words: WORDS_OF_DEFAULT.exec(comment)?.[1],
      };
  }
  return undefined;
}

/** What the types say of an option: of all doors in one, or of servers and clients each. */
export function saidOf(option: string): readonly Said[] {
  const ofServers = find([...SERVER_TYPES, ...SHARED_TYPES], option);
  const ofClients = find(CLIENT_TYPES, option);
  return [ofServers, ofClients].filter((said) => said !== undefined);
}

export function defaultAt(door: DoorName, { default: value }: OptionRow): Value | undefined {
  return typeof value === 'object' ? value[door] : value;
}

function format(value: Value | undefined): string {
  if (value === undefined) return '–';
  if (value === Number.POSITIVE_INFINITY) return 'none';
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, typeof value === 'number' ? ' ' : '');
}

function unitOf(name: string, expected: string): string {
  if (name.endsWith('Ms')) return 'milliseconds';
  if (name.endsWith('Bytes') || name === 'threshold') return 'bytes';
  return expected.replaceAll(/^(?:a|an) | \(.*\)|;.*$/g, '');
}

function wsNameOf(option: string): string {
  const other = WS_OPTION_NAMES.find(({ ours }) => ours === option);
  if (other !== undefined) return `\`${other.ws}\`${other.means === 'opposite' ? ', its opposite' : ''}`;
  return SAME_IN_WS.includes(option) ? 'the same' : '–';
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `|${cells.map((cell) => cell && ` ${cell.replaceAll('|', '\\|')} `).join('|')}|`;
  return [line(heading), `|${heading.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** The defaults of an option, each with the doors that have it where they differ. */
function defaultsOf(name: string, row: OptionRow): string {
  if (row.default === undefined) return saidOf(name).find(({ words }) => words !== undefined)?.words ?? '–';
  const values = new Map<string, DoorName[]>();
  for (const door of row.at.filter((at) => at !== 'setSocket()')) {
    const text = format(defaultAt(door, row));
    values.set(text, [...(values.get(text) ?? []), door]);
  }
  const entries = [...values];
  return entries.length > 1
    ? entries.map(([text, doors]) => `${text} (${doors.join(', ')})`).join('; ')
    : entries[0]![0];
}

export function optionTable(): string {
  const rows = Object.entries<OptionRow>(OPTIONS).map(([name, row]) => [
    `\`${name}\``,
    saidOf(name)
      .map(({ door, text }, index) => (index > 0 ? `${door}: ${text}` : text))
      .join(' '),
    unitOf(name, row.kind.expected),
    defaultsOf(name, row),
    ...DOORS.map((door) => (row.at.includes(door) ? '✓' : '')),
    wsNameOf(name),
  ]);
  return table(
    ['option', 'what it does', 'kind, unit', 'default', ...DOORS.map((door) => `\`${door}\``), 'in ws'],
    rows,
  );
}

/** What is taken where only a part of a connection is made. */
export function partTable(): string {
  const rows = PARTS.map((door) => {
    const names = Object.entries<OptionRow>(OPTIONS).filter(([, { at }]) => at.includes(door));
    return [`\`${door}\``, names.map(([name]) => `\`${name}\``).join(', ')];
  });
  return table(['class', 'takes of these'], rows);
}

export function limitTable(): string {
  const comments = commentsOf(readFileSync(new URL('protocol/limits.ts', src), 'utf8'), 'Limits');
  const [ofListen, ofOthers] = [resolveLimits(), resolveLimits(WS_DEFAULT_LIMITS)];
  const rows = Array.from(comments.keys() as Iterable<keyof Limits>, (name) => {
    const [value, other] = [format(ofListen[name]), format(ofOthers[name])];
    return [
      `\`${name}\``,
      splitComment(comments.get(name) ?? '').text,
      unitOf(name, 'count'),
      value === other ? value : `${value}; with ws's names ${other}`,
      wsNameOf(`limits.${name}`),
    ];
  });
  return table(['in `limits`', 'what it limits', 'unit', 'default', 'in ws'], rows);
}

export function deflateTable(): string {
  const source = readFileSync(new URL('deflate/negotiate.ts', src), 'utf8');
  const rows = Object.entries(DEFLATE_KINDS).map(([name, { expected }]) => {
    const { text, value } = splitComment(commentsOf(source, 'DeflateOptions').get(name) ?? '');
    return [
      `\`${name}\``,
      text,
      expected === 'anything' ? '8 to 15, or a boolean' : unitOf(name, expected),
      format(value),
    ];
  });
  return table(['in `perMessageDeflate`', 'what it does', 'kind, unit', 'default'], rows);
}

export const MESSAGES_TYPES = [
  ['messages(), WebSocketStream', 'socket/message-iterator.ts', 'MessagesOptions'],
  ['prepareMessage(), broadcast()', 'socket/prepared-message.ts', 'PrepareOptions'],
  ['broadcast()', 'socket/prepared-message.ts', 'BroadcastOptions'],
  ['send(), sendMessage()', 'socket/websocket.ts', 'SendOptions'],
] as const;

export function messageTable(): string {
  const rows = MESSAGES_TYPES.flatMap(([door, path, type]) =>
    Array.from(commentsOf(readFileSync(new URL(path, src), 'utf8'), type), ([name, comment]) => {
      const { text, value } = splitComment(comment);
      return [`\`${name}\``, door, text, format(value)];
    }),
  );
  return table(['option', 'of', 'what it does', 'default'], rows);
}

/** The tables by the markers between which they stand. */
export const TABLES = {
  options: optionTable,
  parts: partTable,
  limits: limitTable,
  deflate: deflateTable,
  messages: messageTable,
};

/** The page with its tables made anew. */
export function refresh(page: string): string {
  return Object.entries(TABLES).reduce(
    (text, [name, make]) =>
      text.replace(
        new RegExp(`(<!-- ${name}:[^>]*-->\\n)[\\s\\S]*?(<!-- /${name} -->)`),
        (_, start, end) => `${start}\n${make()}\n\n${end}`,
      ),
    page,
  );
}
