/** One event stream of the server's side, whatever carries it: what is sent, what waits, and how it ends. */

import { TypedEmitter } from '../socket/emitter.ts';
import { type EventFields, formatEvent } from './event-format.ts';
import { every } from './heartbeat.ts';

/** What carries the bytes. */
export interface EventSink {
  /** @returns whether it takes more at once; else `drained` is called when it does */
  write(bytes: Uint8Array): boolean;
  /** What was written still leaves. @returns whether `gone` is told when it has */
  end(): boolean;
  destroy(): void;
}

/** What a sink tells its stream. */
export interface SinkHandler {
  drained(): void;
  /** Nobody reads any more. */
  gone(): void;
}

export interface EventStreamSettings {
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly maxBacklogBytes: number;
}

/**
 * Why a stream has ended: the client went; `close()` was called; more than `maxBacklogBytes` would have waited; the client took
 * nothing for `heartbeat.timeoutMs`.
 */
export type EventStreamEnd = 'client' | 'server' | 'backlog' | 'timeout';

interface EventStreamEvents {
  /** It is writable again. */
  drain: [];
  close: [reason: EventStreamEnd];
}

const encoder = new TextEncoder();
const BEAT = encoder.encode(':\n\n');

/** An event as it stands on the wire, for `send()` on many streams: it is formatted and encoded once. */
export function prepareEvent(fields: EventFields): Uint8Array {
  return encoder.encode(formatEvent(fields));
}

/** Has `listener` called when a stream has ended and nothing of it waits any more, as far as its carrier tells. */
export let whenGone: (stream: EventStream, listener: () => void) => void;

export class EventStream<User = unknown> extends TypedEmitter<EventStreamEvents> {
  /** What the client has had before, as it says; '' for nothing. */
  readonly lastEventId: string;
  /** Who it is, where `authenticate` says so. */
  readonly user: User;
  readonly #settings: EventStreamSettings;
  readonly #sink: EventSink;
  #state: 'open' | 'ending' | 'closed' = 'open';
  /** The sink takes nothing at the moment. */
  #isFull = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Nothing was sent since the last beat. */
  #isSilent = false;
  #stalledMs = 0;
  #stopBeats = (): void => {};
  #aborter: AbortController | undefined;
  #isGone = (): void => {};

  static {
    whenGone = (stream, listener) => {
      stream.#isGone = listener;
    };
  }

  /** @param connect makes the sink */
  constructor(
    { lastEventId, user }: { readonly lastEventId: string; readonly user: User },
    settings: EventStreamSettings,
    connect: (handler: SinkHandler) => EventSink,
  ) {
    super();
    this.lastEventId = lastEventId;
    this.user = user;
    this.#settings = settings;
    this.#sink = connect({ drained: () => this.#drained(), gone: () => this.#gone() });
    const { heartbeat } = settings;
    if (heartbeat !== undefined && !this.isClosed) {
      this.#stopBeats = every(heartbeat.intervalMs, () => this.#beat());
    }
  }

  /** Whether it is open and nothing waits. While it is not, hold back what can be made later, until 'drain'. */
  get isWritable(): boolean {
    return this.#state === 'open' && !this.#isFull;
  }

  get isClosed(): boolean {
    return this.#state !== 'open';
  }

  /** Bytes of events that wait here until the client has taken those before them. */
  get bufferedAmount(): number {
    return this.#waitingBytes;
  }

  /** Aborted when the stream has ended. */
  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.isClosed) this.#aborter.abort();
    }
    return this.#aborter.signal;
  }

  /**
   * Sends an event. One that would pass `maxBacklogBytes` ends the stream: the client comes back, and says what it has had. While
   * `isWritable`, an event of any length may be sent. On a stream that has ended nothing happens.
   *
   * @returns `isWritable`
   * @throws {TypeError | RangeError} for fields that cannot be sent, see `formatEvent`
   */
  send(event: EventFields | Uint8Array): boolean {
    const bytes = event instanceof Uint8Array ? event : prepareEvent(event);
    if (this.#state !== 'open') return false;
    if (!this.#isFull) {
      this.#write(bytes);
    } else if (this.#waitingBytes + bytes.length <= this.#settings.maxBacklogBytes) {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
    } else {
      this.#cut('backlog');
    }
    return this.isWritable;
  }

  /**
   * Ends the stream; what waits still leaves, for `heartbeat.timeoutMs` at most. Clients come back after a while: one that is not to
   * gets the status 204 then.
   */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#stalledMs = 0;
    if (this.#waiting.length === 0) this.#endSink();
    this.#ended('server');
  }

  /** Ends it without waiting for anything. */
  terminate(): void {
    if (this.#state !== 'closed') this.#cut('server');
  }

  #write(bytes: Uint8Array): void {
    this.#isSilent = false;
    this.#isFull = !this.#sink.write(bytes);
  }

  #drained(): void {
    if (!this.#isFull || this.#state === 'closed') return;
    this.#isFull = false;
    this.#stalledMs = 0;
    const waiting = this.#waiting;
    let next = 0;
    while (next < waiting.length && !this.#isFull) {
      const bytes = waiting[next++]!;
      this.#waitingBytes -= bytes.length;
      this.#write(bytes);
    }
    this.#waiting = waiting.slice(next);
    if (this.#waiting.length > 0) return;
    if (this.#state === 'ending') this.#endSink();
    else if (!this.#isFull) this.emit('drain');
  }

  #endSink(): void {
    if (!this.#sink.end()) this.#isGone();
  }

  #beat(): void {
    const { intervalMs, timeoutMs } = this.#settings.heartbeat!;
    if (this.#isFull || this.#state === 'ending') {
      this.#stalledMs += intervalMs;
      if (this.#stalledMs >= timeoutMs) this.#cut('timeout');
      return;
    }
    if (this.#isSilent) this.#write(BEAT);
    this.#isSilent = true;
  }

  #cut(reason: EventStreamEnd): void {
    const wasOpen = this.#state === 'open';
    this.#finish();
    this.#sink.destroy();
    if (wasOpen) this.#ended(reason);
  }

  #gone(): void {
    const wasOpen = this.#state === 'open';
    this.#finish();
    if (wasOpen) this.#ended('client');
  }

  #finish(): void {
    this.#state = 'closed';
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#stopBeats();
    this.#isGone();
  }

  #ended(reason: EventStreamEnd): void {
    this.#aborter?.abort();
    this.emit('close', reason);
  }
}
