/** Who is let in to an event stream, and what the others are answered. */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  createEventAnswer,
  createEventResponse,
  createEventStream,
  type EventStream,
  type ServeEventsOptions,
  serveEvents,
} from '../../src/sse/index.ts';
import { nextTurn } from '../support/servers.ts';
import { ask, type ServerKind, start } from './support.ts';

/** One of each way in which streams are carried. */
const KINDS: ServerKind[] = ['node:http', 'streams of node:http2', 'listen()', 'Hono'];

async function serve<User>(kind: ServerKind, options: ServeEventsOptions<User>, streams: EventStream<User>[] = []) {
  const started = await start(
    kind,
    serveEvents<User>(options, (stream) => void streams.push(stream)),
  );
  return { started, own: new URL(started.url).origin, streams };
}

describe.each(KINDS)('on %s', (kind) => {
  it('origins: pages of the same origin, those that are listed, and programs', async () => {
    const other = 'https://app.example';
    const { started, own } = await serve(kind, {});
    expect((await ask(started)).status).toBe(200);
    expect((await ask(started, { origin: own })).status).toBe(200);
    expect((await ask(started, { origin: other })).status).toBe(403);
    expect((await ask(started, { origin: 'null' })).status).toBe(403);
    const listed = await serve(kind, { origins: [other], requiresOrigin: true });
    expect((await ask(listed.started, { origin: listed.own })).status).toBe(403);
    expect((await ask(listed.started)).status).toBe(403);
    const reading = await ask(listed.started, { origin: other });
    expect(reading.headers).toMatchObject({
      'access-control-allow-origin': other,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    });
  });

  it('requiresOrigin: a page of the same origin sends none, and is known by Sec-Fetch-Site', async () => {
    const { started } = await serve(kind, { requiresOrigin: true });
    expect((await ask(started)).status).toBe(403);
    expect((await ask(started, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await ask(started, { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it('authenticate: the token is found, the user is known, and refusals say why', async () => {
    const { started, own, streams } = await serve<{ id: string }>(kind, {
      origins: ['same-origin', 'https://app.example'],
      tokens: { query: 'token' },
      authenticate: ({ token, tokenSource, refuse }) =>
        token === 'good' ? { id: `${tokenSource}` } : refuse(token === undefined ? 401 : 403, { body: 'no' }),
    });
    const refused = await ask(started, { origin: own });
    expect(refused.status).toBe(401);
    expect(refused.headers).toMatchObject({ 'www-authenticate': 'Bearer', 'access-control-allow-origin': own });
    expect(await refused.ended()).toBe('no');
    expect((await ask(started, { authorization: 'Bearer bad' })).status).toBe(403);
    expect((await ask(started, { authorization: 'Bearer good' })).status).toBe(200);
    expect((await ask({ ...started, url: `${started.url}?token=good` })).status).toBe(200);
    expect(streams.map(({ user }) => user.id)).toEqual(['bearer', 'query']);
  });

  it('authorize: is told who it is, and answers in its own words', async () => {
    const { started } = await serve<{ id: string }>(kind, {
      authenticate: ({ token }) => ({ id: token! }),
      authorize: async ({ user, lastEventId }) => user.id !== 'eve' && (lastEventId === 'end' ? { status: 204 } : true),
    });
    const askAs = async (id: string, last = '') =>
      (await ask(started, { authorization: `Bearer ${id}`, ...(last && { 'last-event-id': last }) })).status;
    expect([await askAs('ann'), await askAs('eve'), await askAs('ann', 'end')]).toEqual([200, 403, 204]);
  });

  it('maxConnections: one more is told to come later, in words that its client keeps to', async () => {
    const { started, streams } = await serve(kind, { maxConnections: 1 });
    const first = await ask(started);
    expect(first.status).toBe(200);
    const second = await ask(started);
    expect([second.status, second.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(await second.ended()).toBe('retry: 5000\n\n');
    const program = await ask(started, { accept: 'application/json' });
    expect([program.status, program.headers['retry-after']]).toEqual([503, '5']);
    expect(streams).toHaveLength(1);
    const closed = once(streams[0]!, 'close');
    first.cut();
    await closed;
    expect((await ask(started)).headers['x-accel-buffering']).toBe('no');
    expect(streams).toHaveLength(2);
  });

  it('a client that goes while a hook is asked gives its place back', async () => {
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let goOn = () => {};
    const { started, streams } = await serve(kind, {
      maxConnections: 1,
      authorize: () => {
        if (streams.length > 0) return true;
        asked();
        return new Promise<true>((resolve) => {
          goOn = () => resolve(true);
        });
      },
    });
    const abort = new AbortController();
    if (started.isHttp2) return;
    const waiting = fetch(started.url, { signal: abort.signal }).catch(() => {});
    await isAsked;
    abort.abort();
    await waiting;
    // Until the server has noticed it.
    goOn();
    for (;;) {
      await nextTurn();
      const reading = await ask(started, { accept: '*/*' });
      if (reading.status !== 503) break;
      await reading.ended();
    }
  });

  it('preflight: pages that are let in may send fields of their own, without a token yet', async () => {
    const { started, own } = await serve<object>(kind, { authenticate: ({ refuse }) => refuse(401) });
    const preflight = (origin: string) =>
      ask(
        started,
        {
          origin,
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'authorization',
        },
        'OPTIONS',
      );
    // Frameworks give a route for GET no other requests.
    if (kind === 'Hono') return;
    const allowed = await preflight(own);
    expect(allowed.status).toBe(204);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': own,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization',
    });
    expect((await preflight('https://evil.example')).status).toBe(403);
  });

  it("a stream ends with its user's time", async () => {
    const expires = Date.now() + 40;
    const { started } = await serve<{ id: string; expires: number }>(kind, {
      authenticate: () => ({ id: 'a', expires: Math.max(expires, Date.now() + 40) }),
    });
    await (await ask(started)).ended();
  });
});

it('a place is given back with the body, whoever ends it', async () => {
  const streams: EventStream<undefined>[] = [];
  const handler = serveEvents({ maxConnections: 1 }, (stream) => void streams.push(stream));
  const come = () => handler.fetch(new Request('http://localhost/', { headers: { accept: 'a/b' } }));
  const first = await come();
  expect((await come()).status).toBe(503);
  await first.body!.cancel();
  const second = await come();
  expect(second.status).toBe(200);
  streams.at(-1)!.close();
  expect(await second.text()).toBe('');
  expect((await come()).status).toBe(200);
});

describe('options', () => {
  it.each([
    [{ frob: 1 }, TypeError, 'serveEvents() has no option "frob"'],
    [{ id: 'x' }, TypeError, 'serveEvents() has no option "id": send it first: stream.send({ id })'],
    [{ heartbeat: { interval: 1 } }, TypeError, 'serveEvents() has no option "heartbeat.interval"'],
    [{ heartbeat: { intervalMs: 0 } }, RangeError, 'heartbeat.intervalMs must be'],
    [{ retryMs: -1 }, TypeError, 'serveEvents(): retryMs must be a whole number from 0 on'],
    [{ origins: 'example.com' }, TypeError, 'serveEvents(): origins must be'],
    [{ maxBacklogBytes: -1 }, RangeError, 'maxBacklogBytes must be a number from 0 on'],
    [{ tokens: {} }, TypeError, 'serveEvents(): tokens says where authenticate finds its token'],
  ])('%j', (options, kind, message) => {
    expect(() => serveEvents(options as never, () => {})).toThrow(message);
    expect(() => serveEvents(options as never, () => {})).toThrow(kind);
  });

  it('each way to open a stream has the same', () => {
    const request = new Request('http://localhost/');
    for (const open of [
      () => createEventStream({} as never, {} as never, { frob: 1 } as never),
      () => createEventResponse(request, { frob: 1 } as never),
      () => createEventAnswer({} as never, { frob: 1 } as never),
    ]) {
      expect(open).toThrow('createEventStream() has no option "frob"');
    }
    expect(() => createEventResponse(request, { id: '1\n' })).toThrow('The id of an event has a line end in it');
  });

  it('id and retryMs come first; headers are added, or stand in place of ours', async () => {
    const { stream, response } = createEventResponse(new Request('http://localhost/'), {
      id: '7',
      retryMs: 10,
      headers: { 'cache-control': 'no-store', 'X-A': ['b', 'c'] },
    });
    expect([...response.headers]).toEqual([
      ['cache-control', 'no-store'],
      ['content-type', 'text/event-stream'],
      ['x-a', 'b, c'],
      ['x-accel-buffering', 'no'],
    ]);
    stream.close();
    expect(await response.text()).toBe('id: 7\nretry: 10\n\n');
  });
});
