/** `useSocket`: a component follows a WebSocket that comes back by itself. */

import { useInsertionEffect, useMemo } from 'react';
import { reconnecting } from '../live/reconnecting.ts';
import type { ConnectionState, ReconnectingEventMap, ReconnectingOptions, ReconnectingSocket } from '../live/types.ts';
import { CommonOptions } from './common-options.ts';
import { DEFAULT_KEEP, MessageList } from './message-list.ts';
import { Shared } from './shared.ts';
import { Store } from './store.ts';
import { useStore } from './use-store.ts';

export type SocketData = string | ArrayBuffer;

export interface SocketMessage<Data> {
  /** The component's own number for it, a `key` in a list. */
  readonly id: number;
  readonly data: Data;
}

/** Of components that share a connection, the one rendered last that has a `token` gives it. */
export interface UseSocketOptions<Data = SocketData> extends ReconnectingOptions {
  /** Makes the message of what has come. Default: that itself. */
  readonly parse?: ((data: SocketData) => Data) | undefined;
  /** Keeps the newest so many messages; 0 for none. Default 200. */
  readonly keep?: number | undefined;
  /** There is a connection, or there is one again. */
  readonly onOpen?: ((send: SocketView<Data>['send']) => void) | undefined;
  readonly onMessage?: ((message: SocketMessage<Data>) => void) | undefined;
  /** Another key is another connection: the user's id, where users change without a new page. */
  readonly key?: string | undefined;
}

export interface SocketView<Data> {
  /** 'closed' is for good, or without an address. */
  readonly state: ConnectionState;
  /** Oldest first; the same array until there is another message. */
  readonly messages: readonly SocketMessage<Data>[];
  /** Why there is no connection, or what `parse` has thrown last. */
  readonly error: Error | undefined;
  /** Sends if there is a connection, and else never. Always the same function. @returns whether there is one */
  readonly send: (data: string | ArrayBuffer | ArrayBufferView) => boolean;
}

const sockets = new Shared<ReconnectingSocket>(
  (socket) => socket.close(),
  ({ readyState }) => readyState === 3,
);
const commonOptions = new CommonOptions<ReconnectingOptions>();

class SocketStore<Data> extends Store<SocketView<Data>> {
  options: UseSocketOptions<Data> = {};
  readonly initial: SocketView<Data>;
  readonly #key: string;
  readonly #url: string | undefined;
  readonly #list = new MessageList<SocketMessage<Data>>();
  #socket: ReconnectingSocket | undefined;
  #release: (() => void) | undefined;
  /** No connection can ever be made so. */
  #fault: Error | undefined;
  #parseError: Error | undefined;
  #nextId = 0;

  constructor(key: string, url: string | undefined) {
    super();
    this.#key = key;
    this.#url = url;
    const send: SocketView<Data>['send'] = (data) => {
      const isOpen = this.#socket?.readyState === 1;
      if (isOpen) this.#socket?.send(data);
      return isOpen;
    };
    this.initial = { state: url === undefined ? 'closed' : 'connecting', messages: [], error: undefined, send };
  }

  give(options: UseSocketOptions<Data>): () => void {
    this.options = options;
    const { parse: _parse, keep: _keep, onOpen: _onOpen, onMessage: _onMessage, key: _key, ...common } = options;
    return commonOptions.give(this.#key, this, common);
  }

  protected override view(): SocketView<Data> {
    const { state, send } = this.initial;
    return {
      state: this.#fault === undefined ? (this.#socket?.state ?? state) : 'closed',
      messages: this.#list.view(this.options.keep ?? DEFAULT_KEEP),
      error: this.#fault ?? this.#socket?.error ?? this.#parseError,
      send,
    };
  }

  protected override start(): void {
    const url = this.#url;
    if (url === undefined) return;
    try {
      const { thing, release } = sockets.hold(this.#key, () => {
        const socket = reconnecting(url, commonOptions.take(this.#key));
        socket.binaryType = 'arraybuffer';
        return socket;
      });
      this.#socket = thing;
      this.#release = release;
      this.#fault = undefined;
      for (const [type, listener] of this.#listeners) thing.addEventListener(type, listener);
      if (thing.readyState === 1) this.#onOpen();
    } catch (error) {
      this.#fault = error as Error;
    }
    this.changed();
  }

  protected override stop(): void {
    for (const [type, listener] of this.#listeners) this.#socket?.removeEventListener(type, listener);
    this.#release?.();
    this.#socket = undefined;
    this.changed();
  }

  readonly #onOpen = (): void => {
    if (this.hasListeners) this.options.onOpen?.(this.initial.send);
  };

  readonly #onMessage = ({ data }: ReconnectingEventMap['message']): void => {
    if (!this.hasListeners) return;
    const { keep = DEFAULT_KEEP, parse = (given: SocketData) => given as Data, onMessage } = this.options;
    let message: SocketMessage<Data>;
    try {
      message = { id: this.#nextId++, data: parse(data) };
    } catch (error) {
      this.#parseError = error as Error;
      this.changed();
      return;
    }
    if (keep > 0) {
      this.#list.append(message, keep);
      this.changed();
    }
    onMessage?.(message);
  };

  readonly #listeners = [
    ['open', this.#onOpen],
    ['message', this.#onMessage],
    ['statechange', () => this.changed()],
  ] as [type: string, listener: (event: Event) => void][];
}

/**
 * Follows a WebSocket that comes back by itself. Components with the same address and subprotocols share one, which is closed a second
 * after the last of them. `undefined` for an address: not now.
 */
export function useSocket<Data = SocketData>(
  url: string | URL | undefined,
  options: UseSocketOptions<Data> = {},
): SocketView<Data> {
  const { protocols = [], key = '' } = options;
  const address = url === undefined ? undefined : String(url);
  const sharedKey = JSON.stringify([address, [protocols].flat(), key]);
  const store = useMemo(() => new SocketStore<Data>(sharedKey, address), [sharedKey, address]);
  useInsertionEffect(() => store.give(options));
  return useStore(store, store.initial);
}
