/**
 * What is walked through: each scenario has the deeds that meet each other, on the sides where they do, so that the walk goes
 * deep. Each is walked twice, with the sides the other way round.
 */

import { DEEDS, type Deed } from './deeds.ts';
import type { Scenario } from './world.ts';

const TRANSPORT: readonly Deed[] = ['arrive', 'transportCloses'];
const HALTING: readonly Deed[] = ['halt', 'resume'];

/** Both sides close, fail and lose what they have; one of them halts. */
const CLOSING: Scenario = {
  name: 'closing',
  deeds: {
    client: ['send', 'close', 'fail', 'lose', ...TRANSPORT],
    server: ['send', 'close', 'fail', 'lose', ...HALTING, ...TRANSPORT],
  },
  messages: 1,
  pings: 0,
};

const PIECES: Scenario = {
  name: 'messages in pieces',
  deeds: {
    client: ['send', 'sendFragment', 'close', 'lose', ...TRANSPORT],
    server: ['arrivePart', 'join', 'arriveAndHalt', 'resume', 'close', ...TRANSPORT],
  },
  messages: 3,
  pings: 0,
};

const PINGS: Scenario = {
  name: 'pings whose pongs wait',
  deeds: {
    client: ['send', 'ping', 'close', ...TRANSPORT],
    server: ['flushed', 'arrivePart', 'join', ...HALTING, 'close', 'lose', ...TRANSPORT],
  },
  messages: 1,
  pings: 2,
};

const HANDLERS: Scenario = {
  name: 'handlers that act',
  deeds: {
    client: ['send', 'ping', 'close', ...TRANSPORT],
    server: [
      'join',
      'arriveAndHalt',
      'arriveAndResume',
      'arriveAndSend',
      'arriveAndClose',
      'arriveAndFail',
      'arriveAndThrow',
      'resume',
      ...TRANSPORT,
    ],
  },
  messages: 2,
  pings: 1,
};

const PUT_OFF: Scenario = {
  name: 'messages put off',
  deeds: {
    client: ['send', 'close', 'lose', ...TRANSPORT],
    server: ['join', 'arriveAndPutOff', 'rateAllows', ...HALTING, 'close', 'fail', 'lose', ...TRANSPORT],
  },
  messages: 3,
  pings: 0,
};

const COMPRESSED: Scenario = {
  name: 'compressed messages',
  deeds: {
    client: ['send', 'sendCompressed', 'close', ...TRANSPORT],
    server: ['join', 'inflated', 'inflatedCorrupt', ...HALTING, 'close', 'fail', 'lose', ...TRANSPORT],
  },
  messages: 2,
  pings: 0,
};

const TURNS: Scenario = {
  name: 'turns of the event loop',
  deeds: {
    client: ['send', 'ping', 'turn', 'close', ...TRANSPORT],
    server: ['join', 'turn', ...HALTING, 'close', 'fail', 'lose', ...TRANSPORT],
  },
  messages: 2,
  pings: 1,
  takesTurns: true,
};

const ONE_WAY = [CLOSING, PIECES, PINGS, HANDLERS, PUT_OFF, COMPRESSED, TURNS];

function turnedRound({ name, deeds: { client, server }, ...rest }: Scenario): Scenario {
  return { ...rest, name: `${name}, the other way round`, deeds: { client: server, server: client } };
}

export const SCENARIOS: readonly Scenario[] = ONE_WAY.flatMap((scenario) => [scenario, turnedRound(scenario)]);

const ALL = Object.keys(DEEDS) as Deed[];

/** All deeds there are: too many for a walk through every order of them. */
export const EVERYTHING: Scenario = {
  name: 'everything',
  deeds: { client: ALL, server: ALL },
  messages: 12,
  pings: 8,
};
