/** Options as they are used. */

import { MAX_TIMER_MS } from '../protocol/whole-number.ts';
import type { ConnectionOptions, SocketClass } from './types.ts';

/**
 * The address of a WebSocket, whole: a page may leave out what its own address has.
 * @throws {TypeError} it is no address, or one of something else
 */
export function addressOf(url: string | URL): string {
  const { location } = globalThis as { location?: { readonly href: string } };
  try {
    const address = new URL(url, location?.href);
    address.protocol = address.protocol.replace(/^http/, 'ws');
    address.hash = '';
    if (/^wss?:$/.test(address.protocol)) return address.href;
  } catch {
    // It is none either.
  }
  throw new TypeError(`${url} is no address of a WebSocket, such as ws://host/live`);
}

/** @throws {TypeError} there is none */
export function socketClass({ WebSocket }: ConnectionOptions): SocketClass {
  const Socket = WebSocket ?? (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (!Socket) throw new TypeError('No WebSocket here: give one as option WebSocket');
  return Socket;
}

export async function currentToken({ token }: ConnectionOptions): Promise<string | undefined> {
  return typeof token === 'function' ? token() : token;
}

/** @throws {RangeError} no timer can wait so long */
export function checkMs(times: Readonly<Record<string, number>>): void {
  for (const [name, ms] of Object.entries(times)) {
    if (!(ms >= 0 && ms <= MAX_TIMER_MS))
      throw new RangeError(`${name} has to be from 0 to ${MAX_TIMER_MS}, not ${ms}`);
  }
}
