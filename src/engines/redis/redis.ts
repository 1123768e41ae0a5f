/**
 * The engine of many processes: logs, keys and presence are in Redis, which does each thing in one step and tells all processes of
 * it. What it tells comes in the order in which it was done.
 */

import { COUNT, checkOptions, FLAG, type OptionKinds, TEXT } from '../../options/option-check.ts';
import { RealtimeError } from '../../realtime-protocol/realtime-error.ts';
import type {
  Engine,
  EngineStatus,
  Page,
  Presence,
  Published,
  PublishRequest,
  ReadRequest,
  Retention,
  Subscriber,
  Subscription,
} from '../engine.ts';
import { checkClient, identityOf, type RedisClient } from './connection.ts';
import { Link, type LinkSettings } from './link.ts';
import { type Names, namesIn } from './names.ts';
import { APPEND, PRESENT, READ, SAY_ONCE } from './scripts.ts';
import { readTold, readUser, type Told, writeSaid, writeUser } from './told.ts';

export interface RedisOptions {
  /** In front of all names in Redis. Default: the client's `keyPrefix`, and 'framewright:'. */
  readonly prefix?: string;
  /** How long the `key` of a publication is remembered, in milliseconds. Default 120,000. */
  readonly keyWindowMs?: number;
  /** Redis is away when it has not answered for so long. Default 5000. */
  readonly timeoutMs?: number;
  /** When the members go that a process had which has died. Default 15,000. */
  readonly presenceTimeoutMs?: number;
  /** Sharded Pub/Sub, of Redis 7: for a Redis that is part of a cluster. Default false. */
  readonly sharded?: boolean;
}

const DOOR = {
  name: 'redis()',
  isLenient: false,
  kinds: {
    prefix: TEXT,
    keyWindowMs: COUNT,
    timeoutMs: COUNT,
    presenceTimeoutMs: COUNT,
    sharded: FLAG,
  } satisfies OptionKinds<RedisOptions>,
};

/** A log without entries stays known for so long, so that who stood at its end is told no gap. */
const LINE_MS = 86_400_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;
/** Channels whose presence is looked after at once. */
const AT_ONCE = 50;

/**
 * Keeps the logs of channels in Redis, for all processes that do the same.
 * @param client of the package `redis` or `ioredis`; it is duplicated, for two connections, and need not be connected
 * @throws {TypeError} for what is no client, and options that are misnamed, of the wrong kind or out of their range
 */
export function redis(client: RedisClient, options: RedisOptions = {}): Engine {
  checkClient(client);
  checkOptions(DOOR, options);
  return new RedisEngine(client, options);
}

interface Topic {
  readonly channel: string;
  readonly told: Set<{ readonly subscriber: Subscriber }>;
  readonly opened: Promise<unknown>;
  /** Somebody here knows who is there. */
  isWatched: boolean;
}

