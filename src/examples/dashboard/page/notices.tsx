/** What has happened: as a list, and what has just happened as toasts. */

import { useEffect } from 'react';
import type { Notice } from '../figures.ts';
import { formatTime } from '../format.ts';

const TOAST_MS = 8000;

export function NoticeList({ notices }: { notices: readonly Notice[] }) {
  return (
    <section className="card notices" aria-label="Notifications">
      <header>
        <h2>Notifications</h2>
      </header>
      {notices.length === 0 ? (
        <p className="none">Nothing so far.</p>
      ) : (
        <ol className="scroll">
          {notices.toReversed().map(({ id, at, level, text }) => (
            <li key={id} className={level}>
              <time>{formatTime(at)}</time> {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

export function Toasts({ notices, onEnd }: { notices: readonly Notice[]; onEnd: (id: string) => void }) {
  return (
    <div className="toasts" role="status" aria-live="polite">
      {notices.map((notice) => (
        <Toast key={notice.id} notice={notice} onEnd={onEnd} />
      ))}
    </div>
  );
}

function Toast({ notice: { id, level, text }, onEnd }: { notice: Notice; onEnd: (id: string) => void }) {
  useEffect(() => {
    const timer = setTimeout(() => onEnd(id), TOAST_MS);
    return () => clearTimeout(timer);
  }, [id, onEnd]);
  return (
    <p className={level}>
      {text}
      <button type="button" aria-label="Dismiss" onClick={() => onEnd(id)}>
        ×
      </button>
    </p>
  );
}
