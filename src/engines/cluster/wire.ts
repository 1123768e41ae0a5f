/**
 * What the engines of forked processes and the logs in their parent say to each other over the IPC channel: messages of Node.js,
 * each with all that one turn has brought. A session begins with what the process wants to be told, and has one order both ways.
 * Whoever cannot go on ends it, and nothing that was asked in it is done any more; the next one begins anew.
 */

import type { RealtimeError } from '../../realtime-protocol/realtime-error.ts';
import type { Entry, Presence, PublishRequest, ReadRequest, Retention } from '../engine.ts';

/** Names the engine that a message is from or for. Another version of the wire has another name. */
export const WIRE = 'framewright.cluster.1';

/** What can be asked, with its arguments. Numbers without limit become null on the way. */
export interface Asks {
  ping: [];
  subscribe: [channel: string, retention: Retention | undefined, subscription: number];
  unsubscribe: [subscription: number];
  publish: [PublishRequest];
  read: [ReadRequest];
  setPresence: [channel: string, Presence];
  members: [channel: string];
  close: [];
}

export type Ask = { [Method in keyof Asks]: readonly [id: number, Method, ...Asks[Method]] }[keyof Asks];

export interface Asking {
  readonly [WIRE]: string;
  /** Counted by the engine. */
  readonly session: number;
  readonly isNew?: boolean;
  /** Behind this time of `clock` nobody waits for it any more. */
  readonly until: number | null;
  readonly asks: readonly Ask[];
}

export const Tell = { Answer: 0, Failure: 1, Entry: 2, Presence: 3 } as const;

export type Telling =
  | readonly [typeof Tell.Answer, id: number, value: unknown]
  | readonly [typeof Tell.Failure, id: number, error: Pick<RealtimeError, 'code' | 'message'>]
  | readonly [typeof Tell.Entry, subscription: number, Entry]
  | readonly [typeof Tell.Presence, subscription: number, Presence];

export interface Told {
  readonly [WIRE]: string;
  readonly session: number;
  /** The session is over. */
  readonly isOver: boolean;
  readonly told: readonly Telling[];
}

/** Milliseconds, the same for all processes of a machine. */
export function clock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
