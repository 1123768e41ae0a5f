/**
 * The HTML report of the conformance tool in Chromium, as a file that somebody has downloaded: from the package as it is
 * built, since what draws the page is taken from there as text. `npm run build` has to have run before.
 */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRawEchoServer } from '../conformance/faulty/raw-echo.ts';
import { launchChromium } from './chromium.ts';

const PACKAGE = new URL('../../dist/conformance.mjs', import.meta.url);

let folder: string;
let browser: Browser;
let page: Page;
const errors: string[] = [];

beforeAll(async () => {
  if (!existsSync(PACKAGE)) throw new Error('dist is missing: run `npm run build` first');
  const { runSuite, toHtmlReport }: typeof import('../../src/conformance/index.ts') = await import(PACKAGE.href);
  const reports = [];
  for (const fault of [undefined, 'rsvAccepted'] as const) {
    const server = await startRawEchoServer(fault);
    reports.push(await runSuite({ url: server.url, cases: '2.2,3.*,7.1.6,12.1.1', agent: fault ?? 'faultless' }));
    await server.close();
  }
  folder = mkdtempSync(join(tmpdir(), 'framewright-'));
  const path = join(folder, 'report.html');
  writeFileSync(path, toHtmlReport(reports));
  browser = await launchChromium();
  page = await browser.newPage();
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector('tr.case');
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('shows all cases, then those that did not pass, and then one of them with its rules', async () => {
  const ids = () => page.locator('tr.case:visible .id').allTextContents();
  expect(await ids()).toHaveLength(10);
  await page.getByRole('button', { name: /^not passed/ }).click();
  const failing = await ids();
  expect(failing).toContain('3.2');
  expect(failing).not.toContain('2.2');
  await page.getByRole('button', { name: '3.2', exact: true }).click();
  const panel = page.locator('tr.panel');
  expect(await panel.textContent()).toContain('RSV2 and RSV3 must be clear');
  await panel.getByText('Opening handshake').first().click();
  expect(await panel.getByText('GET / HTTP/1.1').first().isVisible()).toBe(true);
  expect(await panel.locator('a[href^="https://www.rfc-editor.org/rfc/rfc6455#section-"]').count()).toBeGreaterThan(5);
  expect(errors).toEqual([]);
});

it('is found by the address of a case, and by night', async () => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${page.url().split('#')[0]}#7.1.6`);
  expect(await page.locator('tr.panel').textContent()).toContain('informational');
  const back = await page.evaluate('getComputedStyle(document.body).backgroundColor');
  expect(back).toBe('rgb(15, 20, 26)');
  expect(errors).toEqual([]);
});
