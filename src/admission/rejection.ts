/** How a request is refused: for which reason, and in whose words. */

import type { CheckId, HeaderField, RefusalResponse } from '../handshake/index.ts';
import type { HttpAnswer } from './http-answer.ts';

/**
 * Why a request was refused: a check of §4.2.1 and §4.2.2 that it did not pass, or else
 * - `head`, `tls`: it was no HTTP or no TLS, or came too late;
 * - `authorize`, `verifyClient`, `authenticate`: the hook of that name said no;
 * - `timeout`: `authenticate` did not answer in time;
 * - `maxConnections`, `maxConnectionsPerAddress`: the server is full;
 * - `hookFailed`: a hook threw, or returned what it may not;
 * - `shuttingDown`: the server takes no more connections.
 */
export type RefusalReason =
  | CheckId
  | 'head'
  | 'tls'
  | 'authorize'
  | 'verifyClient'
  | 'authenticate'
  | 'timeout'
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'hookFailed'
  | 'shuttingDown';

/** An answer that refuses. Without a message the server says it in its own words. */
export interface Rejection extends RefusalResponse {
  readonly reason: RefusalReason;
  /** The application's own answer, in place of message and headers. */
  readonly answer?: HttpAnswer;
}

/** When to come again where there is no room, in seconds. */
export const RETRY_LATER: readonly HeaderField[] = [['Retry-After', '5']];
