/**
 * The playground's Build, Cut, Close and Learn in Chromium, against the server that `framewright serve` runs: what they are
 * for, from the keyboard alone, for screen readers, and at all widths.
 */

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readPageAssets } from '../../src/cli/page-assets.ts';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';
import { LESSONS } from '../../src/playground/learn/lessons.ts';
import { TRANSITIONS } from '../../src/protocol/index.ts';
import { seriousFaults } from './axe.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
let server: PlaygroundServer;
let page: Page;
let faults: string[];

beforeAll(async () => {
  browser = await launchChromium();
  server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet: false, assets: readPageAssets() });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
});

afterEach(async () => {
  await page.close();
  expect(faults).toEqual([]);
});

async function show(view: string): Promise<void> {
  await page.goto(`http://127.0.0.1:${server.address.port}/#/${view}`);
  await page.getByRole('main').getByRole('heading', { level: 2 }).first().waitFor();
}

const button = (name: string | RegExp) => page.getByRole('button', { name });
const main = () => page.getByRole('main');

/** Presses Tab until the focus is on an element of this name, which has to be reachable. */
async function tabTo(name: string | RegExp): Promise<void> {
  const matches = (text: string) => (typeof name === 'string' ? text === name : name.test(text));
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press('Tab');
    if (matches(await focusedName())) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

/** What a screen reader calls the element that has the focus. */
function focusedName(): Promise<string> {
  return page.evaluate(`(() => {
    const element = document.activeElement;
    const label = element.getAttribute('aria-label') ?? (element.labels?.[0] ?? element).textContent;
    return label.trim().replace(/\\s+/g, ' ');
  })()`) as Promise<string>;
}

describe('with something to tell, on a small screen and in the dark', () => {
  it.each([
    [
      'build',
      'build?break=invalidText&frames=81.01020304.-.-.48c328',
      () => button('Send raw to the server').click(),
      /^Ended:/,
    ],
    [
      'cut',
      'cut?deflate=on&bytes=c107f248cdc9c90700&symbol=3&step=5',
      () => button('Read a symbol').click(),
      /literal l/,
    ],
    ['close', 'close?story=c.badText+s.give', () => main().locator('summary').click(), 'the server went here'],
    ['learn', 'learn?lesson=text', () => button('Check').click(), 'Not yet.'],
  ] as const)('%s fits, and axe finds no serious fault in it', async (_, place, act, told) => {
    await page.setViewportSize({ width: 320, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await show(place);
    await act();
    await main().getByText(told).first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describe('Build', () => {
  const bytes = () => page.getByTestId('built-bytes').innerText();

  it('§5.2 sets each field, and shows the bytes at once', async () => {
    await show('build');
    expect(await bytes()).toBe('81 85 37 fa 21 3d 7f 9f 4d 51 58');
    await page.getByRole('checkbox', { name: 'RSV2' }).check();
    await page.getByRole('combobox', { name: 'Opcode' }).selectOption('2');
    await page.getByRole('checkbox', { name: 'MASK' }).uncheck();
    expect(await bytes()).toBe('a2 05 48 65 6c 6c 6f');
    await page.getByLabel('Length form').selectOption('16');
    await page.getByLabel('Length said').fill('7');
    await page.getByLabel('Payload as text').fill('€');
    expect(await bytes()).toBe('a2 7e 00 07 e2 82 ac');
    await main().getByText('RSV2 and RSV3 must be clear').first().waitFor();
    // The frame is in the address: it can be shared, and is there when the page is loaded anew.
    await expect.poll(() => page.url()).toContain('e282ac');
    await page.reload();
    await button('Send raw to the server').waitFor();
    expect(await bytes()).toBe('a2 7e 00 07 e2 82 ac');
  });

  it('§5.4 makes fragments, adds and removes frames', async () => {
    await show('build?to=client&frames=81.-.-.-.48656c6c6f');
    await button('Split in 2 fragments').click();
    expect(await bytes()).toBe('01 03 48 65 6c 80 02 6c 6f');
    await main().getByText('text “Hello”').waitFor();
    await button('Add a frame').click();
    expect(await bytes()).toBe('01 03 48 65 6c 80 02 6c 6f 81 05 48 65 6c 6c 6f');
    await button('Remove this frame').click();
    expect(await bytes()).toBe('01 03 48 65 6c 80 02 6c 6f');
  });

  it('§7.1.7 breaks a rule for either role, and the server answers with the same Close code', async () => {
    await show('build');
    await button(/^Use opcode 3/).click();
    await main().getByText('invalid opcode 3').first().waitFor();
    await button('Send raw to the server').click();
    await main().getByText('Ended: the server has ended TCP.').waitFor();
    const answers = main().locator('.raw-line .lines li');
    expect(await answers.allInnerTexts()).toEqual(['Close 1002 (Protocol error)']);
    await page.getByLabel('a client reads').check();
    await button(/^Mask what a server sends/).click();
    await main().getByText('MASK must be clear').first().waitFor();
    expect(await button('Send raw to the server').isDisabled()).toBe(true);
  });

  it('is used from the keyboard: a legal frame goes to the server, and its echo comes back', async () => {
    await show('build');
    await tabTo('Send raw to the server');
    await page.keyboard.press('Enter');
    const answers = main().locator('.raw-line .lines li');
    await expect.poll(() => answers.allInnerTexts()).toEqual(['text, 5 bytes: “Hello”']);
    await page.keyboard.press('Enter');
    await expect.poll(() => answers.count()).toBe(2);
    await page.keyboard.press('Tab');
    expect(await focusedName()).toBe('Drop TCP');
    await page.keyboard.press('Enter');
    await main()
      .getByText(/^Ended:/)
      .waitFor();
  });
});

describe('Cut', () => {
  it('§5.4 says the same wherever the bytes are cut', async () => {
    await show('cut');
    await main().getByText('The events are the same. Tried at all 12 places: the same at 12.').waitFor();
    const slider = page.getByLabel(/^Cut in front of byte/);
    await slider.focus();
    await page.keyboard.press('End');
    await page.getByLabel('Cut in front of byte 13').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.getByLabel('Cut in front of byte 12').waitFor();
    await expect.poll(() => page.url()).toContain('cut=12');
  });

  it('§8.1 steps from byte to byte from the keyboard, and shows what the parser holds', async () => {
    await show('cut');
    await button('“€” cut in two frames').press('Enter');
    await tabTo('Read a byte');
    for (let i = 0; i < 4; i++) await page.keyboard.press('Enter');
    const held = main().locator('.parser-state');
    expect(await held.innerText()).toMatch(/inside a character: 1 byte to come, the next from 80 to bf/);
    await page.keyboard.press('Enter');
    await main().getByText('Inside a header: 1 of at least 2 bytes.').waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await main().getByText('7 of 7 bytes read').waitFor();
    // There is nothing more to read, and the focus stays all the same.
    expect(await focusedName()).toBe('Read a byte');
    expect(await main().getByText('text “€”').count()).toBeGreaterThan(1);
  });

  it('RFC 7692 §7.2.3 shows the window, and what taking it over means', async () => {
    await show('cut');
    await button('“Hello” twice, compressed').click();
    await button(/^Message 2: 5 → 5 bytes/).click();
    for (let i = 0; i < 3; i++) await button('Read a symbol').click();
    await main()
      .getByText(/A copy of \d bytes from 5 back/)
      .waitFor();
    await page.getByLabel('context take-over').uncheck();
    await main()
      .getByText(/it refers to 5 bytes back, and only 1 are there/)
      .waitFor();
    await main().getByText('Invalid compressed message').first().waitFor();
  });
});

describe('Close', () => {
  it.each([
    ['1000: an agreed end', '1000', '1000'],
    ['1005: no code', '1005', '1005'],
    ['1006: TCP is dropped', '1006', '1006'],
    ['1006: no answer', '1006', '1006'],
    ['1007: text that is no UTF-8', '1007', '1006'],
    ['1011: the program fails', '1011', '1006'],
  ])('§7.1.5 %s', async (title, client, server) => {
    await show('close');
    await button(title).click();
    expect(await main().locator('.end-client .told').innerText()).toContain(client);
    expect(await main().locator('.end-server .told').innerText()).toContain(server);
  });

  it('§7.1 is driven from the keyboard, and draws each state of the table', async () => {
    await show('close');
    expect(await main().locator('svg .state').count()).toBe(Object.keys(TRANSITIONS).length);
    const count = Object.values(TRANSITIONS).flatMap((row) => Object.keys(row)).length;
    expect(await main().locator('svg path.way').count()).toBe(count);
    await tabTo('Both close at once');
    await page.keyboard.press('Enter');
    await page.getByRole('img', { name: 'The client is closeSent, the server is closeSent' }).waitFor();
    await tabTo('Deliver all that is on the way');
    await page.keyboard.press('Enter');
    await main()
      .getByText(/Both ends are closed|Two Close frames cross/)
      .waitFor();
    await page.getByRole('img', { name: 'The client is closed, the server is closed' }).waitFor();
    await button('Take the last step back').click();
    await page.getByRole('img', { name: /the server is closeExchanged/ }).waitFor();
  });
});

describe('Learn', () => {
  it('has eight lessons that are done one after the other, from the keyboard alone', async () => {
    await show('learn');
    for (const [i, lesson] of LESSONS.entries()) {
      await page.getByRole('heading', { name: `${i + 1}. ${lesson.title}` }).waitFor();
      // The heading of the next lesson takes the focus.
      if (i > 0) await expect.poll(focusedName).toBe(`${i + 1}. ${lesson.title}`);
      await tabTo(lesson.reader ? /^Bytes that a/ : 'The head of the request');
      await page.keyboard.press('Control+Enter');
      await main().getByText('Not yet.').waitFor();
      await page.keyboard.press('Control+a');
      await page.keyboard.insertText(lesson.solution);
      await page.keyboard.press('Control+Enter');
      await main().getByText('Right.', { exact: true }).waitFor();
      await main()
        .getByText(`${i + 1} of 8 done`)
        .waitFor();
      if (i === LESSONS.length - 1) break;
      await tabTo(`Next: ${LESSONS[i + 1]!.title}`);
      await page.keyboard.press('Enter');
    }
    await main().getByText('That was the last one.').waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: '7. Closing, and failing' }).waitFor();
    await page.reload();
    await main().getByText('8 of 8 done').waitFor();
  });

  it('shows the lines of source as they are', async () => {
    await show('learn?lesson=first-bytes');
    await main().locator('summary', { hasText: 'readHeader' }).click();
    await main().getByText('export function readHeader(').waitFor();
  });
});
