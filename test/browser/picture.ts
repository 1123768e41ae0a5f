/**
 * The moving picture of the README, `npm run build:picture`: the playground in Chromium, step by step, as an SVG that shows one
 * step after the other. `npm run build` has to have run before.
 */

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { readPageAssets } from '../../src/cli/page-assets.ts';
import { startPlaygroundServer } from '../../src/cli/playground-server.ts';
import { launchChromium } from './chromium.ts';

const TARGET = fileURLToPath(new URL('../../spec-notes/images/playground.svg', import.meta.url));
const SIZE = { width: 1180, height: 700 };
const SECONDS_EACH = 2.5;

const goTo = (view: string) => async (page: Page) => {
  await page.getByRole('navigation').getByRole('link', { name: view }).click();
  await page.getByRole('heading', { level: 1, name: view }).waitFor();
};

const line = (page: Page, text: string) => page.getByRole('listbox').getByRole('option').filter({ hasText: text });

/** What is done before each shot. */
const STEPS: readonly ((page: Page) => Promise<void>)[] = [
  async (page) => {
    await page.getByRole('button', { name: 'Connect' }).click();
    await line(page, 'response').waitFor();
  },
  async (page) => {
    await page.getByLabel('Text', { exact: true }).fill('Hello, framewright');
    await page.getByRole('button', { name: 'Send text' }).click();
    await page.getByRole('button', { name: 'Ping me' }).click();
    await line(page, 'pong').waitFor();
  },
  async (page) => {
    await line(page, 'masked').first().click();
    await page.locator('.detail-panel').scrollIntoViewIfNeeded();
  },
  goTo('Build'),
  goTo('Cut'),
  goTo('Close'),
  goTo('Learn'),
];

const browser = await launchChromium();
const server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet: false, assets: readPageAssets() });
const shots: Buffer[] = [];
try {
  const page = await browser.newPage({ viewport: SIZE });
  await page.goto(`http://127.0.0.1:${server.address.port}/#/live`);
  for (const step of STEPS) {
    await step(page);
    await page.waitForTimeout(300);
    shots.push(await page.screenshot({ type: 'jpeg', quality: 72 }));
  }
} finally {
  await browser.close();
  await server.close();
}

const share = 100 / shots.length;
const images = shots.map((shot, i) => {
  const delay = i === 0 ? '' : ` style="animation-delay:${i * SECONDS_EACH}s"`;
  return `<image${delay} width="${SIZE.width}" height="${SIZE.height}" href="data:image/jpeg;base64,${shot.toString('base64')}"/>`;
});
writeFileSync(
  TARGET,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img">
<title>The playground: frames on the wire, the bits of one of them, and the views Build, Cut, Close and Learn</title>
<style>
image { opacity: 0; animation: step ${shots.length * SECONDS_EACH}s infinite step-end }
image:first-of-type { opacity: 1 }
@keyframes step { 0% { opacity: 1 } ${share}% { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { image { animation: none } }
</style>
${images.join('\n')}
</svg>
`,
);
console.log(
  `${TARGET}: ${shots.length} steps, ${Math.round(shots.reduce((sum, { length }) => sum + length, 0) / 1024)} KiB`,
);
