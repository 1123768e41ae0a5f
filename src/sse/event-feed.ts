/**
 * A feed: streams that are sent the same events, or some of them, and the newest events kept for clients that come back. One log is
 * also what a slow client reads from, so that nothing is queued for it.
 */

import type { IncomingMessage } from 'node:http';
import type { Retention } from '../engines/engine.ts';
import { Log } from '../engines/log.ts';
import { MemberSet } from '../memory/member-set.ts';
import { checkTimeout } from '../options/connection-options.ts';
import { COUNT, checkOptions, type Door, HOOK, NUMBER, OBJECT } from '../options/option-check.ts';
import { formatPosition, parsePosition } from '../realtime-protocol/position.ts';
import { TypedEmitter } from '../socket/emitter.ts';
import { type EventFields, formatEvent } from './event-format.ts';
import { type EventStream, prepareEvent } from './event-stream.ts';
import {
  type EventHandler,
  type EventOpening,
  eventHandler,
  SERVE_EVENTS,
  type ServeEventsOptions,
} from './serve-events.ts';

export interface EventFeedOptions<User = undefined, Source = IncomingMessage> extends ServeEventsOptions<User, Source> {
  /**
   * Keep the newest events, at most so many, so many bytes (default 1,048,576) and so old. The feed then gives each event its id. A
   * client that comes back is sent what it has missed; when that is not there any more, first an event 'gap', whose data is the position
   * from which it goes on. Default: nothing is kept.
   */
  readonly replay?: {
    readonly events: number;
    readonly bytes?: number | undefined;
    readonly ageMs?: number | undefined;
  };
  /** The key of a stream, for `send(event, key)`. Default: the `id` of the user. */
  readonly key?: (opening: EventOpening<User, Source>) => string | undefined;
}

/** Whom an event is for: the streams of a key, or those that a function chooses. It is asked again when an event is replayed. */
export type Audience<User> = string | ((stream: EventStream<User>) => boolean);

interface Member<User> {
  readonly stream: EventStream<User>;
  readonly key: string | undefined;
  /** The newest event that it was sent, while it has to catch up; undefined while it is sent each event as it comes. */
  behind: number | undefined;
}

export interface FeedDrainOptions {
  /** Over how long the ends are spread, evenly, in milliseconds. Default 0: all at once. */
  readonly spreadMs?: number | undefined;
  /** When clients may come back, in milliseconds. Default: as they like. */
  readonly retryAfterMs?: number | undefined;
}

const DOOR: Door = {
  ...SERVE_EVENTS,
  name: 'createEventFeed()',
  kinds: {
    replay: { ...OBJECT, members: () => ({ kinds: { events: COUNT, bytes: COUNT, ageMs: COUNT }, isLenient: false }) },
    key: HOOK,
    ...SERVE_EVENTS.kinds,
  },
};
const DRAIN: Door = { name: 'drain()', kinds: { spreadMs: NUMBER, retryAfterMs: NUMBER }, isLenient: false };
const REPLAY_BYTES = 1_048_576;
/** How much is read from the log at once. */
const PAGE_EVENTS = 64;
const PAGE_BYTES = 65_536;
/** When whoever comes during a drain may come back. */
const DEFAULT_RETRY_MS = 5000;
/** Before all that a log can have. */
const NOWHERE = -1;

const encoder = new TextEncoder();

interface EventFeedEvents<User, Source> {
  /** A stream has opened; what has been missed was sent already. */
  stream: [stream: EventStream<User>, opening: EventOpening<User, Source>];
}

export class EventFeed<User = undefined, Source = IncomingMessage> extends TypedEmitter<EventFeedEvents<User, Source>> {
  /** Answers requests with streams of this feed. */
  readonly handler: EventHandler;
  readonly #log: Log | undefined;
  readonly #retention: Retention;
  /** Whom events of the log are for, by offset; those for all are not in it. */
  readonly #audiences = new Map<number, Audience<User>>();
  readonly #members = new MemberSet<Member<User>>();
  readonly #byKey = new Map<string, Set<Member<User>>>();
  #retryAfterMs: number | undefined;
  #drained: Promise<void> | undefined;

