/** The tables of spec-notes/guide/scaling.md are those that follow from bench/results. `npx vitest run test/bench -u` writes them. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  ASSUMED,
  busyOf,
  type Constants,
  constantsOf,
  planFor,
  rounded,
  TABLES,
  withTables,
} from '../../bench/scaling-plan.ts';

const page = new URL('../../spec-notes/guide/scaling.md', import.meta.url);
const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../bench/results/${name}.json`, import.meta.url), 'utf8'));
const results = { processes: read('processes'), scaling: read('scaling'), heartbeat: read('heartbeat') };

describe('the page on scaling', () => {
  it('has the tables that follow from what was measured', async () => {
    await expect(withTables(readFileSync(page, 'utf8'), results)).toMatchFileSnapshot(fileURLToPath(page));
  });

  it('has each of them, and no other', () => {
    const named = [...readFileSync(page, 'utf8').matchAll(/^<!-- measured: (\w+) -->$/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(Object.keys(TABLES).toSorted());
  });

  it('says of its plan that no core is too busy, which holds for the constants as measured', () => {
    const constants = constantsOf(results);
    expect(Object.values(constants).every((constant) => constant > 0)).toBe(true);
    expect(busyOf(planFor(constants))).toBeLessThan(ASSUMED.mostBusy);
  });
});

describe('planFor', () => {
  const constants: Constants = {
    ...{ publisherMicros: 100, processMicros: 10, memberMicros: 4, redisMicros: 30, toldMicros: 1 },
    ...{ memberBytes: 200, idleBytes: 5000, heartbeatMicros: 12 },
  };

  it('is arithmetic', () => {
    const assumed = { ...ASSUMED, connections: 1000, perProcess: 500, membersPerChannel: 1, channelSeconds: 1 };
    const plan = planFor(constants, { ...assumed, heartbeatSeconds: 10 });
    expect([plan.processes, plan.channels, plan.publications, plan.deliveries, plan.touched]).toEqual([
      ...[2, 1000, 1000, 1000, 1],
    ]);
    expect(plan.busy.heartbeats).toBeCloseTo((100 * 12) / 2e6);
    expect(plan.busy.publications).toBeCloseTo((1000 * 110) / 2e6);
    expect(plan.busy.members).toBeCloseTo((1000 * 4) / 2e6);
    expect(plan.redisBusy).toBeCloseTo((1000 * 31) / 1e6);
    expect([plan.redisServers, plan.memoryBytes, plan.toAllMs]).toEqual([1, 2_500_000, 2]);
    expect(plan.bytesPerSecond).toBe(1000 * 200 + 100 * 112);
  });

  it('a channel of many is in nearly all processes, and needs more of Redis', () => {
    const plan = planFor({ ...constants, redisMicros: 1000 });
    expect(plan.touched).toBeCloseTo(43.37, 2);
    expect(plan.redisServers).toBe(2);
  });

  it('has two digits that mean something', () => {
    expect([0, 0.0123, 1.26, 99.4, 1234, 987_654].map(rounded)).toEqual([
      '0',
      '0.012',
      '1.3',
      '99',
      '1,200',
      '990,000',
    ]);
  });
});
