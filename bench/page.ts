/**
 * `npm run bench:page`: how quick the playground stays. Chromium does what somebody at the page does, and the page notes
 * for how long it did not answer: tasks of the main thread past 50 ms, and the longest wait of a heartbeat.
 */

import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { readPageAssets } from '../src/cli/page-assets.ts';
import { startPlaygroundServer } from '../src/cli/playground-server.ts';
import { launchChromium } from '../test/browser/chromium.ts';

const LIVE_ECHOES = 5000;
const DECODED_FRAMES = 100_000;
const LONG_MESSAGE_BYTES = 16 * 1024 * 1024;

interface Answering {
  /** Tasks past 50 ms, in ms. */
  readonly longTasks: readonly number[];
  /** How long the page did not answer at most, in ms. */
  readonly longestWaitMs: number;
}

interface Figure {
  readonly what: string;
  readonly ms: number;
  readonly answering: Answering;
}

/** Begins to note how the page answers. */
const WATCH = `
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longTasks.push(Math.round(duration));
  }).observe({ type: 'longtask' });
  window.longestWaitMs = 0;
  let beatMs = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.longestWaitMs = Math.max(window.longestWaitMs, now - beatMs - 10);
    beatMs = now;
  }, 10);
`;

/** What was noted since the last call. */
const TAKE = `(() => {
  const taken = { longTasks: window.longTasks, longestWaitMs: Math.round(window.longestWaitMs) };
  window.longTasks = [];
  window.longestWaitMs = 0;
  return taken;
})()`;

async function measure(page: Page, what: string, action: () => Promise<void>): Promise<Figure> {
  // What came before has been noted by then.
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 300))');
  await page.evaluate(TAKE);
  const startMs = performance.now();
  await action();
  const ms = Math.round(performance.now() - startMs);
  return { what, ms, answering: (await page.evaluate(TAKE)) as Answering };
}

async function openPage(base: string, place: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${base}#/${place}`);
  await page.evaluate(WATCH);
  return page;
}

async function connect(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.locator('.status-open').waitFor();
}

/** Presses the button as somebody would, many times: fifty, then others get their turn. */
async function sendEchoes(page: Page, count: number): Promise<void> {
  await page.evaluate(`(async () => {
    const button = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Send text');
    for (let i = 0; i < ${count}; i++) {
      button.click();
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve));
    }
  })()`);
  await countOf(page, 2 * count + 3);
}

async function countOf(page: Page, count: number): Promise<void> {
  await page.getByText(new RegExp(`^${count.toLocaleString('en')} lines`)).waitFor();
}

/** While many come, somebody scrolls, filters and opens lines. */
async function lookAround(page: Page): Promise<void> {
  const list = page.getByRole('listbox');
  await list.press('Home');
  for (let i = 0; i < 20; i++) await list.press('PageDown');
  await list.press('End');
  for (let i = 0; i < 20; i++) await list.press('ArrowUp');
  await page.getByLabel('Direction').selectOption('serverToClient');
  await page.getByLabel('Text in it').fill('hello');
  await page.getByText(/ of [\d,]+ lines/).waitFor();
  await page.getByLabel('Text in it').fill('');
  await page.getByLabel('Direction').selectOption('both');
  await page.mouse.wheel(0, 4000);
}

async function measureLive(base: string): Promise<Figure[]> {
  const page = await openPage(base, 'live');
  await connect(page);
  const figures = [
    await measure(page, `${2 * LIVE_ECHOES} frames live`, () => sendEchoes(page, LIVE_ECHOES)),
    await measure(page, 'scroll, filter, open frames among them', () => lookAround(page)),
  ];
  await page.close();
  return figures;
}

async function measureLongMessage(base: string): Promise<Figure[]> {
  const page = await openPage(base, 'live');
  await connect(page);
  const figures: Figure[] = [];
  const file = join(tmpdir(), `framewright-${process.pid}.txt`);
  writeFileSync(file, Buffer.alloc(LONG_MESSAGE_BYTES, 'framewright '));
  await page.getByLabel('A file to send').setInputFiles(file);
  const echo = page
    .getByRole('listbox')
    .getByRole('option')
    .filter({ hasText: /server to client|↓/ })
    .filter({ hasText: `${LONG_MESSAGE_BYTES} bytes` });
  figures.push(
    await measure(page, '16 MiB from a file, sent, echoed and shown', async () => {
      await page.getByRole('button', { name: 'Send text' }).click();
      await echo.waitFor();
    }),
    await measure(page, 'its frame opened, and its last bytes', async () => {
      await echo.click();
      await page.getByLabel('go to byte').fill(`${LONG_MESSAGE_BYTES - 1}`);
      await page.getByLabel('go to byte').press('Enter');
      await page.locator('.block').last().waitFor();
    }),
  );
  rmSync(file);
  await page.close();
  return figures;
}

async function measureDecoder(base: string): Promise<Figure[]> {
  const page = await openPage(base, 'decode');
  const text = `${'81 85 37 fa 21 3d 7f 9f 4d 51 58\n'.repeat(DECODED_FRAMES)}`;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await page.getByLabel('Bytes, as you have them').focus();
  await page.keyboard.press('Control+A');
  const figures = [
    await measure(page, `${DECODED_FRAMES} frames pasted and decoded`, async () => {
      await page.keyboard.press('Control+V');
      await countOf(page, DECODED_FRAMES);
      await page.getByText('Read as:').waitFor();
    }),
    await measure(page, 'scroll, filter, open frames among them', () => lookAround(page)),
  ];
  await page.close();
  return figures;
}

const server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet: false, assets: readPageAssets() });
const browser = await launchChromium();
const base = `http://127.0.0.1:${server.address.port}/`;
const figures = [...(await measureLive(base)), ...(await measureLongMessage(base)), ...(await measureDecoder(base))];
await browser.close();
await server.close();

process.stdout.write('| what | ms | longest wait, ms | tasks past 50 ms |\n| --- | --: | --: | --- |\n');
for (const { what, ms, answering } of figures) {
  const tasks = answering.longTasks.length === 0 ? 'none' : answering.longTasks.join(', ');
  process.stdout.write(`| ${what} | ${ms} | ${answering.longestWaitMs} | ${tasks} |\n`);
}
