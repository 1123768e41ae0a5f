/**
 * How much of each room the user has not seen. Of a room that is not open it is known where its log ends; how far the user has
 * read, his tabs and devices tell each other in a channel of his own.
 */

import { useEffect, useRef, useState } from 'react';
import type { Live } from '../../../live/index.ts';
import { useChannel } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';

type Offsets = Readonly<Record<string, number>>;
const TELL_MS = 300;

/** @returns `one` itself where `other` is nowhere further */
function furthest(one: Offsets, other: Offsets): Offsets {
  const ahead = Object.entries(other).filter(([room, offset]) => offset > (one[room] ?? -1));
  return ahead.length === 0 ? one : { ...one, ...Object.fromEntries(ahead) };
}

export type Unread = ReturnType<typeof useUnread>;

export function useUnread(live: Live<typeof chat>, user: string) {
  const [ends, setEnds] = useState<Offsets>({});
  /** Undefined until the server has said how it was. */
  const [read, setRead] = useState<Offsets>();
  const { state } = useChannel(live, 'activity', {
    keep: 0,
    members: false,
    onMessage: ({ data: { room, offset } }) => setEnds((all) => furthest(all, { [room]: offset })),
  });
  const own = useChannel(live, `read:${user}`, {
    keep: 0,
    members: false,
    onMessage: ({ data }) => setRead((all) => all && furthest(all, data)),
  });

  // Also after a break: what happened meanwhile, nobody has told.
  useEffect(() => {
    if (state !== 'live') return;
    let isOver = false;
    setEnds({});
    live.call.overview(undefined).then(
      (overview) => {
        if (isOver) return;
        setEnds((all) => furthest(overview.ends, all));
        // Who is new has not missed what was said before. A log that began anew is shorter than what was read of it.
        setRead((all = {}) => {
          const both = furthest(all, overview.read ?? overview.ends);
          const known = Object.entries(both).filter(([room]) => overview.ends[room] !== undefined);
          return Object.fromEntries(known.map(([room, offset]) => [room, Math.min(offset, overview.ends[room]!)]));
        });
      },
      () => {},
    );
    return () => {
      isOver = true;
    };
  }, [live, state]);

  const isToTell = useRef(false);
  const { publish } = own;
  useEffect(() => {
    if (read === undefined || !isToTell.current) return;
    const timer = setTimeout(() => {
      isToTell.current = false;
      publish(read).catch(() => {});
    }, TELL_MS);
    return () => clearTimeout(timer);
  }, [read, publish]);

  return {
    isKnown: read !== undefined,
    endOf: (room: string) => ends[room] ?? 0,
    readOf: (room: string) => read?.[room] ?? 0,
    unreadOf: (room: string) => (read === undefined ? 0 : Math.max(0, (ends[room] ?? 0) - (read[room] ?? 0))),
    markRead: (room: string, offset: number) => {
      if (read === undefined || (read[room] ?? 0) >= offset) return;
      isToTell.current = true;
      setRead((all) => all && furthest(all, { [room]: offset }));
    },
  };
}
