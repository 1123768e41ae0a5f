/** The rows of the attack matrix that a client's own options can bring about; see spec-notes/attacks.md. */

import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { run } from '../support/clients.ts';
import { fieldOf, plainAnswer, type RawServer, startConnectProxy, startRawServer } from '../support/raw-server.ts';
import { unixSocketPath } from '../support/servers.ts';

const EVIL = '\r\nX-Evil: 1';

/** A server that refuses everybody, and keeps the heads of the requests. */
const startRefusing = () => startRawServer(() => plainAnswer('400 No'));

describe('A13 a client whose options hold line breaks', () => {
  it.each<[what: string, error: ErrorConstructor, protocols: string[] | undefined, options: ClientOptions]>([
    ['the value of a header', TypeError, [], { headers: { 'X-Bad': `a${EVIL}` } }],
    ['the name of a header', TypeError, [], { headers: { [`X-Bad${EVIL}`]: '1' } }],
    ['one of several values', TypeError, [], { headers: { 'X-Bad': ['fine', `a${EVIL}`] } }],
    ['a lone line feed', TypeError, [], { headers: { 'X-Bad': 'a\nX-Evil: 1' } }],
    ['Host', TypeError, [], { headers: { Host: `h${EVIL}` } }],
    ['origin', TypeError, [], { origin: `http://o${EVIL}` }],
    ['a subprotocol', SyntaxError, ['p', `q${EVIL}`], {}],
    ['a subprotocol of the options', SyntaxError, undefined, { protocols: `q${EVIL}` }],
  ])('A13 a line break in %s throws before a byte is written', async (_what, error, protocols, options) => {
    const server = await startRefusing();
    expect(() => new WebSocket(server.url(), protocols, options)).toThrow(error);
    // Whoever comes next is the first to have connected.
    await run(WebSocket, server.url('/next'));
    expect(server.sockets).toHaveLength(1);
    expect(server.heads[0]).toMatch(/^GET \/next HTTP/);
  });

  it('A13 line breaks in the address, its credentials and auth never reach the wire', async () => {
    const server = await startRefusing();
    await run(WebSocket, server.url(`/a${EVIL}`));
    await run(WebSocket, server.url(`/a?b=${EVIL}`));
    await run(WebSocket, server.url('/a%0d%0aX-Evil:%201'));
    await run(WebSocket, server.url().replace('//', '//u%0d%0aX-Evil:%201:p@'));
    await run(WebSocket, server.url(), { auth: `u${EVIL}:p` });
    expect(server.heads).toHaveLength(5);
    for (const head of server.heads) expect(head).not.toMatch(/^X-Evil/m);
  });

  it('A13 line breaks in the address of a proxy, and in the target of its tunnel, never reach the wire', async () => {
    const proxy = await startConnectProxy({ answer: () => plainAnswer('403 Forbidden') });
    const credentials = proxy.url.replace('//', '//u%0d%0aX-Evil:%201:p@');
    await run(WebSocket, 'ws://server.example/', { proxy: credentials });
    await run(WebSocket, `ws://server.example/${EVIL}`, { proxy: proxy.url });
    expect(() => new WebSocket('ws://server%0d%0aX-Evil.example/', { proxy: proxy.url })).toThrow(SyntaxError);
    expect(proxy.heads).toHaveLength(2);
    for (const head of proxy.heads) expect(head).not.toMatch(/^X-Evil/m);
  });
});

describe('A32 redirects', () => {
  const startRedirecting = (location: string) => startRawServer(() => plainAnswer('302 Found', { Location: location }));
  const SECRETS = [
    'Authorization',
    'Cookie',
    'Proxy-Authorization',
    'X-Api-Key',
    'X-Auth-Token',
    'Api',
    'Referer',
    'Host',
  ];
  const HARMLESS = ['User-Agent', 'Accept-Language', 'Origin'];
  const headers = Object.fromEntries([...SECRETS, ...HARMLESS].map((name) => [name, `mine-${name}`]));
  const gotFrom = (server: RawServer) =>
    [...SECRETS, ...HARMLESS].filter((name) => fieldOf(server.heads.at(-1)!, name) === `mine-${name}`);

  it.each([
    ['ws+unix:', 'ws+unix:$SOCKET:/x', /^Redirect to a ws\+unix: address refused: only the program itself/],
    ['ws+unix: in another case', 'WS+Unix:$SOCKET', /^Redirect to a ws\+unix: address refused/],
    ['unix:', 'unix:$SOCKET', /protocol must be one of/],
    ['http+unix:', 'http+unix://$SOCKET/x', /protocol must be one of/],
    ['file:', 'file://$SOCKET', /protocol must be one of/],
    ['data:', 'data:,x', /protocol must be one of/],
    ['javascript:', 'javascript:0', /protocol must be one of/],
  ])('A32 to the scheme %s: refused, and nobody is asked', async (_scheme, location, message) => {
    const socketPath = await unixSocketPath();
    const victim = await startRawServer(() => plainAnswer('400 No'), { socketPath });
    const server = await startRedirecting(location.replace('$SOCKET', socketPath));
    const [error, close] = await run(WebSocket, server.url(), { followRedirects: true, headers });
    expect(error).toEqual(['error', expect.stringMatching(message)]);
    expect(close).toEqual(['close', 1006, '']);
    expect(victim.heads).toEqual([]);
  });

  it('A32 to another port or host name: only fields that are known to be harmless go along', async () => {
    const victim = await startRefusing();
    for (const target of [victim.url(), victim.url().replace('127.0.0.1', 'localhost')]) {
      const server = await startRedirecting(target);
      await run(WebSocket, server.url().replace('//', '//user:password@'), { followRedirects: true, headers });
      expect(gotFrom(server)).toEqual([...SECRETS, ...HARMLESS]);
      expect(gotFrom(victim)).toEqual(HARMLESS);
      expect(fieldOf(victim.heads.at(-1)!, 'Authorization')).toBeUndefined();
    }
    expect(victim.heads).toHaveLength(2);
  });

  it('A32 by way of another host back to the first: the secrets stay behind on a way that others have chosen', async () => {
    let location = '';
    const first = await startRawServer((_head, _socket, count) =>
      count === 1 ? plainAnswer('302 Found', { Location: location }) : plainAnswer('400 No'),
    );
    const other = await startRedirecting(first.url('/chosen'));
    location = other.url();
    await run(WebSocket, first.url(), { followRedirects: true, headers });
    expect(first.heads.at(-1)).toMatch(/^GET \/chosen /);
    expect(gotFrom(first)).toEqual(['Host', ...HARMLESS]);
  });
});
