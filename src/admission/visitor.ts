/** Who has been let in, and until when: a user whose `expires` has come has his connection closed with 4401. */

import type { Identity } from '../options/connection-settings.ts';
import { describe } from '../options/option-check.ts';
import { MAX_TIMER_MS } from '../protocol/whole-number.ts';
import { internals, type WebSocket } from '../socket/websocket.ts';

/** How a connection ends then. The code is for applications (§7.4.2): get a new token, then come back. */
export const EXPIRED = [4401, 'The authentication has expired'] as const;

/** Milliseconds since 1970 that are less than this are seconds, as a token has them: it is in 1973. */
const LEAST_MS = 1e11;

const expiryOf = (user: object): unknown => (user as { readonly expires?: unknown }).expires;

/**
 * @param what as the message begins
 * @throws {TypeError} when `expires` is there and no time in milliseconds
 */
export function checkUser(user: object, what: string): void {
  const expires = expiryOf(user);
  if (expires === undefined) return;
  const wants = 'it is the time in milliseconds since 1970';
  if (typeof expires !== 'number' || !Number.isFinite(expires)) {
    throw new TypeError(`${what} a user whose expires is ${describe(expires)}: ${wants}, or left out`);
  }
  if (expires < LEAST_MS) {
    throw new TypeError(`${what} a user whose expires is ${expires}: ${wants}, so multiply seconds by 1000`);
  }
}

export function hasExpired(user: object): boolean {
  const expires = expiryOf(user);
  return typeof expires === 'number' && expires <= Date.now();
}

/** Calls `action` when the user's time is over, if it is limited. @returns what prevents it */
export function whenExpired(user: object | undefined, action: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  // Programs may have changed the object meanwhile.
  const watch = (): void => {
    const expires = user && expiryOf(user);
    if (!Number.isFinite(expires)) return;
    const leftMs = (expires as number) - Date.now();
    if (leftMs <= 0) action();
    else timer = setTimeout(watch, Math.min(leftMs, MAX_TIMER_MS)).unref();
  };
  watch();
  return () => clearTimeout(timer);
}

export class Visitor implements Identity {
  readonly address: string;
  readonly leave: (() => void) | undefined;
  #user: object | undefined;
  #webSocket: WebSocket | undefined;
  #forget: (() => void) | undefined;

  constructor(address: string, user: object, leave: (() => void) | undefined) {
    this.address = address;
    this.leave = leave;
    this.#user = user;
  }

  get user(): object | undefined {
    return this.#user;
  }

  /** @throws {TypeError} for what `authenticate` may not return either */
  set user(user: unknown) {
    if (typeof user !== 'object' || user === null) {
      throw new TypeError(`The user of a socket is an object, not ${describe(user)}: close() it to end its session`);
    }
    checkUser(user, 'A socket was given');
    this.#user = user;
    this.#watch();
  }

  /** From here on the connection ends with the user's time. */
  opened(webSocket: WebSocket): void {
    this.#webSocket = webSocket;
    const watch = () => this.#watch();
    // A subclass may open it later.
    internals.observe(webSocket, { opened: watch, closed: watch });
    watch();
  }

  #watch(): void {
    this.#forget?.();
    const webSocket = this.#webSocket;
    if (webSocket?.readyState === 1) this.#forget = whenExpired(this.#user, () => webSocket.close(...EXPIRED));
  }
}
