/** Chromium's DevTools protocol: puppeteer-core and chrome-remote-interface drive one browser, with ws as their client. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import CDP from 'chrome-remote-interface';
import puppeteer from 'puppeteer-core';
import { WebSocketServer } from 'ws';
import { Engine, listen, next, report, within } from './harness.mjs';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];
/** Draws what no image format can make small, and talks to our server with the browser's own WebSocket. */
const PAGE = `<title>noise</title><canvas width="400" height="300"></canvas><script>
  const canvas = document.querySelector('canvas').getContext('2d');
  const image = canvas.createImageData(400, 300);
  for (let i = 0; i < image.data.length; i += 65536) crypto.getRandomValues(image.data.subarray(i, i + 65536));
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  canvas.putImageData(image, 0, 0);
  function talk() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(location.href.replace('http', 'ws'), 'noise.v1');
      const heard = [];
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => { socket.send('grüße'); socket.send(new Uint8Array(70000).fill(7)); };
      socket.onerror = reject;
      socket.onmessage = ({ data }) => {
        heard.push(typeof data === 'string' ? data : new Uint8Array(data).every((byte) => byte === 7) && data.byteLength);
        if (heard.length === 2) socket.close(4000, 'enough');
      };
      socket.onclose = ({ code, wasClean }) => resolve([heard, socket.protocol, socket.extensions, code, wasClean]);
    });
  }
</script>`;

async function launch(profile) {
  const chromium = spawn(CHROMIUM, [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const endpoint = new Promise((resolve, reject) => {
    chromium.once('error', reject);
    createInterface({ input: chromium.stderr }).on('line', (line) => {
      const [, url] = /DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  return { chromium, endpoint: await within(endpoint, 'address of the browser') };
}

function isLargePng(bytes) {
  return [Buffer.from(bytes).toString('latin1', 1, 4), bytes.length > 300_000];
}

/** The page server's echo, with compression. */
async function servePage() {
  const http = createServer((_, response) => response.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE));
  const wss = new WebSocketServer({ server: http, perMessageDeflate: true });
  wss.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary, compress: isBinary })),
  );
  return `http://127.0.0.1:${await listen(http)}/`;
}

async function withPuppeteer(endpoint, url) {
  const facts = {};
  const browser = await within(puppeteer.connect({ browserWSEndpoint: endpoint, defaultViewport: null }), 'connection');
  const page = await within(browser.newPage(), 'page');
  await within(page.goto(url), 'page load');
  facts.title = await within(page.title(), 'title');
  facts.evaluated = await within(
    page.evaluate((text) => text.repeat(3), '✓ü'),
    'evaluation',
  );
  const long = 'x'.repeat(2_000_000);
  facts.longWay =
    (await within(
      page.evaluate((text) => `${text}y`, long),
      'long evaluation',
    )) === `${long}y`;
  const [open] = await within(
    Promise.all([page.evaluate(() => talk()), ...Array.from({ length: 50 }, (_, i) => page.evaluate((n) => n * 2, i))]),
    'fifty evaluations at once',
  );
  facts.browserSocket = open;
  facts.screenshot = isLargePng(await within(page.screenshot({ type: 'png' }), 'screenshot'));
  await within(page.close(), 'end of the page');
  await browser.disconnect();
  return facts;
}

async function withRemoteInterface(endpoint, url) {
  const facts = {};
  const { port } = new URL(endpoint);
  const client = await within(CDP({ port: Number(port) }), 'connection');
  const { Page, Runtime } = client;
  facts.engine = client._ws instanceof Engine;
  await Page.enable();
  const loaded = within(Page.loadEventFired(), 'page load');
  await Page.navigate({ url });
  await loaded;
  const { result } = await within(Runtime.evaluate({ expression: 'document.title + navigator.webdriver' }), 'value');
  facts.evaluated = result.value;
  const { data } = await within(Page.captureScreenshot({ format: 'png' }), 'screenshot');
  facts.screenshot = isLargePng(Buffer.from(data, 'base64'));
  await within(client.close(), 'end of the connection');
  return facts;
}

report(async () => {
  const profile = await mkdtemp(join(tmpdir(), 'framewright-chromium-'));
  const { chromium, endpoint } = await launch(profile);
  try {
    const url = await servePage();
    return { puppeteer: await withPuppeteer(endpoint, url), remote: await withRemoteInterface(endpoint, url) };
  } finally {
    const exit = next(chromium, 'exit');
    chromium.kill('SIGKILL');
    await exit;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
