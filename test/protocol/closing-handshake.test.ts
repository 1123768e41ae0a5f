/** The table of the closing handshake (§7.1): every transition judged by the sections it comes from. */

import { describe, expect, it } from 'vitest';
import {
  type ConnectionEvent,
  type ConnectionState,
  canHappen,
  nextState,
  TRANSITIONS,
} from '../../src/protocol/index.ts';

const EVENTS: ConnectionEvent[] = ['sendClose', 'receiveClose', 'fail', 'peerEnd', 'transportClosed'];
const STATES = Object.keys(TRANSITIONS) as ConnectionState[];

/** All that may happen; whatever is not listed may not. */
const LEGAL: [from: ConnectionState, event: ConnectionEvent, to: ConnectionState, why: string][] = [
  ['open', 'sendClose', 'closeSent', '§7.1.2 starting the closing handshake'],
  ['open', 'receiveClose', 'closeReceived', '§7.1.3 the closing handshake is started by a Close frame received'],
  ['open', 'fail', 'failed', '§7.1.7 failing an open connection'],
  ['open', 'peerEnd', 'peerEnded', '§7.1.5 an end without a Close frame'],
  ['open', 'transportClosed', 'closed', '§7.1.4 the transport was lost'],
  ['closeSent', 'receiveClose', 'closeExchanged', '§5.5.1 sent and received'],
  ['closeSent', 'fail', 'failed', '§7.1.7 the peer breaks a rule before it answers'],
  ['closeSent', 'peerEnd', 'peerEnded', '§7.1.5 an end without an answer'],
  ['closeSent', 'transportClosed', 'closed', '§7.1.4 the transport was lost, or was not waited for any longer'],
  ['closeReceived', 'sendClose', 'closeExchanged', '§5.5.1 the answer to a Close frame'],
  ['closeExchanged', 'peerEnd', 'peerEnded', '§7.1.1 the other side ends'],
  ['closeExchanged', 'transportClosed', 'closed', '§7.1.4 closed cleanly'],
  ['failed', 'peerEnd', 'peerEnded', '§7.1.7 the peer ends after a failure'],
  ['failed', 'transportClosed', 'closed', '§7.1.7 the transport is closed after a failure'],
  ['peerEnded', 'transportClosed', 'closed', '§7.1.4 closed after both ends'],
];

describe('closing handshake', () => {
  it.each(LEGAL)('§7.1 %s: %s leads to %s', (from, event, to) => {
    expect(canHappen(from, event)).toBe(true);
    expect(nextState(from, event)).toBe(to);
  });

  const illegal = STATES.flatMap((from) => EVENTS.map((event) => [from, event] as const)).filter(
    ([from, event]) => !LEGAL.some((row) => row[0] === from && row[1] === event),
  );
  it.each(illegal)('§7.1 %s: %s cannot happen', (from, event) => {
    expect(canHappen(from, event)).toBe(false);
    expect(() => nextState(from, event)).toThrow(`A connection that is ${from} cannot go through ${event}`);
  });

  it('§7.1.4 closed is final', () => expect(TRANSITIONS.closed).toEqual({}));

  it('§7.1 every state is reached from open, and closed from every state', () => {
    expect(reachableFrom('open')).toEqual(new Set(STATES));
    for (const state of STATES) expect(reachableFrom(state)).toContain('closed');
  });

  it('§5.5.1 no way leads through sendClose twice, or through receiveClose twice', () => {
    for (const event of ['sendClose', 'receiveClose'] as const) {
      for (const from of STATES.filter((state) => canHappen(state, event))) {
        const after = reachableFrom(nextState(from, event));
        expect([...after].filter((state) => canHappen(state, event))).toEqual([]);
      }
    }
  });
});

function reachableFrom(start: ConnectionState): Set<ConnectionState> {
  const reached = new Set([start]);
  for (const state of reached) {
    for (const event of EVENTS) if (canHappen(state, event)) reached.add(nextState(state, event));
  }
  return reached;
}
