/** What has been asked of the server and waits for its answer: calls, publications, tokens. */

import { RealtimeError, type RealtimeErrorDetails } from '../realtime-protocol/realtime-error.ts';
import type { ServerMessage } from '../realtime-protocol/wire.ts';
import type { LiveLink } from './link.ts';
import { checkMs } from './options.ts';
import type { RequestOptions } from './types.ts';

interface Request {
  readonly id: number;
  readonly length: number;
  send(): void;
  readonly retry: boolean;
  /** What it went out by; undefined while it has not, or nothing comes back by that any more. */
  link: LiveLink | undefined;
  settle(error: RealtimeError | undefined, output?: unknown): void;
}

export type RequestHead =
  | { readonly type: 'call'; readonly call: string }
  | { readonly type: 'publish'; readonly channel: string }
  | { readonly type: 'token' };

/** As the server says it. */
export function toError(refusal: ServerMessage & { readonly type: 'error' | 'left' }): RealtimeError {
  return new RealtimeError(refusal.code, refusal.message, refusal as RealtimeErrorDetails);
}

export class Requests {
  readonly #link: () => LiveLink | undefined;
  readonly #nextId: () => number;
  readonly #timeoutMs: number;
  readonly #open = new Map<number, Request>();
  /** In front of the keys, so that no other client has them. */
  readonly #prefix = crypto.getRandomValues(new Uint32Array(4)).join('');

  /** @param link what is open now */
  constructor(link: () => LiveLink | undefined, nextId: () => number, timeoutMs = 10_000) {
    checkMs({ timeoutMs });
    this.#link = link;
    this.#nextId = nextId;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends a request, now or as soon as there is a connection.
   *
   * @param body the member whose value is the program's, with its name; it is made text at once, so that nobody changes it later
   */
  add(
    head: RequestHead,
    [name, value]: readonly [name: string, value: unknown],
    { timeoutMs = this.#timeoutMs, signal, key, retry = true }: RequestOptions = {},
  ): Promise<unknown> {
    checkMs({ timeoutMs });
    const text = JSON.stringify(value);
    const body = text === undefined ? '' : `,${JSON.stringify(name)}:${text}`;
    const id = this.#nextId();
    const { type } = head;
    const all = { ...head, id, key: key ?? (retry ? this.#prefix + id : undefined) };
    const deadline = Date.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const giveUp = (code: 'TIMEOUT' | 'CANCELLED', message: string, cause?: unknown) => {
        request.link?.send('cancel', `{"type":"cancel","id":${id}}`, id);
        request.settle(new RealtimeError(code, message, { cause }));
      };
      const abort = () => giveUp('CANCELLED', 'The signal was aborted', signal!.reason);
      const timer = setTimeout(
        () => giveUp('TIMEOUT', `${this.#link() ? 'No answer' : 'No connection'} within ${timeoutMs} ms`),
        timeoutMs,
      );
      const request: Request = {
        id,
        length: body.length,
        retry,
        link: undefined,
        send: () => {
          request.link = this.#link()!;
          const rest = type === 'call' ? { ...all, timeoutMs: Math.max(1, deadline - Date.now()) } : all;
          request.link.send(type, `${JSON.stringify(rest).slice(0, -1)}${body}}`, id);
        },
        settle: (error, output) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          this.#open.delete(id);
          if (error) reject(error);
          else resolve(output);
        },
      };
      this.#open.set(id, request);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort);
      this.flush();
    });
  }

  /** The answer to an `id`; one that nobody waits for is none. */
  answer(id: number, error: RealtimeError | undefined, output?: unknown): void {
    this.#open.get(id)?.settle(error, output);
  }

  /** Sends what is not on its way, in order. */
  flush(): void {
    if (!this.#link()) return;
    for (const request of this.#open.values()) if (!request.link) request.send();
  }

  /**
   * What went out by a link gets no answer there: whether it was done is not known. It goes out again when there is one.
   * @param isTooLong the longest one was the cause
   * @param by only by this one
   * @param only what has this number
   */
  interrupt(isTooLong: boolean, by?: LiveLink, only?: number): void {
    const lost = [...this.#open.values()].filter(({ id, link }) => link && (!by || (link === by && id === only)));
    const longest = Math.max(...lost.map(({ length }) => length));
    for (const request of lost) {
      request.link = undefined;
      if (isTooLong && request.length === longest) {
        request.settle(new RealtimeError('INVALID', 'It is too long for the server'));
      } else if (!request.retry) {
        request.settle(new RealtimeError('DISCONNECTED', 'The connection was lost before the answer'));
      }
    }
    this.flush();
  }

  end(error: RealtimeError): void {
    for (const request of [...this.#open.values()]) request.settle(error);
  }
}
