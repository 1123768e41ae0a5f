/** What a connection is told about data that its peer does not take: options as they are given, and as they are meant. */

import { checkWholeNumber } from '../protocol/whole-number.ts';

/**
 * What follows when a message would pass `maxBacklogBytes`. It is not sent in any case.
 * - `'close'`: the backlog is dropped, and the connection fails with 1013 and the code `WS_ERR_BACKLOG`.
 * - `'terminate'`: the socket is destroyed, as by `terminate()`.
 * - `'drop'`: a message that was sent with `droppable: true` is dropped, and the connection goes on. Such messages have half
 *   of `maxBacklogBytes`, so that there is room for others; when those pass it all, that is `'close'`.
 */
export type BacklogPolicy = 'close' | 'terminate' | 'drop';

/** The socket whose backlog would grow too long: a WebSocket. */
export interface BackloggedSocket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/**
 * Decides when a message would pass `maxBacklogBytes`; nothing lets it pass. A method, since one that takes a WebSocket fits
 * a method only.
 */
export type DecideBacklog = {
  /** @param bytes what would wait with the message */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is one of these
  decide(socket: BackloggedSocket, bytes: number): BacklogPolicy | void;
}['decide'];

export interface BacklogOptions {
  /**
   * With so many bytes that the network has not taken, `isWritable` is false until a 'drain' event: frames as they lie on
   * the wire, and payloads that wait to be compressed or read. From 1 on. Default 262 144.
   */
  highWaterMarkBytes?: number | undefined;
  /** With so few, 'drain' is emitted. Less than `highWaterMarkBytes`. Default: a quarter of `highWaterMarkBytes`. */
  lowWaterMarkBytes?: number | undefined;
  /**
   * How much may wait for the network, in bytes counted as for `highWaterMarkBytes`. While `isWritable`, a message of any
   * length may be sent. From 1 on; Infinity turns it off.
   */
  maxBacklogBytes?: number | undefined;
  /** What follows when a message would pass `maxBacklogBytes`, see `BacklogPolicy`. Default 'close'. */
  onBacklog?: BacklogPolicy | DecideBacklog | undefined;
}

export interface BacklogSettings {
  readonly highWaterMarkBytes: number;
  readonly lowWaterMarkBytes: number;
  /** Infinity when there is no bound. */
  readonly maxBacklogBytes: number;
  readonly onBacklog: BacklogPolicy | DecideBacklog;
  /** With less than this, nothing of it matters. */
  readonly noticeBytes: number;
}

export const HIGH_WATER_MARK_BYTES = 262_144;
/** Of a server that faces the internet: 16 MiB. */
export const MAX_BACKLOG_BYTES = 16_777_216;
/** More than this does not wait for the end of a tick anyway. */
const MAX_NOTICE_BYTES = 65_536;

export const POLICIES: readonly unknown[] = ['close', 'terminate', 'drop'] satisfies BacklogPolicy[];

/**
 * @param defaults what holds where nothing is given
 * @throws {TypeError | RangeError} for a number out of its range, and marks that do not fit each other
 */
export function resolveBacklog(given: BacklogOptions, defaults: Partial<BacklogSettings> = {}): BacklogSettings {
  const check = (name: keyof BacklogOptions, value: unknown, least: number) => checkWholeNumber(name, value, least);
  const highWaterMarkBytes = check(
    'highWaterMarkBytes',
    given.highWaterMarkBytes ?? defaults.highWaterMarkBytes ?? HIGH_WATER_MARK_BYTES,
    1,
  );
  const isLowInherited = given.highWaterMarkBytes === undefined && defaults.lowWaterMarkBytes !== undefined;
  const quarter = highWaterMarkBytes === Number.POSITIVE_INFINITY ? 65_536 : Math.floor(highWaterMarkBytes / 4);
  const lowWaterMarkBytes = check(
    'lowWaterMarkBytes',
    given.lowWaterMarkBytes ?? (isLowInherited ? defaults.lowWaterMarkBytes : quarter),
    0,
  );
  if (lowWaterMarkBytes >= highWaterMarkBytes) {
    throw new RangeError(
      `lowWaterMarkBytes (${lowWaterMarkBytes}) must be less than highWaterMarkBytes (${highWaterMarkBytes})`,
    );
  }
  const maxBacklogBytes = check(
    'maxBacklogBytes',
    given.maxBacklogBytes ?? defaults.maxBacklogBytes ?? Number.POSITIVE_INFINITY,
    1,
  );
  return {
    highWaterMarkBytes,
    lowWaterMarkBytes,
    maxBacklogBytes,
    onBacklog: given.onBacklog ?? defaults.onBacklog ?? 'close',
    noticeBytes: Math.min(highWaterMarkBytes, maxBacklogBytes, MAX_NOTICE_BYTES),
  };
}
