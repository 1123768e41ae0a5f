/** Who is in a channel, over all processes: as its watchers have been told, and what has changed since. */

import type { Presence } from '../engines/engine.ts';
import type { PreparedMessage } from '../socket/prepared-message.ts';
import { toFrame } from './messages.ts';

export class Roster {
  readonly #channel: string;
  /** Members as JSON text, by user. */
  readonly #told = new Map<string, string>();
  /** Undefined for users who have gone. */
  readonly #changes = new Map<string, string | undefined>();
  /** Counts how often it was asked for all. */
  #turn = 0;
  #state: 'none' | 'loading' | 'ready' = 'none';
  #all: PreparedMessage | undefined;

  constructor(channel: string) {
    this.#channel = channel;
  }

  get state(): 'none' | 'loading' | 'ready' {
    return this.#state;
  }

  get hasChanges(): boolean {
    return this.#state === 'ready' && this.#changes.size > 0;
  }

  change({ user, data, connections }: Presence): void {
    if (this.#state === 'none') return;
    this.#changes.set(user, connections === 0 ? undefined : textOf(user, data, connections));
  }

  /** @param ask gives those who are there; what changes meanwhile counts above it */
  async load(ask: () => Promise<readonly Presence[]>): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#state = 'loading';
    this.#changes.clear();
    let members: readonly Presence[];
    try {
      members = await ask();
    } catch (error) {
      if (turn === this.#turn) this.#state = 'none';
      throw error;
    }
    if (turn !== this.#turn) return;
    const since = [...this.#changes];
    this.#changes.clear();
    for (const user of this.#told.keys()) this.#changes.set(user, undefined);
    for (const { user, data, connections } of members) {
      this.#changes.set(user, textOf(user, data, connections));
    }
    for (const [user, text] of since) this.#changes.set(user, text);
    this.#state = 'ready';
  }

  /** What has changed since the last time, as one frame; undefined when it is all as it was. */
  takeChanges(): PreparedMessage | undefined {
    const set: string[] = [];
    const gone: string[] = [];
    for (const [user, text] of this.#changes) {
      if (this.#told.get(user) === text) continue;
      if (text === undefined) {
        this.#told.delete(user);
        gone.push(user);
      } else {
        this.#told.set(user, text);
        set.push(text);
      }
    }
    this.#changes.clear();
    if (set.length + gone.length === 0) return undefined;
    this.#all = undefined;
    const channel = JSON.stringify(this.#channel);
    return toFrame(`{"type":"presence","channel":${channel},"set":[${set.join(',')}],"gone":${JSON.stringify(gone)}}`);
  }

  /** All of them, as watchers have been told. */
  get all(): PreparedMessage {
    const channel = JSON.stringify(this.#channel);
    this.#all ??= toFrame(`{"type":"members","channel":${channel},"members":[${[...this.#told.values()].join(',')}]}`);
    return this.#all;
  }
}

function textOf(user: string, data: string, connections: number): string {
  return `{"user":${JSON.stringify(user)},"data":${data},"connections":${connections}}`;
}
