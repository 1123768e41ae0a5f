/**
 * The promises over several processes. REDIS_FAULTS=1000 has 1,000 faults and 100,000 publications for each way in which Redis may
 * keep what it has; REDIS_SEED=7 runs that one again.
 */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Program } from './promises/server.ts';
import { runTrial } from './promises/trial.ts';

const seed = Number(process.env.REDIS_SEED ?? Date.now() % 1_000_000);
const faults = Number(process.env.REDIS_FAULTS ?? 20);

let program: Program;
beforeAll(async () => {
  program = await Program.build();
});
afterAll(() => program.remove());

it.each(['rdb', 'aof', 'none'] as const)(
  `each message once, in one order, or a gap (${seed}): %s`,
  {
    timeout: 120_000 + faults * 3000,
  },
  async (kept) => {
    const packages = ['redis', 'ioredis', 'redis'];
    const outcome = await runTrial({
      seed,
      kept,
      faults,
      publications: faults * 100,
      perRound: 300,
      clients: 6,
      packages,
      program,
    });
    console.log(JSON.stringify({ seed, kept, ...outcome }));
    expect(outcome.broken).toEqual([]);
    expect(outcome.publications).toBeGreaterThanOrEqual(faults * 100);
    expect(outcome.gaps).toBeGreaterThan(0);
  },
);
