/** The page of `framewright inspect` in Chromium: it lists what passes between others, and the page's own connections too. */

import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { outcomeOf, start } from '../cli/framewright.ts';
import { echo, startServer } from '../support/servers.ts';
import { launchChromium } from './chromium.ts';
import { cellsOf, connect, ensurePage, kindsIn, openLine } from './playground-page.ts';

let browser: Browser;

beforeAll(async () => {
  ensurePage();
  browser = await launchChromium();
});

afterAll(() => browser?.close());

it('§5.2 lists the frames that pass, bit by bit, those before it came as well', async () => {
  const target = await startServer('node:net', {}, echo);
  const child = start(['inspect', target.url(), '--port', '0']);
  const outcome = outcomeOf(child);
  let said = '';
  child.stdout.on('data', (text: string) => {
    said += text;
  });
  while (!said.includes('the page is at')) await once(child.stdout, 'data');
  const [, address] = /connect to (\S+),/.exec(said)!;
  const [, pageUrl] = /the page is at (\S+)/.exec(said)!;

  const client = new WebSocket(address!);
  onTestFinished(() => client.terminate());
  await once(client, 'open');
  client.send('before');
  await once(client, 'message');

  const page = await browser.newPage({ viewport: { width: 360, height: 900 } });
  await page.goto(`${pageUrl}#/live`);
  const seen = ['· opened', '↑ request', '↓ response', '↑ text', '↓ text'];
  await expect.poll(() => kindsIn(page)).toEqual(seen);
  client.send('after');
  await expect.poll(() => kindsIn(page)).toEqual([...seen, '↑ text', '↓ text']);
  const sent = await openLine(page, 5);
  expect((await cellsOf(sent, 'text')).join('')).toBe('after');

  await connect(page);
  await expect.poll(() => target.connections.length).toBe(2);
  // A browser whose connection takes long to be made tries with a second one.
  await expect.poll(async () => (await kindsIn(page)).slice(7)).toEqual(expect.arrayContaining(seen.slice(0, 3)));
  await page.close();
  child.kill('SIGINT');
  expect((await outcome).status).toBe(0);
});
