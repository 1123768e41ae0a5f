/** A small trial of the promises, in this process; the large one is promises.promises.ts. */

import { expect, it } from 'vitest';
import { startHere } from './promises/server.ts';
import { runTrial } from './promises/trial.ts';

it.each([1, 2])('each client has each message once, in order, or is told of a gap (seed %i)', async (seed) => {
  const outcome = await runTrial({
    ...{ seed, start: startHere, clients: 10, perRound: 20, rounds: 40, restarts: 2, cuts: 40 },
    ...{ sayings: 20, typicalBytes: 8000 },
  });
  expect(outcome.faults, JSON.stringify(outcome)).toEqual([]);
});
