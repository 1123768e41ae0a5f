/** Who is typing in a room, and telling the others that one is. */

import { useEffect, useRef, useState } from 'react';
import type { Live } from '../../../live/index.ts';
import { useChannel } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';
import type { Session } from './session.ts';

const TELL_MS = 2000;
/** Of somebody who goes on typing, the next word comes before. */
const SHOWN_MS = 3500;

export function useTyping(live: Live<typeof chat>, room: string, me: Session) {
  const [typists, setTypists] = useState<readonly { by: string; name: string; until: number }[]>([]);
  const { publish } = useChannel(live, `typing:${room}`, {
    keep: 0,
    members: false,
    onMessage: ({ data }) => {
      if (data.by === me.id) return;
      setTypists((all) => [...all.filter(({ by }) => by !== data.by), { ...data, until: Date.now() + SHOWN_MS }]);
    },
  });
  const next = typists[0]?.until;
  useEffect(() => {
    if (next === undefined) return;
    const timer = setTimeout(
      () => setTypists((all) => all.filter(({ until }) => until > Date.now())),
      Math.max(0, next - Date.now()) + 10,
    );
    return () => clearTimeout(timer);
  }, [next]);

  const toldAt = useRef(0);
  return {
    typists: typists.map(({ name }) => name),
    /** What was typed is there. */
    hasSaid: (user: string) => setTypists((all) => all.filter(({ by }) => by !== user)),
    tell: () => {
      if (live.state !== 'open' || Date.now() - toldAt.current < TELL_MS) return;
      toldAt.current = Date.now();
      publish({ by: me.id, name: me.name }, { retry: false }).catch(() => {});
    },
    told: () => {
      toldAt.current = 0;
    },
  };
}
