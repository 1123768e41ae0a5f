/**
 * The fuzzer: takes its targets in turn, in small batches of inputs, mostly changed ones of those it knows, for as long as
 * asked. What reaches a branch that no input of its target has reached is known from then on. Knows the command line as an
 * array of words and prints through a function.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CORPUS, readCorpus, writeCorpus } from './corpus.ts';
import { Coverage, type Reached } from './coverage.ts';
import { Dice } from './dice.ts';
import { anyBytes, mutate } from './mutate.ts';
import { shrink } from './shrink.ts';
import type { FuzzTarget } from './target.ts';
import { Watchdog } from './watchdog.ts';

export const USAGE = `Usage: npm run fuzz -- [options]

Tries the inputs that are kept, and then new ones until the time is over; stops at the first failure, makes its input small
and writes it to a file.

  --seconds N      how long to go on (default 60)
  --seed S         where to start, from 0 to 2147483647; the same seed tries the same inputs (default: from the clock)
  --target NAME    only this target
  --keep           add the inputs that reached new branches to those that are kept, and leave out what they make needless
  --replay FILE    try the input of such a file, and nothing else
  --input BASE64   with --target: try this input, and nothing else
  --list           the names of the targets
  --help           this text

Ends with 0 when nothing failed, with 1 after a failure, with 2 when the arguments are wrong.
`;

/** Cases between two looks at the clock, and at what has been reached. */
const BATCH_CASES = 64;
const PROGRESS_MS = 10_000;
const LAST_SEED = 0x7fff_ffff;
/** The lengths of inputs that are drawn anew. */
const NEW_LENGTHS = [8, 64, 512, 2048];

const FAILURES = fileURLToPath(new URL('failures', import.meta.url));

export interface FuzzFolders {
  readonly corpus: string;
  readonly failures: string;
}

interface FuzzOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly targets: readonly FuzzTarget[];
  readonly keeps: boolean;
  /** To try alone. */
  readonly input: Uint8Array | undefined;
}

class UsageError extends Error {}

/** @returns the exit code */
export async function fuzz(
  words: readonly string[],
  targets: readonly FuzzTarget[],
  print: (text: string) => void,
  folders: FuzzFolders = { corpus: CORPUS, failures: FAILURES },
): Promise<0 | 1 | 2> {
  let options: FuzzOptions | 'help' | 'list';
  try {
    options = readOptions(words, targets);
  } catch (error) {
    print(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') print(USAGE);
  else if (options === 'list') print(targets.map(({ name, title }) => `${name.padEnd(32)} ${title}\n`).join(''));
  else {
    const fuzzer = new Fuzzer(options, print, folders);
    return fuzzer.run();
  }
  return 0;
}

function readOptions(words: readonly string[], all: readonly FuzzTarget[]): FuzzOptions | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      target: { type: 'string' },
      keep: { type: 'boolean', default: false },
      replay: { type: 'string' },
      input: { type: 'string' },
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
  const replayed = values.replay === undefined ? undefined : readReplay(values.replay);
  const name = replayed?.target ?? values.target;
  const targets = all.filter((target) => name === undefined || target.name === name);
  if (targets.length === 0) {
    throw new UsageError(`--target '${name}' is unknown; there are: ${all.map((target) => target.name).join(', ')}`);
  }
  const input = replayed?.input ?? values.input;
  if (input !== undefined) {
    if (name === undefined) throw new UsageError('--input needs the --target that it is for');
    if (Buffer.from(input, 'base64').toString('base64') !== input) throw new UsageError('--input must be base64');
  }
  return {
    seconds,
    seed: Number(values.seed ?? Date.now() & LAST_SEED),
    targets,
    keeps: values.keep,
    input: input === undefined ? undefined : new Uint8Array(Buffer.from(input, 'base64')),
  };
}

/** What is written of a failure. */
interface Replay {
  readonly target: string;
  /** In base64. */
  readonly input: string;
  readonly failure: string;
  readonly shown: string;
}

function readReplay(path: string): Replay {
  try {
    const read: Partial<Replay> = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof read.target === 'string' && typeof read.input === 'string') return read as Replay;
  } catch (error) {
    throw new UsageError(`--replay ${path}: ${(error as Error).message}`);
  }
  throw new UsageError(`--replay ${path}: no "target" and "input" in it`);
}

