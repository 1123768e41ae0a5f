/**
 * The example of a chat, as people use it: two windows and a phone, in Chromium. Each signs in, and sees the others and what they
 * say, whatever the network and the server do.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildPage } from '../../src/examples/build-page.ts';
import type { chat } from '../../src/examples/chat/protocol.ts';
import type { Live } from '../../src/live/index.ts';
import { connect } from '../../src/live/node.ts';
import { compile, sourceOf, start } from '../examples/start.ts';
import { launchChromium } from './chromium.ts';

/** Pictures of what the tests come by, for those who want to see them. */
const PICTURES = process.env.SCREENSHOTS;
const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;

let browser: Browser;
let programs: Awaited<ReturnType<typeof compile>>;
let page: string;
let server: Awaited<ReturnType<typeof start>>;
let faults: string[];
const SECRET = 'a secret that outlives the server';

beforeAll(async () => {
  programs = await compile({ chat: sourceOf('chat/server') });
  page = await buildPage(new URL('../../src/examples/chat/page/', import.meta.url));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  programs.remove();
  rmSync(page, { recursive: true });
});
beforeEach(() => {
  faults = [];
});
afterEach(async () => {
  programUser?.close();
  for (const context of browser.contexts()) await context.close();
  await stopServer();
  expect(faults).toEqual([]);
});

const startServer = async (...args: string[]) => {
  server = await start(programs.programOf('chat'), args, { SECRET, PAGE: page });
};
async function stopServer(): Promise<void> {
  server.child.kill('SIGKILL');
  await server.ended;
}

const eventually = <T>(get: () => T) => expect.poll(get, { timeout: 60_000 });

/** Somebody with a window of his own. */
class Person {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(options: BrowserContextOptions, name?: string): Promise<Person> {
    const context = await browser.newContext({ ...DESKTOP, ...options });
    return Person.at(await context.newPage(), name);
  }

  static async at(page: Page, name?: string): Promise<Person> {
    page.on('pageerror', ({ message }) => faults.push(message));
    await page.goto(server.address);
    if (name !== undefined) {
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('link', { name: 'general' }).first().waitFor();
    }
    return new Person(page);
  }

  /** Another window of the same browser: he is signed in there. */
  async openAnother(): Promise<Person> {
    return Person.at(await this.page.context().newPage());
  }

  write(text: string): Promise<void> {
    return this.page.getByRole('textbox', { name: /^Write to / }).fill(text);
  }
  async say(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.write(text);
      await this.page.keyboard.press('Enter');
    }
  }
  go(room: string): Promise<void> {
    return this.page.getByRole('navigation').getByRole('link', { name: room }).click();
  }
  sees(text: string | RegExp): Promise<void> {
    return this.page.getByText(text, { exact: true }).first().waitFor();
  }
  /** What is said in the room that is open, as far as it is shown, without what waits. */
  said(): Promise<string[]> {
    return this.page.locator('.message:not(.waiting) .text').allInnerTexts();
  }
  unread(room: string): Promise<string> {
    return this.page.getByRole('link', { name: room }).locator('.count').innerText();
  }
  async picture(name: string): Promise<void> {
    if (PICTURES === undefined) return;
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }
}

/** Programs say so many lines: no user may say as many. */
async function sayLines(room: string, count: number): Promise<void> {
  for (let first = 1; first <= count; first += 10) {
    programUser?.close();
    programUser = await openProgram();
    const lines = Array.from({ length: Math.min(10, count - first + 1) }, (_, i) => `line ${first + i}`);
    await Promise.all(lines.map((text) => programUser!.call.say({ room, text })));
  }
}
let programUser: Live<typeof chat> | undefined;
let programCount = 0;
async function openProgram(name = `Program ${++programCount}`): Promise<Live<typeof chat>> {
  const body = JSON.stringify({ name });
  const headers = { 'Content-Type': 'application/json' };
  const session = await fetch(`${server.address}/session`, { method: 'POST', headers, body });
  const { token } = (await session.json()) as { token: string };
  return connect<typeof chat>(`${server.address}/live`, { token });
}

