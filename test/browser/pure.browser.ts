/**
 * `framewright/protocol` and `framewright/inspector` in Chromium, in a page and in workers: the modules of the package as
 * they stand, found by an import map or by their paths, and as one script. `npm run build` has to have run before.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleVectors, MIN_COMPARISONS, type VectorReport } from '../pure/bundle.ts';
import { launchChromium } from './chromium.ts';

const PURE = new URL('../../dist/pure/', import.meta.url);
const read = (path: string, base: string | URL = import.meta.url): string => readFileSync(new URL(path, base), 'utf8');

const ENTRIES = { 'framewright/protocol': '/pure/protocol.mjs', 'framewright/inspector': '/pure/inspector.mjs' };
const PAGE = `<!doctype html>
<script type="importmap">${JSON.stringify({ imports: ENTRIES })}</script>`;
/** Workers have no import maps. */
const MODULE_WORKER = `import * as inspector from '${ENTRIES['framewright/inspector']}';
import * as protocol from '${ENTRIES['framewright/protocol']}';
import { checkVectors } from '/vectors.mjs';
postMessage(checkVectors(protocol, inspector));`;

let browser: Browser;
let server: Server;
let page: Page;

beforeAll(async () => {
  if (!existsSync(PURE)) throw new Error('dist/pure is missing: run `npm run build` first');
  const script = await bundleVectors({ conditionNames: ['worker', 'browser', 'import'] });
  const files: Readonly<Record<string, string>> = {
    '/': PAGE,
    '/entry.mjs': read('../pure/entry.mjs'),
    '/vectors.mjs': read('../pure/vectors.mjs'),
    '/worker.mjs': MODULE_WORKER,
    '/worker.js': `${script}\npostMessage(report);`,
  };
  server = createServer(({ url = '/' }, response) => {
    const isPure = /^\/pure\/\w+\.mjs$/.test(url);
    const type = url === '/' ? 'text/html' : 'text/javascript';
    response.writeHead(200, { 'Content-Type': type }).end(isPure ? read(url.slice('/pure/'.length), PURE) : files[url]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** What is evaluated in the page. */
const PLACES: Readonly<Record<string, string>> = {
  'a page': `import('/entry.mjs').then(() => globalThis.report)`,
  'a worker of modules': `new Promise((resolve, reject) => {
    const worker = new Worker('/worker.mjs', { type: 'module' });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  })`,
  'a worker of one script': `new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js');
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  })`,
};

it.each(Object.entries(PLACES))('§5.7 the examples are read and written in %s', async (_, script) => {
  const { faults, comparisons } = (await page.evaluate(script)) as VectorReport;
  expect(faults).toEqual([]);
  expect(comparisons).toBeGreaterThan(MIN_COMPARISONS);
});
