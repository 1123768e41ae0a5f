/**
 * The playground in Chromium, against the server that `framewright serve` runs: what the page shows of the wire is
 * compared with frames that the RFC's rules give.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PAGE_FOLDER, readPageAssets } from '../../src/cli/page-assets.ts';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';
import { launchChromium } from './chromium.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let browser: Browser;

beforeAll(async () => {
  if (!existsSync(new URL('index.html', PAGE_FOLDER))) {
    execFileSync('npx', ['vite', 'build', 'src/playground', '--config', 'vite.config.ts'], { cwd: ROOT });
  }
  browser = await launchChromium();
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
  });

  it('keeps what it recorded when it connects again, until that is cleared', async () => {
    await connect();
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(() => summaries().count()).toBe(3);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await status('closed').waitFor();
    await page.getByRole('button', { name: 'Connect again' }).click();
    await status('open').waitFor();
    const first = ['handshake', '↑ text', '↓ text', '↑ close', '↓ close'];
    await expect.poll(() => kinds()).toEqual([...first, 'handshake']);
    const titles = page.locator('.recording h3');
    expect(await titles.allInnerTexts()).toEqual([
      expect.stringMatching(/^Connection 1\s.*4 frames, ended$/s),
      expect.stringMatching(/^Connection 2\s.*0 frames$/s),
    ]);
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => kinds()).toEqual(['handshake']);
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(() => kinds()).toEqual(['handshake', '↑ text', '↓ text']);
  });

  // What the page keeps of many frames is the same whoever has sent them: once is enough.
  it.skipIf(usesNet)('records 1,000 echoes, one line each, and opens any of them', async () => {
    await connect();
    await page.evaluate(`(async () => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Send text');
      for (let i = 0; i < 1000; i++) {
        button.click();
        await new Promise((resolve) => setTimeout(resolve));
      }
    })()`);
    await expect.poll(() => summaries().count(), { timeout: 60_000 }).toBe(2001);
    expect(await page.locator('.recording h3').innerText()).toContain('2000 frames');
    expect(await page.locator('.wire .frame-body').count()).toBe(0);
    expect(await page.locator('.wire').textContent()).not.toMatch(/cut off|not kept/);
    const last = await openFrame(2000);
    expect(await last.locator('h4 code').first().innerText()).toBe('81 05');
    expect(await page.locator('.wire .frame-body').count()).toBe(1);
  });

  it.skipIf(usesNet)('forgets the oldest frames past 5,000, says how many, and goes on', async () => {
    await connect();
    await page.evaluate(`(async () => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Send text');
      for (let i = 0; i < 2600; i++) {
        button.click();
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    })()`);
    await expect.poll(() => page.locator('.recording h3').innerText(), { timeout: 60_000 }).toContain('5200 frames');
    await page.getByText(/^200 older frames \(\d+ bytes\) of this connection are not kept any more/).waitFor();
    expect(await summaries().count()).toBe(5001);
  });

  it('§5.2 records messages past 256 KiB whole, and what comes behind them', async () => {
    await connect();
    await page.getByLabel('Text', { exact: true }).fill('x'.repeat(300_000));
    await page.getByRole('button', { name: 'Send text' }).click();
    await page.getByLabel('Text', { exact: true }).fill('after');
    await page.getByRole('button', { name: 'Send text' }).click();
    const lines = (text: string) => summaries().filter({ hasText: text });
    await expect.poll(() => lines('“after”').count()).toBe(2);
    // The browser may send it in fragments; the echo is one frame.
    expect(await lines('300000 bytes').allInnerTexts()).toEqual([expect.stringMatching(/^↓\s*text/)]);
    expect(await lines('cut off').count()).toBe(0);
    expect(await page.getByText('The recording has ended').count()).toBe(0);
  });

  it('§7.4.1 shows the Close frames of a server that shuts down', async () => {
    await connect();
    await server.close();
    await status('closed').waitFor();
    await expect.poll(() => kinds()).toEqual(['handshake', '↓ close', '↑ close']);
    expect(await summaries().nth(1).innerText()).toContain('1001 the server shuts down');
    expect(await log().innerText()).toMatch(/Closed with 1001\s*the server shuts down/);
  });

  it('§5.5.1 a reason without a code is not dropped but explained, at both buttons', async () => {
    await connect();
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
    expect(await log().innerText()).toContain('Closed with 1005');
  });

  it('can be used from the keyboard: the focus goes on to what is next, Enter sends', async () => {
    await page.getByRole('button', { name: 'Connect' }).focus();
    await page.keyboard.press('Enter');
    await status('open').waitFor();
    await expect.poll(() => focused()).toBe('Text');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+Enter');
    await expect.poll(() => kinds()).toEqual(['handshake', '↑ text', '↓ text', '↑ text', '↓ text']);
    await page.keyboard.press('Control+End');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('there');
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toBe('Hello\nthere');
    await page.keyboard.press('Enter');
    await expect.poll(() => summaries().count()).toBe(7);
    await page.getByLabel('Ask the server').press('Enter');
    await expect.poll(() => kinds()).toContain('↓ ping');
    await page.getByLabel('Reason').press('Enter');
    await status('closed').waitFor();
    await expect.poll(() => focused()).toBe('Connect again');
  });

  it('forgets a complaint about hex when text is chosen, or the hex is put right', async () => {
    await connect();
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
    // The server's half may come later than the page's own.
    await handshake.getByText('✓ as the server answered').waitFor();
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

  it('the decoder says what it took its input for, and names what it does not read', async () => {
    const input = page.getByLabel('Bytes of one direction');
    const findings = page.getByTestId('findings');
    await input.fill('00000000: 8105 4865 6c6c 6f                        ..Hello\n');
    await findings.getByText('Read as: hex text with offsets (xxd), frames of a server.').waitFor();
    expect(await findings.locator('.frame > summary').innerText()).toContain('“Hello”');
    await input.fill('\ufeff0000   81 05 48 65 6c 6c 6f   ··Hello');
    await findings.getByText('Read as: hex text with offsets (Wireshark), frames of a server.').waitFor();
    for (const [text, what] of [
      ['d4 c3 b2 a1 02 00 04 00', 'This is a pcap capture of packets, in hex'],
      ['0a0d0d0a1c000000', 'This is a pcapng capture of packets, in hex'],
      ['{ "log": { "entries": [] } }', 'This is a HAR file'],
    ] as const) {
      await input.fill(text);
      await page.getByText(what).waitFor();
      expect(await findings.count()).toBe(0);
    }
  });

  it('§4.2.1 the decoder shows frames behind a handshake at fault, and reads compression from a good one', async () => {
    const input = page.getByLabel('Bytes of one direction');
    const findings = page.getByTestId('findings');
    const request =
      'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\n\r\n';
    await input.fill(`${Buffer.from(request).toString('hex')} 81 85 37fa213d 7f9f4d5158`);
    await findings.getByText('Handshake at fault').waitFor();
    expect(await findings.locator('.frame > summary').allInnerTexts()).toEqual([
      expect.stringContaining('at fault'),
      expect.stringContaining('“Hello”'),
    ]);
    const response = 'HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
    await input.fill(`${Buffer.from(response).toString('hex')} c1 07 f248cdc9c90700`);
    await findings.getByText('permessage-deflate (as the response agrees)').waitFor();
    expect(await findings.locator('.violation').count()).toBe(0);
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

  /** What a screen reader calls the element that has the focus. */
  function focused(): Promise<string> {
    return page.evaluate(
      `(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()`,
    ) as Promise<string>;
  }

  /** `↑ text` and so on, one for each line of the wire view. */
  async function kinds(): Promise<string[]> {
    type Line = { querySelector(selector: string): { textContent: string } | null };
    const lines = await summaries().evaluateAll((all) =>
      (all as unknown as Line[]).map((line) =>
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
