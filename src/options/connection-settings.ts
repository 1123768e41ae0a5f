/** What one connection is told, in the library's own terms, and what its opening handshake has agreed on. */

import type { AgreedDeflate } from '../deflate/negotiate.ts';
import type { Limits } from '../protocol/index.ts';

/**
 * What follows when a listener or a send callback throws, or an async one's promise is rejected.
 * - `'close'`: the connection ends with 1011, and 'error' has code `WS_ERR_INTERNAL` and the cause; without an 'error'
 *   listener there is a process warning. Nobody else notices.
 * - `'throw'`: it is thrown on the next tick as an uncaught exception, as with every EventTarget; the connection goes on.
 */
export type ListenerErrors = 'close' | 'throw';

/** Settings of one connection, in the core's terms. */
export interface ConnectionSettings {
  readonly limits: Limits;
  /** Answer pings with pongs (§5.5.2). Default true. */
  readonly autoPong?: boolean | undefined;
  /** Take text and close reasons without checking them. Default false. */
  readonly skipsUtf8Validation?: boolean | undefined;
  /** Refuse payload lengths that are not in their shortest form. Default false. */
  readonly strictLengths?: boolean | undefined;
  /** Deadline of the closing handshake in milliseconds. Default 30 000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Clients: where masking keys come from, in network order. Default: the system's random source (§10.3). */
  readonly nextMaskingKey?: (() => number) | undefined;
  /** Read plain TCP into memory shared by all connections, where Node lets us. Default true. */
  readonly sharesReadBuffer?: boolean | undefined;
  /** Hand messages out in memory that is used again when their listeners return. Default false. */
  readonly transientMessages?: boolean | undefined;
  /** Give each message, ping and pong a turn of the event loop of its own. Default false. */
  readonly spreadsEvents?: boolean | undefined;
  /** What follows when application code throws. Default 'close' on servers, 'throw' on clients. */
  readonly listenerErrors?: ListenerErrors | undefined;
}

/** What the opening handshake has agreed on. */
export interface Agreement {
  /** The subprotocol, or ''. */
  readonly protocol: string;
  readonly settings: ConnectionSettings;
  /** For compression, if anything. */
  readonly deflate?: AgreedDeflate | undefined;
}
