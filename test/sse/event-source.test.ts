/** The EventSource for Node.js by the rules of WHATWG HTML 9.2, on real sockets; its facts are those of the web-platform tests. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createEventFeed, EventSource, type EventSourceErrorEvent, type EventSourceInit } from '../../src/sse/index.ts';
import { eventOf, nextTurn } from '../support/servers.ts';
import { STREAM_VECTORS, vectorBytes, vectorEvents } from './stream-vectors.ts';
import { SERVER_KINDS, start } from './support.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What the next requests are answered, one by one; the last for all that follow. */
let answers: Answer[] = [];
let requests: IncomingMessage[] = [];
let port = 0;
const server = createServer((request, response) => {
  requests.push(request);
  const next = answers.length > 1 ? answers.shift()! : answers[0]!;
  next(request, response);
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const HEAD = { 'content-type': 'text/event-stream' };
const stream =
  (body: string | Uint8Array, end = true, headers: Record<string, string> = HEAD, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.flushHeaders();
    if (end) response.end(body);
    else response.write(body);
  };

interface Seen {
  type: string;
  data?: unknown;
  lastEventId?: string;
}

/** An EventSource and what it tells, in order. */
function open(init: EventSourceInit = {}, path = '/', ...types: string[]) {
  requests = [];
  const source = new EventSource(`http://localhost:${port}${path}`, init);
  onTestFinished(() => source.close());
  const seen: Seen[] = [];
  let wake = () => {};
  const see = (event: Event) => {
    const { type, data, lastEventId } = event as Event & Seen;
    seen.push(data === undefined ? { type } : { type, data, lastEventId: lastEventId! });
    wake();
  };
  for (const type of ['open', 'message', 'error', 'test', ...types]) source.addEventListener(type, see);
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const next = async (type: string) => {
    const before = seen.length;
    await until(() => seen.slice(before).some((one) => one.type === type));
  };
  return { source, seen, until, next };
}

const errorOf = (source: EventSource) =>
  new Promise<EventSourceErrorEvent>((resolve) => source.addEventListener('error', resolve));

describe('the format', () => {
  it.each(STREAM_VECTORS)('$name', async (vector) => {
    answers = [stream(vectorBytes(vector))];
    const { source, seen, until } = open();
    await until(() => seen.some(({ type }) => type === 'error'));
    source.close();
    expect(seen.filter(({ data }) => data !== undefined)).toEqual(vectorEvents(vector));
  });
});

describe('the interface', () => {
  it('is that of the standard', () => {
    answers = [stream('')];
    const { source } = open();
    expect([EventSource.name, EventSource.length]).toEqual(['EventSource', 1]);
    expect([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED]).toEqual([0, 1, 2]);
    expect([source.CONNECTING, source.OPEN, source.CLOSED]).toEqual([0, 1, 2]);
    expect(Object.keys(EventSource.prototype).sort()).toEqual(
      [
        ...['CLOSED', 'CONNECTING', 'OPEN', 'close', 'onerror', 'onmessage', 'onopen'],
        ...['readyState', 'url', 'withCredentials'],
      ].sort(),
    );
    expect(Object.prototype.toString.call(source)).toBe('[object EventSource]');
    expect([source.url, source.withCredentials, source.readyState]).toEqual([`http://localhost:${port}/`, false, 0]);
    expect(source).toBeInstanceOf(EventTarget);
    expect([source.onopen, source.onmessage, source.onerror]).toEqual([null, null, null]);
  });

  it('takes what can be a URL, and nothing else', () => {
    answers = [stream('')];
    const url = { toString: () => `http://localhost:${port}/x` };
    const source = new EventSource(url as never, { withCredentials: 1 as never });
    expect([source.url, source.withCredentials]).toEqual([`http://localhost:${port}/x`, true]);
    source.close();
    // @ts-expect-error no URL
    expect(() => new EventSource()).toThrow(TypeError);
    for (const bad of ['http://this is invalid/', '/relative', '']) {
      expect(() => new EventSource(bad)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
    }
    expect(() => new EventSource(`http://localhost:${port}/`, 'x' as never)).toThrow(TypeError);
    expect(() => new EventSource(`http://localhost:${port}/`, { headers: { 'a b': 'c' } })).toThrow(TypeError);
  });

  it('handlers get trusted events, with data, origin and lastEventId', async () => {
    answers = [stream('id: 1\ndata: x\n\n', false)];
    const { source } = open();
    const order: unknown[] = [];
    source.onopen = (event) => void order.push(event.type, event.isTrusted, source.readyState);
    const event = await new Promise<MessageEvent>((resolve) => {
      source.onmessage = resolve as never;
    });
    expect(order).toEqual(['open', true, 1]);
    expect(event).toBeInstanceOf(MessageEvent);
    expect([event.data, event.origin, event.lastEventId, event.isTrusted]).toEqual([
      'x',
      `http://localhost:${port}`,
      '1',
      true,
    ]);
    expect([event.bubbles, event.cancelable]).toEqual([false, false]);
    source.onmessage = null;
    expect(source.onmessage).toBeNull();
  });

  it('close() in a listener is the end: nothing more is told', async () => {
    answers = [stream('data: 1\n\ndata: 2\n\n')];
    const { source, seen, until } = open();
    source.addEventListener('message', () => source.close());
    await until(() => seen.length === 2);
    expect(source.readyState).toBe(2);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(seen).toEqual([{ type: 'open' }, { type: 'message', data: '1', lastEventId: '' }]);
    expect(requests).toHaveLength(1);
  });

  it('close() before the answer asks no more', async () => {
    answers = [() => {}];
    const { source, seen } = open();
    await once(server, 'request');
    source.close();
    await eventOf(requests[0]!, 'close');
    expect([source.readyState, seen]).toEqual([2, []]);
  });
});

describe('the request', () => {
  it('asks for an event stream, and for no copy of one', async () => {
    answers = [stream('data: x\n\n', false)];
    const { next } = open({ headers: { Authorization: 'Bearer t' } });
    await next('message');
    expect(requests[0]!.headers).toMatchObject({
      accept: 'text/event-stream',
      'cache-control': 'no-cache',
      authorization: 'Bearer t',
    });
    expect(requests[0]!.headers).not.toHaveProperty('last-event-id');
  });

  it('follows redirects, and the origin of events is where they come from', async () => {
    const elsewhere = `http://127.0.0.1:${port}`;
    answers = [
      (_request, response) => response.writeHead(307, { location: `${elsewhere}/there` }).end(),
      stream('retry: 0\ndata: x\n\n'),
      stream('data: y\n\n', false),
    ];
    const { source } = open();
    const origins: string[] = [];
    await new Promise<void>((resolve) => {
      source.onmessage = ({ origin, data }) => {
        origins.push(origin);
        if (data === 'y') resolve();
      };
    });
    // It comes back to the address that it was given.
    expect(requests.map(({ url }) => url)).toEqual(['/', '/there', '/']);
    expect(origins).toEqual([elsewhere, `http://localhost:${port}`]);
  });

  it('name and password of the address', async () => {
    answers = [stream('data: x\n\n', false)];
    requests = [];
    const source = new EventSource(`http://me:p%40ss@localhost:${port}/`);
    onTestFinished(() => source.close());
    await new Promise((resolve) => source.addEventListener('message', resolve));
    expect(requests[0]!.headers.authorization).toBe(`Basic ${btoa('me:p@ss')}`);
  });

  it("by a fetch of one's own, from an id on", async () => {
    const asked: string[] = [];
    const { source, seen, until } = open({
      lastEventId: '41',
      fetch: async (_url, init) => {
        asked.push(new Headers(init!.headers).get('last-event-id')!);
        return new Response('id: 42\ndata: x\n\n', { headers: HEAD });
      },
    });
    await until(() => seen.some(({ type }) => type === 'error'));
    source.close();
    expect(asked).toEqual(['41']);
  });
});

describe('for good', () => {
  it.each([
    ['204', 204, HEAD],
    ['a 404', 404, HEAD],
    ['a 500', 500, HEAD],
    ['a 503', 503, HEAD],
    ['205', 205, HEAD],
    ['another content type', 200, { 'content-type': 'text/plain' }],
    ['a type that only begins like it', 200, { 'content-type': 'text/event-streamx' }],
    ['a type that is none', 200, { 'content-type': 'text/event-stream  x' }],
    ['no content type', 200, {}],
  ])('%s', async (_what, status, headers) => {
    answers = [stream(status === 204 || status === 205 ? '' : 'data: x\n\n', true, headers as never, status)];
    const { source, seen } = open();
    const { error } = await errorOf(source);
    expect(source.readyState).toBe(2);
    expect(error.status).toBe(status);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([seen, requests.length]).toEqual([[{ type: 'error' }], 1]);
  });

  it.each([
    'text/event-stream;',
    'text/event-stream; charset=windows-1252',
    'TEXT/Event-Stream',
    ' text/event-stream ',
  ])('not for the content type %j, which is UTF-8 all the same', async (type) => {
    answers = [stream('data: ok…\n\n', false, { 'content-type': type })];
    const { seen, next } = open();
    await next('message');
    expect(seen[1]).toMatchObject({ data: 'ok…' });
  });

  it('another scheme', async () => {
    const source = new EventSource('ftp://localhost/');
    const { error } = await errorOf(source);
    expect([source.readyState, error.message]).toEqual([2, expect.stringContaining('ftp:')]);
  });

  it('an event that is longer than maxEventLength', async () => {
    answers = [stream(`data: ${'x'.repeat(1000)}`, false)];
    const { source } = open({ maxEventLength: 100 });
    const { error } = await errorOf(source);
    expect([source.readyState, error.message]).toEqual([2, 'An event is longer than 100 characters']);
  });
});

describe('coming back', () => {
  it('after the time that the server has told, with the last id', async () => {
    answers = [
      stream('retry: 10\nid: …1\ndata: 1\n\nid: 2\n\nid: 3\ndata: lost'),
      stream('data: 2\n\nid\ndata: 3\n\n'),
      stream('data: 4\n\n', false),
    ];
    const { source, seen, until } = open();
    const states: number[] = [];
    source.onerror = () => states.push(source.readyState);
    await until(() => seen.some(({ data }) => data === '4'));
    const sentIds = requests.map(({ headers }) => headers['last-event-id']);
    expect(sentIds).toEqual([undefined, '2', undefined]);
    expect(seen.filter(({ data }) => data !== undefined).map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
      ['1', '…1'],
      ['2', '2'],
      ['3', ''],
      ['4', ''],
    ]);
    expect(seen.filter(({ type }) => type === 'open')).toHaveLength(3);
    expect(states).toEqual([0, 0]);
  });

  it('an id is sent as UTF-8', async () => {
    answers = [stream('retry: 0\nid: é…\ndata: 1\n\n'), stream('data: 2\n\n', false)];
    const { seen, until } = open();
    await until(() => seen.some(({ data }) => data === '2'));
    const sent = requests[1]!.headers['last-event-id'] as string;
    expect(Buffer.from(sent, 'latin1').toString()).toBe('é…');
  });

  it('when the connection breaks in the middle, and when there is no server', async () => {
    answers = [
      (_request, response) => {
        response.writeHead(200, HEAD);
        response.write('retry: 1\n\ndata: half', () => response.destroy());
      },
      (request) => request.socket.destroy(),
      (request) => request.socket.destroy(),
      stream('data: x\n\n', false),
    ];
    const { source, seen, until } = open();
    const errors: Error[] = [];
    source.onerror = ({ error }) => errors.push(error);
    await until(() => seen.some(({ data }) => data === 'x'));
    expect(seen.map(({ type }) => type)).toEqual(['open', 'error', 'error', 'error', 'open', 'message']);
    expect(errors.every((error) => error instanceof Error)).toBe(true);
  });

  it('not when it was closed while it waited', async () => {
    answers = [stream('retry: 1\n\n')];
    const { source, next } = open();
    await next('error');
    source.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([requests.length, source.readyState]).toEqual([1, 2]);
  });
});

describe.each(SERVER_KINDS.filter((kind) => !kind.includes('http2') && kind !== 'node:https'))('from %s', (kind) => {
  it('misses nothing of a feed, whenever the server cuts it off', async () => {
    const feed = createEventFeed({ replay: { events: 1000 }, retryMs: 0 });
    const { url } = await start(kind, feed.handler);
    const source = new EventSource(url);
    onTestFinished(() => source.close());
    const numbers: number[] = [];
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const done = new Promise<void>((resolve) => {
      source.onmessage = ({ data }) => {
        numbers.push(Number(data));
        if (numbers.length === 1) begun();
        if (numbers.length === 200) resolve();
      };
    });
    source.addEventListener('gap', () => numbers.push(Number.NaN));
    await once(feed, 'stream');
    feed.send({ data: '0' });
    await hasBegun;
    for (let i = 1; i < 200; i++) {
      feed.send({ data: String(i) });
      if (i % 23 === 0) for (const stream of feed.streams()) stream.terminate();
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});
