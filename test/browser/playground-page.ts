/** The playground in Chromium, for tests of its views. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { PAGE_FOLDER, readPageAssets } from '../../src/cli/page-assets.ts';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Builds the page unless it has been built. */
export function ensurePage(): void {
  if (existsSync(new URL('index.html', PAGE_FOLDER))) return;
  execFileSync('npx', ['vite', 'build', 'src/playground', '--config', 'vite.config.ts'], { cwd: ROOT });
}

export interface Playground {
  readonly server: PlaygroundServer;
  readonly page: Page;
  readonly origin: string;
  /** Ends both; nothing may have gone wrong in the page. */
  close(): Promise<void>;
}

/** @param place what stands behind the `#` of the address */
export async function openPlayground(
  browser: Browser,
  place = '/live',
  { width = 360, height = 800, usesNet = false } = {},
): Promise<Playground> {
  const server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet, assets: readPageAssets() });
  const page = await browser.newPage({ viewport: { width, height } });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  const origin = `http://127.0.0.1:${server.address.port}`;
  await page.goto(`${origin}/#${place}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  const close = async () => {
    await page.close();
    await server.close();
    expect(faults).toEqual([]);
  };
  return { server, page, origin, close };
}

export async function connect(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.locator('.status-open').waitFor();
}

/** The lines of the list, those in sight. */
export function linesIn(page: Page): Locator {
  return page.getByRole('listbox').getByRole('option');
}

/** `↑ text` and so on, one for each line. */
export async function kindsIn(page: Page): Promise<string[]> {
  type Line = { querySelector(selector: string): { textContent: string } | null };
  return linesIn(page).evaluateAll((all) =>
    (all as unknown as Line[]).map((line) =>
      [line.querySelector('.arrow')?.textContent, line.querySelector('.kind')?.textContent].join(' '),
    ),
  );
}

/** What is shown of a line, once it is chosen. */
export async function openLine(page: Page, index: number): Promise<Locator> {
  await linesIn(page).nth(index).click();
  await expect.poll(() => linesIn(page).nth(index).getAttribute('aria-selected')).toBe('true');
  return page.locator('.detail-panel');
}

/** The bytes of the header that is shown. */
export async function headerOf(detail: Locator): Promise<string> {
  return (await detail.locator('.byte').allInnerTexts()).join(' ');
}

/** A row of the payload's dump. */
export function cellsOf(detail: Locator, row: string): Promise<string[]> {
  return detail.locator(`.row-${row} td`).allInnerTexts();
}

/** What a screen reader calls the element that has the focus. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const { activeElement: element } = document;
    return element.getAttribute('aria-label') ?? (element.labels?.[0] ?? element).textContent.trim();
  })()`);
}
