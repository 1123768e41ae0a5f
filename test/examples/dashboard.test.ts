/** The dashboard's parts that need no page: what is read from metrics, what is told of it, and when alerts are raised. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Alerts } from '../../src/examples/dashboard/alerts.ts';
import { FIGURE_NAMES, kindOf, type Sample } from '../../src/examples/dashboard/figures.ts';
import { formatFigure, formatTick } from '../../src/examples/dashboard/format.ts';
import { createTeller, parseMetrics, sampleOf, watch } from '../../src/examples/dashboard/watch.ts';
import { withProcess } from '../../src/examples/process-figures.ts';
import { metrics, WebSocketServer } from '../../src/index.ts';

/** As `/metrics` has it, of samples without their prefix. */
const text = (...lines: string[]) =>
  `# TYPE framewright_x gauge\n${lines.map((line) => `framewright_${line}\n`).join('')}# EOF\n`;
const read = (...lines: string[]) => parseMetrics(text(...lines));

describe('what is read', () => {
  it('counters become rates, gauges stay, and what is not told is null', () => {
    const before = read('messages_received_total{type="text"} 10', 'messages_received_total{type="binary"} 5');
    const after = read(
      'messages_received_total{type="text"} 30',
      'messages_received_total{type="binary"} 9',
      'connections 7',
      'buffered_bytes 1.5e+06',
    );
    const { values, totals } = sampleOf(5000, 2, before, after);
    expect(values).toMatchObject({ messagesIn: 12, connections: 7, waiting: 1_500_000, delayP99: null, bytesIn: null });
    expect(totals).toEqual({ messagesIn: 39, messagesOut: null, opened: null });
    expect(sampleOf(5000, 2, undefined, after).values.messagesIn).toBe(null);
  });

  it('a server of this process tells every figure, in what we read ourselves', () => {
    const figures = metrics(new WebSocketServer({ noServer: true }));
    onTestFinished(() => figures.stop());
    const metricsText = withProcess(figures)();
    expect(metricsText).toMatch(/^# EOF$/m);
    const readings = parseMetrics(metricsText);
    for (const figure of FIGURE_NAMES) expect([figure, readings.has(kindOf(figure).metric)]).toEqual([figure, true]);
    expect(sampleOf(0, 1, readings, readings).values).toMatchObject({ messagesIn: 0, connections: 0 });
  });

  it('numbers are shown with three digits', () => {
    expect([0, 4.25, 71_234, 5_340_000].map((value) => formatFigure('bytesIn', value))).toEqual([
      '0 B/s',
      '4.3 B/s',
      '71.2 kB/s',
      '5.34 MB/s',
    ]);
    expect([formatFigure('delayP99', 0.42), formatFigure('connections', 1234), formatFigure('rss', null)]).toEqual([
      '0.4 ms',
      '1,234',
      '–',
    ]);
    expect([0, 100, 2500, 20_000, 100e6, 0.5].map(formatTick)).toEqual(['0', '100', '2.5 k', '20 k', '100 M', '0.5']);
  });
});

describe('what is told', () => {
  it('refusals with their reason: at once, then together', () => {
    const tell = createTeller((sample) => (sample.includes('"origin"') ? '127.0.0.1:4321 /echo' : undefined));
    const refused = (origin: number, path = 0) =>
      read(`upgrades_refused_total{reason="origin"} ${origin}`, `upgrades_refused_total{reason="path"} ${path}`);
    const at = 1_000_000;
    const texts = [
      tell(at, read(), refused(1)),
      tell(at + 1000, refused(1), refused(3)),
      tell(at + 2000, refused(3), refused(8, 1)),
      tell(at + 10_000, refused(8, 1), refused(8, 1)),
      tell(at + 30_000, refused(8, 1), refused(8, 1)),
    ].map((news) => news.map((one) => one.text));
    expect(texts).toEqual([
      ['1 request refused: origin, 127.0.0.1:4321 /echo'],
      [],
      ['1 request refused: path'],
      ['7 requests refused: origin, the last 127.0.0.1:4321 /echo'],
      [],
    ]);
  });

  it('connections that we had to end, and not those that just went', () => {
    const closed = (code: number, by: string) => `connections_closed_total{code="${code}",closed_by="${by}"} 1`;
    const after = read(closed(1013, 'us'), closed(1013, 'peer'), closed(1000, 'us'), 'heartbeats_lost_total 2');
    expect(createTeller()(1_000_000, read(), after).map((one) => one.text)).toEqual([
      '2 connections lost: no answer to the heartbeat',
      '1 connection closed with 1013: read too slowly',
    ]);
  });

  it('that the server does not answer, answers again, and has begun anew', async () => {
    const stopping = new AbortController();
    const answers = [
      () => text('connections_opened_total 5', 'messages_received_total 100'),
      () => Promise.reject(new Error('gone')),
      () => Promise.reject(new Error('gone')),
      () => text('connections_opened_total 1', 'messages_received_total 7'),
    ];
    const told: unknown[] = [];
    const problems: unknown[] = [];
    const next = () => answers.shift()!();
    for await (const { sample, news } of watch(next, { everyMs: 1, signal: stopping.signal })) {
      told.push(news.map((one) => one.text));
      problems.push(sample.problem ?? sample.totals.messagesIn);
      // Its counter went from nothing to 7, and not from 100.
      if (answers.length === 0) expect(sample.values.messagesIn).toBeGreaterThan(0);
      if (answers.length === 0) stopping.abort();
    }
    expect(told).toEqual([
      [],
      ['The server does not answer: gone'],
      [],
      ['The server answers again', 'The server was started anew'],
    ]);
    expect(problems).toEqual([100, 'gone', 'gone', 7]);
  });
});

describe('alerts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-alerts-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let files = 0;
  const newFile = () => join(folder, `${files++}.json`);

  /** How often it is raised (+) and cleared (-) by these values. */
  function changes(alerts: Alerts, values: readonly (number | null)[]): string {
    const samples = values.map((delayP99, at) => ({ at: at + 1, values: { delayP99 } }) as unknown as Sample);
    return samples
      .map(
        (sample) =>
          alerts
            .look(sample)
            .map(({ raisedAt }) => (raisedAt ? '+' : '-'))
            .join('') || '.',
      )
      .join('');
  }
  const times = (count: number, value: number | null) => Array<number | null>(count).fill(value);

  it('are raised and cleared once each, and by no wavering', () => {
    const alerts = new Alerts(newFile(), { delayP99: 50 });
    expect(changes(alerts, [60, 60, 50, 60, 60, 40, 60, 60, 60, 60])).toBe('........+.');
    expect(alerts.list).toEqual([{ figure: 'delayP99', above: 50, raisedAt: 9 }]);
    expect(changes(alerts, [...times(9, 10), 60, ...times(9, 10), null, 10, 10])).toBe('....................-.');
    expect(alerts.list).toEqual([{ figure: 'delayP99', above: 50 }]);
    expect(changes(alerts, [60, 60, null, null, 60])).toBe('....+');
  });

  it('are kept in their file, once somebody has set one', () => {
    const file = newFile();
    const first = new Alerts(file, { delayP99: 50 });
    first.set('connections', 100);
    first.set('delayP99', null);
    expect(new Alerts(file, { delayP99: 50 }).list).toEqual([{ figure: 'connections', above: 100 }]);
  });
});
