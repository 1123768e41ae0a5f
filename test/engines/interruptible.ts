/** The memory engine as several processes would share it over a network: each one's way to it can be cut, and its logs can be lost. */

import type {
  Engine,
  Page,
  Presence,
  Published,
  PublishRequest,
  ReadRequest,
  Retention,
  Subscriber,
  Subscription,
} from '../../src/engines/engine.ts';
import { type MemoryEngine, type MemoryOptions, memory } from '../../src/engines/memory.ts';
import { RealtimeError } from '../../src/realtime-protocol/index.ts';

interface Wanted {
  readonly channel: string;
  readonly retention: Retention | undefined;
  readonly subscriber: Subscriber;
  inner: Subscription | undefined;
}

/** One process's engine. */
export class InterruptibleEngine implements Engine {
  #far: MemoryEngine | undefined;
  #isClosed = false;
  readonly #wanted = new Set<Wanted>();
  readonly #present = new Map<string, { readonly channel: string; readonly presence: Presence }>();

  constructor(far: MemoryEngine) {
    this.#far = far;
  }

  async subscribe(channel: string, retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription> {
    const wanted: Wanted = { channel, retention, subscriber, inner: undefined };
    wanted.inner = await this.#reach().subscribe(channel, retention, subscriber);
    this.#wanted.add(wanted);
    const close = () => {
      this.#wanted.delete(wanted);
      wanted.inner?.close();
    };
    return { close };
  }

  async publish(request: PublishRequest): Promise<Published> {
    if (this.#far === undefined && request.retention === undefined && !this.#isClosed) {
      for (const { channel, subscriber } of this.#wanted) {
        if (channel === request.channel) subscriber.entry({ data: request.data, position: undefined });
      }
      return { position: undefined, isRepeat: false };
    }
    return this.#reach().publish(request);
  }

  async read(request: ReadRequest): Promise<Page> {
    return this.#reach().read(request);
  }

  async setPresence(channel: string, presence: Presence): Promise<void> {
    if (this.#isClosed) this.#reach();
    const name = JSON.stringify([channel, presence.user]);
    if (presence.connections === 0) this.#present.delete(name);
    else this.#present.set(name, { channel, presence });
    await this.#far?.setPresence(channel, presence);
  }

  async members(channel: string): Promise<readonly Presence[]> {
    return this.#reach().members(channel);
  }

  status() {
    return { name: 'interruptible', state: this.#far ? 'live' : 'stale', logs: undefined, bytes: undefined } as const;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wanted.clear();
    await this.#far?.close();
  }

  /** The way is cut. */
  async cut(): Promise<void> {
    const far = this.#far;
    this.#far = undefined;
    for (const { subscriber } of this.#wanted) subscriber.state('stale');
    await far?.close();
  }

  /** It is there again, and leads to `far`. */
  async restore(far: MemoryEngine): Promise<void> {
    if (this.#isClosed) return;
    for (const wanted of this.#wanted) {
      wanted.inner = await far.subscribe(wanted.channel, wanted.retention, wanted.subscriber);
    }
    for (const { channel, presence } of this.#present.values()) await far.setPresence(channel, presence);
    this.#far = far;
    for (const { subscriber } of this.#wanted) subscriber.state('live');
  }

  #reach(): MemoryEngine {
    if (this.#isClosed) throw new RealtimeError('CLOSED', 'the engine is closed');
    if (this.#far === undefined) throw new RealtimeError('UNAVAILABLE', 'the engine is away');
    return this.#far;
  }
}

/** Engines over one memory, and what can happen to them. */
export function interruptible(count: number, options: MemoryOptions = {}) {
  let far = memory(options);
  const engines = Array.from({ length: count }, () => new InterruptibleEngine(far.share()));
  return {
    engines,
    cut: () => Promise.all(engines.map((engine) => engine.cut())),
    restore: () => Promise.all(engines.map((engine) => engine.restore(far.share()))),
    /** All logs go. */
    lose: async () => {
      await far.close();
      far = memory(options);
    },
  };
}
