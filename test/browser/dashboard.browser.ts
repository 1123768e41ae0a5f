/** The dashboard in Chromium: its figures beside a load that is known, its return to a server that was away, its alerts, its table. */

import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { buildPage } from '../../src/examples/build-page.ts';
import { WebSocket } from '../../src/index.ts';
import { compile, start } from '../examples/start.ts';
import { launchChromium } from './chromium.ts';

const SOURCE = new URL('../../src/examples/dashboard/server.ts', import.meta.url);
const EVERY_MS = '150';

let browser: Browser;
let examples: Awaited<ReturnType<typeof compile>>;
let folder: string;
let PAGE: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-dashboard-'));
  [PAGE, examples, browser] = await Promise.all([
    buildPage(new URL('page/', SOURCE)),
    compile({ dashboard: fileURLToPath(SOURCE) }),
    launchChromium(),
  ]);
});
afterAll(async () => {
  await browser?.close();
  examples.remove();
  rmSync(folder, { recursive: true });
});

const isLive = (page: Page) => page.getByText('Live', { exact: true }).waitFor();

async function startDashboard(name: string, ...args: string[]) {
  const alerts = join(folder, `${name}.json`);
  // Without those that are there by default: the machine may be busy.
  if (!existsSync(alerts)) writeFileSync(alerts, '{}');
  const more = ['--every', EVERY_MS, '--alerts', alerts, ...args];
  const started = await start(examples.programOf('dashboard'), more, { PAGE });
  onTestFinished(() => void started.child.kill('SIGKILL'));
  return started;
}

async function open(address: string): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  onTestFinished(() => page.close());
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  await page.goto(address);
  await isLive(page);
  return { page, faults };
}

/** A way to a server that can be closed, opened again, and led to another one. */
async function wayTo(address: string) {
  const sockets = new Set<Socket>();
  let port = Number(new URL(address).port);
  let isClosed = false;
  const server = createServer((socket) => {
    if (isClosed) return void socket.destroy();
    const beyond = createConnection(port, '127.0.0.1');
    for (const one of [socket, beyond]) sockets.add(one.on('close', () => sockets.delete(one)));
    socket.on('error', () => {}).on('close', () => beyond.destroy());
    beyond.on('error', () => socket.destroy());
    socket.pipe(beyond).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}`,
    close() {
      isClosed = true;
      for (const socket of sockets) socket.destroy();
    },
    open() {
      isClosed = false;
    },
    lead(newAddress: string) {
      port = Number(new URL(newAddress).port);
    },
  };
}

async function connect(address: string, query = ''): Promise<WebSocket> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/echo${query}`, { origin: address });
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

/** So many, each behind the echo of the one before. */
async function talk(socket: WebSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    socket.send('x');
    await once(socket, 'text');
  }
}

const totals = (page: Page, text: string) => page.locator('.totals', { hasText: `In all: ${text}` }).waitFor();
const card = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
/** Pixels of a chart that its lines have coloured. */
const inkOf = (page: Page, name: string) =>
  card(page, name)
    .locator('canvas')
    .evaluate((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      // biome-ignore lint/suspicious/noExplicitAny: tests are compiled without the DOM's types
      const { data } = (canvas as any).getContext('2d').getImageData(0, 0, width, height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && Math.abs(data[i] - data[i + 2]) > 80) count++;
      return count;
    });
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}

it('counts what a known load sends, draws it, and has who sends it in the table', async () => {
  const { address } = await startDashboard('counts');
  const { page, faults } = await open(address);
  const [ann, bob] = [await connect(address, '?user=ann'), await connect(address, '?user=bob')];
  await Promise.all([talk(ann, 300), talk(bob, 40)]);
  await totals(page, '340 messages in, 340 out, 2 connections');
  const row = (user: string) => page.getByRole('row').filter({ hasText: user });
  for (const [user, count] of [
    ['ann', '300'],
    ['bob', '40'],
  ] as const) {
    await until(async () => {
      const [, who, subprotocol, , messagesIn, messagesOut, waiting] = await row(user)
        .getByRole('cell')
        .allTextContents();
      return [who, subprotocol, messagesIn, messagesOut, waiting].join() === [user, '–', count, count, '0'].join();
    });
  }
  await card(page, 'Connections').first().getByText('2', { exact: true }).first().waitFor();
  for (const name of ['Messages', 'Bytes', 'Event-loop delay', 'Memory']) {
    await until(async () => (await inkOf(page, name)) > 20);
  }
  // Another page gets what was before it.
  const { page: later } = await open(address);
  await totals(later, '340 messages in');
  await until(async () => (await inkOf(later, 'Messages')) > 20);
  const told = [page, later].flatMap((one) => {
    const places = [card(one, 'Notifications'), one.getByRole('status')];
    return places.map((place) => place.getByText(/1 request refused: origin, 127.0.0.1:\d+ \/echo/).waitFor());
  });
  const refused = new WebSocket(`${address.replace('http', 'ws')}/echo`, { origin: 'http://elsewhere.example' });
  await Promise.all([once(refused, 'error'), ...told]);
  bob.close();
  await row('bob').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Make some load' }).click();
  await row('user-7').waitFor();
  await later.reload();
  await later.getByRole('button', { name: 'Stop the load' }).click();
  await row('user-7').waitFor({ state: 'detached' });
  await later.setViewportSize({ width: 360, height: 800 });
  await until(async () => (await later.evaluate('document.documentElement.scrollWidth')) === 360);
  expect(faults).toEqual([]);
});