class RedisEngine implements Engine {
  readonly #settings: Omit<LinkSettings, 'message' | 'refused'> & {
    readonly keyWindowMs: number;
    readonly presenceTimeoutMs: number;
  };
  readonly #names: Names;
  readonly #process = crypto.randomUUID().slice(-12);
  /** While it holds, and Redis knows what was set here. */
  #link: Link | undefined;
  /** It, or the one that is being made. */
  #newest!: Link;
  /** Until there is a link, or could not be one in time. */
  #first: Promise<void> | undefined;
  #endFirst!: () => void;
  /** Why there is no link. */
  #fault: unknown;
  /** What was warned of since there was one. */
  readonly #warned = new Set<string>();
  #isClosed = false;
  /** By their names in Redis. */
  readonly #topics = new Map<string, Topic>();
  /** What was set here, by channel and user; empty until Redis knows that nobody is left. */
  readonly #present = new Map<string, Map<string, Presence>>();
  /** Channels of which Redis did not take what was set. */
  readonly #unsaid = new Set<string>();
  /** Publications without history that are under way, and have not come back. */
  readonly #unheard = new Map<number, { readonly name: string; readonly data: string }>();
  #saidCount = 0;

  constructor(client: RedisClient, options: RedisOptions) {
    const { keyPrefix, database } = identityOf(client);
    this.#names = namesIn(options.prefix ?? `${keyPrefix}framewright:`, database);
    this.#settings = {
      client,
      isSharded: options.sharded ?? false,
      timeoutMs: options.timeoutMs ?? 5000,
      ownTopic: this.#names.process(this.#process),
      keyWindowMs: options.keyWindowMs ?? 120_000,
      presenceTimeoutMs: options.presenceTimeoutMs ?? 15_000,
    };
    this.#first = new Promise((resolve) => {
      this.#endFirst = () => {
        this.#first = undefined;
        resolve();
      };
    });
    void pause(this.#settings.timeoutMs).then(this.#endFirst);
    void this.#keepLinked();
    void this.#keepPresent();
  }

  // ---- The link -------------------------------------------------------------------------------------------------

  async #keepLinked(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#isClosed) {
      const link = new Link({
        ...this.#settings,
        message: (name, text) => this.#hear(name, text),
        refused: (error) => this.#warn(error),
      });
      this.#newest = link;
      this.#open(link).then(
        () => {
          pauseMs = FIRST_PAUSE_MS;
        },
        (error: unknown) => link.end(error),
      );
      this.#fault = await link.ended;
      if (this.#link === link) {
        this.#link = undefined;
        this.#tellState('stale');
        for (const { name, data } of this.#unheard.values()) this.#tellHere(name, data);
        this.#unheard.clear();
      } else if (!this.#isClosed) this.#warn(this.#fault as Error);
      await pause(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  }

  async #open(link: Link): Promise<void> {
    const names = [...this.#topics.keys()];
    await link.open(names);
    await forEach([...this.#present.keys()], (channel) => this.#repeatPresence(link, channel));
    if (link.state === 'ended') return;
    this.#link = link;
    this.#warned.clear();
    this.#endFirst();
    for (const name of names) if (!this.#topics.has(name)) link.unsubscribe(name);
    this.#tellState('live');
  }

  /** Once for each kind of fault: Redis's answers begin with it, and those of the system name it. */
  #warn({ message, code }: Error & { readonly code?: string }): void {
    const kind = code ?? message.split(' ', 1)[0]!;
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    process.emitWarning(`redis(): Redis cannot be used as it is: ${message || code}`);
  }

  #tellState(state: 'live' | 'stale'): void {
    for (const { told } of this.#topics.values()) for (const { subscriber } of told) subscriber.state(state);
  }

  /** Does it when there was a link, or could not be one in time. */
  #begun<T>(ask: () => Promise<T>): Promise<T> {
    return this.#first === undefined ? ask() : this.#first.then(ask);
  }

  #reach(): Link {
    if (this.#isClosed) throw new RealtimeError('CLOSED', 'the engine is closed');
    if (this.#link === undefined) {
      throw new RealtimeError('UNAVAILABLE', 'Redis is away', { cause: this.#fault });
    }
    return this.#link;
  }

  #hear(name: string, text: string): void {
    const told = readTold(text);
    if (told?.type === 'said' && told.process === this.#process) this.#unheard.delete(told.number);
    if (told !== undefined) this.#tell(name, told);
  }

  #tell(name: string, told: Told): void {
    for (const { subscriber } of this.#topics.get(name)?.told ?? []) {
      if (told.type === 'presence') subscriber.presence(told.change);
      else subscriber.entry(told.entry);
    }
  }

  // ---- The contract ---------------------------------------------------------------------------------------------

  subscribe(channel: string, _retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription> {
    return this.#begun(async () => {
      const link = this.#reach();
      const name = this.#names.topic(channel);
      const topic = this.#topics.get(name) ?? {
        channel,
        told: new Set(),
        opened: link.subscribe(name),
        isWatched: false,
      };
      this.#topics.set(name, topic);
      const one = { subscriber };
      topic.told.add(one);
      const close = () => {
        topic.told.delete(one);
        if (topic.told.size > 0 || this.#topics.get(name) !== topic) return;
        this.#topics.delete(name);
        this.#link?.unsubscribe(name);
      };
      try {
        await topic.opened;
        this.#reach();
      } catch (error) {
        close();
        throw error;
      }
      return { close };
    });
  }

  publish(request: PublishRequest): Promise<Published> {
    const { retention } = request;
    return this.#begun(() => (retention === undefined ? this.#say(request) : this.#append(request, retention)));
  }

  async #append({ channel, data, key }: PublishRequest, retention: Retention): Promise<Published> {
    const keys = [...this.#names.log(channel), ...(key === undefined ? [] : [this.#names.key(channel, key)])];
    const words = [...wordsOf(retention), data, String(this.#settings.keyWindowMs)];
    const answer = await this.#reach().run(APPEND, keys, this.#names.topic(channel), words);
    const [epoch, offset, isRepeat] = answer as [string, string, number];
    return { position: { epoch, offset: Number(offset) }, isRepeat: isRepeat === 1 };
  }

  /** Without history. What the link has not brought back when it ends is told here all the same, before anything later. */
  async #say({ channel, data, key }: PublishRequest): Promise<Published> {
    const link = this.#isClosed ? this.#reach() : this.#link;
    const name = this.#names.topic(channel);
    const number = ++this.#saidCount;
    const none = { position: undefined, isRepeat: false };
    if (link === undefined) {
      this.#tellHere(name, data);
      return none;
    }
    const text = writeSaid(this.#process, number, data);
    this.#unheard.set(number, { name, data });
    try {
      if (key !== undefined) {
        const words = [text, String(this.#settings.keyWindowMs)];
        const answer = await link.run(SAY_ONCE, [this.#names.key(channel, key)], name, words);
        return { position: undefined, isRepeat: answer === 1 };
      }
      await link.publish(name, text);
    } catch (error) {
      if (link.state !== 'ended') throw error;
      await link.ended;
    } finally {
      this.#unheard.delete(number);
    }
    return none;
  }

  #tellHere(name: string, data: string): void {
    for (const { subscriber } of this.#topics.get(name)?.told ?? []) subscriber.entry({ data, position: undefined });
  }

  read({ channel, retention, after, last = 0, maxEntries, maxBytes }: ReadRequest): Promise<Page> {
    return this.#begun(async () => {
      const place = after === undefined ? ['', ''] : [after.epoch, String(after.offset)];
      const words = [...wordsOf(retention), ...place, ...[last, maxEntries, maxBytes].map(String)];
      const answer = await this.#reach().run(READ, this.#names.log(channel), this.#names.topic(channel), words);
      const [epoch, offset, head, isGap, data] = answer as [string, string, string, number, string[]];
      return { from: { epoch, offset: Number(offset) }, data, head: Number(head), isGap: isGap === 1 };
    });
  }

  async setPresence(channel: string, presence: Presence): Promise<void> {
    if (this.#isClosed) this.#reach();
    const users = this.#present.get(channel) ?? new Map<string, Presence>();
    this.#present.set(channel, users);
    if (presence.connections > 0) users.set(presence.user, presence);
    else users.delete(presence.user);
    const link = this.#newest;
    // The next one is told all of it.
    if (link.state !== 'open') return;
    try {
      await this.#askPresence(link, channel, 'set', [presence]);
    } catch (error) {
      if (link.state === 'open') throw error;
    }
  }

  members(channel: string): Promise<readonly Presence[]> {
    return this.#begun(async () => {
      const topic = this.#topics.get(this.#names.topic(channel));
      if (topic !== undefined) topic.isWatched = true;
      const members = await this.#askPresence(this.#reach(), channel, 'look', []);
      return members.map(([user, data, connections]) => ({ user: readUser(user), data, connections }));
    });
  }

  status(): EngineStatus {
    return { name: 'redis', state: this.#link === undefined ? 'stale' : 'live', logs: undefined, bytes: undefined };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#topics.clear();
    const link = this.#link;
    this.#link = undefined;
    this.#endFirst();
    if (link !== undefined) {
      const channels = [...this.#present.keys()];
      this.#present.clear();
      await forEach(channels, (channel) => this.#repeatPresence(link, channel)).catch(() => {});
      await link.settled().catch(() => {});
    }
    this.#newest.end(undefined);
  }

  // ---- Presence -------------------------------------------------------------------------------------------------

  /** What Redis has no room for is tried again with the next beat. */
  async #repeatPresence(link: Link, channel: string): Promise<void> {
    this.#unsaid.delete(channel);
    try {
      await this.#askPresence(link, channel, 'all', [...(this.#present.get(channel)?.values() ?? [])]);
    } catch (error) {
      if (link.state === 'ended') throw error;
      this.#unsaid.add(channel);
    }
  }

  async #askPresence(
    link: Link,
    channel: string,
    what: 'set' | 'all' | 'look',
    presences: readonly Presence[],
  ): Promise<[user: string, data: string, connections: number][]> {
    const users = this.#present.get(channel);
    const size = users?.size ?? 0;
    const words = [this.#process, String(this.#settings.presenceTimeoutMs), size > 0 ? '1' : '0', what];
    for (const { user, data, connections } of presences) words.push(writeUser(user), data, String(connections));
    const answer = await link.run(PRESENT, this.#names.presence(channel), this.#names.topic(channel), words);
    const [isNew, members] = answer as [number, [string, string, number][]];
    if (size === 0 && users?.size === 0 && this.#present.get(channel) === users) this.#present.delete(channel);
    // Others took this process for dead, or Redis has lost it.
    const known = presences.filter(({ connections }) => connections > 0).length;
    if (isNew === 1 && what !== 'all' && size > known) await this.#repeatPresence(link, channel);
    return members;
  }

  /** Says that this process is alive, and looks after the members of others. */
  async #keepPresent(): Promise<void> {
    while (!this.#isClosed) {
      await pause(this.#settings.presenceTimeoutMs / 3);
      const link = this.#link;
      if (link === undefined) continue;
      await forEach([...this.#unsaid], (channel) => this.#repeatPresence(link, channel)).catch(() => {});
      const channels = new Set(this.#present.keys());
      for (const { channel, isWatched } of this.#topics.values()) if (isWatched) channels.add(channel);
      await forEach([...channels], (channel) => this.#askPresence(link, channel, 'set', [])).catch(() => {});
    }
  }
}

function wordsOf({ messages, bytes, ageMs }: Retention): string[] {
  const isEndless = ageMs === Number.POSITIVE_INFINITY;
  return [messages, bytes, isEndless ? '' : ageMs, isEndless ? LINE_MS : ageMs + LINE_MS].map(String);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

async function forEach<T>(all: readonly T[], action: (one: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(action));
}
