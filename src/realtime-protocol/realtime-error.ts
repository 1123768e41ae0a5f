/** The one error of the realtime layer, at both ends. */

import type { Issue } from './standard-schema.ts';

/** The codes that framewright gives; an application's handlers add their own. */
export type RealtimeErrorCode =
  /** A value is not as its schema wants: `issues` say where. */
  | 'INVALID'
  /** No rule allows it. */
  | 'NOT_ALLOWED'
  /** A channel, call or message that the protocol does not have. */
  | 'UNKNOWN'
  /** One connection has joined too many channels, or has too many calls open. */
  | 'TOO_MANY'
  /** No answer in time. */
  | 'TIMEOUT'
  /** Whoever asked waits no more. */
  | 'CANCELLED'
  /** What keeps the log is away; it can be tried again with the same key. */
  | 'UNAVAILABLE'
  /** The connection was lost before the answer came: whether it was done is not known. */
  | 'DISCONNECTED'
  /** This end was closed. */
  | 'CLOSED'
  /** The handler threw. What it threw stays at the server. */
  | 'INTERNAL';

export interface RealtimeErrorDetails {
  readonly issues?: readonly Issue[] | undefined;
  /** The application's own, JSON. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

/**
 * Why a call, a join or a publication failed. A handler that throws one tells the caller its `code`, message and `data`; of any
 * other error the caller learns INTERNAL only.
 */
export class RealtimeError extends Error {
  override readonly name = 'RealtimeError';
  readonly code: string;
  readonly issues: readonly Issue[] | undefined;
  readonly data: unknown;

  constructor(code: RealtimeErrorCode | (string & {}), message: string, details: RealtimeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : details);
    this.code = code;
    this.issues = details.issues;
    this.data = details.data;
  }
}