/** A target, and what is known of it. */
interface Course {
  readonly target: FuzzTarget;
  readonly known: Uint8Array[];
  readonly reached: Reached;
  cases: number;
  found: number;
}

class Fuzzer {
  readonly #options: FuzzOptions;
  readonly #print: (text: string) => void;
  readonly #folders: FuzzFolders;
  readonly #coverage = new Coverage();
  readonly #watchdog: Watchdog;
  readonly #courses: readonly Course[];
  readonly #startMs = performance.now();
  /** What was thrown where nobody could catch it, while an input was tried. */
  #stray: unknown;

  constructor(options: FuzzOptions, print: (text: string) => void, folders: FuzzFolders) {
    this.#options = options;
    this.#print = print;
    this.#folders = folders;
    this.#watchdog = new Watchdog(folders.failures);
    this.#courses = options.targets.map((target) => ({
      target,
      known: [...readCorpus(folders.corpus, target.name), ...(target.seeds ?? [])],
      reached: new Map(),
      cases: 0,
      found: 0,
    }));
  }

  async run(): Promise<0 | 1> {
    const onStray = (error: unknown) => {
      this.#stray ??= error;
    };
    process.on('uncaughtException', onStray).on('unhandledRejection', onStray);
    try {
      const { input } = this.#options;
      return await (input === undefined ? this.#goOn() : this.#tryAlone(this.#courses[0]!, input));
    } finally {
      process.off('uncaughtException', onStray).off('unhandledRejection', onStray);
      this.#watchdog.stop();
      this.#coverage.stop();
    }
  }

  async #tryAlone({ target }: Course, input: Uint8Array): Promise<0 | 1> {
    const error = await this.#attempt(target, input);
    if (error === undefined) this.#print(`${target.name} holds for this input\n`);
    else this.#print(`FAILED ${target.name}: ${target.title}\n${describe(target, input, error)}`);
    return error === undefined ? 0 : 1;
  }

  async #goOn(): Promise<0 | 1> {
    const { seconds, seed } = this.#options;
    const courses = this.#courses;
    this.#print(`seed ${seed}, ${seconds} s, ${courses.map(({ target }) => target.name).join(', ')}\n`);
    for (const course of courses) {
      for (const input of course.known) if (await this.#fails(course, input)) return 1;
      this.#coverage.take(course.reached, true);
    }
    let nextProgressMs = PROGRESS_MS;
    // Each has its turn, however little time there is.
    for (let turn = 0; turn < courses.length || this.#elapsedMs < seconds * 1000; turn++) {
      const course = courses[turn % courses.length]!;
      if (await this.#anyFails(course, this.#propose(course, new Dice(seed + turn)))) return 1;
      if (this.#elapsedMs < nextProgressMs) continue;
      this.#print(this.#rate());
      nextProgressMs = this.#elapsedMs + PROGRESS_MS;
    }
    this.#print(this.#rate());
    if (this.#options.keeps) for (const course of courses) await this.#keep(course);
    return 0;
  }

  /** Some known inputs, changed, and some new ones. */
  #propose({ known }: Course, dice: Dice): Uint8Array[] {
    return Array.from({ length: BATCH_CASES }, () =>
      known.length === 0 || dice.below(8) === 0 ? anyBytes(dice, dice.pick(NEW_LENGTHS)) : mutate(known, dice),
    );
  }

  /** Tries inputs; when something new has been reached, halves of them, until it is known which of them reach it. */
  async #anyFails(course: Course, inputs: readonly Uint8Array[]): Promise<boolean> {
    for (const input of inputs) if (await this.#fails(course, input)) return true;
    const isOne = inputs.length === 1;
    if (!this.#coverage.take(course.reached, isOne)) return false;
    if (isOne) {
      course.known.push(inputs[0]!);
      course.found++;
      return false;
    }
    const middle = inputs.length >> 1;
    return (
      (await this.#anyFails(course, inputs.slice(0, middle))) || (await this.#anyFails(course, inputs.slice(middle)))
    );
  }

  /** Tries an input, and makes known that it fails. */
  async #fails(course: Course, input: Uint8Array): Promise<boolean> {
    course.cases++;
    const error = await this.#attempt(course.target, input);
    if (error === undefined) return false;
    await this.#report(course.target, input, error);
    return true;
  }

  /** @returns what it threw */
  async #attempt(target: FuzzTarget, input: Uint8Array): Promise<unknown> {
    this.#watchdog.begin(target.name, input);
    try {
      const pending = target.run(input.slice());
      if (pending === undefined) return undefined;
      await pending;
      // What is thrown in the turn to come is of this input too.
      await setImmediate();
    } catch (error) {
      return error ?? new Error('undefined was thrown');
    } finally {
      this.#watchdog.end();
    }
    const stray = this.#stray;
    this.#stray = undefined;
    return stray;
  }

  async #report(target: FuzzTarget, input: Uint8Array, found: unknown): Promise<void> {
    this.#print(
      `FAILED ${target.name}: ${target.title}\n  ${messageOf(found)}\n  ${input.length} bytes, being shortened\n`,
    );
    let error = found;
    const small = await shrink(input, async (candidate) => {
      const failure = await this.#attempt(target, candidate);
      error = failure ?? error;
      return failure !== undefined;
    });
    error = (await this.#attempt(target, small)) ?? error;
    const base64 = Buffer.from(small).toString('base64');
    const replay: Replay = { target: target.name, input: base64, failure: messageOf(error), shown: target.show(small) };
    const path = join(this.#folders.failures, `${target.name}.json`);
    mkdirSync(this.#folders.failures, { recursive: true });
    writeFileSync(path, `${JSON.stringify(replay, undefined, 2)}\n`);
    this.#print(describe(target, small, error));
    this.#print(`  repeat with: npm run fuzz -- --replay ${relative('', path)}\n`);
    this.#print(`  or, without the file: npm run fuzz -- --target ${target.name} --input ${base64 || "''"}\n`);
    this.#print(this.#rate());
  }

  /** Writes the fewest of the known inputs that reach all they reach; short ones go first. */
  async #keep({ target, known }: Course): Promise<void> {
    const reached: Reached = new Map();
    const kept: Uint8Array[] = [];
    for (const input of [...known].sort((a, b) => a.length - b.length)) {
      this.#coverage.take(new Map(), false);
      await this.#attempt(target, input);
      if (this.#coverage.take(reached, true)) kept.push(input);
    }
    writeCorpus(this.#folders.corpus, target.name, kept);
    this.#print(`${target.name}: ${kept.length} inputs are kept\n`);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  #rate(): string {
    const seconds = this.#elapsedMs / 1000;
    const cases = this.#courses.reduce((sum, course) => sum + course.cases, 0);
    const found = this.#courses.reduce((sum, course) => sum + course.found, 0);
    const perSecond = Math.round(cases / seconds).toLocaleString('en');
    const what = found === 1 ? '1 input reached' : `${found} inputs reached`;
    return `${cases.toLocaleString('en')} cases in ${seconds.toFixed(1)} s: ${perSecond} cases per second; ${what} new branches\n`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describe(target: FuzzTarget, input: Uint8Array, error: unknown): string {
  const place = error instanceof Error ? /\n\s+at .*/.exec(error.stack ?? '')?.[0].trim() : undefined;
  return [`  ${messageOf(error)}`, ...(place ? [`  ${place}`] : []), `  input: ${target.show(input)}`, ''].join('\n');
}
