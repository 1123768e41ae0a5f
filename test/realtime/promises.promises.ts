/** The promises at length: 100,000 publications, 1,000 connections that are cut, a server that is killed as a program. */

import { expect, it, onTestFinished } from 'vitest';
import { buildCluster } from './promises/cluster.ts';
import { startProgram } from './promises/server.ts';
import { trySlowReader } from './promises/slow-reader.ts';
import { runTrial } from './promises/trial.ts';

/** PROMISES_SEED=7 runs that one again. */
const seed = Number(process.env.PROMISES_SEED ?? Date.now() % 1_000_000);
/** PROMISES_SHARE=0.4 tries less of it. */
const share = Number(process.env.PROMISES_SHARE ?? 1);

it(`50 clients have each message once, in order, or are told of a gap (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const outcome = await runTrial({
    ...{ seed, start: startProgram, clients: 50, perRound: 100, rounds: 250 * share, restarts: 3, cuts: 1000 * share },
    ...{ sayings: 100, typicalBytes: 60_000 },
  });
  console.log(JSON.stringify({ seed, ...outcome }));
  expect(outcome.faults).toEqual([]);
  expect(outcome.publications).toBeGreaterThanOrEqual(100_000 * share);
  expect(outcome.cuts).toBeGreaterThanOrEqual(1000 * share);
});

it(`the same of 3 workers, which are killed and stopped, and of their parent (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const { start, remove } = await buildCluster();
  onTestFinished(remove);
  const outcome = await runTrial({
    ...{ seed, start, clients: 30, perRound: 100, rounds: 300 * share, restarts: 2, cuts: 750 * share },
    ...{ sayings: 100, typicalBytes: 60_000 },
  });
  console.log(JSON.stringify({ seed, ...outcome }));
  expect(outcome.faults).toEqual([]);
  expect(outcome.publications).toBeGreaterThanOrEqual(100_000 * share);
  expect(outcome.cuts).toBeGreaterThanOrEqual(1000 * share);
});

it('one of 1,000 readers that has stopped holds queueBytes and holds up nobody; it catches up', () =>
  trySlowReader(999));
