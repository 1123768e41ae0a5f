/** What a room's page shows from top to bottom: what was said, who came and went, and where something is missing. */

import type { MessageOf, Position } from '../../../live/index.ts';
import type { ChannelMessage } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';

export type Said = MessageOf<typeof chat, 'room:general'>;

export type Entry =
  | { readonly kind: 'said'; readonly key: string; readonly data: Said; readonly position: Position }
  | { readonly kind: 'moved'; readonly key: string; readonly came: readonly string[]; readonly went: readonly string[] }
  | { readonly kind: 'gap'; readonly key: string };

export interface Timeline {
  readonly entries: readonly Entry[];
  /** Nothing before the first one is kept. */
  readonly isWhole: boolean;
}

export type Change =
  | { readonly type: 'message'; readonly message: Pick<ChannelMessage<Said>, 'data' | 'position' | 'isAfterGap'> }
  | { readonly type: 'older'; readonly messages: readonly { readonly data: Said; readonly position: Position }[] }
  | { readonly type: 'moved'; readonly came: readonly string[]; readonly went: readonly string[] };

export const EMPTY: Timeline = { entries: [], isWhole: false };

let nextKey = 0;
const newKey = () => `_${nextKey++}`;

export function changed(timeline: Timeline, change: Change): Timeline {
  const { entries } = timeline;
  switch (change.type) {
    case 'message': {
      const { data, position, isAfterGap } = change.message;
      const said = { kind: 'said', key: data.id, data, position: position! } as const;
      const isMissing = isAfterGap && entries.at(-1)?.kind !== 'gap';
      const all = isMissing ? [...entries, { kind: 'gap', key: newKey() } as const] : entries;
      // A log that began anew says once more what it still has: that, and what stood before it here.
      const known = all.findLastIndex(({ key }) => key === data.id);
      return { ...timeline, entries: known >= 0 ? all.with(known, said) : all.toSpliced(placeOf(said, all), 0, said) };
    }
    case 'older': {
      const known = new Set(entries.map(({ key }) => key));
      const older = change.messages.filter(({ data }) => !known.has(data.id));
      const said = older.map(({ data, position }): Entry => ({ kind: 'said', key: data.id, data, position }));
      // A log begins with 1, unless it has let go of that.
      return { entries: [...said, ...entries], isWhole: older.length === 0 || older[0]!.position.offset === 1 };
    }
    case 'moved': {
      const last = entries.at(-1);
      // Who goes and comes back at once has not been away, and nobody wants a line for each.
      const before = last?.kind === 'moved' ? last : undefined;
      const came = [...without(before?.came, change.went), ...without(change.came, before?.went)];
      const went = [...without(before?.went, change.came), ...without(change.went, before?.came)];
      const rest = before === undefined ? entries : entries.slice(0, -1);
      if (came.length + went.length === 0) return { ...timeline, entries: rest };
      return { ...timeline, entries: [...rest, { kind: 'moved', key: before?.key ?? newKey(), came, went }] };
    }
  }
}

type SaidEntry = Entry & { readonly kind: 'said' };

/** Offsets of two logs tell nothing of each other. */
function placeOf({ data, position }: SaidEntry, entries: readonly Entry[]): number {
  const isBefore = (one: SaidEntry) =>
    one.position.epoch === position.epoch ? one.position.offset < position.offset : one.data.at < data.at;
  const before = entries.findLastIndex((one) => one.kind === 'said' && isBefore(one));
  return entries.slice(before + 1).some(({ kind }) => kind === 'said') ? before + 1 : entries.length;
}

const without = (names: readonly string[] = [], others: readonly string[] = []) =>
  names.filter((name) => !others.includes(name));

/** The first message that is kept here, before which there may be others. */
export const firstOf = ({ entries }: Timeline) => entries.find((entry) => entry.kind === 'said');
export const lastOf = ({ entries }: Timeline) => entries.findLast((entry) => entry.kind === 'said');
