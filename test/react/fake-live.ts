/** A connection to a hub that a test plays: nothing is sent, and what comes is what the test tells. */

import type { ChannelState, ConnectionState, JoinOptions, Live, Message } from '../../src/live/types.ts';
import type { Member } from '../../src/realtime-protocol/define-protocol.ts';
import type { Position } from '../../src/realtime-protocol/position.ts';
import type { RealtimeError } from '../../src/realtime-protocol/realtime-error.ts';

type Listener = (value: never) => void;

class Emitter {
  readonly #listeners = new Set<readonly [type: string, listener: Listener]>();

  on(type: string, listener: Listener): () => void {
    const entry = [type, listener] as const;
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }
  emit(type: string, value: unknown): void {
    for (const [known, listener] of this.#listeners) if (known === type) listener(value as never);
  }
  get listenerCount(): number {
    return this.#listeners.size;
  }
}

export class FakeChannel extends Emitter {
  state: ChannelState = 'joining';
  position: Position | undefined;
  members: readonly Member[] = [];
  error: RealtimeError | undefined;
  readonly name: string;
  readonly options: JoinOptions;
  constructor(name: string, options: JoinOptions = {}) {
    super();
    this.name = name;
    this.options = options;
  }
  enter(state: ChannelState): void {
    this.state = state;
    this.emit('state', state);
  }
  /** Messages with offsets, in one frame. */
  tell(...messages: readonly (Partial<Message<unknown>> & { data: unknown })[]): void {
    for (const message of messages) {
      this.position = message.position;
      this.emit('message', { position: undefined, isAfterGap: false, ...message });
    }
  }
  setMembers(...members: readonly Member[]): void {
    this.members = members;
    this.emit('members', members);
  }
  leave(): void {
    this.enter('left');
  }
}

export class FakeLive extends Emitter {
  state: ConnectionState = 'connecting';
  user: string | undefined;
  error: RealtimeError | undefined;
  retryAt: number | undefined;
  readonly channels: FakeChannel[] = [];
  readonly published: unknown[][] = [];
  readonly asked: unknown[][] = [];
  /** Of what was asked last. */
  answer: (output: unknown) => void = () => {};
  readonly options: { token?: () => unknown };
  readonly call = new Proxy(
    {},
    {
      get: (_, name) => (input: unknown) => {
        this.asked.push([name, input]);
        return new Promise((resolve) => {
          this.answer = resolve;
        });
      },
    },
  );
  constructor(options: { token?: () => unknown } = {}) {
    super();
    this.options = options;
  }
  enter(state: ConnectionState): void {
    this.state = state;
    this.emit('state', state);
  }
  join(name: string, options?: JoinOptions): FakeChannel {
    const channel = new FakeChannel(name, options);
    this.channels.push(channel);
    return channel;
  }
  async publish(...args: unknown[]): Promise<undefined> {
    this.published.push(args);
  }
  close(): void {
    this.enter('closed');
  }
  /** As the hooks take it. */
  get live(): Live {
    return this as unknown as Live;
  }
}
