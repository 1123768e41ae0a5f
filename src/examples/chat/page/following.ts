/** What a room's page does by itself while it is looked at: reads further back, says what was read, sees who comes and goes. */

import { useEffect, useRef, useState } from 'react';
import type { Live } from '../../../live/index.ts';
import type { ChannelView } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';
import { type Change, firstOf, type Timeline } from './timeline.ts';
import type { Unread } from './unread.ts';

/** Behind it nothing is new. */
const NONE = Number.POSITIVE_INFINITY;

/** What was said before that which is shown. */
export function useOlder(live: Live<typeof chat>, room: string, timeline: Timeline, change: (change: Change) => void) {
  const [isLoading, setLoading] = useState(false);
  const before = firstOf(timeline)?.position;
  const load = async () => {
    if (isLoading || timeline.isWhole || before === undefined || live.state !== 'open') return;
    setLoading(true);
    try {
      change({ type: 'older', messages: await live.call.history({ room, before }) });
    } catch {
      // It is asked for again with the next scrolling.
    } finally {
      setLoading(false);
    }
  };
  return { isLoading, load };
}

/**
 * What is seen is read.
 * @param offset of the newest message
 * @returns behind which offset was new what the user found, when he came or came back
 */
export function useReading(unread: Unread, room: string, offset: number, isAtEnd: boolean) {
  const isVisible = useVisible();
  const [newFrom, setNewFrom] = useState<number>();
  const { isKnown, markRead } = unread;
  const readTo = unread.readOf(room);
  const isSeen = isKnown && isVisible && isAtEnd;
  // What is shown of a log that has begun anew may have stood further than that is now.
  const seenTo = Math.min(offset, unread.endOf(room));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is so when the user comes and goes
  useEffect(() => {
    if (!isKnown) return;
    if (!isVisible) setNewFrom(offset);
    else
      setNewFrom((left) =>
        Math.max(offset, readTo + unread.unreadOf(room)) > (left ?? readTo) ? (left ?? readTo) : NONE,
      );
  }, [isKnown, isVisible]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `markRead` is another one with each render
  useEffect(() => {
    if (isSeen) markRead(room, seenTo);
  }, [isSeen, seenTo, readTo, room]);
  return { newFrom: newFrom ?? NONE, unseen: isKnown ? Math.max(0, seenTo - readTo) : 0 };
}

/** Tells who came and who went since the page came. */
export function useMovements(
  { members, state }: Pick<ChannelView<typeof chat, 'room:general'>, 'members' | 'state'>,
  me: string,
  tell: (came: readonly string[], went: readonly string[]) => void,
): void {
  const known = useRef<ReadonlyMap<string, string>>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `tell` is another one with each render
  useEffect(() => {
    if (state !== 'live' || !members.some(({ user }) => user === me)) return;
    const now = new Map(members.map(({ user, data }) => [user, data.name]));
    const before = known.current ?? now;
    known.current = now;
    const came = [...now].filter(([user]) => !before.has(user)).map(([, name]) => name);
    const went = [...before].filter(([user]) => !now.has(user)).map(([, name]) => name);
    if (came.length + went.length > 0) tell(came, went);
  }, [members, state, me]);
}

function useVisible(): boolean {
  const [isVisible, setVisible] = useState(document.visibilityState === 'visible');
  useEffect(() => {
    const look = () => setVisible(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return isVisible;
}
