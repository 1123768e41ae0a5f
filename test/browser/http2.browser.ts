/** Chromium opens its WebSockets over HTTP/2 (RFC 8441), on the session by which it has got the page. */

import { once } from 'node:events';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { authorityOf, startHttp2 } from '../support/http2.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium('--ignore-certificate-errors');
});

afterAll(async () => {
  await browser?.close();
});

/** A page, the sessions by which it came, and what the page's scripts see of WebSockets to `/`. */
async function start(options: WebSocketServerOptions = {}) {
  const server = await startHttp2('secure');
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session: ServerHttp2Session) => sessions.push(session));
  server.on('request', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>h2</title>');
  });
  const wss = new WebSocketServer({ server, ...options });
  wss.on('connection', (socket: WebSocket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const page = await browser.newPage();
  await page.goto(`https://${authorityOf(server)}/`);
  return { wss, sessions, page };
}

/** Opens so many WebSockets, sends a text on each, and closes them when its echo has come. */
function echoIn(page: Page, count: number, text: string): Promise<unknown> {
  return page.evaluate(
    `Promise.all(Array.from({ length: ${count} }, (_, i) => new Promise((resolve) => {
      const socket = new WebSocket(location.origin.replace('https', 'wss'), ['chat']);
      socket.onopen = () => socket.send(${JSON.stringify(text)} + i);
      socket.onmessage = ({ data }) => {
        socket.onclose = ({ code, wasClean }) => resolve([data, socket.protocol, socket.extensions, code, wasClean]);
        socket.close(1000);
      };
      socket.onerror = () => resolve('failed');
    })))`,
  );
}

describe('Chromium over HTTP/2', () => {
  it('RFC 8441 §5 opens, echoes with compression and closes, on the session of the page', async () => {
    const { wss, sessions, page } = await start({ perMessageDeflate: true, subprotocols: ['chat'] });
    let ownSession: unknown;
    wss.on('connection', (socket) => {
      ownSession = (socket._socket as ServerHttp2Stream).session;
    });
    const connection = once(wss, 'connection');
    const text = 'many words '.repeat(5000);
    const [result] = (await echoIn(page, 1, text)) as unknown[];
    expect(result).toEqual([`${text}0`, 'chat', 'permessage-deflate', 1000, true]);
    const [, request] = await connection;
    expect([request.httpVersion, request.method, request.headers[':protocol']]).toEqual([
      '2.0',
      'CONNECT',
      'websocket',
    ]);
    expect(sessions).toHaveLength(1);
    expect(ownSession).toBe(sessions[0]);
    await page.close();
  });

  it('RFC 8441 §5 fifty at once share the session of the page', async () => {
    const { sessions, page } = await start({ subprotocols: ['chat'] });
    const results = (await echoIn(page, 50, 'number ')) as unknown[];
    expect(results).toEqual(Array.from({ length: 50 }, (_, i) => [`number ${i}`, 'chat', '', 1000, true]));
    expect(sessions).toHaveLength(1);
    await page.close();
  });

  it('§4.2.2 a refusal fails in the page', async () => {
    const { page } = await start({ origins: ['https://elsewhere.example'] });
    expect(await echoIn(page, 1, '')).toEqual(['failed']);
    await page.close();
  });
});
