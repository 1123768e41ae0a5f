/** Which client has run which cases, and with what result. Knows nothing of connections. */

import type { CaseResult } from './case-run.ts';
import type { AnyCase } from './cases/index.ts';
import { countVerdicts, type SuiteReport } from './suite.ts';

interface ClientRecord {
  readonly startedAt: Date;
  endedAt: Date;
  /** By id; still to come when the case is running. */
  readonly results: Map<string, Promise<CaseResult>>;
  readonly finished: Map<string, CaseResult>;
  /** Whether it has asked for its report since it ran a case. */
  isReported: boolean;
}

export class ClientRegister {
  private readonly cases: readonly AnyCase[];
  private readonly records = new Map<string, ClientRecord>();
  /** Who waits for cases that have not begun, by agent and id. */
  private readonly waiting = new Map<string, ((result: Promise<CaseResult>) => void)[]>();

  /** @param cases the order of reports */
  constructor(cases: readonly AnyCase[]) {
    this.cases = cases;
  }

  get agents(): readonly string[] {
    return [...this.records.keys()];
  }

  /** Whether there are clients, and all of them have asked for their reports. */
  get isReported(): boolean {
    return this.records.size > 0 && [...this.records.values()].every((record) => record.isReported);
  }

  markReported(agent: string): void {
    const record = this.records.get(agent);
    if (record !== undefined) record.isReported = true;
  }

  /** Records what `play` makes of a case. The last of several runs counts. */
  async run(agent: string, { id }: AnyCase, play: () => Promise<CaseResult>): Promise<CaseResult> {
    const now = new Date();
    const record = this.records.get(agent) ?? {
      startedAt: now,
      endedAt: now,
      results: new Map(),
      finished: new Map(),
      isReported: false,
    };
    record.isReported = false;
    this.records.set(agent, record);
    const playing = play();
    record.results.set(id, playing);
    const key = keyOf(agent, id);
    for (const tell of this.waiting.get(key) ?? []) tell(playing);
    this.waiting.delete(key);
    const result = await playing;
    record.finished.set(id, result);
    record.endedAt = new Date();
    return result;
  }

  /** Waits for a case that is running, or has still to be run. */
  resultOf(agent: string, id: string): Promise<CaseResult> {
    const result = this.records.get(agent)?.results.get(id);
    if (result !== undefined) return result;
    const key = keyOf(agent, id);
    return new Promise((resolve) => this.waiting.set(key, [...(this.waiting.get(key) ?? []), resolve]));
  }

  /** @throws {RangeError} when no client of that name has run a case */
  report(agent: string, url: string): SuiteReport {
    const record = this.records.get(agent);
    if (record === undefined) throw new RangeError(`No client called ${JSON.stringify(agent)} has run a case`);
    const { startedAt, endedAt, finished } = record;
    const results = this.cases.flatMap(({ id }) => finished.get(id) ?? []);
    return {
      agent,
      testee: 'client',
      url,
      startedAt: startedAt.toISOString(),
      durationMs: endedAt.getTime() - startedAt.getTime(),
      results,
      counts: countVerdicts(results),
    };
  }
}

function keyOf(agent: string, id: string): string {
  return `${id} ${agent}`;
}
