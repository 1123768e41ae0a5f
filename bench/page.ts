/**
 * `npm run bench:page`: how quick the playground stays. Chromium does what somebody at the page does, and the page notes
 * for how long it did not answer: tasks of the main thread past 50 ms, and the longest wait of a heartbeat.
 */

import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPageAssets } from '../src/cli/page-assets.ts';
import { startPlaygroundServer } from '../src/cli/playground-server.ts';
import { Chromium, type Tab } from './support/tab.ts';

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

async function measure(tab: Tab, what: string, action: () => Promise<void>): Promise<Figure> {
  // What came before has been noted by then.
  await tab.evaluate('new Promise((resolve) => setTimeout(resolve, 300))');
  await tab.evaluate(TAKE);
  const startMs = performance.now();
  await action();
  const ms = Math.round(performance.now() - startMs);
  return { what, ms, answering: (await tab.evaluate(TAKE)) as Answering };
}

/** @param element by which one sees that the view is there */
async function openPage(place: string, element: string): Promise<Tab> {
  const tab = await chromium.open(`${base}#/${place}`);
  await tab.until(`${element} !== undefined`);
  await tab.evaluate(WATCH);
  return tab;
}

async function openConnection(): Promise<Tab> {
  const tab = await openPage('live', `button('Connect')`);
  await tab.until(`!button('Connect').disabled`);
  await tab.click(`button('Connect')`);
  await tab.until(`document.querySelector('.status-open') !== null`);
  return tab;
}

/** Presses the button as somebody would, many times: fifty, then others get their turn. */
async function sendEchoes(tab: Tab, count: number): Promise<void> {
  await tab.evaluate(`(async () => {
    for (let i = 0; i < ${count}; i++) {
      button('Send text').click();
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve));
    }
  })()`);
  await untilCount(tab, 2 * count + 3);
}

/** What the page says of how many lines there are. */
const COUNT = `document.querySelector('.title-line .hint').textContent`;

async function untilCount(tab: Tab, count: number): Promise<void> {
  await tab.until(`${COUNT}.startsWith('${count.toLocaleString('en')} lines')`);
}

const LIST = `document.querySelector('[role=listbox]')`;

/** While many come, somebody scrolls, filters and opens lines. */
async function lookAround(tab: Tab): Promise<void> {
  await tab.evaluate(`${LIST}.focus()`);
  await tab.press('Home');
  await tab.hold('PageDown', 20);
  await tab.press('End');
  await tab.hold('ArrowUp', 20);
  await tab.select(`field('Direction')`, 'serverToClient');
  await tab.fill(`field('Text in it')`, 'hello');
  await tab.until(`/ of [\\d,]+ lines/.test(${COUNT})`);
  await tab.fill(`field('Text in it')`, '');
  await tab.select(`field('Direction')`, 'both');
  await tab.until(`${LIST} !== null`);
  await tab.scroll(LIST, 4000);
}

async function measureLive(): Promise<Figure[]> {
  const tab = await openConnection();
  const figures = [
    await measure(tab, `${2 * LIVE_ECHOES} frames live`, () => sendEchoes(tab, LIVE_ECHOES)),
    await measure(tab, 'scroll, filter, open frames among them', () => lookAround(tab)),
  ];
  await tab.close();
  return figures;
}

/** The line of the echo, once it is there. */
const ECHO = `[...document.querySelectorAll('[role=option]')].find(
  (line) => line.textContent.startsWith('↓') && line.textContent.includes('${LONG_MESSAGE_BYTES} bytes'))`;

async function measureLongMessage(): Promise<Figure[]> {
  const tab = await openConnection();
  const file = join(tmpdir(), `framewright-${process.pid}.txt`);
  writeFileSync(file, Buffer.alloc(LONG_MESSAGE_BYTES, 'framewright '));
  await tab.chooseFile(`field('A file to send')`, file);
  const figures = [
    await measure(tab, '16 MiB from a file, sent, echoed and shown', async () => {
      await tab.click(`button('Send text')`);
      await tab.until(`${ECHO} !== undefined`);
    }),
    await measure(tab, 'its frame opened, and its last bytes', async () => {
      await tab.click(ECHO);
      await tab.until(`field('go to byte') !== undefined`);
      await tab.fill(`field('go to byte')`, `${LONG_MESSAGE_BYTES - 1}`);
      await tab.press('Enter');
      await tab.until(
        `document.querySelector('.pager').textContent.includes('–${(LONG_MESSAGE_BYTES - 1).toLocaleString('en')}')`,
      );
    }),
  ];
  rmSync(file);
  await tab.close();
  return figures;
}

async function measureDecoder(): Promise<Figure[]> {
  await chromium.shareClipboard();
  const tab = await openPage('decode', `field('Bytes')`);
  const text = `${'81 85 37 fa 21 3d 7f 9f 4d 51 58\n'.repeat(DECODED_FRAMES)}`;
  await tab.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
  await tab.evaluate(`(field('Bytes').focus(), field('Bytes').select())`);
  const figures = [
    await measure(tab, `${DECODED_FRAMES} frames pasted and decoded`, async () => {
      await tab.press('v', ['paste']);
      await untilCount(tab, DECODED_FRAMES);
      await tab.until(`document.body.textContent.includes('Read as:')`);
    }),
    await measure(tab, 'scroll, filter, open frames among them', () => lookAround(tab)),
  ];
  await tab.close();
  return figures;
}

const server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet: false, assets: readPageAssets() });
const chromium = await Chromium.launch();
const base = `http://127.0.0.1:${server.address.port}/`;
const figures = [...(await measureLive()), ...(await measureLongMessage()), ...(await measureDecoder())];
await chromium.close();
await server.close();

process.stdout.write('| what | ms | longest wait, ms | tasks past 50 ms |\n| --- | --: | --: | --- |\n');
for (const { what, ms, answering } of figures) {
  const tasks = answering.longTasks.length === 0 ? 'none' : answering.longTasks.join(', ');
  process.stdout.write(`| ${what} | ${ms} | ${answering.longestWaitMs} | ${tasks} |\n`);
}
