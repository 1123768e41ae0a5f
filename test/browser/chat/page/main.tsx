/** A small chat, as one is written with `framewright/react`; and with `?feed`, the same room as an event stream. */

import { type FormEvent, StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useChannel, useEventSource, useLive } from '../../../../src/react/index.ts';
import type { chat } from '../protocol.ts';

const query = new URLSearchParams(location.search);
const user = query.get('user') ?? 'nobody';

async function fetchToken(): Promise<string> {
  const response = await fetch(`/token?user=${user}`);
  if (!response.ok) throw new Error(`There is no token now: ${response.status}`);
  return response.text();
}

function Chat() {
  const live = useLive<typeof chat>('/live', { token: fetchToken, backoff: { maxMs: 1000 } });
  const { messages, members, state, gap } = useChannel(live, 'room:general', { last: 1000, keep: 1000 });
  // For the tests.
  useEffect(
    () => live.on('error', ({ data }) => console.info(`close code ${(data as { code?: number })?.code}`)),
    [live],
  );
  const [sending, setSending] = useState<{ key: string; text: string; error?: string }[]>([]);

  async function say(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get('text'));
    const key = crypto.randomUUID();
    form.reset();
    setSending((all) => [...all, { key, text }]);
    try {
      await live.call.say({ room: 'general', text }, { key });
      setSending((all) => all.filter((one) => one.key !== key));
    } catch (error) {
      setSending((all) => all.map((one) => (one.key === key ? { ...one, error: String(error) } : one)));
    }
  }

  return (
    <>
      <h1>Chat</h1>
      <p>
        <output aria-label="Connection">{live.state}</output>, channel <output aria-label="Channel">{state}</output>
      </p>
      {gap && <p className="gap">Messages are missing.</p>}
      <p>
        Here:{' '}
        <output aria-label="Members">
          {members.map(({ data, connections }) => `${data.name} (${connections})`).join(', ')}
        </output>
      </p>
      <ol>
        {messages.map(({ id, data, isAfterGap }) => (
          <li key={id} className={isAfterGap ? 'gap' : ''}>
            {isAfterGap && '… '}
            {data.by}: {data.text}
          </li>
        ))}
        {sending.map(({ key, text, error }) => (
          <li key={key} className={error === undefined ? 'sending' : 'bad'}>
            {user}: {text} ({error ?? 'sending'})
          </li>
        ))}
      </ol>
      <form onSubmit={say}>
        <input name="text" aria-label="Text" autoComplete="off" /> <button type="submit">Say</button>
      </form>
      {live.error && <p className="bad">{live.error.message}</p>}
    </>
  );
}

function Feed() {
  const { state, messages } = useEventSource('/feed', { keep: 1000, parse: (text) => JSON.parse(text) });
  return (
    <>
      <output aria-label="Connection">{state}</output>
      <ol>
        {messages.map(({ id, data }) => (
          <li key={id}>{`${data.by}: ${data.text}`}</li>
        ))}
      </ol>
    </>
  );
}

createRoot(document.querySelector('main')!).render(<StrictMode>{query.has('feed') ? <Feed /> : <Chat />}</StrictMode>);
