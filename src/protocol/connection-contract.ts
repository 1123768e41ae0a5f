/**
 * What a Connection asks of its surroundings and what it is given: where its frames go, who hears what it finds, and its
 * settings. Types alone.
 */

import type { Role } from './frame-header.ts';
import type { Inflater } from './inflater.ts';
import type { Limits } from './limits.ts';
import type { Unmask } from './mask.ts';
import type { Allocate } from './memory.ts';
import type { IsUtf8 } from './utf8.ts';
import type { ViolationId } from './violation.ts';

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
  /** Whether bytes[start … end) is UTF-8. Default: the portable validator. */
  readonly isUtf8?: IsUtf8;
  /** Unmasks payloads where they lie (§5.3). Default `mask`. */
  readonly unmask?: Unmask | undefined;
  /** A clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}
