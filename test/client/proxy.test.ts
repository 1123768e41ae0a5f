import { Agent } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { connect, deferred, opened, run, watch } from '../support/clients.ts';
import { acceptance, fieldOf, plainAnswer, startConnectProxy, startRawServer } from '../support/raw-server.ts';
import { eventOf, testCertificate, unixSocketPath } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];
const accepting = () => startRawServer((head) => acceptance(head));

afterEach(() => vi.unstubAllEnvs());

describe('§4.1 through a proxy', () => {
  it('asks for a tunnel to host and port, and then speaks to the server alone', async () => {
    const [server, proxy] = [await accepting(), await startConnectProxy()];
    const socket = connect(WebSocket, `ws://server.example:${server.port}/a`, {
      proxy: proxy.url,
      headers: { X: 'x' },
    });
    await opened(socket);
    const target = `server.example:${server.port}`;
    expect(proxy.heads).toEqual([`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nConnection: close\r\n\r\n`]);
    expect(server.heads[0]).toMatch(/^GET \/a HTTP/);
    expect(fieldOf(server.heads[0]!, 'Host')).toBe(target);
    expect(fieldOf(server.heads[0]!, 'X')).toBe('x');
  });

  it('the proxy has a URL object, credentials, and the default port of the target', async () => {
    const proxy = await startConnectProxy({ answer: () => plainAnswer('403 Forbidden') });
    const url = new URL(proxy.url.replace('//', '//us%20er:p%3Ass@'));
    const message = `The proxy ${url.host} refused a tunnel to server.example:80: 403 Forbidden`;
    expect(await run(WebSocket, 'ws://server.example/', { proxy: url })).toEqual([['error', message], CLOSE]);
    expect(fieldOf(proxy.heads[0]!, 'Proxy-Authorization')).toBe(`Basic ${btoa('us er:p:ss')}`);
    await run(WebSocket, 'wss://[2001:db8::1]/', { proxy: url });
    expect(proxy.heads[1]).toMatch(/^CONNECT \[2001:db8::1\]:443 HTTP/);
  });

  it('wss: TLS runs inside the tunnel and is checked against the target', async () => {
    const tls = await testCertificate();
    const server = await startRawServer((head) => acceptance(head), { tls });
    const proxy = await startConnectProxy();
    const options = { proxy: proxy.url, ca: tls.cert };
    const socket = connect(WebSocket, `wss://localhost:${server.port}/`, options);
    await opened(socket);
    expect(proxy.heads[0]).toMatch(/^CONNECT localhost:\d+ /);
    await opened(connect(WebSocket, `wss://127.0.0.1:${server.port}/`, options));

    const [error] = await run(WebSocket, `wss://other.example:${server.port}/`, options);
    expect(error![1]).toMatch(/^Hostname\/IP does not match certificate's altnames: Host: other\.example\./);
    const [other] = await run(WebSocket, `wss://127.0.0.2:${server.port}/`, options);
    expect(other![1]).toMatch(/^Hostname\/IP does not match certificate's altnames: IP: 127\.0\.0\.2 /);
    expect(await run(WebSocket, `wss://localhost:${server.port}/`, { proxy: proxy.url })).toEqual([
      ['error', expect.stringMatching(/^self-signed certificate/)],
      CLOSE,
    ]);
    expect(server.heads).toHaveLength(2);
  });

  it("an https: proxy, whose own certificate is checked whatever is said of the target's", async () => {
    const tls = await testCertificate();
    const server = await startRawServer((head) => acceptance(head), { tls });
    const proxy = await startConnectProxy({ tls });
    await opened(connect(WebSocket, server.url(), { proxy: proxy.url, ca: tls.cert }));
    const { host } = new URL(proxy.url);
    expect(await run(WebSocket, server.url(), { proxy: proxy.url, rejectUnauthorized: false })).toEqual([
      ['error', expect.stringContaining(`The proxy ${host} could not be used: self-signed certificate`)],
      CLOSE,
    ]);
  });

  it.each([
    ['garbage', 'blah\r\n\r\n', /^The proxy \S+ could not be used: Parse Error/],
    ['407', plainAnswer('407 Who'), /refused a tunnel to server\.example:80: 407 Who$/],
  ])('fails when the proxy answers %s', async (_, answer, message) => {
    const proxy = await startConnectProxy({ answer: () => answer });
    const [error, close] = await run(WebSocket, 'ws://server.example/', { proxy: proxy.url });
    expect(error![1]).toMatch(message);
    expect(close).toEqual(CLOSE);
  });

  it('fails when the proxy is not there, with the code of the network', async () => {
    const socket = connect(WebSocket, 'ws://server.example/', { proxy: 'http://127.0.0.77:1' });
    const [error] = (await eventOf(socket, 'error')) as [Error & { code: string; cause: Error }];
    expect(error.message).toBe('The proxy 127.0.0.77:1 could not be used: connect ECONNREFUSED 127.0.0.77:1');
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('handshakeTimeout and close end a tunnel that is not answered', async () => {
    const asked = deferred();
    const proxy = await startConnectProxy({
      answer: () => {
        asked.resolve();
        return undefined;
      },
    });
    const options = { proxy: proxy.url, handshakeTimeout: 60 };
    expect(await run(WebSocket, 'ws://server.example/', options)).toEqual([
      ['error', 'Opening handshake has timed out'],
      CLOSE,
    ]);
    const socket = connect(WebSocket, 'ws://server.example/', { proxy: proxy.url });
    const { closed } = watch(socket);
    await asked.promise;
    while (proxy.heads.length < 2) await new Promise(setImmediate);
    const ended = eventOf(proxy.sockets[1]!, 'close');
    socket.close();
    await closed;
    await ended;
  });

  it('redirects have a tunnel each', async () => {
    const server = await startRawServer((head, _socket, count) =>
      count === 1 ? plainAnswer('302 Found', { Location: '/b' }) : acceptance(head),
    );
    const proxy = await startConnectProxy();
    await opened(connect(WebSocket, server.url(), { proxy: proxy.url, followRedirects: true }));
    expect(proxy.heads).toHaveLength(2);
    expect(server.heads[1]).toMatch(/^GET \/b /);
  });

  it('unix sockets have no proxy', async () => {
    const server = await startRawServer((head) => acceptance(head), { socketPath: await unixSocketPath() });
    await opened(connect(WebSocket, server.url(), { proxy: 'http://127.0.0.77:1' }));
  });

  it.each([['socks://h:1'], ['h:1'], [''], ['http://']])('refuses the proxy %j', (proxy) => {
    expect(() => new WebSocket('ws://127.0.0.1:1/', { proxy })).toThrow(SyntaxError);
  });

  it('the error about a proxy does not tell its password', () => {
    expect(() => new WebSocket('ws://127.0.0.1:1/', { proxy: 'socks://me:secret@h:1' })).toThrow(
      new SyntaxError('Invalid proxy "socks://…@h:1": give a URL with http: or https:'),
    );
  });

  it.each<[string, ClientOptions]>([
    ['agent', { agent: new Agent() }],
    ['createConnection', { createConnection: () => undefined }],
  ])('proxy cannot go with %s', (_, options) => {
    expect(() => new WebSocket('ws://127.0.0.1:1/', { proxy: 'http://127.0.0.77:1', ...options })).toThrow(TypeError);
  });

  it('agent: false does not lead past the proxy', async () => {
    const [server, proxy] = [await accepting(), await startConnectProxy()];
    await opened(connect(WebSocket, server.url(), { proxy: proxy.url, agent: false }));
    expect(proxy.heads).toHaveLength(1);
  });
});

describe('proxyFromEnvironment', () => {
  it('is off unless asked for, and the option before it', async () => {
    const [server, proxy, other] = [await accepting(), await startConnectProxy(), await startConnectProxy()];
    vi.stubEnv('no_proxy', '');
    vi.stubEnv('NO_PROXY', '');
    vi.stubEnv('http_proxy', proxy.url);
    await opened(connect(WebSocket, server.url()));
    expect(proxy.heads).toHaveLength(0);
    await opened(connect(WebSocket, server.url(), { proxyFromEnvironment: true }));
    expect(proxy.heads).toHaveLength(1);
    await opened(connect(WebSocket, server.url(), { proxyFromEnvironment: true, proxy: other.url }));
    expect([proxy.heads.length, other.heads.length]).toEqual([1, 1]);
    const createConnection = () => connectTcp(server.port, '127.0.0.1');
    await opened(connect(WebSocket, server.url(), { proxyFromEnvironment: true, createConnection }));
    await opened(connect(WebSocket, server.url(), { proxyFromEnvironment: true, agent: new Agent() }));
    expect(proxy.heads).toHaveLength(1);
    vi.stubEnv('no_proxy', '127.0.0.1');
    await opened(connect(WebSocket, server.url(), { proxyFromEnvironment: true }));
    expect(proxy.heads).toHaveLength(1);
  });
});
