/** The decoder in Chromium: what it makes of what people paste, however much that is. */

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium } from './chromium.ts';
import {
  cellsOf,
  ensurePage,
  headerOf,
  kindsIn,
  linesIn,
  openLine,
  openPlayground,
  type Playground,
} from './playground-page.ts';

let browser: Browser;
let playground: Playground;
let page: Page;

beforeAll(async () => {
  ensurePage();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  playground = await openPlayground(browser, '/decode');
  page = playground.page;
});

afterEach(() => playground.close());

describe('the decoder', () => {
  const input = () => page.getByLabel('Bytes, as you have them');
  const findings = () => page.getByTestId('findings');
  const detail = () => page.locator('.detail-panel');

  it('§5.1 names a violation and where it lies', async () => {
    await page.getByRole('button', { name: 'unmasked, to a server' }).click();
    await page.getByText('MASK must be set').waitFor();
    expect(await detail().locator('.cell-fault').innerText()).toContain('MASK');
    expect(await detail().locator('.byte-fault').allInnerTexts()).toEqual(['05']);
    await findings().getByText('5 bytes from byte 2 on not read').waitFor();
  });

  it('shows the frame with the fault, of many', async () => {
    await input().fill(`${'81 05 48656c6c6f '.repeat(50)} 81 03 e28228`);
    await page.getByText('invalid UTF-8 sequence').waitFor();
    await page.getByRole('heading', { name: 'Frame 51: text, 3 bytes' }).waitFor();
    expect(await detail().locator('td.byte-fault').allInnerTexts()).toEqual(['28', '(']);
  });

  it('says what it took its input for, and names what it does not read', async () => {
    await input().fill('00000000: 8105 4865 6c6c 6f                        ..Hello\n');
    await findings().getByText('Read as: hex text with offsets (xxd), frames of a server.').waitFor();
    await expect.poll(() => linesIn(page).innerText()).toContain('“Hello”');
    await input().fill('ff ff zz');
    await findings().getByText('is not a hex digit').waitFor();
    expect(await input().getAttribute('aria-invalid')).toBe('true');
    await expect.poll(() => linesIn(page).count()).toBe(0);
  });

  it('§4.2.1 shows frames behind a handshake at fault, and reads compression from a good one', async () => {
    const request =
      'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\n\r\n';
    await input().fill(`${Buffer.from(request).toString('hex')} 81 85 37fa213d 7f9f4d5158`);
    await findings().getByText('Handshake at fault').waitFor();
    await expect.poll(() => kindsIn(page)).toEqual(['↑ request', '↑ text']);
    const response = 'HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
    await input().fill(`${Buffer.from(response).toString('hex')} c1 07 f248cdc9c90700`);
    await findings().getByText('permessage-deflate (as the response agrees)').waitFor();
    await expect.poll(() => kindsIn(page)).toEqual(['↓ response', '↓ text']);
    expect(await page.locator('.violation').count()).toBe(0);
  });

  it('RFC 7692 §6.1 reads RSV1 as somebody says it is to be read', async () => {
    await input().fill('c1 07 f248cdc9c90700');
    await page.getByLabel('Compression').selectOption('not agreed on');
    await page.getByText('RSV1 must be clear').waitFor();
    await page.getByLabel('Compression').selectOption('agreed on');
    await expect.poll(() => page.locator('.violation').count()).toBe(0);
  });

  it('takes a link with its input, and makes one', async () => {
    await page.goto(`${playground.origin}/#/decode?bytes=8902+6869&role=client`);
    await page.getByRole('heading', { name: 'Frame 1: ping, 2 bytes' }).waitFor();
    expect(await input().inputValue()).toBe('8902 6869');
    await input().fill('8a 00');
    await page.getByRole('heading', { name: 'Frame 1: pong, 0 bytes' }).waitFor();
    await expect.poll(() => page.url()).toBe(`${playground.origin}/#/decode?role=client&bytes=8a+00`);
    await page.reload();
    await page.getByRole('heading', { name: 'Frame 1: pong, 0 bytes' }).waitFor();
  });

  it('copies a frame as hex', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await input().fill('89 02 68 69 8a 00');
    await page.getByRole('heading', { name: 'Frame 1: ping, 2 bytes' }).waitFor();
    await page.getByRole('button', { name: 'Copy as hex' }).click();
    await page.getByText('copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('89 02 68 69');
  });

  it('§5.2 shows lengths exactly, past 2^53 too', async () => {
    await input().fill('82 7f ff ff ff ff ff ff ff ff');
    await expect.poll(() => linesIn(page).innerText()).toContain('18446744073709551615 bytes');
  });

  it('takes a file, by the button', async () => {
    const frame = Buffer.from('8204deadbeef', 'hex');
    await page.getByLabel('A file to decode').setInputFiles({ name: 'x.bin', mimeType: '', buffer: frame });
    await page.getByText('x.bin, 6 bytes').waitFor();
    await findings().getByText('Read as: raw bytes').waitFor();
    const opened = await openLine(page, 0);
    await expect.poll(() => headerOf(opened)).toBe('82 04');
    expect(await cellsOf(opened, 'data')).toEqual(['de', 'ad', 'be', 'ef']);
    await page.getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => linesIn(page).count()).toBe(0);
  });

  it('decodes very many frames with few elements, goes to any, and can be stopped', async () => {
    const count = 30_000;
    await input().fill('81 85 37 fa 21 3d 7f 9f 4d 51 58\n'.repeat(count));
    await page.getByText('A text of 990,000 characters').waitFor();
    await page.getByText('30,000 lines', { exact: true }).waitFor();
    await page.getByRole('listbox').press('End');
    await page.getByRole('heading', { name: 'Frame 30000: text, 5 bytes, masked' }).waitFor();
    expect(await linesIn(page).count()).toBeLessThan(60);
    await page.getByLabel('Text in it').fill('hello');
    await page.getByText('30,000 lines').waitFor();
    // Ten times as many: time to stop it.
    await page.getByRole('button', { name: 'Remove' }).click();
    await input().fill('81 85 37 fa 21 3d 7f 9f 4d 51 58\n'.repeat(10 * count));
    await page.getByRole('button', { name: 'Stop' }).click();
    await findings()
      .getByText(/^Stopped at byte/)
      .waitFor();
  });
});
