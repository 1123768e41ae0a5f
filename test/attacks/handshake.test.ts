/** The rows of the attack matrix that hit the opening handshake; spec-notes/attacks.md says what each is about. */

import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listen } from '../../src/api/net-server.ts';
import { WebSocketServer } from '../../src/api/websocket-server.ts';
import { echoed, type Fields, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  type ServerSetup,
  startServer,
  watchProcess,
} from '../support/servers.ts';
import { byteByByte, toBytes } from '../support/wire.ts';

async function statusOf(kind: ServerKind, fields: Fields, setup: ServerSetup = {}): Promise<string> {
  const server = await startServer(kind, setup, echo);
  const peer = await RawPeer.connect(server);
  peer.send(upgradeRequest(fields));
  const status = (await peer.head()).slice(9, 12);
  // Whatever the answer was, the server answers the next one.
  const other = await RawPeer.open(server);
  other.send(text('on'));
  expect(await other.frame()).toBe(echoed('on'));
  return status;
}

/** Room for headers of 64 KiB. */
const LARGE_HEADS: ServerSetup = { net: { maxHeadBytes: 100_000 } };
function largeHeads(kind: ServerKind): ServerSetup {
  return kind === 'node:net' ? LARGE_HEADS : { http: { server: createServer({ maxHeaderSize: 100_000 }) } };
}

it.each([
  ['Upgrade', `x${' '.repeat(64_000)}x`, '426'],
  ['Connection', `x${', '.repeat(32_000)}x`, '400'],
])('A04 64 KiB of %s on node:net, which reads the lists itself', async (name, value, status) => {
  expect(await statusOf('node:net', { [name]: value }, LARGE_HEADS)).toBe(status);
});

