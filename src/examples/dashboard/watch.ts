/**
 * `watch(read)` looks at a server's metrics again and again, and yields a sample of each look and what there is to say about it.
 * Whether the server runs in this process or elsewhere: it reads OpenMetrics text, of framewright's and of others.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { FIGURE_NAMES, type Figure, kindOf, type Notice, type Sample } from './figures.ts';

export type News = Pick<Notice, 'level' | 'text'>;
type LastOne = (sample: string) => string | undefined;
/** By name, then by labels as they stand. */
type Readings = ReadonlyMap<string, ReadonlyMap<string, number>>;

export function parseMetrics(text: string): Readings {
  const readings = new Map<string, Map<string, number>>();
  for (const [, name, labels = '', value] of text.matchAll(/^([a-zA-Z_:][\w:]*)(\{.*\})? ([^ \n]+)/gm)) {
    const ofName = readings.get(name!) ?? new Map<string, number>();
    readings.set(name!, ofName.set(labels, Number(value)));
  }
  return readings;
}

function sumOf(readings: Readings, name: string): number | null {
  const ofName = readings.get(name);
  return ofName === undefined ? null : [...ofName.values()].reduce((sum, value) => sum + value, 0);
}

const START = 'process_start_time_seconds';
const OPENED = 'framewright_connections_opened_total';

/** It is another run of the watched server: its counters have begun anew. */
function isOther(before: Readings, after: Readings): boolean {
  return before.get(START)?.get('') !== after.get(START)?.get('') || sumOf(after, OPENED)! < sumOf(before, OPENED)!;
}

export function sampleOf(at: number, seconds: number, before: Readings | undefined, after: Readings): Sample {
  const total = (figure: Figure) => sumOf(after, kindOf(figure).metric);
  const value = (figure: Figure): number | null => {
    const { unit, factor = 1 } = kindOf(figure);
    const now = total(figure);
    if (now === null || !unit.endsWith('/s')) return now === null ? null : now * factor;
    return before === undefined ? null : (now - (sumOf(before, kindOf(figure).metric) ?? 0)) / seconds;
  };
  return {
    at,
    values: Object.fromEntries(FIGURE_NAMES.map((figure) => [figure, value(figure)])) as Sample['values'],
    totals: { messagesIn: total('messagesIn'), messagesOut: total('messagesOut'), opened: total('opened') },
  };
}

const NOTHING: Readings = new Map();
const times = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const labelOf = (labels: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '';

/** What is worth a notice when it goes up. `tell` returns undefined for what is not. */
const COUNTED: readonly {
  readonly metric: string;
  readonly tell: (count: number, labels: string) => string | undefined;
}[] = [
  {
    metric: 'framewright_upgrades_refused_total',
    tell: (count, labels) => `${times(count, 'request')} refused: ${labelOf(labels, 'reason')}`,
  },
  {
    metric: 'framewright_heartbeats_lost_total',
    tell: (count) => `${times(count, 'connection')} lost: no answer to the heartbeat`,
  },
  {
    metric: 'framewright_connections_closed_total',
    tell(count, labels) {
      const why: Readonly<Record<string, string>> = {
        1002: 'a violation of the protocol',
        1007: 'text that is no UTF-8',
        1008: 'against the rules',
        1009: 'a message too big',
        1011: 'an error in a handler',
        1013: 'read too slowly',
      };
      const code = labelOf(labels, 'code');
      if (labelOf(labels, 'closed_by') !== 'us' || why[code] === undefined) return undefined;
      return `${times(count, 'connection')} closed with ${code}: ${why[code]}`;
    },
  },
  {
    metric: 'framewright_backpressure_begun_total',
    tell: (count) => `${times(count, 'connection')} fell behind: past the high-water mark`,
  },
  { metric: 'framewright_rate_exceeded_total', tell: (count) => `Messages came too fast, ${times(count, 'time')}` },
];

/** A kind of notice is told at once, and then at most this often, with all that was counted meanwhile. */
const AGAIN_MS = 10_000;

/**
 * @param lastOne whom a sample has counted last: `connections_closed_total{code="1013"}`, say
 * @returns a function that says what has happened between two readings
 */
export function createTeller(lastOne: LastOne = () => undefined) {
  const told = new Map<string, number>();
  let due = new Map<string, number>();
  return (at: number, before: Readings, after: Readings): News[] => {
    const news: News[] = [];
    for (const { metric, tell } of COUNTED) {
      for (const [labels, now] of after.get(metric) ?? []) {
        const key = metric + labels;
        const count = (due.get(key) ?? 0) + now - (before.get(metric)?.get(labels) ?? 0);
        due.set(key, count);
        if (count === 0 || at - (told.get(key) ?? 0) < AGAIN_MS) continue;
        due.delete(key);
        told.set(key, at);
        const text = tell(count, labels);
        if (text === undefined) continue;
        const who = lastOne(key);
        news.push({
          level: 'warning',
          text: who === undefined ? text : `${text}, ${count > 1 ? 'the last ' : ''}${who}`,
        });
      }
    }
    due = new Map([...due].filter(([, count]) => count > 0));
    return news;
  };
}

export interface WatchOptions {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Whom a sample has counted last, for notices. */
  readonly lastOne?: LastOne | undefined;
}

/**
 * @param read gives the metrics as they are now: `metrics(server).text`, or what another process answers
 * @returns what ends when `signal` is aborted
 */
export async function* watch(
  read: () => string | Promise<string>,
  { everyMs, signal, lastOne }: WatchOptions,
): AsyncGenerator<{ readonly sample: Sample; readonly news: readonly News[] }> {
  let before: { readonly readings: Readings; readonly at: number } | undefined;
  let problem: string | undefined;
  const tell = createTeller(lastOne);
  for (let due = performance.now(); !signal.aborted; ) {
    const news: News[] = [];
    const at = Date.now();
    let readings = NOTHING;
    let newProblem: string | undefined;
    try {
      readings = parseMetrics(await read());
    } catch (error) {
      const { message, cause } = error as Error;
      newProblem = cause instanceof Error ? cause.message : message;
    }
    if (newProblem === undefined) {
      if (problem !== undefined) news.push({ level: 'good', text: 'The server answers again' });
      if (before !== undefined && isOther(before.readings, readings)) {
        news.push({ level: 'info', text: 'The server was started anew' });
        before = { readings: NOTHING, at: before.at };
      }
      const seconds = before === undefined ? 0 : (at - before.at) / 1000;
      const sample = sampleOf(at, seconds, before?.readings, readings);
      if (before !== undefined) news.push(...tell(at, before.readings, readings));
      before = { readings, at };
      yield { sample, news };
    } else {
      if (problem === undefined) news.push({ level: 'alert', text: `The server does not answer: ${newProblem}` });
      yield { sample: { ...sampleOf(at, 0, undefined, NOTHING), problem: newProblem }, news };
    }
    problem = newProblem;
    due = Math.max(due + everyMs, performance.now());
    await wait(due - performance.now(), undefined, { signal, ref: false }).catch(() => {});
  }
}
