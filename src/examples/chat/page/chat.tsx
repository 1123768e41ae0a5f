/** The rooms, the one that is open, and how the connection is. */

import { useEffect, useRef, useState } from 'react';
import type { Live } from '../../../live/index.ts';
import { useChannel, useLive } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';
import { NewRoom } from './new-room.tsx';
import { useOutbox } from './outbox.ts';
import { Avatar, DoorIcon, Logo, PlusIcon } from './pictures.tsx';
import { pathOf, useIsNarrow, usePlace } from './place.ts';
import { Room } from './room.tsx';
import { Refused, renew, type Session, signOut } from './session.ts';
import { useUnread } from './unread.ts';

interface ChatProps {
  readonly session: Session;
  readonly onSignedOut: () => void;
}

export function Chat({ session, onSignedOut }: ChatProps) {
  const live = useSession(session, onSignedOut);
  const { rooms, isStale } = useRooms(live);
  const unread = useUnread(live, session.id);
  const outbox = useOutbox(live, session.id);
  const [isMaking, setMaking] = useState(false);
  const place = usePlace();
  const isNarrow = useIsNarrow();
  const open = place || (isNarrow ? '' : 'general');

  const all = rooms.reduce((sum, { room }) => sum + unread.unreadOf(room), 0);
  useEffect(() => {
    document.title = `${all > 0 ? `(${all}) ` : ''}${open || 'Chat'}`;
  }, [all, open]);

  return (
    <div className="chat" data-open={open !== ''}>
      <nav className="rooms" aria-label="Rooms">
        <header>
          <Logo />
          <h1>Rooms</h1>
          <button type="button" className="quiet" aria-label="Make a room" onClick={() => setMaking(true)}>
            <PlusIcon />
          </button>
        </header>
        <ul>
          {rooms.map(({ room, topic }) => {
            const count = room === open ? 0 : unread.unreadOf(room);
            return (
              <li key={room}>
                <a href={pathOf(room)} aria-current={room === open ? 'page' : undefined} data-unread={count > 0}>
                  <b>{room}</b>
                  {topic !== '' && <small>{topic}</small>}
                  {count > 0 && (
                    <span className="count" role="img" aria-label={`${count} unread`}>
                      {count > 99 ? '99+' : count}
                    </span>
                  )}
                </a>
              </li>
            );
          })}
        </ul>
        <footer>
          <Avatar user={session.id} name={session.name} />
          <b>{session.name}</b>
          <button
            type="button"
            className="quiet"
            aria-label="Sign out"
            title="Sign out"
            onClick={() => signOut().then(onSignedOut, () => alert('The server cannot be reached'))}
          >
            <DoorIcon />
          </button>
        </footer>
      </nav>
      <main>
        <ConnectionBar live={live} isStale={isStale} />
        {open !== '' && (
          <Room
            key={open}
            live={live}
            me={session}
            room={open}
            topic={rooms.find(({ room }) => room === open)?.topic ?? ''}
            outbox={outbox}
            unread={unread}
          />
        )}
      </main>
      {isMaking && <NewRoom live={live} onClose={() => setMaking(false)} />}
    </div>
  );
}

/** The connection, with a new token whenever it needs one. */
function useSession(session: Session, onSignedOut: () => void): Live<typeof chat> {
  const isUsed = useRef(false);
  const token = async () => {
    // The first one has just come.
    if (!isUsed.current) {
      isUsed.current = true;
      return session.token;
    }
    const renewed = await renew().catch((error) => {
      if (error instanceof Refused && error.status === 401) onSignedOut();
      throw error;
    });
    // In another tab somebody else has signed in: what is written here is not said under that name.
    if (renewed.id !== session.id) {
      onSignedOut();
      throw new Error(`This browser is signed in as ${renewed.name} now`);
    }
    return renewed.token;
  };
  return useLive<typeof chat>('/live', { token, key: session.id, backoff: { maxMs: 5000 } });
}

function useRooms(live: Live<typeof chat>) {
  const { messages, state } = useChannel(live, 'rooms', { last: 200, members: false });
  // A list that began anew is told from its beginning.
  const list = messages.slice(
    Math.max(
      0,
      messages.findLastIndex(({ isAfterGap }) => isAfterGap),
    ),
  );
  const first = new Map(list.toReversed().map(({ data }) => [data.room, data]));
  const rank = (room: string) => (room === 'general' ? '' : room);
  const rooms = [...first.values()].sort((one, other) => rank(one.room).localeCompare(rank(other.room)));
  return { rooms, isStale: state === 'stale' };
}

/** Says what is the matter, once it has been so for a moment. */
function ConnectionBar({ live, isStale }: { readonly live: Live<typeof chat>; readonly isStale: boolean }) {
  const [wasOpen, setWasOpen] = useState(false);
  const [now, setNow] = useState(Date.now);
  const { state, retryAt } = live;
  useEffect(() => {
    if (state === 'open') setWasOpen(true);
    if (state !== 'waiting') return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [state]);
  const seconds = Math.max(0, Math.ceil(((retryAt ?? now) - now) / 1000));
  const text = {
    open: isStale ? 'The server can neither read nor keep messages now. What you write is sent as soon as it can.' : '',
    connecting: wasOpen || live.error ? 'Connecting again…' : '',
    offline: 'You are offline. What you write is sent when you are back.',
    waiting: `The server cannot be reached. Trying again ${seconds > 0 ? `in ${seconds} s` : 'now'}. What you write is sent then.`,
    closed: `The connection has ended: ${live.error?.message ?? 'load the page again'}`,
  }[state];
  return (
    <p className="connection" role="status" data-state={state}>
      {text}
    </p>
  );
}
