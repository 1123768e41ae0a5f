/** Options as they are used. */

import type { ConnectionOptions, SocketClass } from './types.ts';

/**
 * The address of a WebSocket, whole: a page may leave out what its own address has.
 * @throws {TypeError} it is no address, or one of something else
 */
export function addressOf(url: string | URL): string {
  const { location } = globalThis as { location?: { readonly href: string } };
  const address = new URL(url, location?.href);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  if (!/^wss?:$/.test(address.protocol)) throw new TypeError(`${url} has to begin with ws:, wss:, http: or https:`);
  address.hash = '';
  return address.href;
}

/** @throws {TypeError} there is none */
export function socketClass({ WebSocket }: ConnectionOptions): SocketClass {
  const Socket = WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!Socket) throw new TypeError('There is no WebSocket here: give one as the option WebSocket');
  return Socket;
}

export async function currentToken({ token }: ConnectionOptions): Promise<string | undefined> {
  return typeof token === 'function' ? token() : token;
}
