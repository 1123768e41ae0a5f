/**
 * The long-running fuzzer: the properties of the test run, in turn and in small batches, each batch with a seed of its
 * own, for as long as asked. Knows the command line as an array of words and prints through a function.
 */

import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { FuzzProperty } from '../support/fuzz.ts';

export const USAGE = `Usage: npm run fuzz -- [options]

Tries every property with new inputs until the time is over, and stops at the first failure.

  --seconds N      how long to go on (default 60)
  --seed S         where to start, from 0 to 2147483647; the same seed tries the same inputs (default: from the clock)
  --property NAME  only this property
  --path P         with --seed and --property as a failure printed them: repeats that failure, and nothing else
  --list           the names of the properties
  --help           this text

Ends with 0 when nothing failed, with 1 after a failure, with 2 when the arguments are wrong.
`;

/** Cases between two looks at the clock. */
const BATCH_RUNS = 200;
const PROGRESS_MS = 10_000;
const LAST_SEED = 0x7fff_ffff;

interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly properties: readonly FuzzProperty[];
  readonly path: string | undefined;
}

class UsageError extends Error {}

/** @returns the exit code */
export async function fuzz(
  words: readonly string[],
  properties: readonly FuzzProperty[],
  print: (text: string) => void,
): Promise<0 | 1 | 2> {
  let options: FuzzOptions | 'help' | 'list';
  try {
    options = readOptions(words, properties);
  } catch (error) {
    print(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') print(USAGE);
  else if (options === 'list') print(properties.map(({ name, title }) => `${name.padEnd(32)} ${title}\n`).join(''));
  else if (options.path !== undefined) return repeatFailure(options.properties[0]!, options.seed, options.path, print);
  else return fuzzUntil(options, print);
  return 0;
}

function readOptions(words: readonly string[], all: readonly FuzzProperty[]): FuzzOptions | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      property: { type: 'string' },
      path: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  if (values.list) return 'list';
  const seconds = Number(values.seconds);
  if (values.seconds.trim() === '' || !Number.isFinite(seconds) || seconds <= 0) {
    throw new UsageError(`--seconds must be a number above 0; got '${values.seconds}'`);
  }
  if (values.seed !== undefined && (!/^\d{1,10}$/.test(values.seed) || Number(values.seed) > LAST_SEED)) {
    throw new UsageError(`--seed must be a whole number from 0 to ${LAST_SEED}; got '${values.seed}'`);
  }
  const properties = all.filter(({ name }) => values.property === undefined || name === values.property);
  if (properties.length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    throw new UsageError(`--property '${values.property}' is unknown; there are: ${names}`);
  }
  if (values.path !== undefined) {
    if (!/^\d+(:\d+)*$/.test(values.path)) throw new UsageError(`--path looks like 12:0:3; got '${values.path}'`);
    if (values.seed === undefined || values.property === undefined) {
      throw new UsageError('--path needs the --seed and the --property that were printed with it');
    }
  }
  return { seconds, seed: Number(values.seed ?? Date.now() & LAST_SEED), properties, path: values.path };
}

async function fuzzUntil({ seconds, seed, properties }: FuzzOptions, print: (text: string) => void): Promise<0 | 1> {
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  let cases = 0;
  let nextProgressMs = PROGRESS_MS;
  const rate = () => {
    const perSecond = Math.round(cases / (elapsedMs() / 1000)).toLocaleString('en');
    return `${cases.toLocaleString('en')} cases in ${(elapsedMs() / 1000).toFixed(1)} s: ${perSecond} cases per second\n`;
  };
  print(`seed ${seed}, ${seconds} s, ${properties.map(({ name }) => name).join(', ')}\n`);
  for (let batch = 0; elapsedMs() < seconds * 1000; batch++) {
    const fuzzed = properties[batch % properties.length]!;
    const batchSeed = (seed + batch) & LAST_SEED;
    const result = fc.check(fuzzed.property, { seed: batchSeed, numRuns: BATCH_RUNS });
    cases += result.numRuns;
    if (result.failed) {
      print(describeFailure(fuzzed, result));
      print(rate());
      return 1;
    }
    if (elapsedMs() >= nextProgressMs) {
      print(rate());
      nextProgressMs = elapsedMs() + PROGRESS_MS;
    }
    // Streams of ws leave work for later turns of the event loop, which would pile up otherwise.
    await setImmediate();
  }
  print(rate());
  return 0;
}

function repeatFailure(fuzzed: FuzzProperty, seed: number, path: string, print: (text: string) => void): 0 | 1 {
  const result = fc.check(fuzzed.property, { seed, path, numRuns: BATCH_RUNS });
  print(result.failed ? describeFailure(fuzzed, result) : `${fuzzed.name} holds at seed ${seed}, path ${path}\n`);
  return result.failed ? 1 : 0;
}

function describeFailure({ name, title }: FuzzProperty, result: fc.RunDetails<[unknown]>): string {
  const { seed, counterexamplePath, counterexample, errorInstance } = result;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return [
    `FAILED ${name}: ${title}`,
    `  ${message}`,
    `  counterexample: ${fc.stringify(counterexample)}`,
    `  repeat with: npm run fuzz -- --property ${name} --seed ${seed} --path ${counterexamplePath}`,
    '',
  ].join('\n');
}