it('two windows and a phone: rooms, who is there, who types, who comes and goes, and what is unread', async () => {
  await startServer();
  const ann = await Person.open({}, 'Ann Lovelace');
  const bob = await Person.open({ colorScheme: 'dark' }, 'Bob');
  const eve = await Person.open(PHONE, 'Eve');
  await eve.picture('phone-rooms');
  await eve.go('general');
  await ann.sees('Bob and Eve came in');
  await ann.say(
    'Good morning, all',
    'The plan for today: https://intranet.example/plan.\nPlease read <b>all</b> of it',
  );
  for (const one of [bob, eve]) await one.sees('Good morning, all');
  expect((await bob.said())[1]).toBe(
    'The plan for today: https://intranet.example/plan.\nPlease read <b>all</b> of it',
  );
  expect(await bob.page.getByRole('link', { name: 'https://' }).getAttribute('href')).toBe(
    'https://intranet.example/plan',
  );
  expect(await eve.page.getByText('New', { exact: true }).count()).toBe(0);
  await eve.say('Reading it in the train', 'Looks good to me');
  await ann.sees('Looks good to me');

  // Several windows of one person.
  const other = await ann.openAnother();
  await other.sees('Good morning, all');
  await ann.sees('in 2 windows');
  expect(await bob.page.getByLabel('Who is here').getByRole('listitem').count()).toBe(3);
  await other.page.close();

  await ann.page.getByRole('button', { name: 'Make a room' }).click();
  await ann.page.getByLabel('Name').fill('Lunch & Coffee');
  await ann.page.getByLabel('What it is about').fill('Where we meet at noon');
  await ann.picture('new-room');
  await ann.page.getByRole('button', { name: 'Make it' }).click();
  await ann.sees('Nothing has been said here');
  await eve.page.getByRole('link', { name: 'All rooms' }).click();
  await Promise.all([bob, eve].map(({ page }) => page.getByRole('link', { name: 'lunch-coffee' }).waitFor()));
  await ann.say('Pizza?', 'Or the canteen?');
  for (const one of [bob, eve]) await eventually(() => one.unread('lunch-coffee')).toBe('2');
  await eventually(() => bob.page.title()).toBe('(2) general');
  await eve.picture('phone-unread');
  await bob.picture('dark-unread');

  await bob.go('lunch-coffee');
  await bob.sees('New');
  await ann.sees('Bob came in');
  await bob.write('P');
  await ann.sees('Bob is typing…');
  await ann.picture('typing');
  await bob.say('Pizza!');
  await ann.sees('Pizza!');
  await ann.page.getByText('Bob is typing…').waitFor({ state: 'detached' });
  await bob.go('general');
  await ann.sees('Bob left');
  // It is the same name for the next one who wants it.
  await bob.page.getByRole('button', { name: 'Make a room' }).click();
  await bob.page.getByLabel('Name').fill('lunch-coffee');
  await bob.page.getByRole('button', { name: 'Make it' }).click();
  await bob.sees('There is a room lunch-coffee already');
  await bob.picture('dark-taken');
  await bob.page.getByRole('button', { name: 'Cancel' }).click();
  await eve.go('general');
  await eve.write('I am on my way');
  await bob.sees('Eve is typing…');
  await bob.picture('dark');
  await ann.go('general');
  await eve.picture('phone-room');
  await eve.page.getByRole('button', { name: '3 here' }).click();
  await eve.picture('phone-people');
});

it('reads back to the beginning, and stays where it is when something is said', async () => {
  await startServer();
  const ann = await Person.open({ viewport: { width: 1280, height: 600 } }, 'Ann');
  await sayLines('general', 120);
  await ann.sees('line 120');
  await ann.page.reload();
  await ann.sees('line 120');
  expect((await ann.said()).length).toBeLessThan(120);
  const log = ann.page.getByRole('log');
  await expect
    .poll(
      async () => {
        await log.evaluate((box) => ((box as unknown as { scrollTop: number }).scrollTop = 0));
        return (await ann.said())[0];
      },
      { timeout: 60_000 },
    )
    .toBe('line 1');
  await ann.sees('This is where general begins');
  expect(await ann.said()).toEqual(Array.from({ length: 120 }, (_, i) => `line ${i + 1}`));
  await log.evaluate((box) => ((box as unknown as { scrollTop: number }).scrollTop = 1000));
  const top = () => log.evaluate((box) => (box as unknown as { scrollTop: number }).scrollTop);
  await eventually(top).toBe(1000);
  const place = await log.boundingBox();
  await sayLines('general', 3);
  await ann.page.getByRole('button', { name: '3 new' }).waitFor();
  expect([await top(), await log.boundingBox()]).toEqual([1000, place]);
  await ann.picture('scrolled-back');
  await ann.page.getByRole('button', { name: '3 new' }).click();
  await ann.page.getByRole('button', { name: '3 new' }).waitFor({ state: 'detached' });
});

