/**
 * What was written and is not said yet. One after another, in the order of writing; it outlives a lost connection, and a reload of
 * the page. Each has its key, so that what is sent twice is said once.
 */

import { useEffect, useState } from 'react';
import type { Live, RealtimeError } from '../../../live/index.ts';
import type { chat } from '../protocol.ts';

export interface Waiting {
  readonly key: string;
  readonly room: string;
  readonly text: string;
  readonly writtenAt: number;
  /** Why it is not sent before the user says so. */
  readonly error?: string;
  /** Why it has to wait, when it is not for the connection. */
  readonly delay?: string;
}

/** The server knows keys for longer. */
const GIVE_UP_MS = 3_600_000;
const RETRY_MS = 2000;
/** Errors that go by. It is not known whether it was said: the key stays. */
const PASSING = ['UNAVAILABLE', 'DISCONNECTED', 'CLOSED'];

// Not crypto.randomUUID(), which an intranet without TLS does not have.
const newKey = () => [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(36)).join('');

export type Outbox = ReturnType<typeof useOutbox>;

export function useOutbox(live: Live<typeof chat>, user: string) {
  const place = `waiting ${user}`;
  const [waiting, setWaiting] = useState<readonly Waiting[]>(() => JSON.parse(sessionStorage.getItem(place) ?? '[]'));
  const [attempt, setAttempt] = useState(0);
  useEffect(() => sessionStorage.setItem(place, JSON.stringify(waiting)), [place, waiting]);

  const change = (key: string, to: Partial<Waiting>) =>
    setWaiting((all) => all.map((one) => (one.key === key ? { ...one, ...to } : one)));
  const discard = (key: string) => setWaiting((all) => all.filter((one) => one.key !== key));

  const next = waiting.find(({ error }) => error === undefined);
  const nextKey = next?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the message, and `attempt` has it tried again
  useEffect(() => {
    if (next === undefined) return;
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    const { key, room, text, writtenAt } = next;
    const timeoutMs = Math.max(1, writtenAt + GIVE_UP_MS - Date.now());
    live.call.say({ room, text }, { key, timeoutMs }).then(
      () => discard(key),
      ({ code, message, issues, data }: RealtimeError) => {
        if (isOver) return;
        if (PASSING.includes(code)) {
          change(key, { delay: message });
          const { retryAfterMs = RETRY_MS } = (data ?? {}) as { readonly retryAfterMs?: number };
          timer = setTimeout(() => setAttempt((count) => count + 1), retryAfterMs);
        } else if (code === 'TIMEOUT') change(key, { error: 'It could not be sent for an hour' });
        else change(key, { error: issues?.[0]?.message ?? message });
      },
    );
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [live, nextKey, attempt]);

  return {
    waiting,
    say: (room: string, text: string) =>
      setWaiting((all) => [...all, { key: newKey(), room, text, writtenAt: Date.now() }]),
    tryAgain: (key: string) =>
      setWaiting((all) =>
        all.map((one) =>
          one.key === key ? { key: newKey(), room: one.room, text: one.text, writtenAt: Date.now() } : one,
        ),
      ),
    discard,
  };
}
