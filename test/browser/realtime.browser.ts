/**
 * A chat with `framewright/react` in Chromium: its tabs lose the network, the server and their tokens. Whatever happens, each
 * shows every message once and in order, or says where some are missing.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Gate } from './chat/gate.ts';
import type { Order, Status } from './chat/server.ts';
import { launchChromium } from './chromium.ts';

const CHAT = new URL('./chat/', import.meta.url);
/** Pictures of what the tests end with, for those who want to see them. */
const PICTURES = process.env.SCREENSHOTS;

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-chat-'));
  await build({
    root: fileURLToPath(new URL('page/', CHAT)),
    configFile: false,
    plugins: [react()],
    build: { outDir: folder, emptyOutDir: true, assetsDir: '' },
    logLevel: 'warn',
  });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

let port: number;
let server: ChildProcess;
let gate: Gate;
let contexts: BrowserContext[];
let pages: Page[];
let faults: string[];
/** Close codes of the connections that pages have lost. */
let codes: number[];

beforeEach(async () => {
  port = await freePort();
  gate = await Gate.open(port);
  [contexts, pages, faults, codes] = [[], [], [], []];
  await startServer();
});

afterEach(async ({ task }) => {
  if (PICTURES !== undefined) {
    mkdirSync(PICTURES, { recursive: true });
    const name = task.name.replaceAll(/\W+/g, '-');
    for (const [i, page] of pages.entries()) await page.screenshot({ path: join(PICTURES, `${name}-${i}.png`) });
  }
  for (const context of contexts) await context.close();
  gate.close();
  await killServer();
  expect(faults).toEqual([]);
});

async function startServer(): Promise<void> {
  server = fork(fileURLToPath(new URL('server.ts', CHAT)), [String(port), folder], { execArgv: ['--import', 'tsx'] });
  await once(server, 'message');
}

async function killServer(): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
}

async function order(what: Order = {}): Promise<Status> {
  const answer = once(server, 'message');
  server.send(what);
  return (await answer)[0] as Status;
}

let said = 0;
const say = (count: number) => {
  const first = said + 1;
  said += count;
  return order({ say: { first, count } });
};

/** A tab of its own browser profile, so that one alone can lose its network. */
async function openTab(query: string, at = port, prepare?: (page: Page) => Promise<void>): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 500, height: 640 } });
  const page = await context.newPage();
  contexts.push(context);
  pages.push(page);
  await prepare?.(page);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => codes.push(Number(/^close code (\d+)/.exec(message.text())?.[1])));
  await page.goto(`http://127.0.0.1:${at}/${query}`);
  return page;
}

const eventually = <T>(get: () => T) => expect.poll(get, { timeout: 30_000 });
const output = (page: Page, label: string) => page.getByLabel(label, { exact: true });
const live = (page: Page) => eventually(() => output(page, 'Channel').innerText()).toBe('live');
const lines = (page: Page) => page.locator('li').allInnerTexts();

/** The numbers that a page shows, each with whether something is missing before it. */
async function shown(page: Page): Promise<(number | 'gap')[]> {
  const texts = (await lines(page)).filter((text) => text.includes('server: '));
  return texts.flatMap((text) => [...(text.startsWith('…') ? ['gap' as const] : []), Number(/\d+$/.exec(text)![0])]);
}
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const shows = (page: Page, numbers: readonly (number | 'gap')[]) => eventually(() => shown(page)).toEqual(numbers);

it('two tabs: what one says comes to both, and each shows who is there', async () => {
  const [ann, bob] = [await openTab('?user=ann'), await openTab('?user=bob')];
  for (const page of [ann, bob]) {
    await eventually(() => output(page, 'Members').innerText()).toMatch(
      /^(ANN \(1\), BOB \(1\)|BOB \(1\), ANN \(1\))$/,
    );
  }
  await ann.getByLabel('Text').fill('hello');
  await ann.keyboard.press('Enter');
  for (const page of [ann, bob]) await eventually(() => lines(page)).toEqual(['ann: hello']);
  expect(await order()).toMatchObject({ connections: 2, opened: 2 });
});

it('a tab that loses its network comes back with what it has missed; the other one saw it at once', async () => {
  said = 0;
  const [ann, bob] = [await openTab('?user=ann'), await openTab('?user=bob')];
  await Promise.all([live(ann), live(bob)]);
  await say(20);
  await Promise.all([shows(ann, from(1, 20)), shows(bob, from(1, 20))]);
  await contexts[0]!.setOffline(true);
  await eventually(() => output(ann, 'Connection').innerText()).toBe('offline');
  await say(30);
  await shows(bob, from(1, 50));
  expect(await shown(ann)).toEqual(from(1, 20));
  await contexts[0]!.setOffline(false);
  await shows(ann, from(1, 50));
  await say(10);
  await Promise.all([shows(ann, from(1, 60)), shows(bob, from(1, 60))]);
});

