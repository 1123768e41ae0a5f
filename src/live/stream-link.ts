/**
 * HTTP as a link, where WebSockets do not get through: one answer that does not end brings what comes, and each request is a POST of
 * its own. What the stream brings is settled when it begins, so another join is another stream, from the positions of then.
 */

import { retryReason } from '../realtime-protocol/close-codes.ts';
import type { LiveLink, LiveLinkEvents } from './link.ts';

const JSON_TYPE = 'application/json';

/** What a refusal over HTTP would be as a close code. */
const CODES: Readonly<Record<number, number>> = {
  401: 4401,
  403: 4403,
  429: 1013,
  503: 1013,
};

export interface StreamEvents extends LiveLinkEvents {
  /** The joins of all channels, from where they stand now. */
  joins(): readonly string[];
  /** The request was not answered, and may be sent again. */
  interrupted(id: number): void;
}

export function streamLink(
  fetch: typeof globalThis.fetch,
  url: string,
  token: string | undefined,
  events: StreamEvents,
): LiveLink {
  let stream = new AbortController();
  let isReopening = false;
  const posts = new Map<number, AbortController>();

  const post = async (body: string, accept: string, { signal }: AbortController) => {
    const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` };
    const response = await fetch(url.replace(/^ws/, 'http'), {
      method: 'POST',
      headers: { accept, 'content-type': JSON_TYPE, ...authorization },
      body,
      signal,
    });
    const { ok, status, headers } = response;
    if (ok && headers.get('content-type')?.startsWith(accept)) return response;
    const seconds = Number(headers.get('retry-after'));
    events.lost(CODES[status] ?? 1006, seconds ? retryReason(seconds * 1000) : `HTTP ${status}`);
    throw new Error();
  };

  const read = async (own: AbortController) => {
    try {
      const { body } = await post(`[${events.joins()}]`, 'text/event-stream', own);
      const decoder = new TextDecoder();
      const reader = body!.getReader();
      let text = '';
      while (true) {
        const { done, value } = await reader.read();
        if (own !== stream) return;
        if (done) break;
        events.heard();
        const lines = (text + decoder.decode(value, { stream: true })).split(/\r?\n/);
        text = lines.pop()!;
        for (const line of lines) if (line.startsWith('data:')) events.message(line.slice(5));
      }
      events.lost(1006, 'the stream ended');
    } catch (cause) {
      if (own === stream) events.lost(1006, '', cause);
    }
  };

  const open = () => {
    stream.abort();
    stream = new AbortController();
    void read(stream);
  };
  /** Once for all that changes in one turn of the event loop. */
  const reopen = () => {
    if (isReopening) return;
    isReopening = true;
    setTimeout(() => {
      isReopening = false;
      if (!stream.signal.aborted) open();
    });
  };
  void read(stream);

  return {
    isFallback: true,
    ping: reopen,
    send(type, text, id) {
      if (type === 'cancel') {
        posts.get(id)?.abort();
      } else if (type !== 'call' && type !== 'publish') {
        reopen();
      } else {
        const own = new AbortController();
        posts.set(id, own);
        post(text, JSON_TYPE, own)
          .then((response) => response.text())
          .then(events.message, (cause) => {
            events.interrupted(id);
            events.lost(1006, '', cause);
          })
          .finally(() => posts.delete(id));
      }
    },
    close: () => stream.abort(),
  };
}
