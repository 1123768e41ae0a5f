import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { z } from 'zod';
import { metrics } from '../../src/diagnostics/metrics.ts';
import { createHub, defineProtocol } from '../../src/realtime/index.ts';
import { listen } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { HTTP2_KINDS, startHttp2 } from '../support/http2.ts';
import { testCertificate } from '../support/servers.ts';
import { enter, KINDS, serve, WireClient } from './wire-client.ts';

const protocol = defineProtocol({
  channels: {},
  calls: { who: { input: z.unknown(), output: z.string() } },
});

function hubOf(name: string) {
  const hub = createHub(protocol);
  hub.call('who', () => name);
  return hub;
}

async function who(client: WireClient): Promise<unknown> {
  return (await client.ask({ type: 'call', id: 1, call: 'who' })).output;
}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<[number, string]> {
  const request = httpRequest(url, { headers, agent: false });
  request.end();
  const result = await new Promise<[number, string]>((resolve, reject) => {
    request.on('error', reject);
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve([response.statusCode!, '']);
    });
    request.on('response', async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve([response.statusCode!, body]);
    });
  });
  return result;
}

const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe.each(KINDS)('a hub on %s', (kind) => {
  it.each([false, true])('answers at its path, TLS: %s', async (isSecure) => {
    const { origin } = await serve(kind, hubOf('it'), undefined, isSecure ? await testCertificate() : undefined);
    const { client, welcome } = await enter(origin);
    expect(welcome).toEqual({
      type: 'welcome',
      connection: expect.any(String),
      user: welcome.connection,
      pingMs: 25_000,
    });
    expect(await who(client)).toBe('it');
    expect(client.socket.protocol).toBe('framewright.realtime.1');
  });

  it('takes a path with a query', async () => {
    const { origin } = await serve(kind, hubOf('it'), '/a/b');
    const { client } = await enter(origin, { path: '/a/b?x=/live' });
    expect(await who(client)).toBe('it');
  });

  it('shares a server with another one', async () => {
    const { origin, server } = await serve(kind, hubOf('one'), '/one');
    const two = hubOf('two');
    two.attach(server, { path: '/two' });
    onTestFinished(() => two.drain({ timeoutMs: 0 }).then(() => {}));
    expect(await who((await enter(origin, { path: '/one' })).client)).toBe('one');
    expect(await who((await enter(origin, { path: '/two' })).client)).toBe('two');
    expect(() => hubOf('three').attach(server, { path: '/two' })).toThrow('another hub answers at /two of this server');
  });

  it('is counted by the metrics of its server', async () => {
    const hub = hubOf('it');
    const figures = metrics(hub.server);
    onTestFinished(() => figures.stop());
    const { origin } = await serve(kind, hub);
    const { client } = await enter(origin);
    expect(await who(client)).toBe('it');
    for (const line of [
      'connections 1',
      'messages_received_total{type="text"} 1',
      'messages_sent_total{type="text"} 2',
    ]) {
      expect(figures.text()).toContain(`\nframewright_${line}\n`);
    }
  });

  it('closes with 4400 what does not speak its protocol', async () => {
    const { origin } = await serve(kind, hubOf('it'));
    for (const subprotocols of [[], ['mqtt']]) {
      const plain = new WireClient(origin, { subprotocols });
      // ws itself fails when none of what it offered was chosen.
      if (subprotocols.length === 0)
        expect(await plain.closed).toEqual([4400, 'This address speaks framewright.realtime.1']);
      else expect((await plain.closed)[0]).toBe(1006);
    }
    const { client: binary } = await enter(origin);
    binary.socket.send(Buffer.from('{"type":"ping"}'));
    expect(await binary.closed).toEqual([4400, 'Binary messages have no meaning here']);
    const { client: malformed } = await enter(origin);
    malformed.socket.send('{');
    expect((await malformed.closed)[0]).toBe(4400);
  });
});

