import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { CLIENTS, connect, opened, run, watch } from '../support/clients.ts';
import { acceptance, fieldOf, plainAnswer, type RawServer, startRawServer } from '../support/raw-server.ts';
import { testCertificate, unixSocketPath } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];
const SECRETS: ClientOptions = { followRedirects: true, headers: { Authorization: 'mine', Cookie: 'c=1', X: 'x' } };
const found = (location: string, status = '302 Found') => plainAnswer(status, { Location: location });

/** A server that sends each request where `targets` say, and accepts when there is no more. */
function startRedirector(targets: readonly string[], options?: Parameters<typeof startRawServer>[1]) {
  return startRawServer((head, _socket, count) => {
    const target = targets[count - 1];
    return target === undefined ? acceptance(head) : found(target);
  }, options);
}

/** The fields that tell who asks, as the server's last request has them. */
function secretsOf(server: RawServer) {
  const head = server.heads.at(-1)!;
  return ['authorization', 'cookie', 'x', 'host'].map((name) => fieldOf(head, name));
}

describe.each(CLIENTS)('%s: redirects', (name, Client) => {
  /** What becomes of a field that may be a secret or not: ws takes it along. */
  const otherField = name === 'ws' ? 'x' : undefined;

  it('are not followed unless asked to', async () => {
    const server = await startRedirector(['/b']);
    expect(await run(Client, server.url())).toEqual([['error', 'Unexpected server response: 302'], CLOSE]);
  });

  it.each(['300 a', '301 a', '302 a', '303 a', '307 a', '308 a', '399 a'])(
    '§4.1 %s is followed, with all fields to the same host',
    async (status) => {
      const server = await startRawServer((head, _socket, count) =>
        count === 1 ? found('b?c=d', status) : acceptance(head, { 'Sec-WebSocket-Protocol': 'p' }),
      );
      const socket = connect(Client, server.url('/a/x'), ['p'], { ...SECRETS, origin: 'http://o' });
      await opened(socket);
      expect(socket.url).toBe(server.url('/a/b?c=d'));
      expect(server.heads[1]).toMatch(/^GET \/a\/b\?c=d /);
      expect(secretsOf(server)).toEqual(['mine', 'c=1', 'x', `127.0.0.1:${server.port}`]);
      for (const name of ['Origin', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Version']) {
        expect(fieldOf(server.heads[1]!, name)).toBe(fieldOf(server.heads[0]!, name));
      }
      expect(fieldOf(server.heads[1]!, 'Sec-WebSocket-Key')).not.toBe(fieldOf(server.heads[0]!, 'Sec-WebSocket-Key'));
    },
  );

  it('a 3xx without Location is an unexpected response', async () => {
    const server = await startRawServer(() => plainAnswer('304 Not Modified'));
    expect(await run(Client, server.url(), SECRETS)).toEqual([['error', 'Unexpected server response: 304'], CLOSE]);
  });

  it('to another host: Authorization, Cookie, Host and whatever is not known to be harmless stay behind', async () => {
    const other = await startRedirector([]);
    const server = await startRedirector([other.url()]);
    const options = { ...SECRETS, headers: { ...SECRETS.headers, Host: 'virtual.example' } };
    await opened(connect(Client, server.url(), options));
    expect(secretsOf(server)).toEqual(['mine', 'c=1', 'x', 'virtual.example']);
    expect(secretsOf(other)).toEqual([undefined, undefined, otherField, `127.0.0.1:${other.port}`]);
  });

  it('to another host: credentials of the address and of auth stay behind, and those of the new address are not used', async () => {
    for (const [user, options] of [
      ['a:b@', {}],
      ['', { auth: 'a:b' }],
    ] as const) {
      const other = await startRedirector([]);
      const server = await startRedirector([other.url().replace('//', '//c:d@')]);
      await opened(connect(Client, server.url().replace('//', `//${user}`), { followRedirects: true, ...options }));
      expect(fieldOf(server.heads[0]!, 'authorization')).toBe(`Basic ${btoa('a:b')}`);
      expect(fieldOf(other.heads[0]!, 'authorization')).toBeUndefined();
    }
  });

  it('to the same host: the first credentials win', async () => {
    const server = await startRawServer((head, socket, count) =>
      count === 1 ? found(`ws://c:d@127.0.0.1:${socket.localPort}/`) : acceptance(head),
    );
    await opened(connect(Client, server.url().replace('//', '//a:b@'), { followRedirects: true }));
    expect(fieldOf(server.heads[1]!, 'authorization')).toBe(`Basic ${btoa('a:b')}`);
  });

  it('to the same host: credentials of the new address are used when there were none', async () => {
    const server = await startRawServer((head, socket, count) =>
      count === 1 ? found(`ws://c:d@127.0.0.1:${socket.localPort}/`) : acceptance(head),
    );
    await opened(connect(Client, server.url(), { followRedirects: true }));
    expect(fieldOf(server.heads[1]!, 'authorization')).toBe(`Basic ${btoa('c:d')}`);
  });

  it('from wss to ws: the secrets stay behind, also when the host is the same', async () => {
    const tls = await testCertificate();
    const plain = await startRedirector([]);
    const secure = await startRedirector(['ws://server.example/'], { tls });
    const createConnection: ClientOptions['createConnection'] = ({ port }) =>
      Number(port) === 443
        ? connectTls({ port: secure.port, host: '127.0.0.1', ca: tls.cert })
        : connectTcp({ port: plain.port, host: '127.0.0.1' });
    await opened(connect(Client, 'wss://server.example/', { ...SECRETS, createConnection }));
    expect(secretsOf(secure)).toEqual(['mine', 'c=1', 'x', 'server.example']);
    expect(secretsOf(plain)).toEqual([undefined, undefined, otherField, 'server.example']);
  });

  it('between a unix socket and TCP, and between unix sockets: the secrets stay behind', async () => {
    const tcp = await startRedirector([]);
    const [first, second] = [await unixSocketPath(), await unixSocketPath()];
    const last = await startRedirector([tcp.url()], { socketPath: second });
    const unix = await startRedirector([`ws+unix:${first}:/again`, last.url()], { socketPath: first });
    await opened(connect(Client, unix.url(), SECRETS));
    expect(secretsOf(unix)).toEqual(['mine', 'c=1', 'x', 'localhost']);
    expect(unix.heads[1]).toMatch(/^GET \/again /);
    expect(secretsOf(last)).toEqual([undefined, undefined, otherField, 'localhost']);
    expect(secretsOf(tcp).slice(0, 3)).toEqual([undefined, undefined, otherField]);
  });

  it('from ws to wss on the same host nothing stays behind', async () => {
    const tls = await testCertificate();
    const secure = await startRedirector([], { tls });
    const plain = await startRedirector(['wss://server.example/']);
    const createConnection: ClientOptions['createConnection'] = ({ port }) =>
      Number(port) === 443
        ? connectTls({ port: secure.port, host: '127.0.0.1', ca: tls.cert })
        : connectTcp({ port: plain.port, host: '127.0.0.1' });
    await opened(connect(Client, 'ws://server.example/', { ...SECRETS, createConnection }));
    expect(secretsOf(secure)).toEqual(['mine', 'c=1', 'x', 'server.example']);
  });

  it.runIf(name !== 'ws')('of a unix socket without a scheme name another resource of the same socket', async () => {
    const socketPath = await unixSocketPath();
    const server = await startRedirector(['/x?y', 'z'], { socketPath });
    const socket = connect(Client, server.url('/a/b'), SECRETS);
    await opened(socket);
    expect(server.heads.map((head) => head.split(' ')[1])).toEqual(['/a/b', '/x?y', '/z']);
    expect(secretsOf(server)).toEqual(['mine', 'c=1', 'x', 'localhost']);
    expect(socket.url).toBe(`ws+unix:${socketPath}:/z`);
  });

  it('with a redirect listener nothing stays behind, and the request can be changed', async () => {
    const other = await startRedirector([]);
    const server = await startRedirector([other.url('/x')]);
    const socket = connect(Client, server.url(), SECRETS);
    const urls: string[] = [];
    socket.on('redirect', (url, request) => {
      urls.push(url, socket.url!);
      request.removeHeader('cookie');
    });
    await opened(socket);
    expect(urls).toEqual([other.url('/x'), other.url('/x')]);
    expect(secretsOf(other).slice(0, 3)).toEqual(['mine', undefined, 'x']);
  });

  it('finishRequest is called for each request', async () => {
    const server = await startRedirector(['/b']);
    const paths: string[] = [];
    await opened(
      connect(Client, server.url('/a'), {
        followRedirects: true,
        finishRequest(request) {
          paths.push(request.path);
          request.end();
        },
      }),
    );
    expect(paths).toEqual(['/a', '/b']);
  });

  it('maxRedirects', async () => {
    const server = await startRawServer(() => found('/again'));
    expect(await run(Client, server.url(), { followRedirects: true })).toEqual([
      ['error', 'Maximum redirects exceeded'],
      CLOSE,
    ]);
    expect(server.heads).toHaveLength(11);
    await run(Client, server.url(), { followRedirects: true, maxRedirects: 0 });
    expect(server.heads).toHaveLength(12);
  });

  it.each([
    ['http://', 'Invalid URL: http://'],
    ['ftp://h/', 'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"'],
    ['/#x', 'The URL contains a fragment identifier'],
  ])('a bad Location %s fails by event', async (location, message) => {
    const server = await startRedirector([location]);
    expect(await run(Client, server.url(), { followRedirects: true })).toEqual([['error', message], CLOSE]);
  });

  it('close, terminate and request.destroy in a redirect listener', async () => {
    const early = 'WebSocket was closed before the connection was established';
    for (const stop of ['close', 'terminate'] as const) {
      const server = await startRedirector(['/b']);
      const socket = connect(Client, server.url(), { followRedirects: true });
      socket.on('redirect', () => socket[stop]());
      expect(await watch(socket).closed).toEqual([['error', early], CLOSE]);
    }
    const server = await startRedirector(['/b']);
    const socket = connect(Client, server.url(), { followRedirects: true });
    socket.on('redirect', (_url, request) => request.destroy(new Error('not there')));
    expect(await watch(socket).closed).toEqual([['error', 'not there'], CLOSE]);
  });

  it('handshakeTimeout runs anew for each request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await startRawServer((_head, _socket, count) => {
      vi.advanceTimersByTime(count < 4 ? 600 : 1000);
      return count < 4 ? found('/b') : undefined;
    });
    const options = { followRedirects: true, handshakeTimeout: 1000 };
    expect(await run(Client, server.url(), options)).toEqual([['error', 'Opening handshake has timed out'], CLOSE]);
    expect(server.heads).toHaveLength(4);
  });

  it('leaves the given headers alone', async () => {
    const headers = { Authorization: 'mine', Cookie: 'c=1' };
    const other = await startRedirector([]);
    const server = await startRedirector([other.url()]);
    await opened(connect(Client, server.url(), { followRedirects: true, headers }));
    expect(headers).toEqual({ Authorization: 'mine', Cookie: 'c=1' });
  });
});
