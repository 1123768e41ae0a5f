/** The engine of one process: logs, keys and presence in its memory. They end with it, and the next one's logs have other epochs. */

import { checkWholeNumber, MAX_TIMER_MS } from '../protocol/whole-number.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type {
  Engine,
  Entry,
  Page,
  Presence,
  Published,
  PublishRequest,
  ReadRequest,
  Retention,
  Subscriber,
  Subscription,
} from './engine.ts';
import { Log } from './log.ts';
import { RecentKeys } from './recent-keys.ts';
import { type Placed, UseOrder } from './use-order.ts';

export interface MemoryOptions {
  /** How long the `key` of a publication is remembered, in milliseconds. Default 120,000. */
  readonly keyWindowMs?: number;
  /** At most so many keys are remembered: past that, the older half goes. Default 100,000. */
  readonly maxKeys?: number;
  /**
   * At most so many bytes in all logs together; those that were published to least recently go first. An entry counts as its JSON
   * text and 128 bytes, a log as 384. Default 268,435,456 (256 MiB).
   */
  readonly maxBytes?: number;
}

export interface MemoryEngine extends Engine {
  /** Another engine over the same channels, as another process would have it: for several hubs, or one after another. */
  share(): MemoryEngine;
}

const DEFAULTS = { keyWindowMs: 120_000, maxKeys: 100_000, maxBytes: 268_435_456 };

/**
 * Keeps the logs of channels in this process.
 *
 * @throws {TypeError | RangeError} an option that is no whole number from 1 on
 */
export function memory(options: MemoryOptions = {}): MemoryEngine {
  const bounds = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name] ?? DEFAULTS[name];
    bounds[name] = checkWholeNumber(`memory(): ${name}`, value, 1, Number.MAX_SAFE_INTEGER);
  }
  return new View(new Channels(bounds));
}

/** What an entry costs besides its text, and what a log costs without entries, about. */
const ENTRY_BYTES = 128;
const LOG_BYTES = 384;
/** Sweeps come no closer to each other than this. */
const MIN_SWEEP_MS = 1000;

interface KeptLog extends Placed<KeptLog> {
  readonly channel: string;
  readonly log: Log;
  ageMs: number;
  /** When it was published to, or lost its last subscriber. */
  usedAt: number;
}

/** One subscription. */
interface Told {
  readonly subscriber: Subscriber;
}

/** All channels, for every view of them. A channel is nothing but what it has in these maps. */
class Channels {
  readonly #bounds: typeof DEFAULTS;
  readonly #keys: RecentKeys;
  readonly #logs = new Map<string, KeptLog>();
  /** Logs that can go, by the age at which they do, least recently used first. */
  readonly #idle = new Map<number, UseOrder<KeptLog>>();
  readonly #told = new Map<string, Set<Told>>();
  readonly #presence = new Map<string, Map<string, Map<View, Presence>>>();

  /** Names the logs that begin now. It changes whenever a log with entries goes, so that no name stands for two logs of a channel. */
  #epoch = 0;
  readonly #run = crypto.randomUUID().slice(-12);
  /** Of the entries that are kept. */
  #bytes = 0;
  #entries = 0;

  /** What is not told yet: a subscriber may publish while it is told, and the others are told in order even so. */
  readonly #untold: { readonly channel: string; readonly entry: Entry }[] = [];
  #isTelling = false;

  #views = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweepAt = Infinity;

  constructor(bounds: typeof DEFAULTS) {
    this.#bounds = bounds;
    this.#keys = new RecentKeys(bounds.keyWindowMs, bounds.maxKeys);
  }

  subscribe(channel: string, retention: Retention | undefined, told: Told): void {
    const all = this.#told.get(channel);
    if (all === undefined) this.#told.set(channel, new Set([told]));
    else all.add(told);
    // So that its epoch is the same when the first entry comes.
    if (retention !== undefined) this.#openLog(channel, retention);
  }

  unsubscribe(channel: string, told: Told): void {
    const all = this.#told.get(channel);
    if (!all?.delete(told) || all.size > 0) return;
    this.#told.delete(channel);
    const kept = this.#logs.get(channel);
    if (kept === undefined) return;
    // Who comes back soon finds the log, though all of its entries may have aged.
    if (kept.log.head > 0) this.#use(kept, kept.ageMs, clock());
    else this.#forget(kept);
  }

