/** Which entries of a journal are listed: by direction, kind, connection and text. */

import type { Direction } from '../../inspector/index.ts';
import { isControlOpcode, Opcode } from '../../protocol/index.ts';
import type { Entry } from './entry.ts';

export interface Filter {
  readonly direction: Direction | 'both';
  readonly kind: FilterKind;
  /** Of whatever case; empty for any. */
  readonly text: string;
  /** 0 for all. */
  readonly connection: number;
}

export const NO_FILTER: Filter = { direction: 'both', kind: 'all', text: '', connection: 0 };

export const FILTER_KINDS = {
  all: 'all kinds',
  data: 'messages',
  text: 'text',
  binary: 'binary',
  control: 'control frames',
  ping: 'ping and pong',
  close: 'close',
  head: 'handshakes',
  fault: 'faults',
} as const;
export type FilterKind = keyof typeof FILTER_KINDS;

/** Whether an entry is of the kind; a fragment is of the kind of its message. */
const IS_OF_KIND: Readonly<Record<FilterKind, (entry: Entry) => boolean>> = {
  all: () => true,
  data: (entry) => entry.type === 'message' || (entry.type === 'frame' && !isControlOpcode(entry.opcode)),
  text: (entry) => isData(entry, true),
  binary: (entry) => isData(entry, false),
  control: (entry) => entry.type === 'frame' && isControlOpcode(entry.opcode),
  ping: (entry) => entry.type === 'frame' && (entry.opcode === Opcode.Ping || entry.opcode === Opcode.Pong),
  close: (entry) => entry.type === 'frame' && entry.opcode === Opcode.Close,
  head: ({ type }) => type === 'head',
  fault: (entry) =>
    (entry.type === 'frame' && entry.frame.violation !== undefined) ||
    (entry.type === 'head' && entry.head.fault !== undefined) ||
    (entry.type === 'note' && entry.what === 'fault'),
};

function isData(entry: Entry, isText: boolean): boolean {
  if (entry.type === 'message') return entry.isText === isText;
  return entry.type === 'frame' && entry.frame.message?.isText === isText;
}

export function isEverything({ direction, kind, text, connection }: Filter): boolean {
  return direction === 'both' && kind === 'all' && text === '' && connection === 0;
}

/** @param textOf what an entry says, in lower case; asked only when the rest fits */
export function fits(filter: Filter, entry: Entry, textOf: (entry: Entry) => string): boolean {
  if (filter.connection !== 0 && entry.connection !== filter.connection) return false;
  if (filter.direction !== 'both' && (entry.type === 'note' || entry.direction !== filter.direction)) return false;
  if (!IS_OF_KIND[filter.kind](entry)) return false;
  return filter.text === '' || textOf(entry).includes(filter.text.toLowerCase());
}
