/** The fall-back over HTTP. */

import { type EventEmitter, once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { runWithKeys } from '../../src/realtime/derived-key.ts';
import { createHub, defineProtocol, type HubOptions, type HubUser } from '../../src/realtime/index.ts';
import { EventStreamParser, type ServerSentEvent } from '../../src/sse/event-format.ts';
import { HTTP2_KINDS, startHttp2 } from '../support/http2.ts';
import { watchProcess } from '../support/servers.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { enter, KINDS, type Message, serve } from './wire-client.ts';

const protocol = defineProtocol({
  channels: {
    'room:{name}': { message: z.object({ n: z.number() }), history: { messages: 100 } },
    secret: { message: z.string() },
  },
  calls: {
    add: { input: z.object({ a: z.number() }), output: z.number() },
    wait: { input: z.unknown(), output: z.string() },
  },
});

function setUp(options: HubOptions = {}) {
  const hub = createHub(protocol, {
    authenticate: ({ token, refuse }) => ({ id: token ?? refuse(401) }),
    ...options,
  });
  let count = 0;
  hub.channel('room:{name}', { join: () => true, publish: ({ user }) => user.id !== 'guest' });
  hub.call('add', ({ a }) => a + ++count);
  return { hub, counted: () => count };
}

interface Ask {
  readonly token?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly signal?: AbortSignal;
}

/** As the client's fetch does it. */
function ask(origin: string, { token = 'ann', body, text, accept = 'application/json', headers, ...init }: Ask) {
  return fetch(`${origin}/live`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', origin, authorization: `Bearer ${token}`, ...headers },
    ...(init.method === 'GET' || init.method === 'OPTIONS' ? {} : { body: text ?? JSON.stringify(body) }),
    ...init,
  });
}

/** The events of a stream, one after another. */
class Stream {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parser = new EventStreamParser();
  readonly #events: ServerSentEvent[] = [];

  constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.getReader();
    onTestFinished(() => this.#reader.cancel().catch(() => {}));
  }

  async event(): Promise<ServerSentEvent | undefined> {
    while (this.#events.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#events.push(...this.#parser.push(value));
    }
    return this.#events.shift();
  }