  publish({ channel, data, retention, key }: PublishRequest): Published {
    const now = clock();
    const made = key === undefined ? undefined : this.#keys.find(channel, key, now);
    if (made !== undefined) return made;
    const position = retention === undefined ? undefined : this.#append(channel, data, retention, now);
    if (key !== undefined) {
      this.#keys.add(channel, key, position, now);
      this.#sweepBy(now + this.#bounds.keyWindowMs, now);
    }
    if (this.#told.has(channel)) this.#tell(channel, { data, position });
    return { position, isRepeat: false };
  }

  read({ channel, retention, after, last = 0, maxEntries, maxBytes }: ReadRequest): Page {
    const kept = this.#logs.get(channel);
    if (kept !== undefined) this.#change(kept, (log) => log.trim(retention, clock()));
    const { epoch, head, tail } = kept?.log ?? { epoch: this.#nextEpoch(), head: 0, tail: 0 };
    const isGap = after !== undefined && !(after.epoch === epoch && after.offset >= tail && after.offset <= head);
    const offset = after === undefined ? Math.max(tail, head - last) : isGap ? tail : after.offset;
    const data = kept?.log.read(offset, maxEntries, maxBytes) ?? [];
    return { from: { epoch, offset }, data, head, isGap };
  }

  setPresence(view: View, channel: string, presence: Presence): void {
    const { user } = presence;
    const users = this.#presence.get(channel) ?? new Map<string, Map<View, Presence>>();
    const views = users.get(user) ?? new Map<View, Presence>();
    const before = merge(user, views);
    views.delete(view);
    if (presence.connections > 0) this.#presence.set(channel, users.set(user, views.set(view, presence)));
    else if (views.size === 0 && users.delete(user) && users.size === 0) this.#presence.delete(channel);
    const now = merge(user, views);
    if (now.connections === before.connections && (now.connections === 0 || now.data === before.data)) return;
    for (const { subscriber } of this.#told.get(channel) ?? []) subscriber.presence(now);
  }

  members(channel: string): Presence[] {
    return [...(this.#presence.get(channel) ?? [])].map(([user, views]) => merge(user, views));
  }

  open(): void {
    this.#views++;
    if (this.#views === 1) this.#sweep();
  }

  /** Takes out everybody who is present through a view. Without views nothing goes on, and what is kept goes with the last reference to it. */
  shut(view: View): void {
    this.#views--;
    if (this.#views === 0) clearTimeout(this.#timer);
    for (const [channel, users] of [...this.#presence]) {
      for (const [user, views] of [...users]) {
        if (views.has(view)) this.setPresence(view, channel, { user, data: 'null', connections: 0 });
      }
    }
  }

  size(): { logs: number; bytes: number } {
    return { logs: this.#logs.size, bytes: this.#bytes };
  }

  #append(channel: string, data: string, retention: Retention, now: number): Published['position'] {
    const kept = this.#openLog(channel, retention);
    this.#change(kept, (log) => {
      log.add(data, now);
      log.trim(retention, now);
    });
    this.#use(kept, retention.ageMs, now);
    while (this.#cost() > this.#bounds.maxBytes && this.#dropLeastRecent());
    return { epoch: kept.log.epoch, offset: kept.log.head };
  }

  #tell(channel: string, entry: Entry): void {
    this.#untold.push({ channel, entry });
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (const next of this.#untold) {
        for (const { subscriber } of this.#told.get(next.channel) ?? []) subscriber.entry(next.entry);
      }
    } finally {
      this.#untold.length = 0;
      this.#isTelling = false;
    }
  }

  #nextEpoch(): string {
    return `${this.#run}.${this.#epoch}`;
  }

  #openLog(channel: string, { ageMs }: Retention): KeptLog {
    let kept = this.#logs.get(channel);
    if (kept === undefined) {
      kept = { channel, log: new Log(this.#nextEpoch()), ageMs, usedAt: 0, older: undefined, newer: undefined };
      this.#logs.set(channel, kept);
    }
    return kept;
  }

  /** All that changes what a log keeps goes through here: so the sums are right. */
  #change({ log }: KeptLog, change: (log: Log) => void): void {
    this.#bytes -= log.bytes;
    this.#entries -= log.length;
    change(log);
    this.#bytes += log.bytes;
    this.#entries += log.length;
  }

  #use(kept: KeptLog, ageMs: number, now: number): void {
    this.#idle.get(kept.ageMs)?.remove(kept);
    kept.ageMs = ageMs;
    kept.usedAt = now;
    const idle = this.#idle.get(ageMs) ?? new UseOrder();
    this.#idle.set(ageMs, idle);
    idle.add(kept);
    this.#sweepBy(now + ageMs, now);
  }

  #forget(kept: KeptLog): void {
    this.#logs.delete(kept.channel);
    if (kept.log.head > 0) this.#epoch++;
  }

  /** Lets the entries of a log go, and the log as well when nobody is told of it. */
  #drop(kept: KeptLog): void {
    this.#idle.get(kept.ageMs)?.remove(kept);
    this.#change(kept, (log) => log.clear());
    if (!this.#told.has(kept.channel)) this.#forget(kept);
  }

  #cost(): number {
    return this.#bytes + this.#entries * ENTRY_BYTES + this.#logs.size * LOG_BYTES;
  }

  #dropLeastRecent(): boolean {
    let least: KeptLog | undefined;
    for (const { oldest } of this.#idle.values()) {
      if (oldest !== undefined && (least === undefined || oldest.usedAt < least.usedAt)) least = oldest;
    }
    if (least !== undefined) this.#drop(least);
    return least !== undefined;
  }

  #sweepBy(at: number, now: number): void {
    if (at >= this.#sweepAt) return;
    clearTimeout(this.#timer);
    this.#sweepAt = at;
    const delay = Math.min(MAX_TIMER_MS, Math.max(MIN_SWEEP_MS, at - now));
    this.#timer = setTimeout(() => this.#sweep(), delay);
    // Node would wait for it.
    this.#timer.unref?.();
  }

  /** Drops what has aged, and comes again when more will have. */
  #sweep(): void {
    const now = clock();
    let next = this.#keys.expire(now);
    for (const [ageMs, idle] of this.#idle) {
      for (let kept = idle.oldest; kept !== undefined; kept = idle.oldest) {
        if (now - kept.usedAt < ageMs) {
          next = Math.min(next, kept.usedAt + ageMs);
          break;
        }
        this.#drop(kept);
      }
    }
    this.#sweepAt = Infinity;
    this.#sweepBy(next, now);
  }
}

/** The channels as one process sees them. */
class View implements MemoryEngine {
  readonly #channels: Channels;
  readonly #closings = new Set<() => void>();
  #isClosed = false;

