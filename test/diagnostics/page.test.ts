/** The guide's page on diagnostics: it has every channel and every metric, and no other. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { metrics } from '../../src/diagnostics/metrics.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import * as diagnostics from '../../src/transport/diagnostics.ts';
import { parseOpenMetrics } from './openmetrics-parser.ts';

const page = readFileSync(new URL('../../spec-notes/guide/diagnostics.md', import.meta.url), 'utf8');

/** What stands in backticks in the first column of the table below a heading. */
function firstColumn(heading: string): string[] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const rows = section.split('\n## ')[0]!.matchAll(/^\| (`[^|]*`) \|/gm);
  return [...rows].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)).sort();
}

it('has all channels', () => {
  const channels = Object.values(diagnostics).flatMap((value) => {
    const { name } = value as { readonly name?: string };
    return name?.startsWith('framewright:') === true ? [name.replace('framewright:', '')] : [];
  });
  expect(firstColumn('What happens when').filter((name) => name !== 'framewright:')).toEqual(channels.sort());
});

it('has all metrics', () => {
  const figures = metrics(new WebSocketServer({ noServer: true }));
  figures.stop();
  const names = [...parseOpenMetrics(figures.text())].map(
    ([name, { type }]) => name.replace('framewright_', '') + (type === 'counter' ? '_total' : ''),
  );
  expect(firstColumn('The metrics')).toEqual(names.sort());
});
