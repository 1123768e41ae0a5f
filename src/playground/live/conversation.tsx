/** What the page's WebSocket was told and told in turn: the view from above the protocol. */

import { memo, useEffect, useRef } from 'react';
import type { LogEntry } from '../worker/messages.ts';

const MARKS: Readonly<Record<LogEntry['direction'], readonly [mark: string, label: string]>> = {
  sent: ['↑', 'sent'],
  received: ['↓', 'received'],
  note: ['·', 'note'],
  fault: ['!', 'fault'],
};

export function Conversation({ log }: { log: readonly LogEntry[] }) {
  const view = useRef<HTMLDivElement>(null);
  const newest = log.at(-1)?.id;
  useEffect(() => {
    if (newest !== undefined) view.current?.scrollTo({ top: view.current.scrollHeight });
  }, [newest]);
  return (
    <section className="panel conversation" aria-labelledby="conversation-title">
      <h2 id="conversation-title">What the page sees</h2>
      <div role="log" aria-live="polite" ref={view}>
        {log.length === 0 && <p className="empty">Messages and events of the browser’s WebSocket appear here.</p>}
        <ol>
          {log.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ol>
      </div>
    </section>
  );
}

const Entry = memo(function Entry({ entry: { direction, title, body } }: { entry: LogEntry }) {
  return (
    <li className={`entry entry-${direction}`}>
      <span className="arrow" role="img" aria-label={MARKS[direction][1]}>
        {MARKS[direction][0]}
      </span>
      <span>
        <span className="title">{title}</span>
        {body !== undefined && <span className="body">{body}</span>}
      </span>
    </li>
  );
});
