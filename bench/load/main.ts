/**
 * The load generator, in a process of its own: `main.ts TARGET LOAD TIMING`, all JSON. Prints its figures as JSON. A
 * wrong answer, or none, ends it with an error.
 */

import type { Figures, Load, RunLoad, Target, Timing } from './contract.ts';

const [target, load, timing] = process.argv.slice(2).map((text) => JSON.parse(text)) as [Target, Load, Timing];
/** A server that says nothing must not keep the benchmark for ever. */
const DEADLINE_MS = 120_000;

setTimeout(
  () => {
    process.stderr.write('load: not done within two minutes\n');
    process.exit(1);
  },
  timing.warmUpMs + timing.durationMs + DEADLINE_MS,
).unref();

const { run } = (await import(`./${load.kind}.ts`)) as { run: RunLoad<Load> };
const figures: Figures = await run(target, load, timing);
process.stdout.write(JSON.stringify(figures), () => process.exit());
