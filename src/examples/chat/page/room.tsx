/** One room: what was said, who is there, and the way to say something. */

import { Fragment, type ReactNode, useLayoutEffect, useReducer, useRef, useState } from 'react';
import type { Live } from '../../../live/index.ts';
import { useChannel } from '../../../react/index.ts';
import type { chat } from '../protocol.ts';
import { Composer } from './composer.tsx';
import { useMovements, useOlder, useReading } from './following.ts';
import { Message, MovedLine, WaitingMessage } from './message.tsx';
import type { Outbox } from './outbox.ts';
import { People } from './people.tsx';
import { BackIcon, DownIcon, PeopleIcon } from './pictures.tsx';
import { useScrolling } from './scrolling.ts';
import type { Session } from './session.ts';
import { changed, EMPTY, firstOf, lastOf, type Said } from './timeline.ts';
import { useTyping } from './typing.ts';
import type { Unread } from './unread.ts';

interface RoomProps {
  readonly live: Live<typeof chat>;
  readonly me: Session;
  readonly room: string;
  readonly topic: string;
  readonly outbox: Outbox;
  readonly unread: Unread;
}

const SAME_TALK_MS = 5 * 60_000;

export function Room({ live, me, room, topic, outbox, unread }: RoomProps) {
  const [timeline, change] = useReducer(changed, EMPTY);
  const typing = useTyping(live, room, me);
  const channel = useChannel(live, `room:${room}`, {
    last: 50,
    keep: 0,
    onMessage: (message) => {
      change({ type: 'message', message });
      typing.hasSaid(message.data.by);
    },
  });
  useMovements(channel, me.id, (came, went) => change({ type: 'moved', came, went }));
  const [showsPeople, setShowsPeople] = useState(false);

  const first = firstOf(timeline);
  const last = lastOf(timeline);
  const scroller = useRef<HTMLDivElement>(null);
  const { isLoading, load } = useOlder(live, room, timeline, change);
  const { isAtEnd, toEnd } = useScrolling(scroller, first?.key, channel.state === 'live', load);
  const { newFrom, unseen } = useReading(unread, room, last?.position.offset ?? 0, isAtEnd);

  const shown = new Set(timeline.entries.map(({ key }) => key));
  const waiting = outbox.waiting.filter((one) => one.room === room && !shown.has(`${me.id}/${one.key}`));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the own words are always shown
  useLayoutEffect(toEnd, [outbox.waiting.at(-1)?.key]);

  if (channel.state === 'left' && channel.error !== undefined) {
    return (
      <section className="room">
        <Head room={room} topic="" />
        <div className="empty" role="alert">
          <h3>{room} is not open to you</h3>
          <p>Either there is no such room, or you may not be in it. The server says: {channel.error.message}.</p>
          <p>
            <a href="#/general">Go to general</a>
          </p>
        </div>
      </section>
    );
  }

  let before: Said | undefined;
  let hasLine = false;
  return (
    <section className="room" data-people={showsPeople}>
      <Head room={room} topic={topic}>
        <button
          type="button"
          className="people-button"
          aria-expanded={showsPeople}
          aria-label={`${channel.members.length} here`}
          onClick={() => setShowsPeople(!showsPeople)}
        >
          <PeopleIcon /> {channel.members.length}
        </button>
      </Head>
      <div className="log" ref={scroller} role="log" aria-label={`What is said in ${room}`} tabIndex={-1}>
        <div className="log-lines">
          {timeline.isWhole && <p className="line">This is where {room} begins</p>}
          {isLoading && <p className="line">Looking further back…</p>}
          {timeline.entries.map((entry) => {
            if (entry.kind === 'gap') return <GapLine key={entry.key} />;
            if (entry.kind === 'moved') return <MovedLine key={entry.key} entry={entry} />;
            const { data, position } = entry;
            const isNewDay = before === undefined || dayOf(before.at) !== dayOf(data.at);
            const isNew = !hasLine && position.offset > newFrom && data.by !== me.id;
            const goesOn = !isNewDay && !isNew && before?.by === data.by && data.at - before.at < SAME_TALK_MS;
            before = data;
            hasLine ||= isNew;
            return (
              <Fragment key={entry.key}>
                {isNewDay && <p className="line day">{dayOf(data.at)}</p>}
                {isNew && <p className="line new">New</p>}
                <Message data={data} goesOn={goesOn} />
              </Fragment>
            );
          })}
          {channel.gap && timeline.entries.at(-1)?.kind !== 'gap' && <GapLine />}
          {channel.state === 'live' &&
            timeline.entries.every(({ kind }) => kind !== 'said') &&
            waiting.length === 0 && (
              <div className="empty">
                <h3>Nothing has been said here</h3>
                <p>Say the first word.</p>
              </div>
            )}
          {waiting.map((one, i) => (
            <WaitingMessage
              key={one.key}
              one={one}
              goesOn={i > 0}
              me={me}
              isOpen={live.state === 'open'}
              onTryAgain={() => outbox.tryAgain(one.key)}
              onDiscard={() => outbox.discard(one.key)}
            />
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <DownIcon /> {unseen > 0 ? `${unseen} new` : 'To the newest'}
        </button>
      )}
      <People members={channel.members} me={me.id} onClose={() => setShowsPeople(false)} />
      <p className="typing" aria-live="polite">
        {typingText(typing.typists)}
      </p>
      <Composer
        room={room}
        onType={typing.tell}
        onSay={(text) => {
          typing.told();
          outbox.say(room, text);
        }}
      />
    </section>
  );
}

function Head({ room, topic, children }: { room: string; topic: string; children?: ReactNode }) {
  return (
    <header className="room-head">
      <a href="#/" className="back" aria-label="All rooms">
        <BackIcon />
      </a>
      <div>
        <h2>{room}</h2>
        {topic !== '' && <p>{topic}</p>}
      </div>
      {children}
    </header>
  );
}

const GapLine = () => (
  <p className="line gap">Messages may be missing here: the server does not have all of them any more</p>
);

function typingText(names: readonly string[]): string {
  if (names.length === 0) return '';
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return `${names.length} people are typing…`;
}

function dayOf(at: number): string {
  const day = new Date(at);
  const [today, yesterday] = [new Date(), new Date(Date.now() - 86_400_000)].map((date) => date.toDateString());
  if (day.toDateString() === today) return 'Today';
  if (day.toDateString() === yesterday) return 'Yesterday';
  return day.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
}
