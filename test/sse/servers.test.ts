/** Event streams on every kind of server, on real sockets. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createEventFeed,
  type EventHandler,
  type EventStream,
  type ServeEventsOptions,
  serveEvents,
} from '../../src/sse/index.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { eventOf, watchProcess } from '../support/servers.ts';
import { ask, SERVER_KINDS, type ServerKind, start } from './support.ts';

/** A server whose streams are given to the test. */
async function serve(kind: ServerKind, options: ServeEventsOptions = {}) {
  const streams: EventStream<undefined>[] = [];
  let wake = () => {};
  const handler = serveEvents(options, (stream) => {
    streams.push(stream);
    wake();
  });
  const started = await start(kind, handler);
  const next = async () => {
    while (streams.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return streams.shift()!;
  };
  return { started, next };
}

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it('the answer begins at once, each event arrives when it is sent, and the end is one', async () => {
    const { started, next } = await serve(kind, { retryMs: 1234 });
    const reading = await ask(started, { 'accept-encoding': 'gzip' });
    expect(reading.status).toBe(200);
    expect(reading.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(reading.headers).not.toHaveProperty('content-encoding');
    expect('connection' in reading.headers).toBe(!started.isHttp2);
    const stream = await next();
    for (const data of ['one', 'two\nlines', '…']) {
      expect(stream.send({ data })).toBe(true);
      expect((await reading.next()).data).toBe(data);
    }
    expect(reading.retryMs).toBe(1234);
    const closed = once(stream, 'close');
    stream.send({ data: 'last' });
    stream.close();
    expect(await closed).toEqual(['server']);
    expect(stream.send({ data: 'more' })).toBe(false);
    expect(await reading.ended()).toMatch(/data: last\n\n$/);
  });

  it('the stream ends when the client goes', async () => {
    const { started, next } = await serve(kind);
    const reading = await ask(started);
    const stream = await next();
    const { signal } = stream;
    const closed = once(stream, 'close');
    expect(stream.isClosed).toBe(false);
    reading.cut();
    expect(await closed).toEqual(['client']);
    expect([stream.isClosed, stream.isWritable, signal.aborted]).toEqual([true, false, true]);
    expect(stream.send({ data: 'x' })).toBe(false);
  });

  it('HEAD gets the head of the answer, and opens no stream', async () => {
    let streams = 0;
    const started = await start(
      kind,
      serveEvents({ maxConnections: 1 }, () => {
        streams++;
      }),
    );
    for (let i = 0; i < 3; i++) {
      const reading = await ask(started, {}, 'HEAD');
      expect(reading.status).toBe(200);
      expect(reading.headers['content-type']).toBe('text/event-stream');
      expect(await reading.ended()).toBe('');
    }
    expect(streams).toBe(0);
  });

  it('what the client has had is known, from the header or the query', async () => {
    const { started, next } = await serve(kind, { lastEventIdQuery: 'lastEventId' });
    const utf8 = Buffer.from('é:…').toString('latin1');
    await ask(started, { 'Last-Event-ID': utf8 });
    expect((await next()).lastEventId).toBe('é:…');
    const query = { ...started, url: `${started.url}?of=b?c&lastEventId=a%3Ab` };
    await ask(query);
    expect((await next()).lastEventId).toBe('a:b');
    await ask(query, { 'Last-Event-ID': 'c' });
    expect((await next()).lastEventId).toBe('c');
    await ask(started);
    expect((await next()).lastEventId).toBe('');
  });

  it('a client that takes nothing is bounded, and is ended past the bound', async () => {
    const maxBacklogBytes = 262_144;
    const { started, next } = await serve(kind, { maxBacklogBytes });
    const reading = await ask(started);
    const stream = await next();
    reading.source.pause();
    const closed = once(stream, 'close');
    const data = 'x'.repeat(16_000);
    // Until the kernel takes no more: then it is no longer writable, and what follows waits here.
    for (let i = 0; !stream.isClosed; i++) {
      stream.send({ data });
      expect(stream.bufferedAmount).toBeLessThanOrEqual(maxBacklogBytes);
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i > 4000) throw new Error('64 MB were taken, and no end');
    }
    expect(await closed).toEqual(['backlog']);
    expect(stream.bufferedAmount).toBe(0);
  });

  it("'drain' tells when a slow client takes more, and all arrives in order", async () => {
    const { started, next } = await serve(kind);
    const reading = await ask(started);
    const stream = await next();
    reading.source.pause();
    const data = (i: number) => `${i} ${'x'.repeat(16_000)}`;
    let sent = 0;
    while (stream.isWritable) {
      stream.send({ data: data(sent++) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let more = 0; more < 4; more++) stream.send({ data: data(sent++) });
    const drained = eventOf(stream, 'drain');
    reading.source.resume();
    await drained;
    expect(stream.isWritable).toBe(true);
    stream.send({ data: 'end' });
    const got = await reading.data(sent + 1);
    expect(got.map((one) => one.split(' ')[0])).toEqual([...Array.from({ length: sent }, (_, i) => String(i)), 'end']);
  });

  it('204 in place of a stream', async () => {
    const started = await start(
      kind,
      serveEvents({ authorize: () => ({ status: 204 }) }, () => {}),
    );
    const reading = await ask(started);
    expect(reading.status).toBe(204);
    expect(await reading.ended()).toBe('');
  });

  it('a hook or an onStream that throws ends this one, and not the process', async () => {
    const { nextWarning, uncaught } = watchProcess();
    const broken = new Error('broken hook');
    const fails = () => {
      throw broken;
    };
    const inHook = await start(
      kind,
      serveEvents({ authorize: fails }, () => {}),
    );
    expect((await ask(inHook)).status).toBe(500);
    expect((await nextWarning()).detail).toContain('broken hook');
    for (const onStream of [fails, async () => fails()]) {
      const inStream = await start(kind, serveEvents({}, onStream));
      // Where the head has not left, there is no answer.
      await ask(inStream).then((reading) => reading.ended(), ignoreError);
      expect((await nextWarning()).detail).toContain('broken hook');
    }
    expect(uncaught).toEqual([]);
  });
});

describe('beside middleware', () => {
  it('compression that is made to compress holds no event back', async () => {
    const { started, next } = await serve('Express with compression', { headers: { 'Cache-Control': 'no-cache' } });
    const reading = await ask(started, { 'accept-encoding': 'gzip' });
    expect(reading.headers['content-encoding']).toBe('gzip');
    const stream = await next();
    for (const data of ['one', 'two']) {
      stream.send({ data });
      expect((await reading.next()).data).toBe(data);
    }
    // What compresses is slowed down by a client that does not read, and bounds what waits as well.
    reading.source.pause();
    const text = () => Array.from({ length: 4000 }, () => Math.random().toString(36)).join('');
    while (stream.isWritable) {
      stream.send({ data: text() });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const drained = eventOf(stream, 'drain');
    reading.source.resume();
    await drained;
    stream.close();
    await reading.ended();
  });

  it('what others have said the answer depends on stays', async () => {
    const handler = serveEvents({}, () => {});
    const started = await start(
      'node:http',
      Object.assign((request: never, response: ServerResponse) => {
        response.setHeader('Vary', 'Accept-Language');
        handler(request, response);
      }, handler) as EventHandler,
    );
    const reading = await ask(started, { origin: new URL(started.url).origin });
    expect(reading.headers.vary).toBe('Accept-Language, Origin');
  });

  it('an answer that has begun is an error that says so', async () => {
    const { nextWarning } = watchProcess();
    const handler = serveEvents({}, () => {});
    const started = await start(
      'node:http',
      Object.assign((request: never, response: ServerResponse) => {
        response.flushHeaders();
        handler(request, response);
      }, handler) as EventHandler,
    );
    await (await ask(started)).ended();
    expect((await nextWarning()).detail).toContain('this one has begun already');
  });
});

it('a thousand clients on one connection of HTTP/2 are sent each event', async () => {
  const feed = createEventFeed();
  const own = await start('streams of node:http2', feed.handler);
  const session = connect(new URL(own.url).origin);
  await once(session, 'remoteSettings');
  onTestFinished(() => session.destroy());
  const count = 1000;
  const texts = Array.from({ length: count }, () => {
    const stream = session.request({ ':path': '/feed' }).setEncoding('utf8');
    return new Promise<string>((resolve) => {
      let text = '';
      stream.on('data', (piece: string) => {
        text += piece;
        if (text.endsWith('hello\n\n')) resolve(text);
      });
    });
  });
  while (feed.size < count) await once(feed, 'stream');
  feed.send({ data: 'hello' });
  expect(new Set(await Promise.all(texts))).toEqual(new Set(['data: hello\n\n']));
  const ends = feed.streams().map((stream) => once(stream, 'close'));
  session.destroy();
  await Promise.all(ends);
  expect(feed.size).toBe(0);
});