it('connections that are cut again and again miss nothing', async () => {
  said = 0;
  const page = await openTab('?user=ann', gate.port);
  await live(page);
  for (let round = 1; round <= 10; round++) {
    await say(10);
    gate.cut();
    await say(10);
    await shows(page, from(1, round * 20));
  }
  expect(await page.locator('.gap').count()).toBe(0);
});

it('a server that is killed, and starts again with nothing: each message once, and a gap where its log ends', async () => {
  said = 0;
  const [ann, bob] = [await openTab('?user=ann'), await openTab('?user=bob')];
  await Promise.all([live(ann), live(bob)]);
  await say(20);
  await Promise.all([shows(ann, from(1, 20)), shows(bob, from(1, 20))]);
  await killServer();
  for (const page of [ann, bob]) {
    await eventually(() => output(page, 'Connection').innerText()).not.toBe('open');
    await page.getByLabel('Text').fill('said while it is away');
    await page.keyboard.press('Enter');
    await eventually(() => lines(page)).toContainEqual(expect.stringContaining('(sending)'));
  }
  await startServer();
  await Promise.all([live(ann), live(bob)]);
  await say(10);
  for (const page of [ann, bob]) {
    await page.getByText('Messages are missing.').waitFor();
    await eventually(() => page.getByText('(sending)').count()).toBe(0);
    await eventually(async () => (await shown(page)).filter((entry) => entry !== 'gap')).toEqual([
      ...from(1, 20),
      ...from(21, 30),
    ]);
    for (const user of ['ann', 'bob']) {
      const repeats = (await lines(page)).filter((text) => text.endsWith(`${user}: said while it is away`));
      expect(repeats).toHaveLength(1);
    }
    expect(await page.locator('li.gap').count()).toBe(1);
  }
});

it('a token that ends is followed by another on the same connection', async () => {
  said = 0;
  await order({ tokenMs: 2000 });
  const page = await openTab('?user=ann', gate.port);
  await live(page);
  const { tokens } = await order();
  await eventually(async () => (await order()).tokens).toBeGreaterThan(tokens + 2);
  await say(10);
  await shows(page, from(1, 10));
  expect(gate.passed).toBe(1);
});

it('a token that ends while there is no other: 4401, and back with the next one, with nothing missed', async () => {
  said = 0;
  await order({ tokenMs: 3000 });
  const page = await openTab('?user=ann', gate.port);
  await live(page);
  await say(10);
  await shows(page, from(1, 10));
  await order({ tokenMs: 0 });
  await eventually(() => codes).toContain(4401);
  await page.getByText('There is no token now: 503').waitFor();
  await say(10);
  expect(await shown(page)).toEqual(from(1, 10));
  await order({ tokenMs: 3_600_000 });
  await shows(page, from(1, 20));
  expect(await page.locator('.gap').count()).toBe(0);
});

it('where WebSockets are blocked it goes on over HTTP, both ways, and goes back when they are let through', async () => {
  said = 0;
  gate.refusesUpgrades = true;
  const page = await openTab('?user=ann', gate.port, (tab) => tab.clock.install());
  await live(page);
  expect([gate.passed, gate.refused >= 2]).toEqual([0, true]);
  await say(10);
  await shows(page, from(1, 10));
  await page.getByLabel('Text').fill('over HTTP');
  await page.keyboard.press('Enter');
  await eventually(async () => (await lines(page)).at(-1)).toBe('ann: over HTTP');
  gate.cut();
  await say(10);
  await shows(page, from(1, 20));
  gate.refusesUpgrades = false;
  await page.clock.fastForward('01:01');
  await eventually(() => gate.passed).toBe(1);
  await say(10);
  await shows(page, from(1, 30));
  // Blocked again, in the middle of it.
  gate.refusesUpgrades = true;
  gate.cut();
  await say(10);
  await shows(page, from(1, 40));
  expect(await page.locator('.gap').count()).toBe(0);
  expect((await lines(page)).filter((text) => text.endsWith('over HTTP'))).toHaveLength(1);
  await eventually(() => output(page, 'Members').innerText()).toBe('ANN (1)');
});

it('the same room as an event stream, over connections that are cut', async () => {
  said = 0;
  const page = await openTab('?feed', gate.port);
  await eventually(() => output(page, 'Connection').innerText()).toBe('open');
  for (let round = 1; round <= 3; round++) {
    await say(10);
    await shows(page, from(1, round * 20 - 10));
    gate.cut();
    await say(10);
    await shows(page, from(1, round * 20));
  }
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return free;
}
