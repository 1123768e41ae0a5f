/**
 * The contract of an engine: who gives a channel its order and keeps its log. The hub asks nothing else of it, so whatever keeps
 * these promises can stand behind a hub; one suite of tests says whether it does.
 *
 * - A channel with history has one log: offsets 1, 2, 3, … within an `epoch`. If the log may have lost its end, or starts again,
 *   it has another epoch.
 * - Every subscriber in every process is told the same entries in the same order, the publisher's process too, and by the engine only.
 * - A channel without history has no order between publishers in different processes, and keeps nothing.
 * - What a process asks about a channel is done in the order in which it asks, without waiting for answers; these may come in any order.
 */

import type { Position } from '../realtime-protocol/position.ts';

/** How much of a log is kept, all bounds given. */
export interface Retention {
  readonly messages: number;
  readonly bytes: number;
  /** Infinity for no limit. */
  readonly ageMs: number;
}

/** One publication, as subscribers are told. */
export interface Entry {
  /** JSON text. */
  readonly data: string;
  /** `undefined` in a channel without history. */
  readonly position: Position | undefined;
}

/** Somebody's presence in a channel, over all processes. */
export interface Presence {
  readonly user: string;
  /** JSON text. */
  readonly data: string;
  /** Connections over all processes. 0 tells that the user has gone. */
  readonly connections: number;
}

/** What an engine tells a process about a channel. Its methods are called in order, must not throw and may be called before `subscribe` resolves. */
export interface Subscriber {
  entry(entry: Entry): void;
  presence(change: Presence): void;
  /**
   * 'stale': the engine is away, nothing will be told; for a channel without history, entries of this process go on.
   * 'live': it is back. What was published meanwhile may not have been told: read behind the last position known, and ask for the members anew.
   */
  state(state: 'live' | 'stale'): void;
}

export interface Subscription {
  /** Nothing is told any more from now on. Again is no fault. */
  close(): void;
}

export interface PublishRequest {
  readonly channel: string;
  /** JSON text. */
  readonly data: string;
  /** `undefined`: a channel without history. */
  readonly retention: Retention | undefined;
  /** A publication with a key that the channel had already, within the engine's window, is not made again. */
  readonly key: string | undefined;
}

export interface Published {
  /** Where it stands: with a repeated key, where the first one stands. `undefined` without history. */
  readonly position: Position | undefined;
  /** The key was there already. */
  readonly isRepeat: boolean;
}

export interface ReadRequest {
  readonly channel: string;
  readonly retention: Retention;
  /** Read behind this position. */
  readonly after?: Position | undefined;
  /** Without `after`: the newest so many. Default 0. */
  readonly last?: number | undefined;
  /** At most so many entries, 1 and more. */
  readonly maxEntries: number;
  /** No further entry once they have so many bytes; the first one is always there. */
  readonly maxBytes: number;
}

/** Entries of a log that follow each other without a hole. */
export interface Page {
  /** The position before the first entry. */
  readonly from: Position;
  /** JSON texts, oldest first: the first one's offset is `from.offset + 1`. */
  readonly data: readonly string[];
  /** The offset of the log's newest entry. There is more to read while `from.offset + data.length` is below it. */
  readonly head: number;
  /** `after` is not in the log, or what followed it is gone: then `from` is before the oldest entry that is kept. */
  readonly isGap: boolean;
}

/** What an engine keeps, for `hub.status()`. */
export interface EngineStatus {
  /** Such as 'memory'. */
  readonly name: string;
  readonly state: 'live' | 'stale';
  /** Logs kept in this process; `undefined` when they are elsewhere. */
  readonly logs: number | undefined;
  /** Bytes of JSON text in them. */
  readonly bytes: number | undefined;
}

/**
 * While the engine is away, promises reject with a RealtimeError 'UNAVAILABLE', within its deadline, but those of `setPresence` and of
 * publications without history, which go to the subscribers of this process. Nothing is done later that was rejected so, unless it
 * is tried again with its key.
 */
export interface Engine {
  /** Resolves when every entry that is published from then on will be told. One process subscribes once to a channel. */
  subscribe(channel: string, retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription>;
  /** Resolves when the log has it. */
  publish(request: PublishRequest): Promise<Published>;
  read(request: ReadRequest): Promise<Page>;
  /**
   * Sets how many connections a user has in a channel in this process; 0 takes the user out. What a process has set goes with it.
   * While the engine is away, this is no failure: what was set last holds when it is back.
   */
  setPresence(channel: string, presence: Presence): Promise<void>;
  members(channel: string): Promise<readonly Presence[]>;
  status(): EngineStatus;
  /** Ends what the engine has begun, subscriptions and presence too; what is asked of it from then on is rejected as 'CLOSED'. The hub calls it when it is done. */
  close(): Promise<void>;
}