it('comes back to a server that was away: without a hole, or with what the new one has', async () => {
  const { address, child, ended } = await startDashboard('returns');
  const way = await wayTo(address);
  const { page, faults } = await open(way.address);
  const samples = async (of: Page) => Number((await of.locator('footer').textContent())!.replace(/\D.*$/, ''));
  await until(async () => (await samples(page)) > 3);
  // The connection ends, and the server goes on: what it kept meanwhile comes.
  way.close();
  await page.getByRole('alert').getByText('is lost since').waitFor();
  await talk(await connect(address), 25);
  const { page: other } = await open(address);
  await totals(other, '25 messages in');
  way.open();
  await totals(page, '25 messages in');
  await card(page, 'Notifications').getByText('had lost the server').waitFor();
  child.kill('SIGTERM');
  for (const one of [page, other]) await one.getByRole('alert').getByText('is lost since').waitFor();
  // It had what whoever came anew had: no sample is missing, and none is there twice.
  await until(async () => (await samples(page)) === (await samples(other)));
  expect(await page.locator('footer').textContent()).toMatch(/^\d+ samples$/);
  expect(await ended).toEqual([0, null]);
  await card(page, 'Notifications').getByText('The server drains').waitFor();
  const seen = await samples(page);
  const { address: newAddress } = await startDashboard('returns');
  way.lead(newAddress);
  await isLive(page);
  await card(page, 'Notifications').getByText('was started anew').waitFor();
  await until(async () => (await samples(page)) > seen + 3);
  expect(await page.getByRole('alert').count()).toBe(0);
  const again = await connect(newAddress);
  await talk(again, 7);
  await totals(page, '7 messages in, 7 out, 1 connections');
  expect(faults).toEqual([]);
});

it('an alert that a page sets is raised and cleared once, on every page, and kept', async () => {
  const { address, child, ended } = await startDashboard('alerts');
  const [{ page, faults }, { page: other }] = [await open(address), await open(address)];
  await page.getByRole('button', { name: 'Set an alert for Connections' }).click();
  await page.getByRole('spinbutton').fill('2');
  await page.getByRole('button', { name: 'Set', exact: true }).click();
  await other.getByText('Alert: open above 2').waitFor();
  const sockets = await Promise.all([1, 2, 3].map(() => connect(address)));
  for (const one of [page, other]) await one.getByText(/^Raised: open above 2, since /).waitFor();
  for (const socket of sockets) socket.close();
  for (const one of [page, other]) {
    await card(one, 'Notifications').getByText('Open connections no longer above 2').waitFor();
    expect(await card(one, 'Notifications').getByText('Open connections above 2: 3').count()).toBe(1);
    await one.getByText('Alert: open above 2').waitFor();
  }
  child.kill('SIGKILL');
  await ended;
  const { address: next } = await startDashboard('alerts');
  const { page: later } = await open(next);
  await later.getByText('Alert: open above 2').waitFor();
  await later.getByRole('button', { name: 'Remove this alert' }).first().waitFor();
  expect(faults).toEqual([]);
});

it('of a thousand connections, the table shows those that are seen, sorted and searched', async () => {
  const { address } = await startDashboard('table', '--every', '500');
  const { page, faults } = await open(address);
  const sockets = await Promise.all(Array.from({ length: 1000 }, (_, i) => connect(address, `?user=u${i}`)));
  await Promise.all(sockets.map((socket, i) => talk(socket, i === 777 ? 3 : 1)));
  await page.getByText('1,000 open').waitFor();
  const table = page.getByRole('table');
  expect(await table.getAttribute('aria-rowcount')).toBe('1001');
  expect(await table.getByRole('row').count()).toBeLessThan(60);
  await page.getByRole('button', { name: 'In', exact: true }).click();
  const first = table.locator('tbody tr:nth-child(2)');
  await first.filter({ hasText: 'u777' }).getByRole('cell', { name: '3', exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'User' }).click();
  await first.getByText('u0', { exact: true }).waitFor();
  await page.locator('.connections .scroll').evaluate((box) => void Object.assign(box, { scrollTop: 500 * 28 }));
  await table.locator('[aria-rowindex="502"]').waitFor();
  await page.getByRole('searchbox').fill('u123');
  await page.getByText('1,000 open, 1 shown').waitFor();
  await first.getByText('u123').waitFor();
  expect(faults).toEqual([]);
});

it('watches another process by its metrics, and says what it is not told', async () => {
  const { address: watched, child } = await startDashboard('watched');
  const { address } = await startDashboard('watching', '--watch', `${watched}/metrics`);
  const { page, faults } = await open(address);
  await talk(await connect(watched), 12);
  await totals(page, '12 messages in, 12 out, 1 connections');
  await page.getByText('do not name them').waitFor();
  expect(await page.getByRole('button', { name: 'load' }).count()).toBe(0);
  child.kill('SIGKILL');
  await page.getByRole('alert').getByText('The watched server does not answer').waitFor();
  await card(page, 'Notifications').getByText('The server does not answer').waitFor();
  expect(faults).toEqual([]);
});
