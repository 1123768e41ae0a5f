/**
 * The states of a connection from open to closed (§7.1), as a table: what may happen in each and where it leads. The
 * diagram in spec-notes is generated from it.
 */

/**
 * open            messages flow
 * closeSent       this side started the closing handshake (§7.1.3) and waits for the peer's Close frame
 * closeReceived   the peer started it; our answer follows in the same call
 * closeExchanged  both Close frames have passed (§7.1.4): only the transport has to go
 * failed          this side failed the connection (§7.1.7): nothing more is read
 * peerEnded       the peer closed its side of the transport without a Close frame
 * closed          the transport is gone
 */
export type ConnectionState =
  | 'open'
  | 'closeSent'
  | 'closeReceived'
  | 'closeExchanged'
  | 'failed'
  | 'peerEnded'
  | 'closed';

export type ConnectionEvent = 'sendClose' | 'receiveClose' | 'fail' | 'peerEnd' | 'transportClosed';

export type TransitionTable = Readonly<
  Record<ConnectionState, Readonly<Partial<Record<ConnectionEvent, ConnectionState>>>>
>;

export const TRANSITIONS = {
  open: {
    sendClose: 'closeSent',
    receiveClose: 'closeReceived',
    fail: 'failed',
    peerEnd: 'peerEnded',
    transportClosed: 'closed',
  },
  closeSent: { receiveClose: 'closeExchanged', fail: 'failed', peerEnd: 'peerEnded', transportClosed: 'closed' },
  closeReceived: { sendClose: 'closeExchanged' },
  closeExchanged: { peerEnd: 'peerEnded', transportClosed: 'closed' },
  failed: { peerEnd: 'peerEnded', transportClosed: 'closed' },
  peerEnded: { transportClosed: 'closed' },
  closed: {},
} as const satisfies TransitionTable;

const TABLE: TransitionTable = TRANSITIONS;

/** Whether the event may happen in this state. */
export function canHappen(state: ConnectionState, event: ConnectionEvent): boolean {
  return TABLE[state][event] !== undefined;
}

/** @throws {Error} when the table has no such transition: a fault in this program, never a peer's doing */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const next = TABLE[state][event];
  if (next === undefined) throw new Error(`A connection that is ${state} cannot go through ${event}`);
  return next;
}