  /** @throws {TypeError | RangeError} for options that cannot be */
  constructor(options: EventFeedOptions<User, Source> = {}) {
    super();
    checkOptions(DOOR, options);
    const { replay, key = keyOfUser, authorize, ...others } = options;
    const { events = 0, bytes = REPLAY_BYTES, ageMs = Infinity } = replay ?? {};
    this.#retention = { messages: events, bytes, ageMs };
    this.#log = replay && new Log(crypto.randomUUID().slice(-12));
    this.handler = eventHandler<User, Source>(
      {
        ...others,
        authorize: (opening) => {
          if (this.#drained === undefined) return authorize?.(opening) ?? true;
          const seconds = Math.max(1, Math.ceil((this.#retryAfterMs ?? DEFAULT_RETRY_MS) / 1000));
          return { status: 503, headers: { 'Retry-After': String(seconds) } };
        },
      },
      (stream, opening) => {
        this.add(stream, key(opening));
        this.emit('stream', stream, opening);
      },
      DOOR.name,
    );
  }

  /** How many streams there are. */
  get size(): number {
    return this.#members.size;
  }

  /** The streams of a key, those that a function chooses, or all. */
  streams(audience?: Audience<User>): EventStream<User>[] {
    return [...this.#membersFor(audience)].map(({ stream }) => stream);
  }

  /** Adds a stream that was opened elsewhere, by `createEventStream`, until it ends. With `replay`, it is sent what it has missed. */
  add(stream: EventStream<User>, key?: string): void {
    if (stream.isClosed) return;
    const member: Member<User> = { stream, key, behind: undefined };
    this.#members.add(member);
    if (key !== undefined) {
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, new Set([member]));
      else others.add(member);
    }
    stream.once('close', () => this.#remove(member));
    const log = this.#log;
    if (log === undefined) return;
    stream.on('drain', () => this.#catchUp(member));
    if (stream.lastEventId === '') {
      // So that a break before the first event is no loss.
      stream.send({ id: this.#idAt(log, log.head) });
      member.behind = stream.isWritable ? undefined : log.head;
      return;
    }
    const position = parsePosition(stream.lastEventId);
    const isOurs = position?.epoch === log.epoch && position.offset <= log.head;
    member.behind = isOurs ? position.offset : NOWHERE;
    this.#catchUp(member);
  }

  /**
   * Sends an event to all, to the streams of a key, or to those that a function chooses.
   *
   * @throws {TypeError | RangeError} for fields that cannot be sent, see `formatEvent`; for an `id`, where `replay` gives ids
   */
  send(event: EventFields, audience?: Audience<User>): void {
    const log = this.#log;
    if (log === undefined) {
      const bytes = prepareEvent(event);
      for (const { stream } of this.#membersFor(audience)) stream.send(bytes);
      return;
    }
    if (event.id !== undefined) throw new TypeError('A feed with replay gives each event its id: leave it out');
    const block = formatEvent(event);
    const now = performance.now();
    log.add(block, now);
    if (audience !== undefined) this.#audiences.set(log.head, audience);
    this.#trim(log);
    const bytes = encoder.encode(this.#idAt(log, log.head, block));
    for (const member of this.#membersFor(audience)) {
      if (member.behind === undefined && !member.stream.send(bytes)) member.behind = log.head;
    }
  }

  /** Ends all streams, or some. Their clients come back after a while. */
  closeAll(audience?: Audience<User>): void {
    for (const { stream } of this.#membersFor(audience)) stream.close();
  }

  /**
   * Goes away: ends all streams, over a time, and has whoever comes meanwhile come later. Called again, it gives the same promise.
   * @throws {TypeError | RangeError} for options that cannot be
   */
  drain(options: FeedDrainOptions = {}): Promise<void> {
    checkOptions(DRAIN, options);
    const { spreadMs = 0, retryAfterMs } = options;
    checkTimeout('spreadMs', spreadMs);
    if (retryAfterMs !== undefined) checkTimeout('retryAfterMs', retryAfterMs);
    this.#retryAfterMs ??= retryAfterMs;
    this.#drained ??= this.#endAll(spreadMs);
    return this.#drained;
  }

  async #endAll(spreadMs: number): Promise<void> {
    const members = [...this.#members];
    const began = performance.now();
    for (const [i, { stream }] of members.entries()) {
      const leftMs = began + (i / members.length) * spreadMs - performance.now();
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      if (this.#retryAfterMs !== undefined) stream.send({ retry: this.#retryAfterMs });
      stream.close();
    }
  }

  #remove(member: Member<User>): void {
    const { key } = member;
    this.#members.delete(member);
    const others = key === undefined ? undefined : this.#byKey.get(key);
    if (others?.delete(member) && others.size === 0) this.#byKey.delete(key!);
  }

  #membersFor(audience: Audience<User> | undefined): Iterable<Member<User>> {
    if (typeof audience === 'string') return [...(this.#byKey.get(audience) ?? [])];
    const members = [...this.#members];
    return audience === undefined ? members : members.filter(({ stream }) => audience(stream));
  }

  /** Sends what the log has behind a member's place, as far as he takes it. */
  #catchUp(member: Member<User>): void {
    const log = this.#log!;
    const { stream } = member;
    this.#trim(log);
    while (member.behind !== undefined && stream.isWritable) {
      if (member.behind < log.tail) {
        member.behind = log.tail;
        // Without data it would not be dispatched.
        const position = { epoch: log.epoch, offset: log.tail };
        stream.send({ event: 'gap', id: formatPosition(position), data: JSON.stringify(position) });
        continue;
      }
      if (member.behind === log.head) member.behind = undefined;
      else this.#sendPage(member, member.behind, log);
    }
  }

  #sendPage(member: Member<User>, from: number, log: Log): void {
    for (const block of log.read(from, PAGE_EVENTS, PAGE_BYTES)) {
      from++;
      member.behind = from;
      if (!isFor(member, this.#audiences.get(from))) continue;
      if (!member.stream.send(encoder.encode(this.#idAt(log, from, block)))) return;
    }
  }

  #trim(log: Log): void {
    log.trim(this.#retention, performance.now());
    for (const offset of this.#audiences.keys()) {
      if (offset > log.tail) return;
      this.#audiences.delete(offset);
    }
  }

  #idAt(log: Log, offset: number, block?: string): string {
    const id = formatPosition({ epoch: log.epoch, offset });
    return block === undefined ? id : `id: ${id}\n${block}`;
  }
}

/**
 * Makes a feed.
 * @throws {TypeError | RangeError} for options that cannot be
 */
export function createEventFeed<User = undefined, Source = IncomingMessage>(
  options?: EventFeedOptions<User, Source>,
): EventFeed<User, Source> {
  return new EventFeed(options);
}

function isFor<User>({ stream, key }: Member<User>, audience: Audience<User> | undefined): boolean {
  if (audience === undefined) return true;
  return typeof audience === 'string' ? audience === key : audience(stream);
}

function keyOfUser({ user }: EventOpening): string | undefined {
  const { id } = (user ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' ? id : undefined;
}
