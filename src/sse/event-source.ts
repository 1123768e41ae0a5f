/**
 * The EventSource of browsers for Node.js, by WHATWG HTML 9.2. It stands on `fetch`. Where the standard lets a client choose, it waits
 * longer after each attempt in a row that found no server.
 */

import { setMaxListeners } from 'node:events';
import { MAX_TIMER_MS } from '../protocol/whole-number.ts';
import { EventHandlers } from '../web/event-handlers.ts';
import type { MessageEvent } from '../web/index.ts';
import { locationOfProgram } from '../web/url-record.ts';
import { defineInterface, toDictionary, toUsvString } from '../web/web-idl.ts';
import { EventStreamParser } from './event-format.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** How long it waits before it comes back, until the server says otherwise. */
const RETRY_MS = 3000;
/** What doubling comes to at most. */
const MAX_BACKOFF_MS = 30_000;

const TRUSTED: PropertyDescriptor = { value: true, enumerable: true };

/** The first is the standard's, the others are for programs. */
export interface EventSourceInit {
  readonly withCredentials?: boolean | undefined;
  /** Sent with each request. */
  readonly headers?: ConstructorParameters<typeof Headers>[0] | undefined;
  /** In place of the global one: to set the headers of each request, say, or for a proxy. */
  readonly fetch?: typeof fetch | undefined;
  /** Goes on behind this event, which another EventSource has had. */
  readonly lastEventId?: string | undefined;
  /** Longest event, in characters; a longer one ends it for good. Default: none. */
  readonly maxEventLength?: number | undefined;
}

/** Why a connection was lost, or could not be made; `status` is that of the server's answer. */
export type EventSourceErrorEvent = Event & { readonly error: Error & { readonly status?: number } };

class Implementation extends EventTarget {
  readonly #url: URL;
  readonly #withCredentials: boolean;
  readonly #headers: Headers;
  readonly #fetch: typeof fetch;
  readonly #maxEventLength: number | undefined;
  readonly #handlers = new EventHandlers(this);
  #readyState = CONNECTING;
  #lastEventId: string;
  #retryMs = RETRY_MS;
  /** Attempts in a row that found no server. */
  #failures = 0;
  #request = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(url: unknown, init: unknown = {}) {
    super();
    // biome-ignore lint/complexity/noArguments: undefined counts as an argument
    if (arguments.length === 0) throw new TypeError('EventSource needs a URL');
    const text = toUsvString(url);
    const given = toDictionary(init, 'The second argument of EventSource') as EventSourceInit;
    const base = locationOfProgram();
    if (!URL.canParse(text, base)) throw new DOMException(`'${text}' is no URL`, 'SyntaxError');
    this.#url = new URL(text, base);
    this.#withCredentials = Boolean(given.withCredentials);
    this.#headers = new Headers(given.headers);
    this.#fetch = given.fetch ?? fetch;
    this.#lastEventId = given.lastEventId ?? '';
    this.#maxEventLength = given.maxEventLength;
    setMaxListeners(0, this);
    if (!this.#headers.has('Accept')) this.#headers.set('Accept', 'text/event-stream');
    void this.#connect();
  }

  get url(): string {
    return this.#url.href;
  }

  get withCredentials(): boolean {
    return this.#withCredentials;
  }

  get readyState(): number {
    return this.#readyState;
  }

  get onopen(): unknown {
    return this.#handlers.get('open');
  }

  set onopen(value: unknown) {
    this.#handlers.set('open', value);
  }

  get onmessage(): unknown {
    return this.#handlers.get('message');
  }

  set onmessage(value: unknown) {
    this.#handlers.set('message', value);
  }

  get onerror(): unknown {
    return this.#handlers.get('error');
  }

  set onerror(value: unknown) {
    this.#handlers.set('error', value);
  }