describe('what else is on the server', () => {
  it('an app of Express answers at all other paths, and other WebSocketServers at theirs', async () => {
    const app = express();
    app.get('/', (_request, response) => void response.send('page'));
    const server = createServer(app);
    const hub = hubOf('it').attach(server);
    const other = new WebSocketServer({ server, path: '/other' });
    other.on('connection', (socket) => socket.send('other'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await statusOf(`${origin}/`)).toEqual([200, 'page']);
    expect((await statusOf(`${origin}/none`))[0]).toBe(404);
    // It is the hub's own path that Express does not hear of.
    expect((await statusOf(`${origin}/live`))[0]).toBe(426);
    expect(await who((await enter(origin)).client)).toBe('it');
    const socket = new Ws(`${origin.replace('http', 'ws')}/other`);
    expect(String((await once(socket, 'message'))[0])).toBe('other');
    socket.terminate();
    // Nobody is left who would take it.
    expect((await statusOf(`${origin}/nope`, UPGRADE))[0]).toBe(400);
  });

  it('a listener for upgrades that takes all of them is not asked about ours', async () => {
    const server = createServer();
    const seen: (string | undefined)[] = [];
    server.on('upgrade', (request, socket) => {
      seen.push(request.url);
      socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
    });
    const hub = hubOf('it');
    hub.attach(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await who((await enter(origin)).client)).toBe('it');
    expect((await statusOf(`${origin}/vite-hmr`, UPGRADE))[0]).toBe(418);
    expect(seen).toEqual(['/vite-hmr']);
  });

  it('nothing: then all other paths are 404', async () => {
    const { origin } = await serve('node:http', hubOf('it'));
    expect((await statusOf(`${origin}/`))[0]).toBe(404);
    expect((await statusOf(`${origin}/`, UPGRADE))[0]).toBe(404);
  });

  it('onRequest and the WebSockets of listen() itself', async () => {
    const server = await listen({ host: '127.0.0.1', onRequest: () => ({ body: 'page' }) }, (socket) =>
      socket.send('own'),
    );
    onTestFinished(() => server.drain({ timeoutMs: 0 }).then(() => {}));
    const hub = hubOf('it').attach(server);
    onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await statusOf(`${origin}/`)).toEqual([200, 'page']);
    expect(await who((await enter(origin)).client)).toBe('it');
    const socket = new Ws(`${origin.replace('http', 'ws')}/`);
    expect(String((await once(socket, 'message'))[0])).toBe('own');
    socket.terminate();
  });

  it('is left as it was when the hub goes', async () => {
    const server = createServer((_request, response) => response.end('page'));
    const { emit } = server;
    const hub = hubOf('it').attach(server);
    expect([server.emit === emit, server.listenerCount('upgrade')]).toEqual([false, 1]);
    await hub.drain({ timeoutMs: 0 });
    expect([server.emit === emit, Object.hasOwn(server, 'emit'), server.listenerCount('upgrade')]).toEqual([
      true,
      false,
      0,
    ]);
    expect(() => hubOf('next').attach(server)).not.toThrow();
  });
});

describe.each(HTTP2_KINDS)('a hub on node:http2, %s', (kind) => {
  it('answers at its path', async () => {
    const server = await startHttp2(kind);
    const hub = hubOf('it').attach(server);
    onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
    const { port } = server.address() as AddressInfo;
    const scheme = kind === 'secure' ? 'https' : 'http';
    const socket = new WebSocket(
      `${scheme.replace('http', 'ws')}://127.0.0.1:${port}/live`,
      ['framewright.realtime.1'],
      {
        http2: true,
        rejectUnauthorized: false,
        origin: `${scheme}://127.0.0.1:${port}`,
      },
    );
    onTestFinished(() => socket.terminate());
    const [welcome] = await once(socket, 'text');
    expect(JSON.parse(welcome as string)).toMatchObject({ type: 'welcome' });
    socket.send('{"type":"call","id":1,"call":"who"}');
    expect(JSON.parse((await once(socket, 'text'))[0] as string)).toMatchObject({ output: 'it' });
    if (kind === 'secure') expect(await who((await enter(`${scheme}://127.0.0.1:${port}`)).client)).toBe('it');
  });
});

describe('wrong uses', () => {
  const app = express();
  it.each([
    [
      'no server',
      {},
      {},
      'hub.attach() takes a server of node:http, node:https or node:http2, or one of listen(), not an object',
    ],
    ['nothing', undefined, {}, 'not undefined'],
    ['an app', app, {}, 'for an app of Express give http.createServer(app)'],
    ['what has a server', { server: createServer() }, {}, 'not an object: give it its .server'],
    ['a WebSocketServer', new WebSocketServer({ noServer: true }), {}, 'hub.attach() takes a server'],
    ['a path without /', createServer(), { path: 'live' }, 'hub.attach(): path must be a path as requests have it'],
    ['a misnamed option', createServer(), { pat: '/live' }, 'hub.attach() has no option "pat": did you mean "path"?'],
  ])('%s', (_what, server, options, message) => {
    expect(() => hubOf('it').attach(server as never, options as object)).toThrow(message);
  });
});
