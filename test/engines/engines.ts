/** Engines that share one log, as the tests of the contract get them. */

import type { Engine, Entry, Presence, Subscriber } from '../../src/engines/engine.ts';

export interface Engines {
  readonly engines: readonly Engine[];
  /** Lets time pass for the engines, and for what they do meanwhile. */
  wait(ms: number): Promise<void>;
  /** The time of `wait` is all that passes: then what is too old is known exactly. */
  readonly isTimeVirtual: boolean;
  /** So long the engines remember a key. */
  readonly keyWindowMs: number;
  /** Where engines can be away: all of them are, and back again. */
  readonly interruption?: {
    cut(): Promise<unknown>;
    restore(): Promise<unknown>;
    /** While they are away: what keeps the logs loses them. */
    lose(): Promise<unknown>;
  };
  /** Ends them, and what was begun for them. */
  end(): Promise<void>;
}

/** Remembers what it is told. */
export class Recorder implements Subscriber {
  readonly entries: Entry[] = [];
  readonly changes: Presence[] = [];
  readonly states: string[] = [];

  entry(entry: Entry): void {
    this.entries.push(entry);
  }
  presence(change: Presence): void {
    this.changes.push(change);
  }
  state(state: string): void {
    this.states.push(state);
  }
  get data(): string[] {
    return this.entries.map((entry) => entry.data);
  }
  get offsets(): (number | undefined)[] {
    return this.entries.map((entry) => entry.position?.offset);
  }
}