  close(): void {
    this.#readyState = CLOSED;
    clearTimeout(this.#timer);
    this.#request.abort();
  }

  async #connect(): Promise<void> {
    if (!/^https?:$/.test(this.#url.protocol)) {
      // As whatever the network says: later.
      await undefined;
      this.#fail(new Error(`EventSource needs an address with http: or https:, not ${this.#url.protocol}`));
      return;
    }
    const request = new AbortController();
    this.#request = request;
    try {
      const response = await this.#ask(request.signal);
      if (request.signal.aborted) return;
      const [essence] = (response.headers.get('content-type') ?? '').split(';');
      if (response.status !== 200 || essence!.trim().toLowerCase() !== 'text/event-stream') {
        request.abort();
        const what = response.status === 200 ? `a Content-Type of '${essence}'` : `the status ${response.status}`;
        this.#fail(new Error(`EventSource was answered with ${what}`), response.status);
        return;
      }
      this.#failures = 0;
      this.#readyState = OPEN;
      this.#dispatch(new Event('open'));
      await this.#read(response);
      this.#comeBack(new Error('The event stream has ended'));
    } catch (error) {
      if (request.signal.aborted) return;
      if (this.#readyState === CONNECTING) this.#failures++;
      this.#comeBack(error as Error);
    }
  }

  #ask(signal: AbortSignal): Promise<Response> {
    const headers = new Headers(this.#headers);
    // Fields have a character for each byte.
    if (this.#lastEventId !== '') headers.set('Last-Event-ID', Buffer.from(this.#lastEventId).toString('latin1'));
    const url = new URL(this.#url);
    if (url.username !== '' || url.password !== '') {
      // fetch takes no such addresses.
      const [name, password] = [url.username, url.password].map(decodeURIComponent);
      headers.set('Authorization', `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`);
      url.username = url.password = '';
    }
    const credentials = this.#withCredentials ? 'include' : 'same-origin';
    const init: RequestInit & { readonly cache: string } = { headers, signal, credentials, cache: 'no-store' };
    return this.#fetch.call(undefined, url, init);
  }

  async #read({ body, url }: Response): Promise<void> {
    const { origin } = new URL(url || this.#url);
    const parser = new EventStreamParser(this.#lastEventId, this.#maxEventLength);
    const reader = body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#readyState === CLOSED) return;
      let events: ReturnType<EventStreamParser['push']>;
      try {
        events = parser.push(value);
      } catch (error) {
        this.#request.abort();
        this.#fail(error as Error);
        return;
      }
      this.#retryMs = parser.retryMs ?? this.#retryMs;
      for (const { type, data, lastEventId } of events) {
        this.#lastEventId = lastEventId;
        this.#dispatch(new MessageEvent(type, { data, origin, lastEventId }));
        if ((this.#readyState as number) === CLOSED) return;
      }
      this.#lastEventId = parser.lastEventId;
    }
  }

  #comeBack(error: Error): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CONNECTING;
    const backoff = Math.min(this.#retryMs * 2 ** Math.max(0, this.#failures - 1), MAX_BACKOFF_MS);
    const delayMs = Math.min(Math.max(backoff, this.#retryMs), MAX_TIMER_MS);
    this.#timer = setTimeout(() => void this.#connect(), delayMs);
    this.#dispatch(Object.assign(new Event('error'), { error }));
  }

  #fail(error: Error, status?: number): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    if (status !== undefined) Object.assign(error, { status });
    this.#dispatch(Object.assign(new Event('error'), { error }));
  }

  #dispatch(event: Event): void {
    this.dispatchEvent(Object.defineProperty(event, 'isTrusted', TRUSTED));
  }
}

defineInterface('EventSource', Implementation);
for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
  for (const place of [Implementation, Implementation.prototype]) {
    Object.defineProperty(place, name, { value, enumerable: true });
  }
}

type Handler<E> = ((this: EventSource, event: E) => unknown) | null;

/** See https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface */
export interface EventSource extends EventTarget {
  readonly url: string;
  readonly withCredentials: boolean;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  readonly readyState: 0 | 1 | 2;
  onopen: Handler<Event>;
  onmessage: Handler<MessageEvent>;
  /** It comes back when `readyState` is CONNECTING then, and does not when it is CLOSED. */
  onerror: Handler<EventSourceErrorEvent>;
  close(): void;
  addEventListener(
    type: 'open',
    listener: (this: EventSource, event: Event) => unknown,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(
    type: 'error',
    listener: (this: EventSource, event: EventSourceErrorEvent) => unknown,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent) => unknown,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(...listener: Parameters<EventTarget['addEventListener']>): void;
  removeEventListener(
    type: string,
    // biome-ignore lint/suspicious/noExplicitAny: as for addEventListener
    listener: (this: EventSource, event: any) => unknown,
    options?: Parameters<EventTarget['removeEventListener']>[2],
  ): void;
  removeEventListener(...listener: Parameters<EventTarget['removeEventListener']>): void;
}

export interface EventSourceConstructor {
  prototype: EventSource;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  /**
   * Connects.
   * @throws {DOMException} SyntaxError for a bad URL
   */
  new (url: string | URL, init?: EventSourceInit): EventSource;
}

export const EventSource = Implementation as unknown as EventSourceConstructor;