  /** The next frame. */
  async next(): Promise<Message | Message[]> {
    return JSON.parse((await this.event())!.data);
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function openStream(origin: string, joins: Message[], more: Ask = {}): Promise<Stream> {
  return new Stream(await ask(origin, { body: joins, accept: 'text/event-stream', ...more }));
}

describe.each(KINDS)('over HTTP on %s', (kind) => {
  it('a call is a POST and its answer', async () => {
    const { hub } = setUp();
    const { origin } = await serve(kind, hub);
    const response = await ask(origin, { body: { type: 'call', id: 4, call: 'add', input: { a: 1 } } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.json()).toEqual({ type: 'result', id: 4, output: 2 });
    const wrong = await ask(origin, { body: { type: 'call', id: 5, call: 'add', input: {} } });
    expect([wrong.status, await wrong.json()]).toMatchObject([200, { type: 'error', id: 5, code: 'INVALID' }]);
    const unread = await ask(origin, { body: { type: 'call', id: 6, call: 7 } });
    expect(await unread.json()).toMatchObject({
      type: 'error',
      id: 6,
      message: "'call' of 'call' has to be text of 1 to 256 characters",
    });
    expect(hub.status()).toMatchObject({ calls: 0 });
  });

  it('a publication is a POST, and its rule is asked', async () => {
    const { hub } = setUp();
    const { origin } = await serve(kind, hub);
    const body = { type: 'publish', id: 1, channel: 'room:a', data: { n: 1 }, key: 'k' };
    const first = await (await ask(origin, { body })).json();
    expect(first).toEqual({ type: 'result', id: 1, output: { epoch: expect.any(String), offset: 1 } });
    expect(await (await ask(origin, { body })).json()).toEqual(first);
    expect(await (await ask(origin, { body, token: 'guest' })).json()).toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('a stream is what a connection would be sent', async () => {
    watchProcess();
    const { hub } = setUp();
    const { origin } = await serve(kind, hub);
    const { epoch } = (await hub.publish('room:a', { n: 1 }))!;
    const stream = await openStream(origin, [
      { type: 'join', id: 1, channel: 'room:a', last: 1 },
      { type: 'join', id: 2, channel: 'secret' },
    ]);
    const { headers } = stream.response;
    expect([headers.get('content-type'), headers.get('cache-control')]).toEqual([
      'text/event-stream',
      'no-cache, no-transform',
    ]);
    expect(await stream.next()).toEqual({
      type: 'welcome',
      connection: expect.any(String),
      user: 'ann',
      pingMs: 25_000,
    });
    const answers = [await stream.next(), await stream.next(), await stream.next()];
    expect(answers).toContainEqual({ type: 'error', id: 2, code: 'NOT_ALLOWED', message: "You may not join 'secret'" });
    expect(answers).toContainEqual({ type: 'joined', id: 1, channel: 'room:a', epoch, offset: 0 });
    expect(answers).toContainEqual({ type: 'entries', channel: 'room:a', offset: 1, data: [{ n: 1 }] });
    await hub.publish('room:a', { n: 2 });
    expect(await stream.next()).toEqual({ type: 'entries', channel: 'room:a', offset: 2, data: [{ n: 2 }] });
    expect(hub.status()).toMatchObject({ connections: 1, users: 1, members: 1 });
    await stream.cancel();
    const { client } = await enter(origin, { subprotocols: ['framewright.realtime.1', 'bearer.bob'] });
    while (hub.status().connections > 1) await client.ask({ type: 'call', id: 1, call: 'nope' });
    expect(hub.status()).toMatchObject({ connections: 1, members: 0, channels: 0 });
  });

  it('a stream goes on behind a position', async () => {
    const { hub } = setUp();
    const { origin } = await serve(kind, hub);
    for (let n = 1; n <= 3; n++) await hub.publish('room:a', { n });
    const { position } = await hub.read('room:a');
    const stream = await openStream(origin, [{ type: 'join', id: 1, channel: 'room:a', ...position, offset: 1 }]);
    await stream.next();
    expect(await stream.next()).toEqual({ type: 'joined', id: 1, channel: 'room:a', ...position, offset: 1 });
    expect(await stream.next()).toEqual({ type: 'entries', channel: 'room:a', offset: 2, data: [{ n: 2 }, { n: 3 }] });
  });

  it('answers a repeated call with the first answer, by whichever way it comes', async () => {
    const { hub, counted } = setUp();
    const { origin } = await serve(kind, hub);
    const call = { type: 'call', id: 1, call: 'add', input: { a: 1 }, key: 'k' };
    expect(await (await ask(origin, { body: call })).json()).toMatchObject({ output: 2 });
    const { client } = await enter(origin, { subprotocols: ['framewright.realtime.1', 'bearer.ann'] });
    expect(await client.ask(call)).toMatchObject({ output: 2 });
    expect(counted()).toBe(1);
  });

  it.each<[what: string, ask: Ask, status: number, words: string | RegExp]>([
    ['without token', { body: {}, headers: { authorization: '' } }, 401, 'Unauthorized'],
    [
      'of another origin',
      { body: {}, headers: { origin: 'https://evil.example' } },
      403,
      'Pages of this origin may not connect',
    ],
    [
      'as a form',
      { body: {}, headers: { 'content-type': 'text/plain' } },
      415,
      'The body has to be application/json, as it is',
    ],
    ['compressed', { body: {}, headers: { 'content-encoding': 'gzip' } }, 415, /as it is/],
    [
      'too long',
      { body: { type: 'call', id: 1, call: 'add', input: 'x'.repeat(70_000) } },
      413,
      'A body may have 65536 bytes',
    ],
    ['no JSON', { text: '{' }, 400, /JSON/],
    ['no message', { body: 5 }, 400, 'a message is a JSON object'],
    ['two at once', { body: [{ type: 'ping' }, { type: 'ping' }] }, 400, /one message: call or publish/],
    ['a join', { body: { type: 'join', id: 1, channel: 'room:a' } }, 400, /one message: call or publish/],
    ['no JSON, for a stream', { text: '[', accept: 'text/event-stream' }, 400, /JSON/],
    ['GET', { method: 'GET' }, 426, 'This address speaks WebSocket, or takes POST'],
    ['PUT', { method: 'PUT', body: {} }, 405, 'Method Not Allowed'],
  ])('refuses a request %s', async (_what, request, status, words) => {
    watchProcess();
    const { origin } = await serve(kind, setUp().hub);
    const response = await ask(origin, request);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(words);
  });

  it('refuses a body that grows too long, whatever it said', async () => {
    const { origin, port } = await serve(kind, setUp().hub);
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.write(
      `POST /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${origin}\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `1000\r\n${' '.repeat(4096)}\r\n`;
    for (let i = 0; i < 17; i++) socket.write(chunk);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://app.example';

  it('are let in as the list says, and may read the answers', async () => {
    const { hub } = setUp({ origins: [origin] });
    const server = await serve('node:http', hub);
    const preflight = await ask(server.origin, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'authorization,content-type',
      vary: 'Origin',
    });
    for (const token of ['ann', '']) {
      const response = await ask(server.origin, {
        token,
        headers: { origin },
        body: { type: 'call', id: 1, call: 'nope' },
      });
      expect(response.status).toBe(token === '' ? 401 : 200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'Retry-After',
      });
    }
    const stream = await openStream(server.origin, [], { headers: { origin } });
    expect(stream.response.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('are told nothing when they are not on the list', async () => {
    watchProcess();
    const { hub } = setUp();
    const server = await serve('node:http', hub);
    for (const method of ['OPTIONS', 'POST']) {
      const response = await ask(server.origin, { method, headers: { origin }, body: {} });
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    }
  });

  it('programs need a token, or the option', async () => {
    watchProcess();
    for (const [options, status] of [
      [{}, 200],
      [{ authenticate: undefined }, 403],
      [{ authenticate: undefined, requiresOrigin: false }, 200],
      [{ requiresOrigin: true }, 403],
    ] as const) {
      const { hub } = setUp(options as HubOptions);
      const server = await serve('node:http', hub);
      const response = await fetch(`${server.origin}/live`, {
        method: 'POST',
        headers: { authorization: 'Bearer ann', 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'call', id: 1, call: 'nope' }),
      });
      expect(response.status, JSON.stringify(options)).toBe(status);
    }
  });
});

describe('limits', () => {
  it('count requests and connections together', async () => {
    const { hub } = setUp({ maxConnections: 2 });
    const { origin } = await serve('node:http', hub);
    const first = await openStream(origin, []);
    await enter(origin, { subprotocols: ['framewright.realtime.1', 'bearer.ann'] });
    const refused = await ask(origin, { body: { type: 'call', id: 1, call: 'add', input: { a: 1 } } });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    await first.cancel();
    let response = refused;
    while (response.status === 503) response = await ask(origin, { body: { type: 'call', id: 1, call: 'nope' } });
    expect(response.status).toBe(200);
  });

  it('count messages of a user together, by whichever way they come', async () => {
    const { hub } = setUp({ messageRate: { perSecond: 0.001, burst: 2, onExcess: 'close' } });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, { subprotocols: ['framewright.realtime.1', 'bearer.ann'] });
    const call = { type: 'call', id: 1, call: 'nope' };
    await client.ask(call);
    expect((await ask(origin, { body: call })).status).toBe(200);
    expect((await ask(origin, { body: call })).status).toBe(429);
    expect((await ask(origin, { body: call, token: 'bob' })).status).toBe(200);
    client.send(call);
    expect((await client.closed)[0]).toBe(1008);
  });

  it('has requests wait for their turn', async () => {
    const { hub } = setUp({ messageRate: { perSecond: 20, burst: 1 } });
    const { origin } = await serve('node:http', hub);
    const call = { type: 'call', id: 1, call: 'nope' };
    const answers = await Promise.all([1, 2, 3].map(() => ask(origin, { body: call })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('a body that does not come is given up', async () => {
    const { hub } = setUp({ handshakeTimeoutMs: 500 });
    const { origin, port } = await serve('node:http', hub);
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(
      `POST /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${origin}\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    );
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('the end', () => {
  it("of a user's time is told as a close code, and ends the stream", async () => {
    const users: HubUser[] = [{ id: 'ann', expires: Date.now() + 100 }];
    const { hub } = setUp({ authenticate: () => users[0]! });
    const { origin } = await serve('node:http', hub);
    const stream = await openStream(origin, []);
    expect(await stream.next()).toMatchObject({ type: 'welcome', expires: users[0]!.expires });
    expect(await stream.event()).toMatchObject({
      type: 'close',
      data: '{"code":4401,"reason":"The authentication has expired"}',
    });
    expect(await stream.event()).toBeUndefined();
  });

  it('of a request aborts a call without key', async () => {
    const { hub } = setUp();
    let aborted!: Promise<unknown>;
    const begun = new Promise<void>((resolve) => {
      hub.call('wait', (_input, { signal }) => {
        aborted = once(signal, 'abort');
        resolve();
        return new Promise(() => {});
      });
    });
    const { origin } = await serve('node:http', hub);
    const aborter = new AbortController();
    const request = ask(origin, { body: { type: 'call', id: 1, call: 'wait' }, signal: aborter.signal });
    request.catch(() => {});
    await begun;
    aborter.abort();
    await aborted;
  });

  it("of the user's stay, before the body has come", async () => {
    let expires = 0;
    const { hub } = setUp({
      authenticate: () => {
        expires = Date.now() + 20;
        return { id: 'ann', expires };
      },
    });
    const { origin } = await serve('node:http', hub);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (expires > 0 && Date.now() >= expires) {
          controller.enqueue(Buffer.from('[]'));
          controller.close();
          return;
        }
        controller.enqueue(Buffer.from(' '));
        await new Promise((resolve) => setTimeout(resolve, 5));
      },
    });
    const response = await fetch(`${origin}/live`, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', origin },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(await response.text()).toContain('"code":4401');
    expect(hub.status().connections).toBe(0);
    expect(await hub.drain()).toMatchObject({ closed: 0, terminated: 0 });
  });

  it("of the user's stay, told by disconnect", async () => {
    const { hub } = setUp();
    const { origin } = await serve('node:http', hub);
    const stream = await openStream(origin, []);
    await stream.next();
    expect(await hub.disconnect('ann', { code: 4409, reason: 'elsewhere' })).toBe(1);
    expect(await stream.event()).toMatchObject({ type: 'close', data: '{"code":4409,"reason":"elsewhere"}' });
  });
});

it('a publication has nothing to do with a call in whose course it comes', async () => {
  const engine = new ScriptedEngine();
  const { hub } = setUp({ engine });
  const { server, origin } = await serve('node:http', hub);
  const emitter: EventEmitter = server as never;
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (...args) => runWithKeys('a call', () => emit(...args));
  await (await ask(origin, { body: { type: 'publish', id: 1, channel: 'room:a', data: { n: 1 } } })).text();
  expect(engine.published).toMatchObject([{ key: undefined }]);
});

describe.each(HTTP2_KINDS)('over HTTP/2, %s', (kind) => {
  it('answers calls and streams', async () => {
    const { hub } = setUp();
    const server = await startHttp2(kind);
    hub.attach(server);
    onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
    const origin = `${kind === 'secure' ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const session = connectHttp2(origin, { rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    const post = (accept: string, body: unknown) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/live',
        accept,
        origin,
        authorization: 'Bearer ann',
        'content-type': 'application/json',
      });
      stream.setEncoding('utf8').end(JSON.stringify(body));
      return stream;
    };
    const get = session.request({ ':path': '/live' });
    expect((await once(get, 'response'))[0]).toMatchObject({ ':status': 426 });
    const call = post('application/json', { type: 'call', id: 1, call: 'add', input: { a: 1 } });
    expect(JSON.parse(String((await once(call, 'data'))[0]))).toEqual({ type: 'result', id: 1, output: 2 });
    const stream = post('text/event-stream', [{ type: 'join', id: 1, channel: 'room:a' }]);
    let text = '';
    for await (const chunk of stream) {
      text += chunk;
      if (text.includes('"joined"')) break;
    }
    expect(text).toMatch(/^data: \{"type":"welcome"/);
  });
});
