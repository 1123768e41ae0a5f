/**
 * The runner says of a testee what Autobahn says of it: of one without fault, and of some with one fault each; all of them
 * are tried with `npm run test:conformance`.
 */

import { describe, expect, it } from 'vitest';
import { isPassing, runSuite } from '../../src/conformance/index.ts';
import type { Fault } from './faulty/conduct.ts';
import {
  DEFLATE_CASES,
  DEFLATE_FAULTS,
  type DeflateFaultRow,
  startDeflateEchoServer,
} from './faulty/deflate-faults.ts';
import { RUNS } from './faulty/runs.ts';
import { casesFor, FAULT_NAMES, failuresIn, QUICK_CASES, type TesteeRole, verdictsOn } from './faulty/verdicts.ts';

const ROLES: readonly TesteeRole[] = ['server', 'client'];

/** One or two of each way to be found out. */
const SOME_FAULTS: readonly Fault[] = [
  'utf8CheckedAtMessageEnd',
  'invalidCloseCodesAccepted',
  'longControlAccepted',
  'textMangled',
  'masksWrongly',
  'closesWith5000',
];

describe.concurrent.each(ROLES)('conformance runner, with a %s', (role) => {
  it('§5–§7 passes one without fault', async ({ expect }) => {
    const results = await RUNS[role](undefined, QUICK_CASES);
    expect(results).toHaveLength(250);
    expect(failuresIn(results)).toEqual({});
  });

  it.for(SOME_FAULTS)('§5–§7 notices %s', async (fault, { expect }) => {
    expect(failuresIn(await RUNS[role](fault, casesFor(fault)))).toEqual(verdictsOn(fault, role));
  });
});

describe('conformance runner, groups 12 and 13', () => {
  const rows = DEFLATE_FAULTS.map((row): [string, DeflateFaultRow] => [row.fault, row]);

  it.each(rows)('RFC 7692 §7 notices %s', async (_, row) => {
    const server = await startDeflateEchoServer(row);
    const { results } = await runSuite({ url: server.url, cases: DEFLATE_CASES });
    await server.close();
    expect(results.map(({ behavior }) => behavior)).toEqual(row.verdicts);
    expect(results.map(isPassing)).toEqual(row.verdicts.map((verdict) => verdict !== 'FAILED'));
  });
});

describe('fault table', () => {
  it('has a row for each fault, and each is noticed but those that are legal', () => {
    const legal = ['echoesInFragments', 'closesWithoutCode', 'closesWithReason', 'failsWithEnd', 'greetsWithPing'];
    const unnoticed = FAULT_NAMES.filter((fault) => Object.keys(verdictsOn(fault, 'server')).length === 0);
    expect(unnoticed.toSorted()).toEqual(legal.toSorted());
  });
});