describe.each(SERVER_KINDS)('handshake attacks on %s', (kind) => {
  it.each([
    'constructor',
    '__proto__',
    '__proto__; constructor',
    'x; __proto__=1; hasOwnProperty',
    'toString; valueOf="a"',
  ])('A03 the extension offer "%s" is declined and nothing else', async (offer) => {
    const { uncaught } = watchProcess();
    expect(await statusOf(kind, { 'Sec-WebSocket-Extensions': offer })).toBe('101');
    expect(await statusOf(kind, { ['__proto__']: offer, constructor: offer })).toBe('101');
    expect(uncaught).toEqual([]);
  });

  it.each([
    ['Sec-WebSocket-Protocol', `a${' '.repeat(64_000)}b`],
    ['Sec-WebSocket-Protocol', `a${',a'.repeat(32_000)}`],
    ['Sec-WebSocket-Protocol', `a${' ,'.repeat(32_000)}`],
    ['Sec-WebSocket-Extensions', `a; b="${'\\c'.repeat(32_000)}`],
    ['Sec-WebSocket-Extensions', `a; b="${'"'.repeat(64_000)}`],
    ['Sec-WebSocket-Extensions', `a${'; b'.repeat(20_000)};`],
    ['Sec-WebSocket-Key', '='.repeat(64_000)],
  ])('A04 64 KiB of %s that invite back-tracking are answered at once (%#)', async (name, value) => {
    const isIgnored = kind === 'node:http' && name.endsWith('Extensions');
    expect(await statusOf(kind, { [name]: value }, largeHeads(kind))).toBe(isIgnored ? '101' : '400');
  });

  it('A05 more header fields than are taken, Upgrade behind them: refused', async () => {
    const { uncaught } = watchProcess();
    const fields = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`x${i}`, '']));
    const server = await startServer(kind, largeHeads(kind), echo);
    const peer = await RawPeer.connect(server);
    const lines = Object.keys(fields).map((name) => `${name}:\r\n`);
    peer.send(upgradeRequest().replace('\r\nHost', `\r\n${lines.join('')}Host`));
    // node:http drops what is over its limit; since Node 22 it refuses the request itself.
    expect(await peer.head()).toMatch(kind === 'node:http' ? /^HTTP\/1.1 (400|431) / : /^HTTP\/1.1 431 /);
    await peer.rest();
    await RawPeer.open(server);
    expect(uncaught).toEqual([]);
  });

  it('A13 a line break in anything the program puts into a response is refused before a byte is written', async () => {
    const { uncaught } = watchProcess();
    const evil = 'a\r\nSet-Cookie: evil=1';
    if (kind === 'node:net') {
      await expect(listen({ headers: [['X', evil]] })).rejects.toThrow(TypeError);
      await expect(listen({ headers: [[evil, 'x']] })).rejects.toThrow(TypeError);
      await expect(listen({ subprotocols: [evil] })).rejects.toThrow(TypeError);
    }
    const setups: ServerSetup[] =
      kind === 'node:net'
        ? [
            { net: { authorize: () => ({ status: 401, headers: { X: evil } }) } },
            { net: { authorize: () => ({ status: 401, headers: { [evil]: 'x' } }) } },
          ]
        : [
            { http: { handleProtocols: () => evil } },
            { http: { verifyClient: (_info, done) => done(false, 401, 'no', { X: evil }) } },
            { http: { verifyClient: (_info, done) => done(false, 401, 'no', { [evil]: 'x' }) } },
            { http: {} },
          ];
    for (const setup of setups) {
      const server = await startServer(kind, setup);
      if (server.server instanceof WebSocketServer) server.server.on('headers', (lines) => lines.push(`X: ${evil}`));
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': 'p' }));
      const answer = await peer.rest();
      expect(answer).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
      expect(answer).not.toContain('evil');
    }
    expect(uncaught).toEqual([]);
  });

  it('A14 a head dribbled a byte at a time is cut off by the deadline, whatever still comes', async () => {
    const server = await startServer(kind, { handshakeTimeoutMs: 80 });
    const peer = await RawPeer.connect(server);
    let isOver = false;
    const answer = peer.rest().then((rest) => {
      isOver = true;
      return rest;
    });
    peer.socket.on('error', () => {});
    peer.send('GET / HTTP/1.1\r\nX: ');
    while (!isOver) {
      peer.socket.write('x');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await answer).toMatch(/^HTTP\/1.1 408 /);
  });

  it('A14 an endless head is refused at the limit', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.connect(server);
    peer.send('GET / HTTP/1.1\r\n');
    const answer = peer.head();
    for (let i = 0; i < 40; i++) {
      peer.send(`X${i}: ${'x'.repeat(1000)}\r\n`);
      await nextTurn();
    }
    expect(await answer).toMatch(/^HTTP\/1.1 431 /);
  });

  it('A14 a head that comes in single bytes and in time is taken', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.connect(server);
    for (const byte of byteByByte(toBytes(upgradeRequest()))) peer.send(byte);
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
  });

  it('A16 a page of another site gets 403 where origins are listed; without a list every origin may connect', async () => {
    const origins = ['https://app.example'];
    for (const origin of [
      'https://evil.example',
      'https://app.example.evil.example',
      'null',
      'https://app.example:444',
    ]) {
      expect(await statusOf(kind, { Origin: origin }, { origins }), origin).toBe('403');
    }
    expect(await statusOf(kind, { Origin: 'https://APP.example' }, { origins })).toBe('101');
    expect(await statusOf(kind, { Origin: 'https://evil.example' })).toBe('101');
  });

  it.each([
    ['accepted', true],
    ['refused', false],
  ] as const)(
    'A20 a reset while the decision is open, which is then %s: nothing reaches the process',
    async (_what, verdict) => {
      const { uncaught, warnings } = watchProcess();
      const decisions: ((isAdmitted: boolean) => void)[] = [];
      const admit = () => new Promise<boolean>((resolve) => decisions.push(resolve));
      const server = await startServer(kind, { admit });
      const peers: RawPeer[] = [];
      for (let i = 0; i < 5; i++) {
        const peer = await RawPeer.connect(server);
        peer.send(upgradeRequest(), text('eager'));
        peers.push(peer);
      }
      while (decisions.length < 5) await nextTurn();
      for (const peer of peers) {
        peer.reset();
        await eventOf(peer.socket, 'close');
      }
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      for (const decide of decisions) decide(verdict);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      expect(server.connections).toEqual([]);
      expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
    },
  );

  it('A20 a refusal is flushed before the socket ends', async () => {
    const server = await startServer(kind, { admit: async () => false });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), Buffer.alloc(100_000, 'unread'));
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Forbidden$/);
    expect(peer.error).toBeUndefined();
  });
});
