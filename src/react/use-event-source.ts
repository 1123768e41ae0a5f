/** `useEventSource`: a component follows a stream of Server-Sent Events. */

import { useMemo } from 'react';
import { DEFAULT_KEEP, MessageList } from './message-list.ts';
import { Shared } from './shared.ts';
import { Store } from './store.ts';
import { useNewest, useStore } from './use-store.ts';

/** The browser's interface, as far as it is used here. */
export interface EventSourceLike {
  /** 0: connecting; 1: open; 2: closed. */
  readonly readyState: number;
  addEventListener(type: string, listener: (event: EventSourceEvent) => void): void;
  removeEventListener(type: string, listener: (event: EventSourceEvent) => void): void;
  close(): void;
}
interface EventSourceEvent {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
  readonly data?: any;
  readonly lastEventId?: string;
}
export type EventSourceClass = new (url: string, options: { withCredentials: boolean }) => EventSourceLike;

export interface EventSourceMessage<Data> {
  /** The component's own number for it, a `key` in a list. */
  readonly id: number;
  /** The event's name. */
  readonly event: string;
  readonly data: Data;
  readonly lastEventId: string;
}

export interface UseEventSourceOptions<Data = string> {
  /** Names of events besides 'message'. */
  readonly events?: readonly string[];
  /** Makes the message of an event's text. Default: the text itself. */
  readonly parse?: (text: string, event: string) => Data;
  /** Keeps the newest so many messages; 0 for none. Default 200. */
  readonly keep?: number;
  readonly onMessage?: (message: EventSourceMessage<Data>) => void;
  /** Sends cookies to another origin. Default false. */
  readonly withCredentials?: boolean;
  /** Default: the global one. Node.js has none; `framewright/sse` has. */
  readonly EventSource?: EventSourceClass;
}

export interface EventSourceView<Data> {
  /** 'connecting' also while it comes back after a loss; 'closed' when the server has refused it, and without an address. */
  readonly state: 'connecting' | 'open' | 'closed';
  /** Oldest first; the same array until there is another message. */
  readonly messages: readonly EventSourceMessage<Data>[];
  readonly error: Error | undefined;
}

const STATES = ['connecting', 'open', 'closed'] as const;
const INITIAL: EventSourceView<never> = { state: 'connecting', messages: [], error: undefined };
const IDLE: EventSourceView<never> = { ...INITIAL, state: 'closed' };

const sources = new Shared<EventSourceLike>(
  (source) => source.close(),
  ({ readyState }) => readyState === 2,
);

class EventSourceStore<Data> extends Store<EventSourceView<Data>> {
  options: UseEventSourceOptions<Data> = {};
  readonly #url: string | undefined;
  readonly #key: string;
  readonly #events: readonly string[];
  readonly #list = new MessageList<EventSourceMessage<Data>>();
  #source: EventSourceLike | undefined;
  #release: (() => void) | undefined;
  #error: Error | undefined;
  #nextId = 0;

  constructor(url: string | undefined, withCredentials: boolean, events: readonly string[]) {
    super();
    this.#url = url;
    this.#key = `${withCredentials} ${url}`;
    this.#events = [...new Set(['message', ...events])];
  }

  protected override view(): EventSourceView<Data> {
    if (this.#url === undefined) return IDLE;
    return {
      state:
        this.#error !== undefined && this.#source === undefined ? 'closed' : STATES[this.#source?.readyState ?? 0]!,
      messages: this.#list.view(this.options.keep ?? DEFAULT_KEEP),
      error: this.#error,
    };
  }

  protected override start(): void {
    const url = this.#url;
    if (url === undefined) return;
    try {
      const { thing, release } = sources.hold(this.#key, () => this.#open(url));
      this.#source = thing;
      this.#release = release;
    } catch (error) {
      this.#error = error as Error;
      this.changed();
      return;
    }
    for (const event of this.#events) this.#source.addEventListener(event, this.#onEvent);
    for (const event of ['open', 'error']) this.#source.addEventListener(event, this.#onState);
    this.#onState();
  }

  protected override stop(): void {
    for (const event of this.#events) this.#source?.removeEventListener(event, this.#onEvent);
    for (const event of ['open', 'error']) this.#source?.removeEventListener(event, this.#onState);
    this.#release?.();
    this.#source = undefined;
    this.#error = undefined;
    this.changed();
  }

  #open(url: string): EventSourceLike {
    const { EventSource = (globalThis as { EventSource?: EventSourceClass }).EventSource, withCredentials = false } =
      this.options;
    if (EventSource === undefined) {
      throw new TypeError('There is no EventSource here: give one, such as that of framewright/sse, in the options');
    }
    return new EventSource(url, { withCredentials });
  }

  readonly #onEvent = ({ type, data, lastEventId = '' }: EventSourceEvent): void => {
    const { keep = DEFAULT_KEEP, parse = (text: string) => text as Data, onMessage } = this.options;
    // A failed connection is told as an event of the name 'error' too, without data.
    if (!this.hasListeners || typeof data !== 'string') return;
    let message: EventSourceMessage<Data>;
    try {
      message = { id: this.#nextId++, event: type, data: parse(data, type), lastEventId };
    } catch (error) {
      this.#error = error as Error;
      this.changed();
      return;
    }
    if (keep > 0) {
      this.#list.append(message, keep);
      this.changed();
    }
    onMessage?.(message);
  };

  readonly #onState = (): void => {
    const isClosed = this.#source?.readyState === 2;
    this.#error = isClosed
      ? new Error(`The server refuses or has ended ${this.#url}: no further try is made`)
      : undefined;
    this.changed();
  };
}

/**
 * Follows a stream of Server-Sent Events. Components with the same address share one connection, which ends a second after the
 * last of them. `undefined` for an address: not now.
 */
export function useEventSource<Data = string>(
  url: string | URL | undefined,
  options: UseEventSourceOptions<Data> = {},
): EventSourceView<Data> {
  const { events = [], withCredentials = false } = options;
  const address = url === undefined ? undefined : String(url);
  const names = JSON.stringify(events);
  const store = useMemo(
    () => new EventSourceStore<Data>(address, withCredentials, JSON.parse(names) as string[]),
    [address, withCredentials, names],
  );
  useNewest(store, options);
  return useStore<EventSourceView<Data>>(store, address === undefined ? IDLE : INITIAL);
}
