/**
 * The playground in Chromium, against the server that `framewright serve` runs: what the page shows of the wire is
 * compared with frames that the RFC's rules give.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PAGE_FOLDER, readPageAssets } from '../../src/cli/page-assets.ts';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let browser: Browser;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`These tests need Chromium, and there is none at ${CHROMIUM}: install it or set CHROMIUM_PATH`);
  }
  if (!existsSync(new URL('index.html', PAGE_FOLDER))) {
    execFileSync('npx', ['vite', 'build', 'src/playground', '--config', 'vite.config.ts'], { cwd: ROOT });
  }
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
});

afterAll(async () => {
  await browser?.close();
});

describe.each([
  { name: 'node:http', usesNet: false },
  { name: 'bare TCP', usesNet: true },
])('the playground on $name', ({ usesNet }) => {
  let server: PlaygroundServer;
  let page: Page;
  let faults: string[];

  beforeEach(async () => {
    server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet, assets: readPageAssets() });
    page = await browser.newPage({ viewport: { width: 360, height: 800 } });
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${server.address.port}/`);
  });

  afterEach(async () => {
    await page.close();
    await server.close();
    expect(faults).toEqual([]);
  });

  const status = (text: string) => page.getByRole('status').filter({ hasText: new RegExp(`^${text}$`) });
  const frames = () => page.locator('.wire .frame');
  const summaries = () => page.locator('.wire .frame > summary');
  const log = () => page.getByRole('log');

  async function connect(): Promise<void> {
    await page.getByRole('button', { name: 'Connect' }).click();
    await status('open').waitFor();
  }

  /** Waits for the frame in this place and opens it. */
  async function openFrame(index: number): Promise<Locator> {
    const frame = frames().nth(index);
    await frame.locator('> summary').click();
    return frame;
  }

  it('§5.2 text both ways: header, masking key and payload, byte for byte', async () => {
    await connect();
    await page.getByLabel('Text', { exact: true }).fill('Hello');
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(() => summaries().count()).toBe(3);

    const sent = await openFrame(1);
    const header = await sent.locator('h4 code').first().innerText();
    expect(header).toMatch(/^81 85( [0-9a-f]{2}){4}$/);
    const key = header.split(' ').slice(2);
    expect(await cells(sent, 'data')).toEqual(['48', '65', '6c', '6c', '6f']);
    expect(await cells(sent, 'text')).toEqual(['H', 'e', 'l', 'l', 'o']);
    const wire = (await cells(sent, 'wire')).map(
      (hex, i) => Number.parseInt(hex, 16) ^ Number.parseInt(key[i % 4]!, 16),
    );
    expect(String.fromCharCode(...wire)).toBe('Hello');
    expect(await sent.locator('a.section').first().getAttribute('aria-label')).toBe('RFC 6455 §5.2');

    const received = await openFrame(2);
    expect(await received.locator('h4 code').first().innerText()).toBe('81 05');
    expect(await cells(received, 'data')).toEqual(['48', '65', '6c', '6c', '6f']);
    expect(await log().innerText()).toMatch(/text\s*Hello[\s\S]*text\s*Hello/);
  });

  it('§5.6 binary from hex, and hex that is none', async () => {
    await connect();
    await page.getByLabel('binary').check();
    await page.getByLabel('Bytes in hex').fill('00 fg');
    await page.getByRole('button', { name: 'Send binary' }).click();
    await page.getByText('"g" (character 5) stands where the second hex digit of a byte belongs').waitFor();
    await page.getByLabel('Bytes in hex').fill('00 ff 10');
    await page.getByRole('button', { name: 'Send binary' }).click();
    await expect.poll(() => summaries().count()).toBe(3);
    const received = await openFrame(2);
    expect(await received.locator('h4 code').first().innerText()).toBe('82 03');
    expect(await cells(received, 'data')).toEqual(['00', 'ff', '10']);
  });

  it("§5.5.3 the browser's own pong, and §5.4 fragments, when the server is asked for them", async () => {
    await connect();
    await page.getByLabel('Ask the server').fill('tick');
    await page.getByRole('button', { name: 'Ping me' }).click();
    await expect.poll(() => kinds()).toEqual(['handshake', '↓ ping', '↑ pong']);
    const pong = await openFrame(2);
    expect(await pong.locator('h4 code').first().innerText()).toMatch(/^8a 84 /);
    expect((await cells(pong, 'text')).join('')).toBe('tick');
    await page.getByRole('button', { name: 'Send me fragments' }).click();
    await expect
      .poll(() => kinds())
      .toEqual(['handshake', '↓ ping', '↑ pong', '↓ text', '↓ continuation', '↓ continuation']);
    await expect.poll(() => log().innerText()).toContain('Hello, fragments');
  });

  it('§5.5.1 close with code and reason, and the same back', async () => {
    await connect();
    await page.getByLabel('Close code').fill('3001');
    await page.getByLabel('Reason').fill('bye');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await status('closed').waitFor();
    await expect.poll(() => kinds()).toEqual(['handshake', '↑ close', '↓ close']);
    const answer = await openFrame(2);
    expect(await answer.locator('h4 code').first().innerText()).toBe('88 05');
    expect(await cells(answer, 'data')).toEqual(['0b', 'b9', '62', '79', '65']);
    expect(await log().innerText()).toMatch(/Closed with 3001\s*bye/);
    await page.getByRole('button', { name: 'Connect again' }).click();
    await status('open').waitFor();
    expect(await kinds()).toEqual(['handshake']);
  });

  it('§7.4.1 codes that a page may not use are explained, and the server may close with them', async () => {
    await connect();
    await page.getByLabel('Close code').fill('1011');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByText('A page may close with 1000 or 3000 to 4999').waitFor();
    await page.getByRole('button', { name: 'Have the server close' }).click();
    await status('closed').waitFor();
    await expect.poll(() => kinds()).toEqual(['handshake', '↓ close', '↑ close']);
  });

  it('§4.2.2 both heads of the handshake, and the accept value from the key', async () => {
    await connect();
    const handshake = await openFrame(0);
    const text = await handshake.innerText();
    const key = /Sec-WebSocket-Key: (\S+)/.exec(text)?.[1];
    expect(key).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(text).toContain('HTTP/1.1 101 Switching Protocols');
    const accept = /Sec-WebSocket-Accept: (\S+)/.exec(text)?.[1];
    expect(await handshake.locator('.derivation .accept').innerText()).toBe(accept);
    expect(text).toContain('✓ as the server answered');
    await handshake
      .getByText(/bytes in hex/)
      .first()
      .click();
    // "GET /"
    expect(await handshake.locator('.raw code').first().innerText()).toMatch(/^47 45 54 20 2f /);
  });

  it('§5.1 the decoder names a violation and where it lies', async () => {
    await page.getByRole('button', { name: 'unmasked, to a server' }).click();
    const findings = page.getByTestId('findings');
    await findings.getByText('MASK must be set').waitFor();
    expect(await findings.locator('.cell-fault').innerText()).toContain('MASK');
    expect(await findings.innerText()).toContain('5 bytes from byte 2 on not read');
  });

  it('fits 360 pixels and takes nothing from elsewhere', async () => {
    const hosts = await page.evaluate(() =>
      performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host),
    );
    expect(new Set(hosts)).toEqual(new Set([`127.0.0.1:${server.address.port}`]));
    await connect();
    await page.getByRole('button', { name: 'Send text' }).click();
    await openFrame(1);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  /** `↑ text` and so on, one for each line of the wire view. */
  async function kinds(): Promise<string[]> {
    const lines = await summaries().evaluateAll((all) =>
      all.map((line) =>
        [line.querySelector('.arrow')?.textContent, line.querySelector('.kind')?.textContent].join(' '),
      ),
    );
    return lines.map((line) => line.replace('⇅ ', ''));
  }
});

/** A row of the payload's dump. */
function cells(frame: Locator, row: string): Promise<string[]> {
  return frame.locator(`.row-${row} td`).allInnerTexts();
}
