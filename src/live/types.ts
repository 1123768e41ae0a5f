/** What a program sees of the client. Types need no DOM library, and fit its own where there is one. */

import type {
  CallInput,
  CallName,
  CallOutput,
  ChannelName,
  Member,
  MemberDataOf,
  MessageInput,
  MessageOf,
  Protocol,
} from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import type { RealtimeError } from '../realtime-protocol/realtime-error.ts';

/** As much of a browser's WebSocket as is used; that of `framewright`, of `framewright/web` and of `ws` have it too. */
export interface SocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly extensions: string;
  // biome-ignore lint/suspicious/noExplicitAny: each implementation has types of its own for it
  binaryType: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onopen: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onmessage: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onerror: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onclose: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  send(data: any): void;
  close(code?: number, reason?: string): void;
}

export type SocketClass = new (url: string, protocols?: string[]) => SocketLike;

/**
 * 'connecting': a connection is being made. 'open'. 'waiting': it was lost, and will be tried again at `retryAt`. 'offline': the
 * device has no network, and it will be tried when there is one. 'closed': for good.
 */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'offline' | 'closed';

/**
 * When to come back: after a random time below `minMs`, which doubles with each failure, up to `maxMs`. A connection that was
 * open for `stableMs` starts anew.
 */
export interface Backoff {
  /** Default 500. */
  readonly minMs?: number | undefined;
  /** Default 30,000. */
  readonly maxMs?: number | undefined;
  /** Default 10,000. */
  readonly stableMs?: number | undefined;
}

/** Called for each attempt to connect. It may throw or reject: then there is another attempt later. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export interface ConnectionOptions {
  /**
   * Who connects, as the server's `authenticate` knows it; sent as the subprotocol `bearer.TOKEN`. A text that the server does not
   * take is the end; a function is called again.
   */
  readonly token?: TokenSource | undefined;
  /** Default: the global one; in Node.js that of `framewright/web`. */
  readonly WebSocket?: SocketClass | undefined;
  readonly backoff?: Backoff | undefined;
  /** How long one attempt may take, the token's time included, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

export interface ConnectOptions extends ConnectionOptions {
  /** How long calls and publications may take, the time without a connection included, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Where WebSockets do not get through, use HTTP until they do. Default true. */
  readonly fallback?: boolean | undefined;
  /** For the fall-back. Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
}

export interface ReconnectingOptions extends ConnectionOptions {
  /** Subprotocols, most preferred first. */
  readonly protocols?: string | readonly string[] | undefined;
  /** A message that the server answers in some way. It is sent after `pingMs` milliseconds of silence; a server that stays silent then counts as lost. */
  readonly ping?: string | undefined;
  /** Default 25,000. Without `ping` it has no meaning. */
  readonly pingMs?: number | undefined;
}

/** Events of a `ReconnectingSocket`: those of each connection, one after another. */
export interface ReconnectingEventMap {
  open: Event;
  // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
  message: Event & { readonly data: any };
  error: Event & { readonly error: RealtimeError };
  close: Event & { readonly code: number; readonly reason: string; readonly wasClean: boolean };
  /** `state` is another. */
  statechange: Event;
}

type Handler<Type extends keyof ReconnectingEventMap> = ((event: ReconnectingEventMap[Type]) => unknown) | null;

