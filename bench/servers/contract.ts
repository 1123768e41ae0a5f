/** What the benchmark asks of every server, whoever made it. */

export interface ServerOptions {
  /**
   * `echo`: each message goes back as it came. `text`: it becomes a string of the language, which goes back.
   * `broadcast`: it goes to all connections. `work`: as `echo`, when an application has done something.
   */
  readonly mode: 'echo' | 'text' | 'broadcast' | 'work';
  /** permessage-deflate, as the library's own option has it. Default: off. */
  readonly deflate?: unknown;
  /** How often idle connections are pinged, in milliseconds; whoever has not answered by the next time is cut off. */
  readonly heartbeatMs?: number | undefined;
  /** In the production trial: with all that bounds what a client can do, or without. */
  readonly isGuarded?: boolean;
  /** Default: a free one. */
  readonly port?: number;
  /** Of the servers of Redis that keep what several processes share: channels are divided over them. */
  readonly redisPorts?: readonly number[];
  /** Other processes listen on the same port; the kernel shares connections out. */
  readonly reusePort?: boolean;
}

/** What the process holds and does around its server. */
export interface ProcessOptions {
  /** Of objects, as an application has them. */
  readonly heapMb: number;
  /** So many processes with a server each, by node:cluster. Default: this one. */
  readonly workers?: number;
}

/** The first line that a server prints. */
export interface Listening {
  readonly port: number;
  readonly pids: readonly number[];
}

/** What V8 and the event loop of a process did between two SIGHUPs; each process prints it at SIGTERM. Empty where it cannot be told. */
export interface Watched {
  readonly youngPerSecond?: number;
  readonly fullPerSecond?: number;
  readonly loopP99?: number;
  readonly loopP999?: number;
}

/** Starts a server on 127.0.0.1. It answers HTTP requests with `HTTP_BODY`. @returns the port */
export type StartServer = (options: ServerOptions) => Promise<number>;

export const HOST = '127.0.0.1';
export const HTTP_BODY = 'healthy';
/** Longest message that a server has to take. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
