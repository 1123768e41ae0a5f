/** What `join` gives: one reader of a channel, with a position of its own. */

import type { Member } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import type { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { Listeners } from './listeners.ts';
import type { Channel, ChannelEvents, ChannelState, JoinOptions, Message, RequestOptions } from './types.ts';

/** So many messages wait for a reader. */
const MAX_WAITING = 1000;

/** What a handle can ask of its connection. */
export interface Owner {
  publish(data: unknown, options?: RequestOptions): Promise<Position | undefined>;
  leave(): void;
}

export class Handle implements Channel {
  readonly name: string;
  readonly options: JoinOptions;
  state: ChannelState = 'joining';
  position: Position | undefined;
  members: readonly Member<never>[] = [];
  error: RealtimeError | undefined;
  /** 'new': has nothing yet, and misses nothing. 'cut': what comes has to follow what it had. 'ready': what comes is for it. */
  stage: 'new' | 'cut' | 'ready' = 'new';
  readonly #owner: Owner;
  readonly #listeners = new Listeners<ChannelEvents<unknown, never>>('message', 'gap', 'members', 'state', 'error');
  #waiting: Message<unknown>[] = [];
  /** A listener has come, and gets first what waits. */
  #isAwaited = false;
  #isAfterGap = false;
  #readers = 0;
  /** Called when there is something to read, or the end. */
  readonly #sleepers: (() => void)[] = [];

  constructor(name: string, options: JoinOptions, owner: Owner) {
    this.name = name;
    this.options = options;
    this.#owner = owner;
    this.position = options.after;
    if (options.after) this.stage = 'cut';
  }

  on<Type extends keyof ChannelEvents<unknown, never>>(
    type: Type,
    listener: (value: ChannelEvents<unknown, never>[Type]) => void,
  ): () => void {
    const off = this.#listeners.on(type, listener);
    if (type === 'message' && !this.#readers) {
      this.#isAwaited = true;
      queueMicrotask(() => {
        this.#isAwaited = false;
        if (!this.#listeners.has('message')) return;
        for (const message of this.#waiting.splice(0)) this.#listeners.emit('message', message);
      });
    }
    return off;
  }

  publish(data: unknown, options?: RequestOptions): Promise<Position | undefined> {
    return this.#owner.publish(data, options);
  }

  leave(): void {
    if (this.state === 'left') return;
    this.#owner.leave();
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message<never>, void, undefined> {
    this.#readers++;
    try {
      while (true) {
        const message = this.#waiting.shift();
        if (message) yield message as Message<never>;
        else if (this.error) throw this.error;
        else if (this.state === 'left') return;
        else await new Promise<void>((resolve) => this.#sleepers.push(resolve));
      }
    } finally {
      this.#readers--;
    }
  }

  // ---- Told by the membership --------------------------------------------------------------------------------------

  /** What follows comes behind this position: is it what this one needs? @param isReset it is not, whatever the offsets say */
  start(position: Position | undefined, isReset = false): void {
    const { position: own } = this;
    const misses =
      own && position
        ? isReset || own.epoch !== position.epoch || own.offset < position.offset
        : this.stage === 'cut' || Boolean(own);
    this.stage = 'ready';
    if (misses) this.gap(position);
    else this.position ??= position;
    this.setState('live');
  }

  gap(position: Position | undefined): void {
    this.position = position;
    this.#isAfterGap = true;
    this.#listeners.emit('gap', position);
  }

  /** @param position `undefined` without history */
  accept(data: unknown, position: Position | undefined): void {
    if (position && this.position) {
      if (position.offset <= this.position.offset) return;
      const before = { ...position, offset: position.offset - 1 };
      if (before.offset > this.position.offset) this.gap(before);
    }
    const isHeard = !this.#isAwaited && this.#listeners.has('message');
    const isKept = this.#readers > 0 || !isHeard;
    if (isKept && this.#waiting.length >= MAX_WAITING) {
      this.#waiting = [];
      this.gap(this.position);
    }
    this.position = position;
    const message = { data, position, isAfterGap: this.#isAfterGap };
    this.#isAfterGap = false;
    if (isKept) this.#waiting.push(message);
    if (isHeard) this.#listeners.emit('message', message);
    this.#arouse();
  }

  setMembers(members: readonly Member<never>[]): void {
    this.members = members;
    this.#listeners.emit('members', members);
  }

  setState(state: ChannelState): void {
    if (this.state === state || this.state === 'left') return;
    this.state = state;
    this.#listeners.emit('state', state);
  }

  /** @param error why, if not by this end */
  end(error?: RealtimeError): void {
    if (this.state === 'left') return;
    this.error = error;
    this.setState('left');
    if (error) this.#listeners.emit('error', error);
    this.#arouse();
  }

  #arouse(): void {
    for (const wake of this.#sleepers.splice(0)) wake();
  }
}
