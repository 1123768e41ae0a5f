/** One connection in one channel. There may be very many: no closures, and nothing that is not needed while it is idle. */

import type { Position } from '../realtime-protocol/position.ts';
import type { Latest } from './latest.ts';
import type { Outlet } from './outlet.ts';

export const Stage = {
  /** Stands at the channel's head, and gets what comes. */
  Live: 0,
  /** Is reading what it has not had from the log. */
  Reading: 1,
  /** Too much waits for its connection: goes on when that has drained. */
  Lagging: 2,
  /** Has read further than the channel has told: waits for the channel. */
  Ahead: 3,
  /** The log is away: goes on when that is back. */
  Stuck: 4,
  Ended: 5,
} as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** What it is told of the other members. */
export const Watch = {
  Nothing: 0,
  /** Is due to be told all of them. */
  Due: 1,
  /** Knows them, and gets what changes. */
  Changes: 2,
} as const;
export type Watch = (typeof Watch)[keyof typeof Watch];

export class Membership {
  readonly outlet: Outlet;
  readonly user: string;
  stage: Stage = Stage.Reading;
  watch: Watch = Watch.Nothing;
  /** Where it stands among the live ones of its channel. */
  index = -1;
  /** Of the last entry it was sent, while it is not live; in a channel with history. */
  cursor: Position | undefined;
  /** The newest of each name that it has not been sent, in a channel without history. */
  latest: Latest | undefined;
  /** Whether it counts among its user's connections. */
  isPresent = false;
  /** Whether it was told that the engine is away. */
  knowsStale = false;

  constructor(outlet: Outlet, user: string) {
    this.outlet = outlet;
    this.user = user;
  }

  /** Whether its client has been told that it is in. */
  get hasBegun(): boolean {
    return this.stage !== Stage.Reading || this.cursor !== undefined;
  }

  get hasEnded(): boolean {
    return this.stage === Stage.Ended;
  }
}
