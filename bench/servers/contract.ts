/** What the benchmark asks of every server, whoever made it. */

export interface ServerOptions {
  /**
   * `echo`: each message goes back as it came. `text`: it becomes a string of the language, which goes back.
   * `broadcast`: it goes to all connections.
   */
  readonly mode: 'echo' | 'text' | 'broadcast';
  /** permessage-deflate, as the library's own option has it. Default: off. */
  readonly deflate?: unknown;
  /** How often idle connections are pinged, in milliseconds; whoever has not answered by the next time is cut off. */
  readonly heartbeatMs?: number | undefined;
  /** In the production trial: with all that bounds what a client can do, or without. */
  readonly isGuarded?: boolean;
}

/** Starts a server on a free port of 127.0.0.1. It answers HTTP requests with `HTTP_BODY`. @returns the port */
export type StartServer = (options: ServerOptions) => Promise<number>;

export const HOST = '127.0.0.1';
export const HTTP_BODY = 'healthy';
/** Longest message that a server has to take. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
