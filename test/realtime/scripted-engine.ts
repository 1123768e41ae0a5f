/** An engine whose log, answers and faults are the test's: one channel, or many that share one log. */

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
} from '../../src/engines/engine.ts';
import { memory } from '../../src/engines/memory.ts';

const isOfHubs = (channel: string) => channel.startsWith('::');

type Kind = 'subscribe' | 'publish' | 'read' | 'setPresence' | 'members';

export class ScriptedEngine implements Engine {
  /** What hubs tell each other is no matter of the test's. */
  readonly #others = memory();
  epoch = 'e1';
  /** Offset before the oldest entry that is kept. */
  tail = 0;
  readonly log: string[] = [];
  readonly subscribers = new Map<string, Subscriber>();
  readonly reads: ReadRequest[] = [];
  readonly published: PublishRequest[] = [];
  readonly presence: (Presence & { readonly channel: string })[] = [];
  present: Presence[] = [];
  /** Whether publications are told to subscribers by themselves. */
  tells = true;
  readonly #held = new Map<Kind, (() => void)[]>();
  readonly #failing = new Map<Kind, unknown>();
  #wake: () => void = () => {};

  /** From here on, answers of this kind wait for `release`. What they say is settled when they are asked for. */
  hold(kind: Kind): void {
    this.#held.set(kind, []);
  }

  /** Gives the answers that wait. */
  release(kind: Kind): void {
    const waiting = this.#held.get(kind) ?? [];
    this.#held.delete(kind);
    for (const answer of waiting) answer();
  }

  /** How many wait for their answers. */
  waiting(kind: Kind): number {
    return this.#held.get(kind)?.length ?? 0;
  }

  /** Settled when something is asked for next. */
  asked(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Until it is told otherwise, answers of this kind are this error. */
  fail(kind: Kind, error: unknown): void {
    if (error === undefined) this.#failing.delete(kind);
    else this.#failing.set(kind, error);
  }

  #answer<T>(kind: Kind, value: () => T): Promise<T> {
    const isFailing = this.#failing.has(kind);
    const result = isFailing ? Promise.reject(this.#failing.get(kind)) : Promise.resolve(value());
    result.catch(() => {});
    const held = this.#held.get(kind);
    this.#wake();
    if (held === undefined) return result;
    return new Promise((resolve) => {
      held.push(() => resolve(result));
    });
  }

  subscribe(channel: string, retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription> {
    if (isOfHubs(channel)) return this.#others.subscribe(channel, retention, subscriber);
    return this.#answer('subscribe', () => {
      this.subscribers.set(channel, subscriber);
      return { close: () => void this.subscribers.delete(channel) };
    });
  }

  publish(request: PublishRequest): Promise<Published> {
    if (isOfHubs(request.channel)) return this.#others.publish(request);
    return this.#answer('publish', () => {
      this.published.push(request);
      const position = request.retention && { epoch: this.epoch, offset: this.tail + this.log.push(request.data) };
      if (this.tells) this.subscribers.get(request.channel)?.entry({ data: request.data, position });
      return { position, isRepeat: false };
    });
  }

  read(request: ReadRequest): Promise<Page> {
    if (isOfHubs(request.channel)) return this.#others.read(request);
    this.reads.push(request);
    return this.#answer('read', () => {
      const { after, last = 0, maxEntries, maxBytes } = request;
      const head = this.tail + this.log.length;
      const isGap =
        after !== undefined && (after.epoch !== this.epoch || after.offset < this.tail || after.offset > head);
      const offset = after === undefined ? Math.max(this.tail, head - last) : isGap ? this.tail : after.offset;
      const data: string[] = [];
      let bytes = 0;
      for (const text of this.log.slice(offset - this.tail, offset - this.tail + maxEntries)) {
        bytes += text.length;
        if (bytes > maxBytes && data.length > 0) break;
        data.push(text);
      }
      return { from: { epoch: this.epoch, offset }, data, head, isGap };
    });
  }

  setPresence(channel: string, presence: Presence): Promise<void> {
    return this.#answer('setPresence', () => {
      this.presence.push({ channel, ...presence });
      this.present = this.present.filter(({ user }) => user !== presence.user);
      if (presence.connections > 0) this.present.push(presence);
      this.subscribers.get(channel)?.presence(presence);
    });
  }

  members(): Promise<readonly Presence[]> {
    return this.#answer('members', () => [...this.present]);
  }

  status(): EngineStatus {
    return { name: 'scripted', state: 'live', logs: 1, bytes: 0 };
  }

  async close(): Promise<void> {}
}
