/**
 * The example of a chat, as people use it: two windows and a phone, in Chromium. Each signs in, and sees the others and what they
 * say, whatever the network and the server do.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
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
let folder: string;

beforeAll(async () => {
  programs = await compile({ chat: sourceOf('chat/server') });
  folder = await buildPage(new URL('../../src/examples/chat/page/', import.meta.url));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  programs.remove();
  rmSync(folder, { recursive: true });
});

const eventuallyOf =
  (expect: TestContext['expect']) =>
  <T>(get: () => T) =>
    expect.poll(get, { timeout: 60_000 });

/** A server, and those who use it. */
class Stage {
  readonly #faults: string[] = [];
  readonly #closers: (() => unknown)[] = [];
  #server: Awaited<ReturnType<typeof start>> | undefined;
  #programs = 0;

  static async open(onTestFinished: TestContext['onTestFinished'], ...args: string[]): Promise<Stage> {
    const stage = new Stage();
    onTestFinished(async () => {
      for (const close of stage.#closers) await close();
      await stage.stopServer();
      expect(stage.#faults).toEqual([]);
    });
    await stage.startServer(...args);
    return stage;
  }

  get address(): string {
    return this.#server!.address;
  }
  async startServer(...args: string[]): Promise<void> {
    const environment = { SECRET: 'a secret that outlives the server', PAGE: folder };
    this.#server = await start(programs.programOf('chat'), args, environment);
  }
  async stopServer(): Promise<void> {
    this.#server!.child.kill('SIGKILL');
    await this.#server!.ended;
  }

  /** The parent of workers stands still, and goes on. */
  signalServer(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#server!.child.kill(signal);
  }

  /** Somebody with a browser of his own, who signs in. */
  async enter(name: string, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ ...DESKTOP, ...options });
    this.#closers.push(() => context.close());
    const person = await this.openPage(await context.newPage());
    await person.page.getByLabel('Your name').fill(name);
    await person.page.getByRole('button', { name: 'Sign in' }).click();
    await person.page.getByRole('link', { name: 'general' }).first().waitFor();
    return person;
  }
  async openPage(page: Page): Promise<Person> {
    page.on('pageerror', ({ message }) => this.#faults.push(message));
    await page.goto(this.address);
    return new Person(page);
  }

  /** Somebody without a page. */
  async openProgram(name: string): Promise<Live<typeof chat>> {
    const body = JSON.stringify({ name });
    const headers = { 'Content-Type': 'application/json' };
    const session = await fetch(`${this.address}/session`, { method: 'POST', headers, body });
    const { token } = (await session.json()) as { token: string };
    const live = connect<typeof chat>(`${this.address}/live`, { token });
    this.#closers.push(() => live.close());
    return live;
  }
  /** Programs say so many lines: no user may say as many. */
  async sayLines(room: string, count: number): Promise<void> {
    for (let first = 1; first <= count; first += 10) {
      const live = await this.openProgram(`Program ${++this.#programs}`);
      const lines = Array.from({ length: Math.min(10, count - first + 1) }, (_, i) => `line ${first + i}`);
      await Promise.all(lines.map((text) => live.call.say({ room, text })));
      live.close();
    }
  }
}

/** Somebody who looks at a page. */
class Person {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
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

it.concurrent('two windows and a phone: rooms, who is there, who types, who comes and goes, and what is unread', async ({
  expect,
  onTestFinished,
}) => {
  const eventually = eventuallyOf(expect);
  const stage = await Stage.open(onTestFinished);
  const ann = await stage.enter('Ann Lovelace');
  await ann.sees('you');
  const bob = await stage.enter('Bob', { colorScheme: 'dark' });
  const eve = await stage.enter('Eve', PHONE);
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
  await eve.say('Reading it in the train', 'Looks good to me');
  await ann.sees('Looks good to me');

  // Several windows of one person.
  const other = await stage.openPage(await ann.page.context().newPage());
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
  // It is shown for a moment only.
  const isTyping = ann.sees('Bob is typing…');
  await bob.write('P');
  await isTyping;
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
  const isTypingOnPhone = bob.sees('Eve is typing…');
  await eve.write('I am on my way');
  await isTypingOnPhone;
  await bob.picture('dark');
  await ann.go('general');
  await eve.picture('phone-room');
  await eve.page.getByRole('button', { name: '3 here' }).click();
  await eve.picture('phone-people');
});

it.concurrent('reads back to the beginning, and stays where it is when something is said', async ({
  expect,
  onTestFinished,
}) => {
  const eventually = eventuallyOf(expect);
  const stage = await Stage.open(onTestFinished);
  const ann = await stage.enter('Ann', { viewport: { width: 1280, height: 600 } });
  await stage.sayLines('general', 120);
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
  await stage.sayLines('general', 3);
  await ann.page.getByRole('button', { name: '3 new' }).waitFor();
  expect([await top(), await log.boundingBox()]).toEqual([1000, place]);
  await ann.picture('scrolled-back');
  await ann.page.getByRole('button', { name: '3 new' }).click();
  await ann.page.getByRole('button', { name: '3 new' }).waitFor({ state: 'detached' });
});

it.concurrent('what is written without a network or a server waits, and is said once; what is missing is shown', async ({
  expect,
  onTestFinished,
}) => {
  const eventually = eventuallyOf(expect);
  const stage = await Stage.open(onTestFinished);
  const ann = await stage.enter('Ann');
  await ann.sees('you');
  const eve = await stage.enter('Eve', PHONE);
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

  await stage.stopServer();
  await ann.sees(/^The server cannot be reached\./);
  await ann.say('four');
  await ann.sees(/Waiting: /);
  await ann.picture('server-away');
  // The page loaded anew, by another server on the same port that has lost all.
  await stage.startServer('--port', new URL(stage.address).port);
  await eve.sees('four');
  await ann.sees('four');
  for (const one of [ann, eve]) {
    await one.page.locator('.gap').first().waitFor();
    await eventually(() => one.said()).toEqual(['one', 'meanwhile', 'two', 'three', 'four']);
  }
  await ann.picture('gap');

  // Once more, and nobody writes: what was read of the old log is not read of the new one.
  await ann.page.getByRole('button', { name: 'Make a room' }).click();
  await ann.page.getByLabel('Name').fill('later');
  await ann.page.getByRole('button', { name: 'Make it' }).click();
  const rooms = () => ann.page.getByRole('navigation').getByRole('link').locator('b').allInnerTexts();
  await eventually(rooms).toEqual(['general', 'later']);
  await stage.stopServer();
  await stage.startServer('--port', new URL(stage.address).port);
  await eve.page.locator('.gap').nth(1).waitFor();
  await eventually(rooms).toEqual(['general']);
  await eve.page.getByRole('link', { name: 'All rooms' }).click();
  await ann.go('general');
  await ann.page.getByRole('textbox', { name: 'Write to general' }).waitFor();
  await ann.say('five', 'six');
  await eventually(() => eve.unread('general')).toBe('2');
});

it.concurrent('says that the server is there and the log is not, which comes back', async ({
  expect,
  onTestFinished,
}) => {
  const eventually = eventuallyOf(expect);
  const stage = await Stage.open(onTestFinished, '--workers', '2');
  const ann = await stage.enter('Ann');
  await ann.say('before');
  await eventually(() => ann.said()).toEqual(['before']);
  stage.signalServer('SIGSTOP');
  await ann.sees(/^The server can neither read nor keep/);
  await ann.say('meanwhile');
  await ann.sees(/Waiting: /);
  await ann.picture('stale');
  stage.signalServer('SIGCONT');
  await eventually(() => ann.said()).toEqual(['before', 'meanwhile']);
  await ann.page.getByText(/^The server can neither read nor keep/).waitFor({ state: 'detached' });
});

it.concurrent('renews its token on the connection, stays signed in, signs out in all windows, and says what is wrong', async ({
  expect,
  onTestFinished,
}) => {
  const eventually = eventuallyOf(expect);
  const stage = await Stage.open(onTestFinished, '--token-seconds', '100');
  const ann = await stage.enter('Ann');
  let sockets = 0;
  let renewals = 0;
  ann.page.on('websocket', () => sockets++);
  ann.page.on('response', (response) => void (response.url().endsWith('/session/refresh') && renewals++));
  await ann.page.clock.install();
  await ann.page.reload();
  await ann.say('before');
  await ann.write('x'.repeat(2001));
  await ann.sees('Too long: 2001 characters, and 2000 are the most');
  expect(await ann.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  await ann.picture('too-long');
  // A program says so much for her that she has to wait.
  const program = await stage.openProgram('Ann');
  const waits = ann.page.getByText('Waiting: No more than 10 messages in 5 s');
  let count = 0;
  await eventually(async () => {
    const flood = Array.from({ length: 11 }, () => program.call.say({ room: 'general', text: 'flood' }));
    await Promise.allSettled(flood);
    await ann.say(`quick ${++count}`);
    return waits.count();
  }).toBe(1);
  await ann.picture('too-fast');
  await eventually(async () => (await ann.said()).filter((text) => text.startsWith('quick'))).toHaveLength(count);
  // The first was the page's, when it was loaded.
  expect(renewals).toBe(1);
  await ann.page.clock.fastForward('01:25');
  await eventually(() => renewals).toBeGreaterThan(1);
  await ann.say('after');
  await eventually(async () => (await ann.said()).at(-1)).toBe('after');
  expect(sockets).toBe(1);

  await ann.page.goto(`${stage.address}/#/nowhere`);
  await ann.sees('nowhere is not open to you');
  await ann.picture('nowhere');

  const other = await stage.openPage(await ann.page.context().newPage());
  await other.sees('after');
  await ann.page.getByRole('button', { name: 'Sign out' }).click();
  for (const { page } of [ann, other]) await page.getByLabel('Your name').waitFor();
  await ann.page.reload();
  await ann.page.getByLabel('Your name').fill('!');
  await ann.page.getByRole('button', { name: 'Sign in' }).click();
  await ann.sees(/^A name has 1 to 30 letters/);
  await ann.picture('sign-in');

  // Somebody else signs in with this browser: what Ann writes here is not said under that name.
  await ann.page.getByLabel('Your name').fill('Ann');
  await ann.page.getByRole('button', { name: 'Sign in' }).click();
  await ann.sees('nowhere is not open to you');
  await ann.page.context().request.post(`${stage.address}/session`, { data: { name: 'Bob' } });
  await ann.page.clock.fastForward('01:25');
  await ann.page.getByLabel('Your name').waitFor();
});