/** The WebSocket of browsers, but that CONNECTING follows a loss: `readyState` is CLOSED only once it is at an end. */
export interface ReconnectingSocket extends EventTarget {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** Of the newest attempt. */
  readonly url: string;
  readonly readyState: 0 | 1 | 2 | 3;
  /** What `readyState` does not tell: whether it waits, and why. */
  readonly state: ConnectionState;
  /** When it will be tried again, as Date.now() counts; `undefined` unless 'waiting'. */
  readonly retryAt: number | undefined;
  /** Why there is no connection; `undefined` while there is one. */
  readonly error: RealtimeError | undefined;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: 'blob' | 'arraybuffer';
  onopen: Handler<'open'>;
  onmessage: Handler<'message'>;
  onerror: Handler<'error'>;
  onclose: Handler<'close'>;
  onstatechange: Handler<'statechange'>;
  /**
   * Sends a message on the connection that there is. Nothing is kept for the next one: it would not be known what was sent twice.
   * @throws {DOMException} InvalidStateError while there is none
   */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the WebSocket sends
  send(data: any): void;
  /**
   * Ends it.
   * @throws {DOMException} InvalidAccessError for other codes than 1000 and 3000–4999
   */
  close(code?: number, reason?: string): void;
  addEventListener<Type extends keyof ReconnectingEventMap>(
    type: Type,
    listener: (event: ReconnectingEventMap[Type]) => unknown,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(...listener: Parameters<EventTarget['addEventListener']>): void;
  removeEventListener<Type extends keyof ReconnectingEventMap>(
    type: Type,
    listener: (event: ReconnectingEventMap[Type]) => unknown,
    options?: Parameters<EventTarget['removeEventListener']>[2],
  ): void;
  removeEventListener(...listener: Parameters<EventTarget['removeEventListener']>): void;
}

export interface RequestOptions {
  /** Default: that of `connect`. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The server does what has one key once, and gives the same answer again. Default: a random one for each request. */
  readonly key?: string | undefined;
  /** Whether it is sent again, with its key, when the connection was lost before the answer. Default true; else it rejects with DISCONNECTED. */
  readonly retry?: boolean | undefined;
}

export interface JoinOptions {
  /** Start with the newest so many messages of the history. Default 0. */
  readonly last?: number | undefined;
  /** Start behind this position, in place of `last`. */
  readonly after?: Position | undefined;
  /** Be told who is in the channel. Default false. */
  readonly members?: boolean | undefined;
}

export interface Message<Data> {
  readonly data: Data;
  /** `undefined` in a channel without history. */
  readonly position: Position | undefined;
  /** Something is missing before this one. */
  readonly isAfterGap: boolean;
}

/** 'joining'. 'live'. 'stale': the server cannot reach the log; nothing comes until 'live'. 'offline': no connection. 'left': for good. */
export type ChannelState = 'joining' | 'live' | 'stale' | 'offline' | 'left';

export interface ChannelEvents<Data, MemberData> {
  message: Message<Data>;
  /** Something is missing; what follows comes behind this position. */
  gap: Position | undefined;
  /** All of them, after each change. */
  members: readonly Member<MemberData>[];
  state: ChannelState;
  /** The server has ended the membership, or did not allow it. */
  error: RealtimeError;
}

/**
 * A membership. Messages come to listeners of 'message', and to `for await`. What comes before the first of them is kept, up to
 * 1,000 messages; if there are more, they are dropped and a gap is told.
 */
export interface Channel<P extends Protocol = Protocol, Name extends ChannelName<P> = ChannelName<P>>
  extends AsyncIterable<Message<MessageOf<P, Name>>> {
  readonly name: Name;
  readonly state: ChannelState;
  /** Of the newest message that came, or where the membership started. */
  readonly position: Position | undefined;
  /** Another array after each change; empty unless joined with `members: true`. */
  readonly members: readonly Member<MemberDataOf<P, Name>>[];
  /** Why it was left, if not by `leave`. */
  readonly error: RealtimeError | undefined;
  /** @returns a function that takes the listener away */
  on<Type extends keyof ChannelEvents<MessageOf<P, Name>, MemberDataOf<P, Name>>>(
    type: Type,
    listener: (value: ChannelEvents<MessageOf<P, Name>, MemberDataOf<P, Name>>[Type]) => void,
  ): () => void;
  /** As `live.publish` to this channel. */
  publish(data: MessageInput<P, Name>, options?: RequestOptions): Promise<Position | undefined>;
  leave(): void;
}

export interface LiveEvents {
  state: ConnectionState;
  /** Why an attempt failed or a connection was lost, and why a token could not be had. */
  error: RealtimeError;
}

/** A connection to a hub that comes back by itself. */
export interface Live<P extends Protocol = Protocol> {
  readonly state: ConnectionState;
  /** The `id` of the user, as the server knows it; `undefined` before the first connection. */
  readonly user: string | undefined;
  /** Why there is no connection; `undefined` while there is one. */
  readonly error: RealtimeError | undefined;
  /** When it will be tried again, as Date.now() counts; `undefined` unless 'waiting'. */
  readonly retryAt: number | undefined;
  /** Calls by their names: `live.call.say(input)`. */
  readonly call: {
    readonly [Name in CallName<P>]: (
      input: CallInput<P, Name>,
      options?: RequestOptions,
    ) => Promise<CallOutput<P, Name>>;
  };
  /** @returns a function that takes the listener away */
  on<Type extends keyof LiveEvents>(type: Type, listener: (value: LiveEvents[Type]) => void): () => void;
  /**
   * Becomes a member, now and after each loss of the connection. Again for one channel is another handle on the same membership;
   * each starts where it says.
   */
  join<const Name extends ChannelName<P>>(name: Name, options?: JoinOptions): Channel<P, Name>;
  /** @returns its position; `undefined` without history */
  publish<const Name extends ChannelName<P>>(
    name: Name,
    data: MessageInput<P, Name>,
    options?: RequestOptions,
  ): Promise<Position | undefined>;
  /** Leaves all channels, rejects what waits for an answer with CLOSED, and ends the connection. */
  close(): void;
}
