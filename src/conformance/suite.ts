/**
 * Runs many cases against one server. Light ones go side by side. The heavy ones of group 9 follow one at a time, so that
 * neither kind spends its deadlines waiting for the other. Those with compression come last, a few at a time.
 */

import { checkWholeNumber } from '../protocol/whole-number.ts';
import { type ConformanceCase, compareIds } from './case.ts';
import type { CaseResult } from './case-run.ts';
import { type AnyCase, selectAnyCases } from './cases/index.ts';
import { CORPUS_KINDS } from './corpora.ts';
import { abandon, dial, type Target } from './dial.ts';
import { isProgramCase, type ProgramCase } from './programs/program.ts';
import { runAnyCase } from './run-any-case.ts';
import type { Behavior, BehaviorClose } from './verdict.ts';

export interface SuiteOptions extends Target {
  /** Ids with `*` for any characters, separated by commas: `7.9.*,1.1.1`. Default `*`, all of them. */
  readonly cases?: string;
  /** Ids of the same form that are left out of those. Default: none. */
  readonly exclude?: string;
  /** Connections at a time, for cases that are not about large messages or many of them. 1 to 256; default 16. */
  readonly concurrency?: number;
  /** What reports call the testee. Default: its Server header, or the host of the URL. */
  readonly agent?: string;
  /** Whether this testee is spared a case. Default: none is. */
  readonly skips?: (agent: string, id: string) => boolean;
  /**
   * Hears of each case as it ends, in no particular order. `leftMs` is how long the others will take if they go on like
   * those before.
   */
  readonly onResult?: (result: CaseResult, done: number, total: number, leftMs: number) => void;
}

export interface SuiteReport {
  readonly agent: string;
  /** What was tested. The URL is the server's, which is the fuzzer when a client was tested. */
  readonly testee: 'server' | 'client';
  readonly url: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** In numeric order of ids. */
  readonly results: readonly CaseResult[];
  readonly counts: SuiteCounts;
}

export interface SuiteCounts {
  readonly behavior: Readonly<Record<Behavior, number>>;
  readonly behaviorClose: Readonly<Record<BehaviorClose, number>>;
}

const DEFAULT_CONCURRENCY = 16;
const MAX_CONCURRENCY = 256;
/** So that the testee has something to do while the fuzzer decompresses, and the other way round. */
const COMPRESSION_LANES = 4;

/**
 * Runs the cases chosen and reports them all.
 * @throws {RangeError} when `cases` and `exclude` leave none, or `concurrency` is out of range
 * @throws {TypeError} when the URL is not a WebSocket's
 * @throws {HandshakeError} when the testee cannot be reached at all
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteReport> {
  const { url, concurrency = DEFAULT_CONCURRENCY, skips, onResult } = options;
  checkWholeNumber('concurrency', concurrency, 1, MAX_CONCURRENCY);
  const selected = selectAnyCases(options.cases, options.exclude, 'server');
  const name = await probe(options);
  const { agent = name } = options;
  const cases = selected.filter(({ id }) => skips?.(agent, id) !== true);
  const startedAt = new Date();
  const results = new Map<string, CaseResult>();
  let costToGo = cases.reduce((sum, testCase) => sum + costOf(testCase), 0);
  let costDone = 0;
  const run = async (testCase: AnyCase): Promise<void> => {
    const result = await runAnyCase(testCase, options);
    results.set(result.id, result);
    costToGo -= costOf(testCase);
    costDone += costOf(testCase);
    const elapsedMs = Date.now() - startedAt.getTime();
    onResult?.(result, results.size, cases.length, Math.max(0, Math.round((elapsedMs * costToGo) / costDone)));
  };
  const programs = cases.filter(isProgramCase);
  const scripts = cases.filter((testCase): testCase is ConformanceCase => !isProgramCase(testCase));
  const light = scripts.filter(({ expectation }) => expectation.kind === 'events');
  // The longest pauses first: they overlap with everything else.
  light.sort((a, b) => pauseMs(b) - pauseMs(a));
  await runAll(light, concurrency, run);
  await runAll(scripts.filter(isHeavy), 1, run);
  await runAll(scripts.filter(isCompressed).sort(compareCorpora), COMPRESSION_LANES, run);
  await runAll(
    programs.filter((testCase) => !isBurden(testCase)),
    concurrency,
    run,
  );
  await runAll(programs.filter(isBurden), 1, run);

  const inOrder = cases.map(({ id }) => results.get(id)!);
  return {
    agent,
    testee: 'server',
    url,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    results: inOrder,
    counts: countVerdicts(inOrder),
  };
}

/** Finds out whether anybody is there before hundreds of cases fail for the same reason, and who it is. */
async function probe(target: Target): Promise<string> {
  const { socket, serverName } = await dial(target);
  abandon(socket);
  return serverName ?? new URL(target.url).host;
}

async function runAll<T>(items: readonly T[], lanes: number, run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Cases that keep a processor busy, and would make others miss their deadlines. */
function isHeavy({ expectation }: ConformanceCase): boolean {
  return expectation.kind === 'firstMessage' || expectation.kind === 'echoLoop';
}

/** Attacks and load: others would have to wait. */
function isBurden({ id }: ProgramCase): boolean {
  return /^[AT]\./.test(id);
}

/** Cases that take long, but have minutes for it. */
function isCompressed({ expectation }: ConformanceCase): boolean {
  return expectation.kind === 'corpusLoop';
}

/** Cases with the same messages next to each other: they are compressed once. The longest first. */
function compareCorpora({ expectation: a }: ConformanceCase, { expectation: b }: ConformanceCase): number {
  if (a.kind !== 'corpusLoop' || b.kind !== 'corpusLoop') return 0;
  return b.units - a.units || compareIds(a.corpus, b.corpus);
}

/** How long a case takes in comparison to others: what goes to and fro, the more so what is hard to compress. */
function costOf(testCase: AnyCase): number {
  if (isProgramCase(testCase)) return isBurden(testCase) ? 5 : 1;
  const { expectation } = testCase;
  if (expectation.kind === 'events') return 1;
  if (expectation.kind !== 'corpusLoop') return 5;
  const { corpus, count, units } = expectation;
  return 10 + (count * units * (1 + 6 * CORPUS_KINDS[corpus].ratio)) / 2_500_000;
}

function pauseMs({ steps }: ConformanceCase): number {
  return steps.reduce((sum, step) => (step.do === 'pause' ? sum + step.delayMs : sum), 0);
}

export function countVerdicts(results: readonly CaseResult[]): SuiteCounts {
  const behavior: Record<Behavior, number> = { OK: 0, 'NON-STRICT': 0, INFORMATIONAL: 0, UNIMPLEMENTED: 0, FAILED: 0 };
  const behaviorClose: Record<BehaviorClose, number> = {
    OK: 0,
    'WRONG CODE': 0,
    UNCLEAN: 0,
    'FAILED BY CLIENT': 0,
    INFORMATIONAL: 0,
    FAILED: 0,
  };
  for (const result of results) {
    behavior[result.behavior]++;
    behaviorClose[result.behaviorClose]++;
  }
  return { behavior, behaviorClose };
}
