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
