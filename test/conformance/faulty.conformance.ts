/** The runner says of each fault, in both roles, what Autobahn says of it. With CONFORMANCE_CASES=some each is tried in one role. */

import { describe, it } from 'vitest';
import { RUNS } from './faulty/runs.ts';
import { casesFor, FAULT_NAMES, failuresIn, type TesteeRole, verdictsOn } from './faulty/verdicts.ts';

const ROLES: readonly TesteeRole[] = ['server', 'client'];

const ROWS = FAULT_NAMES.flatMap((fault, i) =>
  process.env.CONFORMANCE_CASES === 'some'
    ? [[fault, ROLES[i % 2]!] as const]
    : ROLES.map((role) => [fault, role] as const),
);

describe.concurrent('conformance runner', () => {
  it.for(ROWS)('§5–§7 notices %s of a %s', async ([fault, role], { expect }) => {
    expect(failuresIn(await RUNS[role](fault, casesFor(fault)))).toEqual(verdictsOn(fault, role));
  });
});
