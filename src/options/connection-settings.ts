/**
 * What one connection is told, in the library's own terms, as it is given and as it is meant; and what its opening handshake
 * has agreed on.
 */

import type { AgreedDeflate } from '../deflate/negotiate.ts';
import type { Limits } from '../protocol/index.ts';
import type { BacklogOptions, BacklogSettings } from './backlog-settings.ts';

/**
 * What follows when a listener or a send callback throws, or an async one's promise is rejected.
 * - `'close'`: the connection ends with 1011, and 'error' has code `WS_ERR_INTERNAL` and the cause; without an 'error'
 *   listener there is a process warning. Nobody else notices.
 * - `'throw'`: it is thrown on the next tick as an uncaught exception, as with every EventTarget; the connection goes on.
 */
export type ListenerErrors = 'close' | 'throw';

/** When peers are pinged, and given up, in milliseconds. */
export interface HeartbeatOptions {
  /** How often a connection is pinged. Default 30 000. */
  intervalMs?: number | undefined;
  /** How long the peer may then go on saying nothing. Default 15 000. */
  timeoutMs?: number | undefined;
}

export type HeartbeatSettings = Readonly<Record<keyof HeartbeatOptions, number>>;

/** Options of a connection, wherever servers, clients and sockets are made. */
export interface ConnectionOptions extends BacklogOptions {
  /** Limits that differ from the defaults (§10.4), see `Limits`. Infinity turns one off. */
  limits?: Partial<Limits> | undefined;
  /** Answer pings with pongs (§5.5.2). Default true. */
  autoPong?: boolean | undefined;
  /** Deadline of the closing handshake, in milliseconds (§7.1.1); at most 2 147 483 647. Default 30 000. */
  closeTimeoutMs?: number | undefined;
  /**
   * Ping connections (§5.5.2), and end those from which then nothing comes: `{ intervalMs, timeoutMs }`, or true for
   * 30 000 and 15 000. 'error' has the code `WS_ERR_HEARTBEAT_TIMEOUT`, 'close' 1006. See the page on the heartbeat.
   */
  heartbeat?: boolean | HeartbeatOptions | undefined;
  /** Take text and close reasons without checking them (§8.1). Default false. */
  skipsUtf8Validation?: boolean | undefined;
  /** Refuse payload lengths that are not in their shortest form (§5.2). Default false. */
  strictLengths?: boolean | undefined;
  /** Give each message, ping and pong a turn of the event loop of its own. Default false. */
  spreadsEvents?: boolean | undefined;
  /** What follows when application code throws, see `ListenerErrors`. Default 'close' on servers, 'throw' on clients. */
  listenerErrors?: ListenerErrors | undefined;
  /** Read plain TCP into memory shared by all connections, where Node lets us. Default true. */
  sharesReadBuffer?: boolean | undefined;
  /**
   * Hand messages to 'message' listeners in memory that is used again as soon as they return: what is kept, or used behind
   * an `await`, has to be copied (`Buffer.from(data)`). Default false.
   */
  transientMessages?: boolean | undefined;
}

/** Settings of one connection: its options, checked, with every limit. */
export interface ConnectionSettings
  extends Readonly<Omit<ConnectionOptions, 'limits' | 'heartbeat' | keyof BacklogOptions>> {
  readonly limits: Limits;
  readonly heartbeat?: HeartbeatSettings | undefined;
  /** Default: 'drain' as everywhere, and no bound. */
  readonly backPressure?: BacklogSettings | undefined;
  /** Clients: where masking keys come from, in network order. Default: the system's random source (§10.3). */
  readonly nextMaskingKey?: (() => number) | undefined;
}

/** Who has been let in. */
export interface Identity {
  /** What `authenticate` has returned, or the application has put in its place since. */
  user: unknown;
  /** The key of the client's address, behind the proxies that are trusted; '' where there is none, as on a unix socket. */
  readonly address: string;
  /** Gives back its place among the connections, where those are counted. */
  readonly leave?: (() => void) | undefined;
}

/** What a message meets that comes sooner than it may. */
export type Admission = 'now' | 'later' | 'never';

/** Counts the messages of one connection, for a limit that it has in common with others. */
export interface MessageMeter {
  /** The connection is open. @param goOn lets it go on with the message that was told `later` */
  opened(goOn: () => void): void;
  /** Whether a message of so many bytes may be handed out; `later`: it is asked about again. */
  admit(lengthBytes: number): Admission;
  /** What was admitted as one message are so many more: who comes next waits for them as well. */
  charge(messages: number): void;
  closed(): void;
}

/** What the opening handshake has agreed on. */
export interface Agreement {
  /** The subprotocol, or ''. */
  readonly protocol: string;
  readonly settings: ConnectionSettings;
  /** For compression, if anything. */
  readonly deflate?: AgreedDeflate | undefined;
  /** On servers that have asked for it; elsewhere there is the address below the connection. */
  readonly identity?: Identity | undefined;
  /** On clients whose socket the application makes, or takes from somewhere: its events may come in any async context. */
  readonly isSocketForeign?: boolean | undefined;
  /** Where the server limits how fast messages may come. */
  readonly meter?: MessageMeter | undefined;
}
