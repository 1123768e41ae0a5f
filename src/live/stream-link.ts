/**
 * HTTP as a link, where WebSockets do not get through: an answer that does not end brings what comes, and each request is a POST of
 * its own. What a stream brings is settled when it begins: for another join there is another stream, from the positions of then.
 */

import { CLOSE_EVENT } from '../realtime-protocol/wire.ts';
import { CUT } from './connection.ts';
import type { LiveLink, LiveLinkEvents } from './link.ts';

/** Refusals for which there are close codes: 4000 more. */
const REFUSALS = [401, 403];
/** A request that gets one of these would get it again. */
const MISTAKES = [400, 413, 415];
/** The server says when to come back. */
const LATER = 1013;

export interface StreamEvents extends LiveLinkEvents {
  /** The joins of all channels, from where they stand now. */
  joins(): readonly string[];
  /** There will be no answer to this request. */
  interrupted(id: number): void;
}

export function streamLink(
  fetch: typeof globalThis.fetch,
  url: string,
  token: string | undefined,
  events: StreamEvents,
): LiveLink {
  const posts = new Map<number, AbortController>();
  let stream = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** @param id of a request */
  const post = async (
    body: string,
    accept: string,
    { signal }: AbortController,
    id?: number,
  ): Promise<Response | undefined> => {
    const response = await fetch(url.replace(/^ws/, 'http'), {
      method: 'POST',
      // As with a WebSocket.
      credentials: 'include',
      headers: { accept, 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body,
      signal,
    });
    const { ok, status, headers } = response;
    const isOf = (type: string) => headers.get('content-type')?.startsWith(type);
    if (ok && isOf(accept)) return response;
    const seconds = Number(headers.get('retry-after'));
    const message = `HTTP ${status}${isOf('text/plain') ? `: ${await response.text()}` : ''}`;
    if (id && MISTAKES.includes(status)) {
      events.message(JSON.stringify({ type: 'error', id, code: 'INVALID', message }));
    } else if (seconds) events.lost(LATER, `retry-after-ms=${seconds * 1000}`);
    else events.lost(REFUSALS.includes(status) ? 4000 + status : CUT, message);
    return undefined;
  };

  const read = async (own: AbortController): Promise<void> => {
    const reader = (await post(`[${events.joins()}]`, 'text/event-stream', own))?.body?.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    let isEnd = false;
    while (reader) {
      const { done, value } = await reader.read();
      // Another one has begun.
      if (own !== stream) return;
      if (done) return events.lost(CUT, 'it ended');
      events.heard();
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) {
        const data = line.startsWith('data:') && line.slice(5);
        if (line === `event: ${CLOSE_EVENT}`) isEnd = true;
        else if (data && isEnd) {
          const { code, reason } = JSON.parse(data);
          events.lost(code, reason);
        } else if (data) events.message(data);
      }
    }
  };

  const open = () => {
    stream.abort();
    const own = new AbortController();
    stream = own;
    read(own).catch((cause) => {
      if (own === stream) events.lost(CUT, '', cause);
    });
  };
  open();

  /** Once for all that changes in one turn of the event loop. */
  const reopen = () => {
    clearTimeout(timer);
    timer = setTimeout(open);
  };

  return {
    isFallback: true,
    ping: reopen,
    send(type, text, id) {
      if (type === 'cancel') posts.get(id)?.abort();
      else if (type === 'call' || type === 'publish') {
        const own = new AbortController();
        posts.set(id, own);
        post(text, 'application/json', own, id)
          .then((response) => response?.text())
          .catch((cause) => {
            if (!own.signal.aborted) events.lost(CUT, '', cause);
          })
          .then((answer) => {
            posts.delete(id);
            if (answer) events.message(answer);
            else events.interrupted(id);
          });
      } else {
        reopen();
        if (type === 'token') {
          ({ token } = JSON.parse(text));
          events.message(`{"type":"result","id":${id}}`);
        }
      }
    },
    close() {
      clearTimeout(timer);
      stream.abort();
    },
  };
}
