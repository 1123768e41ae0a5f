/** What all views of the playground have in common: addresses, the menu, how they look, who can use them, what they weigh. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_FOLDER } from '../../src/cli/page-assets.ts';
import { seriousFaults } from './axe.ts';
import { launchChromium } from './chromium.ts';
import { connect, ensurePage, focused, linesIn, openLine, openPlayground, type Playground } from './playground-page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The rows of the table of views: its own file is for pages. */
const VIEWS = [...readFileSync(`${ROOT}src/playground/views.ts`, 'utf8').matchAll(/id: '(\w+)',\s*name: '(\w+)'/g)].map(
  ([, id, name]) => ({ id: id!, name: name! }),
);
const WIDTHS = [1280, 768, 320];

let browser: Browser;
let playground: Playground | undefined;

beforeAll(async () => {
  ensurePage();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

afterEach(async () => {
  await playground?.close();
  playground = undefined;
});

async function open(place: string, size: { width?: number; height?: number } = {}) {
  playground = await openPlayground(browser, place, size);
  return playground.page;
}

describe('the shell', () => {
  it('has an address for each view, and the back button goes back', async () => {
    const page = await open('');
    const title = page.getByRole('heading', { level: 1 });
    expect(await title.innerText()).toBe('Live');
    for (const { id, name } of VIEWS) {
      await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await expect.poll(() => title.innerText()).toBe(name);
      await expect.poll(() => new URL(page.url()).hash).toMatch(new RegExp(`^#/${id}(\\?|$)`));
      await expect.poll(() => page.title()).toBe(`${name} · framewright playground`);
      await expect.poll(() => page.locator('nav [aria-current=page]').innerText()).toBe(name);
      await expect.poll(() => focused(page)).toBe(name);
    }
    await page.goBack();
    await expect.poll(() => title.innerText()).toBe(VIEWS.at(-2)!.name);
    await page.goForward();
    await expect.poll(() => title.innerText()).toBe(VIEWS.at(-1)!.name);
  });

  it('goes on with a live connection, and with what was typed, when another view was looked at', async () => {
    const page = await open('/live');
    await connect(page);
    await page.getByRole('link', { name: 'Decode' }).click();
    await page.getByLabel('Bytes, as you have them').fill('8a 00');
    await page.getByRole('link', { name: 'Live' }).click();
    await page.getByRole('button', { name: 'Send text' }).click();
    await expect.poll(() => linesIn(page).count()).toBe(5);
    await page.getByRole('link', { name: 'Decode' }).click();
    expect(await page.getByLabel('Bytes, as you have them').inputValue()).toBe('8a 00');
  });

  it('leads past the menu from the keyboard', async () => {
    const page = await open('/decode');
    await page.keyboard.press('Tab');
    await expect.poll(() => focused(page)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('Decode');
  });

  it('takes nothing from elsewhere', async () => {
    const page = await open('/live');
    await connect(page);
    for (const { name } of VIEWS) {
      await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toBe(name);
    }
    const hosts = await page.evaluate(() =>
      performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host),
    );
    expect(new Set(hosts)).toEqual(new Set([new URL(page.url()).host]));
  });
});

describe.each(VIEWS)('the view $name', ({ id, name }) => {
  it.each(WIDTHS)('fits %i pixels, and axe finds no serious fault in it', async (width) => {
    const page = await open(`/${id}`, { width, height: 900 });
    await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toBe(name);
    await page.getByRole('heading', { level: 2 }).first().waitFor();
    if (id === 'live') {
      await connect(page);
      await page.getByRole('button', { name: 'Send text' }).click();
      await expect.poll(() => linesIn(page).count()).toBe(5);
      await openLine(page, 3);
    }
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    // Wide in the light, narrow in the dark.
    await page.emulateMedia({ colorScheme: width > 500 ? 'light' : 'dark' });
    expect(await seriousFaults(page)).toEqual([]);
  });
});

describe('the bundle', () => {
  it('weighs less than 150 KiB, gzipped, with all views', () => {
    const files = readdirSync(PAGE_FOLDER, { recursive: true, encoding: 'utf8' });
    const sizes = files
      .filter((file) => /\.(js|css)\.br$/.test(file))
      .map((file) => gzipSync(brotliDecompressSync(readFileSync(new URL(file, PAGE_FOLDER)))).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(150 * 1024);
  });

  it('holds the very modules that serve: the parser, the UTF-8 validator, the masking', async () => {
    const modules = new Set<string>();
    const noteModules = {
      name: 'note-modules',
      generateBundle(_: unknown, bundle: Rolldown.OutputBundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== 'chunk') continue;
          for (const [path, { renderedLength }] of Object.entries(file.modules))
            if (renderedLength > 0) modules.add(path);
        }
      },
    };
    await build({
      root: `${ROOT}src/playground`,
      configFile: `${ROOT}vite.config.ts`,
      logLevel: 'silent',
      build: { write: false },
      plugins: [noteModules],
      worker: { plugins: () => [noteModules] },
    });
    for (const name of ['frame-parser', 'mask', 'utf8', 'violation', 'close-code', 'reference']) {
      expect([...modules]).toContain(`${ROOT}src/protocol/${name}.ts`);
    }
    const ownCopies = [...modules].filter(
      (path) => /(frame-parser|utf8|mask)\.ts$/.test(path) && !path.startsWith(`${ROOT}src/protocol/`),
    );
    expect(ownCopies).toEqual([]);
    // Build, Cut, Close and Learn read as every server does.
    for (const name of ['frame-parser', 'message-assembler', 'connection']) {
      expect([...modules]).toContain(`${ROOT}src/protocol/${name}.ts`);
    }
  });
});
