/**
 * Packages from npm that depend on ws, with framewright in its place: each does its work, and each is shown to notice
 * when the engine below it is broken. `npm run build` has to have run before; ECOSYSTEM_ENGINE=ws shows what ws does.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { type Installation, install } from './installation.ts';
import project from './project/package.json' with { type: 'json' };
import { runScenario } from './scenario-run.ts';
import { SCENARIOS } from './scenarios.ts';

const STEP_TIMEOUT_MS = 15_000;
/** With a broken engine, waiting in vain is what is expected. */
const FAULTY_STEP_TIMEOUT_MS = 2_000;

const { dependencies } = project as { dependencies: Record<string, string> };
const titled = SCENARIOS.map((scenario) => ({
  ...scenario,
  title: scenario.packages.map((name) => `${name} ${dependencies[name]}`).join(', '),
}));

let installation: Installation;

beforeAll(async () => {
  installation = await install();
});

describe('the project', () => {
  it('has one ws, which is the engine under test', () => {
    const { copiesOfWs, engine } = installation;
    expect([...copiesOfWs].map(([path, { name }]) => [path, name])).toEqual([['node_modules/ws', engine]]);
  });
});

// Most of their time passes with waiting, for what a fault has taken away.
describe.concurrent.each(titled)('$title', ({ script, facts, notices }) => {
  it(`${script} works`, async ({ expect }) => {
    const { facts: reported, complaint } = await runScenario(installation.folder, script, {
      stepTimeoutMs: STEP_TIMEOUT_MS,
    });
    expect(complaint).toBe('');
    expect(reported).toEqual(facts);
  });

  it.for(notices)(`${script} notices %s`, async (fault, { expect }) => {
    const run = await runScenario(installation.folder, script, { fault, stepTimeoutMs: FAULTY_STEP_TIMEOUT_MS });
    expect(run).toMatchObject({ hasStarted: true });
    if (run.complaint === '') expect(run.facts).not.toEqual(facts);
  });
});
