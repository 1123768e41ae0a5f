/**
 * Two Connections walked through every order of calls (`npm run explore` goes deeper): nothing that must not be is reached.
 * And each rule of the closing handshake broken, one by one: each is found.
 */

import { describe, expect, it } from 'vitest';
import { type ConnectionEvent, type ConnectionState, TRANSITIONS } from '../../src/protocol/index.ts';
import { explore, inWords } from './explore.ts';
import { breakRule, breakTransition, FAULTS, type Mend } from './faults.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Call, type Scenario, World } from './world.ts';

const CLOSING = SCENARIOS[0]!;
/** Every fault below is found in so few calls. */
const FAULT_DEPTH = 4;

function breachUnder(mend: Mend, scenario: Scenario = CLOSING): string | undefined {
  try {
    return explore(scenario, FAULT_DEPTH).breach?.message;
  } finally {
    mend();
  }
}

const STATES = Object.keys(TRANSITIONS) as ConnectionState[];
const EVENTS: ConnectionEvent[] = ['sendClose', 'receiveClose', 'fail', 'peerEnd', 'transportClosed'];
const ROWS = STATES.flatMap((from) =>
  (Object.entries(TRANSITIONS[from]) as [ConnectionEvent, ConnectionState][]).map(([event, to]) => ({
    from,
    event,
    to,
  })),
);

describe('every order of calls on two connections', () => {
  it.each(SCENARIOS)(
    '§7 $name: no illegal step, no message lost or doubled, and every connection closes',
    (scenario) => {
      const { breach, states, steps } = explore(scenario, 5);
      expect(breach && `${breach.message}: ${inWords(breach.calls)}`).toBeUndefined();
      expect(states).toBeGreaterThan(300);
      expect(steps).toBeGreaterThan(states);
    },
  );

  it('states that are taken for one behave alike: from either, each call leads to the same state', () => {
    for (const scenario of SCENARIOS) {
      const ways = new Map<number, Call[]>([[new World(scenario).key(), []]]);
      for (const [key, way] of ways) {
        if (ways.size > 60) break;
        for (const call of play(scenario, way).calls()) {
          const other = [...way, call];
          const reached = play(scenario, other);
          const first = ways.get(reached.key());
          if (first === undefined) ways.set(reached.key(), other);
          else expect(keysBehind(scenario, first), inWords(other)).toEqual(keysBehind(scenario, other));
        }
        expect(ways.get(key)).toBe(way);
      }
    }
  });
});

function play(scenario: Scenario, calls: readonly Call[]): World {
  const world = new World(scenario);
  for (const call of calls) world.apply(call);
  return world;
}

function keysBehind(scenario: Scenario, way: readonly Call[]): [string, number][] {
  const calls = play(scenario, way).calls();
  return calls.map((call) => [inWords([call]), play(scenario, [...way, call]).key()]);
}

describe('§7.1 a broken row of the closing handshake is found', () => {
  it.each(ROWS)('$from: $event is not known', ({ from, event }) => {
    expect(breachUnder(breakTransition(from, event, undefined))).toBeDefined();
  });

  it.each(ROWS)('$from: $event leads to another state than $to', ({ from, event, to }) => {
    for (const wrong of STATES.filter((state) => state !== to)) {
      expect(breachUnder(breakTransition(from, event, wrong)), wrong).toBeDefined();
    }
  });

  /** A row that should not be there shows only where code asks the table; the others ask the state itself, or read no more. */
  it('a row too many is found where the table is asked', () => {
    const found = STATES.flatMap((from) => EVENTS.map((event) => [from, event] as const))
      .filter(([from, event]) => !ROWS.some((row) => row.from === from && row.event === event))
      .filter(([from, event]) => breachUnder(breakTransition(from, event, 'failed')) !== undefined);
    expect(found).toEqual([
      ['closeExchanged', 'fail'],
      ['failed', 'fail'],
      ['peerEnded', 'fail'],
      ['closed', 'fail'],
    ]);
  });
});

describe('a broken rule of Connection is found', () => {
  it.each(FAULTS.map((fault) => [fault.rule, fault] as const))('%s', (_, fault) => {
    const scenario = SCENARIOS.find(({ name }) => name === fault.scenario)!;
    expect(breachUnder(breakRule(fault), scenario)).toBeDefined();
  });
});
