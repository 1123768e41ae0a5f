/**
 * What a connection does about a peer that does not take what it is sent: when it says so, and what becomes of more. What
 * waits is counted as it lies in memory: frames that the network has not taken, and payloads that wait to be compressed or
 * read. (`bufferedAmount` goes by the standard instead, and counts payloads until the turn ends.)
 */

import { type BacklogPolicy, type BacklogSettings, resolveBacklog } from '../options/backlog-settings.ts';
import { backPressureBegin } from './diagnostics.ts';

/** No bound: what holds where nothing is said. */
export const UNBOUNDED: BacklogSettings = resolveBacklog({});

/** Whose data waits. */
export interface BacklogOwner {
  /** For those who watch: whose connection it is. */
  readonly owner: object;
  readonly backPressure: BacklogSettings;
  /** Whether so much has waited that 'drain' is due. */
  isBehind: boolean;
  /** In bytes. */
  readonly backlogBytes: number;
  /** Gives the network what it takes now. */
  flushBacklog(): void;
  /** 'drain'. */
  drained(): void;
}

/** More waits than before: this is where back-pressure begins. */
export function noteGrowth(owner: BacklogOwner): void {
  if (owner.isBehind || owner.backlogBytes < owner.backPressure.highWaterMarkBytes) return;
  owner.isBehind = true;
  const { owner: socket, backlogBytes } = owner;
  if (backPressureBegin.hasSubscribers) backPressureBegin.publish({ socket, backlogBytes });
}

/** Less may wait than before: this is where back-pressure ends. */
export function noteShrinkage(owner: BacklogOwner): void {
  if (!owner.isBehind || owner.backlogBytes > owner.backPressure.lowWaterMarkBytes) return;
  owner.isBehind = false;
  owner.drained();
}

/**
 * Whether a message may be sent without passing the bound.
 * @param mayBeDropped whether it is dropped when it may not
 */
export function fits(owner: BacklogOwner, lengthBytes: number, mayBeDropped: boolean): boolean {
  const { highWaterMarkBytes, maxBacklogBytes, onBacklog } = owner.backPressure;
  const mostBytes = mayBeDropped && onBacklog === 'drop' ? maxBacklogBytes / 2 : maxBacklogBytes;
  if (owner.backlogBytes + lengthBytes <= mostBytes) return true;
  // What leaves at once does not wait.
  owner.flushBacklog();
  const { backlogBytes } = owner;
  return backlogBytes + lengthBytes <= mostBytes || backlogBytes < Math.min(highWaterMarkBytes, mostBytes);
}

/** Of a message that has not been sent because of the bound. */
export function backlogError(policy: BacklogPolicy): Error {
  return policy === 'drop'
    ? Object.assign(new Error('The message was dropped, since the peer reads too slowly'), { code: 'WS_ERR_DROPPED' })
    : Object.assign(new Error('The message was not sent, since the peer reads too slowly'), { code: 'WS_ERR_BACKLOG' });
}
