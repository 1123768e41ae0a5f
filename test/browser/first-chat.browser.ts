/**
 * The first guide, followed by somebody new: the commands and files of its page, word by word, with the packed package in an
 * empty folder, and two tabs of Chromium. Only the place of the package and the port are others. npm installs what the page
 * names; `npm run build` has to have run before.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findPorts } from '../guide/stage.ts';
import { launchChromium } from './chromium.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'spec-notes/guide/first-chat.md'), 'utf8');
const PORT = '8080';
const PACKAGE = '/path/to/framewright-0.1.0.tgz';

const FILES = [...PAGE.matchAll(/^```(?:js|html)\n(?:\/\/|<!--) ([\w.-]+)(?: -->)?\n([\s\S]*?)^```$/gm)];
const [INSTALL, START] = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands]) => commands!);

let folder: string;
let browser: Browser;
let port: number;
let server: ChildProcess | undefined;

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  folder = mkdtempSync(join(tmpdir(), 'framewright-first-chat-'));
  const place = mkdtempSync(join(tmpdir(), 'framewright-packed-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', place], { cwd: ROOT });
  const [tarball] = readdirSync(place);
  const commands = INSTALL!.replace(PACKAGE, join(place, tarball!));
  const env = { ...process.env, npm_config_prefer_offline: 'true', npm_config_audit: 'false' };
  execFileSync('sh', ['-e', '-c', commands], { cwd: folder, env, stdio: 'pipe' });
  rmSync(place, { recursive: true });
  port = (await findPorts(PAGE)).get(PORT)!;
  for (const [, name, text] of FILES) writeFileSync(join(folder, name!), text!.replaceAll(PORT, String(port)));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<string> {
  const [program, ...args] = START!.trim().split(' ');
  server = spawn(program!, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(server.stdout!), 'line')) as [string];
  return line;
}

async function stop(): Promise<void> {
  if (server === undefined) return;
  const ended = once(server, 'close');
  server.kill('SIGKILL');
  await ended;
  server = undefined;
}

it('is less than 60 lines of one’s own', () => {
  const lines = FILES.flatMap(([, , text]) => text!.split('\n')).filter((line) => line.trim() !== '');
  expect(FILES.map(([, name]) => name)).toEqual(['protocol.js', 'server.js', 'index.html']);
  expect(lines.length).toBeLessThan(60);
});

it('two tabs say and show the same, later ones what was said before, and all come back when the server does', async () => {
  const address = /http:\S+/.exec(await start())![0];
  const faults: string[] = [];
  const open = async () => {
    const page = await browser.newPage();
    page.on('pageerror', ({ message }) => faults.push(message));
    // Vite loads a page again when it has lost the server, if it had it.
    const hasVite = page.waitForEvent('console', (message) => message.text() === '[vite] connected.');
    await page.goto(address);
    await hasVite;
    await page.getByText('You are open').waitFor();
    const list = page.getByRole('listitem');
    return {
      say: async (by: string, text: string) => {
        await page.getByPlaceholder('your name').fill(by);
        await page.getByPlaceholder('a message').fill(text);
        await page.getByRole('button', { name: 'Send' }).click();
      },
      shows: async (...lines: string[]) => {
        await list.filter({ hasText: lines.at(-1)! }).waitFor();
        expect(await list.allTextContents()).toEqual(lines);
      },
      goes: async (state: RegExp) => page.getByText(state).waitFor(),
      loads: async () => page.waitForEvent('load'),
    };
  };
  const [one, two] = [await open(), await open()];
  await one.say('ann', 'hello');
  await two.shows('ann: hello');
  await two.say('bob', 'hi <b>there</b>');
  await one.shows('ann: hello', 'bob: hi <b>there</b>');
  const three = await open();
  await three.shows('ann: hello', 'bob: hi <b>there</b>');

  const again = Promise.all([one.loads(), two.loads(), three.loads()]);
  await stop();
  for (const tab of [one, two, three]) await tab.goes(/You are (waiting|connecting)/);
  await start();
  await again;
  for (const tab of [one, two, three]) await tab.goes(/You are open/);
  await two.say('bob', 'again');
  for (const tab of [one, two, three]) await tab.shows('bob: again');
  expect(faults).toEqual([]);
});