it('what is written without a network or a server waits, and is said once; what is missing is shown', async () => {
  await startServer();
  const [ann, eve] = [await Person.open({}, 'Ann'), await Person.open(PHONE, 'Eve')];
  await eve.go('general');
  await ann.sees('Eve came in');
  await ann.say('one');
  await eve.sees('one');

  await eve.page.context().setOffline(true);
  await eve.sees(/^You are offline/);
  await eve.say('two', 'three');
  await eve.page
    .getByText(/Waiting: /)
    .nth(1)
    .waitFor();
  await eve.picture('phone-offline');
  await ann.say('meanwhile');
  await ann.sees('meanwhile');
  expect(await ann.said()).toEqual(['one', 'meanwhile']);
  await eve.page.context().setOffline(false);
  for (const one of [ann, eve]) await eventually(() => one.said()).toEqual(['one', 'meanwhile', 'two', 'three']);
  await eventually(() => eve.page.getByText(/Waiting: /).count()).toBe(0);

  await stopServer();
  await ann.sees(/^The server cannot be reached\./);
  await ann.say('four');
  await ann.sees(/Waiting: /);
  await ann.picture('server-away');
  // The page loaded anew, by another server on the same port that has lost all.
  await startServer('--port', new URL(server.address).port);
  await eve.sees('four');
  await ann.sees('four');
  for (const one of [ann, eve]) {
    await one.page.locator('.gap').waitFor();
    await eventually(() => one.said()).toEqual(['one', 'meanwhile', 'two', 'three', 'four']);
  }
  await ann.picture('gap');
});

it('renews its token on the connection, stays signed in, signs out in all windows, and says what is wrong', async () => {
  await startServer('--token-seconds', '3');
  const ann = await Person.open({}, 'Ann');
  let sockets = 0;
  let renewals = 0;
  ann.page.on('websocket', () => sockets++);
  ann.page.on('response', (response) => void (response.url().endsWith('/session/refresh') && renewals++));
  await ann.page.reload();
  await ann.say('before');
  // The first is the page's, when it is loaded.
  await eventually(() => renewals).toBeGreaterThan(3);
  await ann.say('after');
  await eventually(() => ann.said()).toEqual(['before', 'after']);
  expect(sockets).toBe(1);

  await ann.write('x'.repeat(2001));
  await ann.sees('Too long: 2001 characters, and 2000 are the most');
  expect(await ann.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  await ann.picture('too-long');
  // A program says so much for her that she has to wait.
  programUser = await openProgram('Ann');
  const waits = ann.page.getByText('Waiting: No more than 10 messages in 5 s');
  let count = 0;
  await eventually(async () => {
    const flood = Array.from({ length: 11 }, () => programUser!.call.say({ room: 'general', text: 'flood' }));
    await Promise.allSettled(flood);
    await ann.say(`quick ${++count}`);
    return waits.count();
  }).toBe(1);
  await ann.picture('too-fast');
  await eventually(async () => (await ann.said()).filter((text) => text.startsWith('quick'))).toHaveLength(count);
  await ann.page.goto(`${server.address}/#/nowhere`);
  await ann.sees('nowhere is not open to you');
  await ann.picture('nowhere');

  const other = await ann.openAnother();
  await other.sees('after');
  await ann.page.getByRole('button', { name: 'Sign out' }).click();
  for (const { page } of [ann, other]) await page.getByLabel('Your name').waitFor();
  await ann.page.reload();
  await ann.page.getByLabel('Your name').fill('!');
  await ann.page.getByRole('button', { name: 'Sign in' }).click();
  await ann.sees(/^A name has 1 to 30 letters/);
  await ann.picture('sign-in');
});
