/**
 * The live view in Chromium, against the server that `framewright serve` runs: what the page shows of the wire is compared
 * with frames that the RFC's rules give.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from '../../src/index.ts';
import { outcomeOf, start } from '../cli/framewright.ts';
import { launchChromium } from './chromium.ts';
import {
  cellsOf,
  connect,
  ensurePage,
  focused,
  headerOf,
  kindsIn,
  linesIn,
  openLine,
  openPlayground,
  type Playground,
} from './playground-page.ts';

let browser: Browser;

beforeAll(async () => {
  ensurePage();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

const OPENED = ['· opened', '↑ request', '↓ response'];

it('the bits of a line are in sight where it was chosen, on a wide page', async () => {
  const { page, close } = await openPlayground(browser, '/live', { width: 1280, height: 900 });
  await connect(page);
  await page.getByRole('button', { name: 'Send text' }).click();
  await expect.poll(() => linesIn(page).count()).toBe(5);
  const { y, height } = (await (await openLine(page, 3)).locator('.picture').boundingBox())!;
  expect(y + height).toBeLessThan(900);
  await close();
});

describe.each([
  { name: 'node:http', usesNet: false },
  { name: 'bare TCP', usesNet: true },
])('the live view on $name', ({ usesNet }) => {
  let playground: Playground;
  let page: Page;

  beforeEach(async () => {
    playground = await openPlayground(browser, '/live', { usesNet });
    page = playground.page;
  });

  afterEach(() => playground.close());

  const status = (text: string) => page.locator('.connection').getByRole('status').filter({ hasText: text });
  const log = () => page.getByRole('log');
  const kinds = () => kindsIn(page);
  const lineCount = () => linesIn(page).count();

  it('§5.2 text both ways: header, masking key and payload, byte for byte', async () => {
    await connect(page);
    await page.getByLabel('Text', { exact: true }).fill('Hello');
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(kinds).toEqual([...OPENED, '↑ text', '↓ text']);

    const sent = await openLine(page, 3);
    await expect.poll(() => headerOf(sent)).toMatch(/^81 85( [0-9a-f]{2}){4}$/);
    const key = (await headerOf(sent)).split(' ').slice(2);
    expect(await cellsOf(sent, 'data')).toEqual(['48', '65', '6c', '6c', '6f']);
    expect(await cellsOf(sent, 'text')).toEqual(['H', 'e', 'l', 'l', 'o']);
    const wire = (await cellsOf(sent, 'wire')).map(
      (hex, i) => Number.parseInt(hex, 16) ^ Number.parseInt(key[i % 4]!, 16),
    );
    expect(String.fromCharCode(...wire)).toBe('Hello');
    expect(await sent.locator('a.section').first().getAttribute('aria-label')).toBe('RFC 6455 §5.2');

    const received = await openLine(page, 4);
    await expect.poll(() => headerOf(received)).toBe('81 05');
    expect(await cellsOf(received, 'data')).toEqual(['48', '65', '6c', '6c', '6f']);
    expect(await log().innerText()).toMatch(/text\s*Hello[\s\S]*text\s*Hello/);
  });

  it('§5.6 binary from hex, and hex that is none', async () => {
    await connect(page);
    await page.getByLabel('binary').check();
    await page.getByLabel('Bytes in hex').fill('00 fg');
    await page.getByRole('button', { name: 'Send binary' }).click();
    await page.getByText('"g" (character 5) stands where the second hex digit of a byte belongs').waitFor();
    await page.getByLabel('Bytes in hex').fill('00 ff 10');
    await page.getByRole('button', { name: 'Send binary' }).click();
    await expect.poll(lineCount).toBe(5);
    const received = await openLine(page, 4);
    await expect.poll(() => headerOf(received)).toBe('82 03');
    expect(await cellsOf(received, 'data')).toEqual(['00', 'ff', '10']);
  });

  it("§5.5.3 the browser's own pong, and §5.4 fragments, when the server is asked for them", async () => {
    await connect(page);
    await page.getByLabel('Ask the server').fill('tick');
    await page.getByRole('button', { name: 'Ping me' }).click();
    await expect.poll(kinds).toEqual([...OPENED, '↓ ping', '↑ pong']);
    const pong = await openLine(page, 4);
    await expect.poll(() => headerOf(pong)).toMatch(/^8a 84 /);
    expect((await cellsOf(pong, 'text')).join('')).toBe('tick');
    await page.getByRole('button', { name: 'Send me fragments' }).click();
    await expect.poll(kinds).toEqual([...OPENED, '↓ ping', '↑ pong', '↓ text', '↓ continuation', '↓ continuation']);
    await expect.poll(() => log().innerText()).toContain('Hello, fragments');
    const last = await openLine(page, 7);
    await last.getByText('text, 16 bytes in 3 frames').waitFor();
    expect(await last.locator('q').innerText()).toBe('Hello, fragments');
  });

  it('§5.5.1 close with code and reason, and the same back', async () => {
    await connect(page);
    await page.getByLabel('Close code').fill('3001');
    await page.getByLabel('Reason').fill('bye');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await status('closed').waitFor();
    await expect.poll(kinds).toEqual([...OPENED, '↑ close', '↓ close', '· ended']);
    const answer = await openLine(page, 4);
    await expect.poll(() => headerOf(answer)).toBe('88 05');
    expect(await cellsOf(answer, 'data')).toEqual(['0b', 'b9', '62', '79', '65']);
    expect(await log().innerText()).toMatch(/Closed with 3001\s*bye/);
  });

  it('keeps what it recorded when it connects again, until that is cleared', async () => {
    await connect(page);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await status('closed').waitFor();
    await page.getByRole('button', { name: 'Connect again' }).click();
    await status('open').waitFor();
    await expect.poll(kinds).toEqual([...OPENED, '↑ close', '↓ close', '· ended', ...OPENED]);
    expect(await linesIn(page).nth(6).innerText()).toContain('#2');
    await page.getByRole('combobox', { name: 'Connection' }).selectOption('connection 1');
    await expect.poll(kinds).toEqual([...OPENED, '↑ close', '↓ close', '· ended']);
    await page.getByRole('combobox', { name: 'Connection' }).selectOption('all connections');
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(kinds).toEqual([]);
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(kinds).toEqual(['↑ text', '↓ text']);
  });

  it('§7.4.1 shows the Close frames of a server that shuts down', async () => {
    await connect(page);
    await playground.server.close();
    await status('closed').waitFor();
    await expect.poll(kinds).toEqual([...OPENED, '↓ close', '↑ close', '· ended']);
    expect(await linesIn(page).nth(3).innerText()).toMatch(/1001 Going Away “the server shuts down”/);
    expect(await log().innerText()).toMatch(/Closed with 1001\s*the server shuts down/);
  });

  it('§5.5.1 a reason without a code is not dropped but explained, at both buttons', async () => {
    await connect(page);
    await page.getByLabel('Close code').fill('');
    for (const name of ['Close', 'Have the server close']) {
      await page.getByLabel('Reason').fill('bye');
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByText('A reason needs a code in front of it').waitFor();
      await page.getByLabel('Reason').fill('');
      expect(await page.getByText('A reason needs a code').count()).toBe(0);
    }
    await page.getByRole('button', { name: 'Have the server close' }).click();
    await status('closed').waitFor();
    await expect.poll(() => log().innerText()).toContain('Closed with 1005');
  });

  it('§7.4.1 codes that a page may not use are explained, and the server may close with them', async () => {
    await connect(page);
    await page.getByLabel('Close code').fill('1011');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByText('A page may close with 1000 or 3000 to 4999').waitFor();
    await page.getByRole('button', { name: 'Have the server close' }).click();
    await status('closed').waitFor();
    await expect.poll(kinds).toEqual([...OPENED, '↓ close', '↑ close', '· ended']);
  });

  it('§4.2.2 both heads of the handshake, and the accept value from the key', async () => {
    await connect(page);
    await expect.poll(kinds).toEqual(OPENED);
    const request = await openLine(page, 1);
    await request.getByText('GET /?watch=').waitFor();
    const key = /Sec-WebSocket-Key: (\S+)/.exec(await request.innerText())?.[1];
    expect(key).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    const response = await openLine(page, 2);
    await response.getByText('✓ as the server answered').waitFor();
    const text = await response.innerText();
    expect(text).toContain('HTTP/1.1 101 Switching Protocols');
    const accept = /Sec-WebSocket-Accept: (\S+)/.exec(text)?.[1];
    expect(await response.locator('.derivation .accept').innerText()).toBe(accept);
    await response.getByText(/bytes in hex/).click();
    // "HTTP/"
    expect(await response.locator('.raw code').innerText()).toMatch(/^48 54 54 50 2f /);
  });
});

describe('the live view', () => {
  let playground: Playground;
  let page: Page;

  beforeEach(async () => {
    playground = await openPlayground(browser, '/live', { width: 1280, height: 900 });
    page = playground.page;
  });

  afterEach(() => playground.close());

  const kinds = () => kindsIn(page);

  it('can be used from the keyboard alone, from connecting to a byte of a frame', async () => {
    const button = page.getByRole('button', { name: 'Connect' });
    await expect.poll(() => button.isEnabled()).toBe(true);
    await button.focus();
    await page.keyboard.press('Enter');
    await page.locator('.status-open').waitFor();
    await expect.poll(() => focused(page)).toBe('Text');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+Enter');
    await expect.poll(kinds).toEqual([...OPENED, '↑ text', '↓ text', '↑ text', '↓ text']);
    await page.keyboard.press('Control+End');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('there');
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toBe('Hello\nthere');
    await tabTo('On the wire');
    await page.keyboard.press('Home');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    await page.getByRole('heading', { name: 'Frame 1: text, 5 bytes, masked' }).waitFor();
    expect(await page.locator('.row[aria-selected=true]').getAttribute('id')).toBe(
      await page.getByRole('listbox').getAttribute('aria-activedescendant'),
    );
    await page.keyboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('↑ Frame 1: text, 5 bytes, masked');
    await page.keyboard.press('Tab');
    await expect.poll(() => focused(page)).toBe('byte 0, 81: FIN 1, RSV1 0, RSV2 0, RSV3 0, opcode 0x1');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => focused(page)).toBe('byte 1, 85: MASK 1, payload length 5');
    expect(await lit()).toEqual(['MASK', 'payload length']);
    await page.keyboard.press('End');
    await page.keyboard.press('Tab');
    await expect.poll(() => focused(page)).toBe('FIN');
    expect(await page.locator('.byte[data-lit]').allInnerTexts()).toEqual(['81']);
  });

  it('lights the bytes of a field that is pointed at, and the fields of a byte', async () => {
    await connect(page);
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(kinds).toHaveLength(5);
    const detail = await openLine(page, 3);
    await page.getByRole('heading', { name: 'Frame 1' }).waitFor();
    await detail.getByRole('button', { name: 'masking key', exact: true }).hover();
    expect(await detail.locator('.byte[data-lit]').allInnerTexts()).toEqual(
      (await headerOf(detail)).split(' ').slice(2),
    );
    expect(await detail.locator('.row-key td[data-lit]').count()).toBe(5);
    await detail.locator('.byte').first().hover();
    expect(await lit()).toEqual(['FIN', 'RSV1', 'RSV2', 'RSV3', 'opcode']);
    await detail.locator('.row-data td').first().hover();
    expect(await lit()).toEqual(['payload']);
    await page.getByRole('heading', { level: 1 }).hover();
    expect(await lit()).toEqual([]);
  });

  it('filters, saves what it has as JSON lines, and loads that again', async () => {
    await connect(page);
    for (const text of ['apple', 'pear']) {
      await page.getByLabel('Text', { exact: true }).fill(text);
      await page.getByRole('button', { name: 'Send text' }).click();
    }
    await expect.poll(kinds).toHaveLength(7);
    await page.getByLabel('Direction').selectOption('clientToServer');
    await expect.poll(kinds).toEqual(['↑ request', '↑ text', '↑ text']);
    await page.getByLabel('Kind').selectOption('text');
    await page.getByLabel('Text in it').fill('PEAR');
    await expect.poll(kinds).toEqual(['↑ text']);
    await page.getByText('1 of 7 lines').waitFor();
    await page.getByLabel('Text in it').fill('plum');
    await page.getByText('Nothing that the filter lets through').waitFor();
    await expect.poll(() => page.url()).toContain('find=plum');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as JSON lines' }).click(),
    ]);
    const saved = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\n');
    expect(saved).toHaveLength(7);
    expect(JSON.parse(saved[3]!)).toMatchObject({ type: 'bytes', frame: { opcode: 'text', length: 5, text: 'apple' } });
    await page.goto(`${playground.origin}/#/live`);
    await page.getByRole('button', { name: 'Clear' }).click();
    const file = {
      name: 'saved.jsonl',
      mimeType: 'application/jsonl',
      buffer: Buffer.from(`${saved.join('\n')}\nfrob\n`),
    };
    await page.getByLabel('A file of JSON lines').setInputFiles(file);
    await page.getByText('saved.jsonl, line 8 cannot be read').waitFor();
    await expect.poll(kinds).toEqual([...OPENED, '↑ text', '↓ text', '↑ text', '↓ text', '· ended']);
  });

  it('records thousands of echoes with few elements, follows them, and opens any', async () => {
    await connect(page);
    await page.evaluate(`(async () => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Send text');
      for (let i = 0; i < 1000; i++) {
        button.click();
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    })()`);
    await page.getByText('2,003 lines', { exact: true }).waitFor();
    await expect.poll(() => linesIn(page).last().getAttribute('aria-posinset')).toBe('2003');
    expect(await linesIn(page).count()).toBeLessThan(60);
    expect(await page.locator('.byte').count()).toBe(0);
    await page.getByRole('listbox').press('End');
    const detail = page.locator('.detail-panel');
    await expect.poll(() => headerOf(detail)).toBe('81 05');
    await page.getByRole('listbox').press('Home');
    await page.getByRole('heading', { name: 'opened' }).waitFor();
    await expect.poll(() => linesIn(page).first().getAttribute('aria-posinset')).toBe('1');
  });

  it('§5.2 sends and shows messages of 16 MiB, first bytes and last', async () => {
    await connect(page);
    const length = 16 * 1024 * 1024;
    await page.getByLabel('binary').check();
    await page
      .getByLabel('A file to send')
      .setInputFiles({ name: 'long.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(length, 'abcd') });
    await page.getByText('long.bin, 16,777,216 bytes').waitFor();
    await page.getByRole('button', { name: 'Send binary' }).click();
    const echo = linesIn(page).filter({ hasText: '16777216 bytes' }).filter({ hasText: '↓' });
    await echo.click();
    const detail = page.locator('.detail-panel');
    await expect.poll(() => headerOf(detail)).toBe('82 7f 00 00 00 00 01 00 00 00');
    await detail.getByText('bytes 0–127 of 16,777,216').waitFor();
    await detail.getByLabel('go to byte').fill('16777215');
    await detail.getByLabel('go to byte').press('Enter');
    await detail.getByText('bytes 16,777,088–16,777,215 of 16,777,216').waitFor();
    await expect.poll(async () => (await cellsOf(detail, 'text')).slice(-4).join('')).toBe('abcd');
  });

  it('of another server shows its own side, and says what it cannot see', async () => {
    const other = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    try {
      await once(other, 'listening');
      other.on('connection', (socket) =>
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
      );
      const url = `ws://127.0.0.1:${(other.address() as { port: number }).port}/`;
      await page.getByLabel(/^Server/).fill(url);
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.getByRole('region', { name: 'What cannot be seen here' }).waitFor();
      await page.getByText(`framewright inspect ${url}`).waitFor();
      await page.locator('.status-open').waitFor();
      await page.getByRole('button', { name: 'Send text' }).click();
      await expect.poll(kinds).toEqual(['· opened', '· note', '· note', '↑ text', '↓ text']);
      const detail = await openLine(page, 4);
      await detail.getByText('48 65 6c 6c 6f').waitFor();
      expect(await page.getByRole('button', { name: 'Ping me' }).count()).toBe(0);
      await expect.poll(() => page.url()).toContain(`url=${encodeURIComponent(url)}`);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await expect.poll(async () => (await kinds()).at(-1)).toBe('· ended');
    } finally {
      other.close();
    }
  });

  it('knows its own server by host and port alone', async () => {
    await page.getByLabel(/^Server/).fill(new URL(page.url()).host);
    await connect(page);
    await expect.poll(kinds).toEqual(OPENED);
  });

  it('forgets a complaint about hex when text is chosen, or the hex is put right', async () => {
    await connect(page);
    const complaint = page.getByText('is not a hex digit');
    await page.getByLabel('binary').check();
    await page.getByLabel('Bytes in hex').fill('zz');
    await page.getByRole('button', { name: 'Send binary' }).click();
    await complaint.waitFor();
    await page.getByLabel('text', { exact: true }).check();
    expect(await complaint.count()).toBe(0);
    await page.getByLabel('binary').check();
    await page.getByRole('button', { name: 'Send binary' }).click();
    await complaint.waitFor();
    await page.getByLabel('Bytes in hex').fill('00');
    expect(await complaint.count()).toBe(0);
  });

  /** Fields of the table that are lit. */
  function lit(): Promise<string[]> {
    return page.locator('.fields tr[data-lit] th').allInnerTexts();
  }

  async function tabTo(name: string): Promise<void> {
    for (let i = 0; i < 40 && (await focused(page)) !== name; i++) await page.keyboard.press('Tab');
    expect(await focused(page)).toBe(name);
  }
});

describe('framewright serve, as a process', () => {
  it('§7.4.1 the page shows its Close frames on SIGTERM', async () => {
    const child = start(['serve', '--port', '0']);
    const outcome = outcomeOf(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const page = await browser.newPage();
    await page.goto(/http:\S+/.exec(line)![0]);
    await connect(page);
    child.kill('SIGTERM');
    await page.locator('.status-closed').waitFor();
    await expect.poll(() => kindsIn(page)).toEqual([...OPENED, '↓ close', '↑ close', '· ended']);
    expect((await outcome).status).toBe(0);
    await page.close();
  });
});