  constructor(channels: Channels) {
    this.#channels = channels;
    channels.open();
  }

  async subscribe(channel: string, retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription> {
    const channels = this.#open();
    const told = { subscriber };
    channels.subscribe(channel, retention, told);
    const close = () => {
      this.#closings.delete(close);
      channels.unsubscribe(channel, told);
    };
    this.#closings.add(close);
    return { close };
  }

  async publish(request: PublishRequest): Promise<Published> {
    return this.#open().publish(request);
  }

  async read(request: ReadRequest): Promise<Page> {
    return this.#open().read(request);
  }

  async setPresence(channel: string, presence: Presence): Promise<void> {
    this.#open().setPresence(this, channel, presence);
  }

  async members(channel: string): Promise<readonly Presence[]> {
    return this.#open().members(channel);
  }

  status() {
    return { name: 'memory', state: 'live', ...this.#channels.size() } as const;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const close of this.#closings) close();
    this.#channels.shut(this);
  }

  share(): MemoryEngine {
    return new View(this.#channels);
  }

  #open(): Channels {
    if (this.#isClosed) throw new RealtimeError('CLOSED', 'the engine is closed');
    return this.#channels;
  }
}

/** A user's presence through all views: what was said last, and all connections. */
function merge(user: string, views: ReadonlyMap<View, Presence>): Presence {
  let data = 'null';
  let connections = 0;
  for (const presence of views.values()) {
    data = presence.data;
    connections += presence.connections;
  }
  return { user, data, connections };
}

/** Milliseconds that go on steadily, whatever is done to the time of day. */
function clock(): number {
  return Math.floor(performance.now());
}
