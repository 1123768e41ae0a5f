/** The clients whose behaviour has to be the same: that of the npm package ws, and ours; and what tests see of them. */

import { onTestFinished } from 'vitest';
import { WebSocket as Ws } from 'ws';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { WebSocket } from '../../src/socket/websocket.ts';

/** Both offer to compress; here that would only make the wire harder to read. */
function withoutCompression(Client: typeof WebSocket): typeof WebSocket {
  return class extends Client {
    constructor(
      address: string | URL | null,
      protocols?: string | readonly string[] | ClientOptions,
      options?: object,
    ) {
      const isOptions = typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols);
      const given = isOptions ? (protocols as object) : options;
      const subprotocols = isOptions ? undefined : (protocols as string[] | undefined);
      super(address, subprotocols, { perMessageDeflate: false, ...given });
    }
  };
}

const BOTH: readonly [name: string, Client: typeof WebSocket][] = [
  ['ws', Ws as unknown as typeof WebSocket],
  ['framewright', WebSocket],
];

export const COMPRESSING_CLIENTS = BOTH;
export const CLIENTS = BOTH.map(([name, Client]) => [name, withoutCompression(Client)] as const);

export type Protocols = string | string[] | ClientOptions | undefined;

/** Makes a client that is terminated after the test, and whose errors are not an error of the test. */
export function connect(
  Client: typeof WebSocket,
  url: string | URL,
  protocols?: Protocols,
  options?: ClientOptions,
): WebSocket {
  const socket = new Client(url, protocols, options);
  socket.on('error', () => {});
  onTestFinished(() => socket.terminate());
  return socket;
}

export type Seen = readonly [event: string, ...rest: unknown[]];

/** What happens until 'close': open, messages, errors by their text, and close. */
export function watch(socket: WebSocket): { readonly seen: Seen[]; readonly closed: Promise<Seen[]> } {
  const seen: Seen[] = [];
  socket.on('open', () => seen.push(['open', socket.protocol]));
  socket.on('message', (data, isBinary) => seen.push(['message', String(data), isBinary]));
  socket.on('error', (error) => seen.push(['error', error.message]));
  const closed = new Promise<Seen[]>((resolve) => {
    socket.on('close', (code, reason) => {
      seen.push(['close', code, String(reason)]);
      resolve(seen);
    });
  });
  return { seen, closed };
}

/** Connects and tells all that happened until 'close'. */
export function run(
  Client: typeof WebSocket,
  url: string | URL,
  protocols?: Protocols,
  options?: ClientOptions,
): Promise<Seen[]> {
  return watch(connect(Client, url, protocols, options)).closed;
}

/** Resolves when the client is open. */
export function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
}

/** A promise with its `resolve`. */
export function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
