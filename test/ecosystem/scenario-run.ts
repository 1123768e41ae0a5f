/** One scenario script in a process of its own, which is given an end in any case, with everything it has started. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface ScenarioRun {
  /** What the scenario reported; undefined when it failed. */
  readonly facts: unknown;
  /** Why it failed. */
  readonly complaint: string;
  /** Whether the script and everything it imports could be loaded. */
  readonly hasStarted: boolean;
}

export interface RunOptions {
  /** Break the engine in this way first, see `project/faults.mjs`. */
  readonly fault?: string;
  /** How long a scenario may wait for one thing. */
  readonly stepTimeoutMs: number;
}

const RUN_TIMEOUT_MS = 60_000;

export async function runScenario(folder: string, script: string, options: RunOptions): Promise<ScenarioRun> {
  const { fault, stepTimeoutMs } = options;
  const preload = fault === undefined ? [] : ['--import', './faults.mjs'];
  const child = spawn(process.execPath, [...preload, `${script}.mjs`], {
    cwd: folder,
    env: { ...scenarioEnvironment(), STEP_TIMEOUT_MS: String(stepTimeoutMs), ...(fault && { FAULT: fault }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const timer = setTimeout(() => endGroup(child.pid), RUN_TIMEOUT_MS);
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(timer);
  // A browser that a failed scenario left behind would keep the pipes open.
  endGroup(child.pid);
  const [stdout, stderr] = await output;
  const lines = stdout.split('\n');
  const hasStarted = lines.includes('STARTED');
  const line = lines.find((candidate) => candidate.startsWith('FACTS '));
  if (status === 0 && line !== undefined) {
    return { facts: JSON.parse(line.slice('FACTS '.length)), complaint: '', hasStarted };
  }
  return { facts: undefined, complaint: `${script} ended with ${signal ?? status}\n${stderr}`, hasStarted };
}

/** Without what this test run has set up for itself. */
function scenarioEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_ENV, VITEST, ...environment } = process.env;
  return environment;
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
