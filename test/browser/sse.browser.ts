/** Chromium's EventSource beside ours: the same streams, and feeds that are cut, of another origin, and over HTTP/2. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createEventFeed, type EventFeed, type EventFeedOptions, type EventHandler } from '../../src/sse/index.ts';
import { STREAM_VECTORS, vectorBytes, vectorEvents } from '../sse/stream-vectors.ts';
import { authorityOf, startHttp2 } from '../support/http2.ts';
import { launchChromium } from './chromium.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium('--ignore-certificate-errors');
});
afterAll(async () => {
  await browser?.close();
});

/** A server of a page, and of what `handler` answers at all other paths. */
async function serve(handler: EventHandler): Promise<string> {
  const server: Server = createServer((request, response) => {
    if (request.url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
    else if (request.url === '/favicon.ico') response.writeHead(404).end();
    else handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

async function open(origin: string): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(`${origin}/`);
  return page;
}

/** What an EventSource in the page tells until `end`, an expression of its events, is true. */
function watch(page: Page, url: string, end: string, init = '{}'): Promise<unknown> {
  return page.evaluate(
    `new Promise((resolve) => {
      const events = [];
      const source = new EventSource(${JSON.stringify(url)}, ${init});
      globalThis.source = source;
      const see = ({ type, data, lastEventId }) => {
        events.push(data === undefined ? { type } : { type, data, lastEventId });
        if (${end}) { source.close(); resolve(events); }
      };
      for (const type of ['message', 'error', 'test', 'gap']) source.addEventListener(type, see);
    })`,
  );
}

describe('Chromium reads as ours does', () => {
  it('each stream of the table', async () => {
    const origin = await serve(((request: { url: string }, response: import('node:http').ServerResponse) => {
      const vector = STREAM_VECTORS[Number(request.url.slice(1))]!;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(vectorBytes(vector));
    }) as unknown as EventHandler);
    const page = await open(origin);
    const differences: unknown[] = [];
    for (const [i, vector] of STREAM_VECTORS.entries()) {
      const events = (await watch(page, `/${i}`, "type === 'error'")) as { type: string }[];
      const seen = events.filter(({ type }) => type !== 'error');
      const expected = vectorEvents(vector);
      if (
        JSON.stringify(seen) !==
        JSON.stringify(expected.map(({ type, data, lastEventId }) => ({ type, data, lastEventId })))
      )
        differences.push([vector.name, seen]);
    }
    expect(differences).toEqual([]);
  });
});

describe('a feed in Chromium', () => {
  const numbers = (events: unknown) =>
    (events as { data: string }[]).flatMap(({ data }) => (data === undefined ? [] : [Number(data)]));

  async function feedOf(options: EventFeedOptions = {}): Promise<{ feed: EventFeed; origin: string }> {
    const feed = createEventFeed({ replay: { events: 1000 }, retryMs: 1, ...options });
    return { feed, origin: await serve(feed.handler) };
  }

  it('misses nothing, however often it is cut off', async () => {
    const { feed, origin } = await feedOf();
    const page = await open(origin);
    const seen = watch(page, '/feed', "data === '99'");
    const [stream] = await once(feed, 'stream');
    // The time to come back and the first id have arrived with the head.
    await page.waitForFunction('source.readyState === 1');
    expect(stream.lastEventId).toBe('');
    for (let i = 0; i < 100; i++) {
      feed.send({ data: String(i) });
      if (i % 25 === 24) {
        for (const one of feed.streams()) one.terminate();
        await once(feed, 'stream');
      }
    }
    expect(numbers(await seen)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('is told of a gap when the server has started again', async () => {
    const { feed, origin } = await feedOf();
    let second: EventFeed | undefined;
    const switching = await serve(((request: never, response: never) =>
      (second ?? feed).handler(request, response)) as unknown as EventHandler);
    expect(origin).not.toBe(switching);
    const page = await open(switching);
    const seen = watch(page, '/feed', "data === 'end'");
    await once(feed, 'stream');
    await page.waitForFunction('source.readyState === 1');
    feed.send({ data: '1' });
    second = createEventFeed({ replay: { events: 10 } });
    const again = once(second, 'stream');
    feed.closeAll();
    await again;
    second.send({ data: 'end' });
    expect(((await seen) as { type: string }[]).map(({ type }) => type)).toEqual([
      'message',
      'error',
      'gap',
      'message',
    ]);
  });

  it('of another origin, with credentials, where it is let in', async () => {
    const { origin: own } = await feedOf();
    const { feed, origin: other } = await feedOf({ origins: [own] });
    const { origin: closed } = await feedOf();
    const page = await open(own);
    const seen = watch(page, `${other}/feed`, "data === '1'", '{ withCredentials: true }');
    await once(feed, 'stream');
    feed.send({ data: '1' });
    expect(numbers(await seen)).toEqual([1]);
    expect(await watch(page, `${closed}/feed`, 'source.readyState === 2')).toEqual([{ type: 'error' }]);
  });

  it('does not come back after 204, and comes back where there is no room now', async () => {
    let isOver = false;
    const { feed, origin } = await feedOf({ authorize: () => (isOver ? { status: 204 } : true) });
    const page = await open(origin);
    const seen = watch(page, '/feed', "type === 'error' && source.readyState === 2");
    await once(feed, 'stream');
    isOver = true;
    feed.closeAll();
    expect(((await seen) as unknown[]).length).toBe(2);
    const busy = await feedOf({
      authorize: () => (busy.feed.size > 0 ? true : { status: 503, headers: { 'Retry-After': '0' } }),
    });
    const other = await open(busy.origin);
    expect(await watch(other, '/feed', 'events.length === 3')).toEqual([
      { type: 'error' },
      { type: 'error' },
      { type: 'error' },
    ]);
    expect(await other.evaluate('source.readyState')).toBe(2);
  });

  it('over HTTP/2, twenty streams share the session of the page', async () => {
    const server = await startHttp2('secure');
    const sessions: ServerHttp2Session[] = [];
    server.on('session', (session: ServerHttp2Session) => sessions.push(session));
    const feed = createEventFeed({ replay: { events: 10 } });
    server.on('request', (request, response) => {
      if (request.url === '/') {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<!doctype html>');
      } else if (request.url === '/feed') feed.handler(request, response);
      else response.stream.respond({ ':status': 404 }, { endStream: true });
    });
    const page = await open(`https://${authorityOf(server)}`);
    const all = Promise.all(Array.from({ length: 20 }, () => watch(page, '/feed', "data === '1'")));
    while (feed.size < 20) await once(feed, 'stream');
    feed.send({ data: '1' });
    expect((await all).map(numbers)).toEqual(Array.from({ length: 20 }, () => [1]));
    expect(sessions).toHaveLength(1);
  });
});
