/** The pages of small examples that do more than show text, in Chromium. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { compile, sourceOf, start } from '../examples/start.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;
let examples: Awaited<ReturnType<typeof compile>>;

beforeAll(async () => {
  examples = await compile({ cursors: sourceOf('cursors'), upload: sourceOf('upload') });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  examples.remove();
});

async function startExample(name: string, ...args: string[]): Promise<string> {
  const { address, child } = await start(examples.programOf(name), args);
  onTestFinished(() => void child.kill('SIGKILL'));
  return address;
}

async function open(address: string): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  await page.goto(address);
  return { page, faults };
}

it('the board shows the pointers of others, and takes away those who go', async () => {
  const address = await startExample('cursors');
  const [ann, bob] = [await open(address), await open(address)];
  await Promise.all([ann, bob].map(({ page }) => page.getByText('2 are here').waitFor()));
  const { width } = ann.page.viewportSize()!;
  await ann.page.mouse.move(width / 4, 100);
  const pointer = bob.page.locator('b');
  await pointer.waitFor();
  expect(await pointer.getAttribute('style')).toContain('left: 25vw');
  await ann.page.mouse.move(width / 2, 100);
  await bob.page.locator('b[style*="left: 50vw"]').waitFor();
  await ann.page.close();
  await pointer.waitFor({ state: 'detached' });
  await bob.page.getByText('1 are here').waitFor();
  expect([...ann.faults, ...bob.faults]).toEqual([]);
});

it('a file goes up, as it is, and its bar to the end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-upload-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { page, faults } = await open(await startExample('upload', '--folder', folder));
  const buffer = Buffer.alloc(5_000_001, 'framewright');
  await page.locator('input').setInputFiles({ name: 'a file.bin', mimeType: 'application/octet-stream', buffer });
  await page.getByText('Done').waitFor();
  expect(await page.locator('progress').evaluate((bar) => (bar as unknown as { value: number }).value)).toBe(
    buffer.length,
  );
  expect(readFileSync(join(folder, 'a_file.bin')).equals(buffer)).toBe(true);
  expect(faults).toEqual([]);
});
