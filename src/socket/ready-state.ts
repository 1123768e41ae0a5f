/** What the states of the core are called in the browser's interface. */

import type { ConnectionState } from '../protocol/index.ts';

export const READY_STATES: Readonly<Record<ConnectionState, 1 | 2 | 3>> = {
  open: 1,
  closeSent: 2,
  closeReceived: 2,
  closeExchanged: 2,
  failed: 2,
  peerEnded: 2,
  closed: 3,
};
export const STATE_NAMES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/** What the browser's interface shows of a socket: its attributes can be enumerated. */
const ATTRIBUTES = ['binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState', 'url'];

/** Gives the class and its sockets the names of the states, and makes the attributes enumerable, as browsers have both. */
export function defineStates(SocketClass: { readonly prototype: object }): void {
  for (const [value, name] of STATE_NAMES.entries()) {
    for (const owner of [SocketClass, SocketClass.prototype]) {
      Object.defineProperty(owner, name, { value, enumerable: true, writable: false, configurable: false });
    }
  }
  for (const name of ATTRIBUTES) Object.defineProperty(SocketClass.prototype, name, { enumerable: true });
}
