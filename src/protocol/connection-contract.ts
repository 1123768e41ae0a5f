/**
 * What a Connection asks of its surroundings and what it is given: where its frames go, who hears what it finds, and its
 * settings.
 */

import type { Role } from './frame-header.ts';
import type { Inflater } from './inflater.ts';
import type { Limits } from './limits.ts';
import type { Unmask } from './mask.ts';
import type { Allocate } from './memory.ts';
import type { IsUtf8 } from './utf8.ts';
import type { ViolationId } from './violation.ts';

/** Why what has arrived is held back. Several reasons may stand together; all have to go before anything is handed out. */
export const Hold = {
  /** The application has asked for it. */
  Application: 1,
  /** A message is being inflated, and those behind it wait (RFC 7692 §7.2.2). */
  Inflation: 2,
  /** The connection has had its share of this turn of the event loop. */
  Turn: 4,
  /** Nobody can be listening yet. */
  Start: 8,
} as const;

/** Where a Connection's frames go. */
export interface FrameOutput {
  /**
   * Takes one frame, in order. The payload is read during the call only.
   */
  writeFrame(firstByte: number, payload: Uint8Array | string): void;
  /** Hands what was taken to the network now, and calls `Connection.flushed` when the network has taken it all. */
  flush(): void;
  /**
   * No frame follows: closes this side of the transport once everything has been written (§7.1.1). May be called again
   * when the peer's side ends after that.
   */
  end(): void;
}

/**
 * Who hears what a Connection finds. Called synchronously, in wire order. What `message`, `ping` and `pong` throw fails
 * the connection (1011); what the others throw reaches whoever called the Connection.
 */
export interface ConnectionHandler {
  /**
   * A whole message at bytes[start … end). Text has been checked.
   * @param isShared whether the memory is the handler's during the call only; otherwise from here on
   */
  message(bytes: Uint8Array, start: number, end: number, isBinary: boolean, isShared: boolean): void;
  /**
   * A ping is to be answered, by the handler in its own way if it wants to: what it throws fails the connection too.
   * Without this method the Connection answers.
   * @param payload valid during the call only
   * @returns false when the Connection shall answer
   */
  answerPing?(payload: Uint8Array): boolean;
  /** The payload is valid during the call only. The ping has been answered already. */
  ping(payload: Uint8Array): void;
  pong(payload: Uint8Array): void;
  /** The peer's Close frame came in, and ours has been sent. */
  closeReceived(): void;
  /** The connection has failed (§7.1.7): because of the peer, or because a handler threw `cause`. */
  failed(id: ViolationId, detail: number, cause?: unknown): void;
  /** The transport is gone and everything that arrived has been handed out: `closeCode` and `closeReason` are final. */
  closed(): void;
}

export interface ConnectionOptions {
  readonly role: Role;
  readonly limits: Limits;
  /** Answer pings (§5.5.2). Default true. */
  readonly autoPong?: boolean | undefined;
  /** Do not check text and close reasons for UTF-8. Default false. */
  readonly skipsUtf8Validation?: boolean | undefined;
  /** Refuse lengths not in their shortest form. Default false. */
  readonly strictLengths?: boolean | undefined;
  /** Inflates compressed messages; without one, RSV1 is a violation (RFC 7692 §6). */
  readonly inflater?: Inflater | undefined;
  /** Memory for messages of several pieces. Default `new Uint8Array`. */
  readonly allocate?: Allocate;
  /** Takes that memory back once the message has been handled, which is then shared. Default: it is the handler's. */
  readonly recycle?: ((bytes: Uint8Array) => void) | undefined;
  /** Copies input that is kept for later out of memory that is used again. Default `new Uint8Array`. */
  readonly keep?: ((bytes: Uint8Array) => Uint8Array) | undefined;
  /** Whether bytes[start … end) is UTF-8. Default: the portable validator. */
  readonly isUtf8?: IsUtf8;
  /** Unmasks payloads where they lie (§5.3). Default `mask`. */
  readonly unmask?: Unmask | undefined;
  /** A clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /**
   * Runs something in the next turn of the event loop. With it, a connection is handed out only so much in one turn, and
   * the rest in the next ones, so that others get theirs. Default: everything at once.
   */
  readonly nextTurn?: ((action: () => void) => void) | undefined;
  /** Give each message, ping and pong a turn of its own. Default false. */
  readonly spreadsEvents?: boolean | undefined;
}
