/** The opening handshake over real sockets, on both ways in (§4.2). What only one of them has stands in its own file. */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket as WsClient } from 'ws';
import { ACCEPT, clientFrame, closed, echoed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  startServer,
  testCertificate,
  unixSocketPath,
  watchProcess,
} from '../support/servers.ts';
import { byteByByte, concat, toBytes } from '../support/wire.ts';

describe.each(SERVER_KINDS)('the opening handshake on %s', (kind) => {
  it('§4.2.2 the 101 response, byte by byte', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.head()).toBe(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${ACCEPT}`,
        '',
        '',
      ].join('\r\n'),
    );
    expect(server.connections[0]!.protocol).toBe('');
    expect(server.connections[0]!.extensions).toBe('');
  });

  it('§4.2.1 tokens in any case and among others; an extension offered is not agreed to', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.open(server, {
      Upgrade: 'WebSocket',
      Connection: 'keep-alive, UPGRADE',
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
    });
    peer.send(text('Hi'));
    expect(await peer.frame()).toBe(echoed('Hi'));
  });

  it('talks to the ws package: text, binary, fragments, close', async () => {
    const server = await startServer(kind, {}, echo);
    const client = new WsClient(server.url('/chat?x=1'));
    await once(client, 'open');
    for (const data of ['grüße', Buffer.alloc(70_000, 7), '']) {
      const message = once(client, 'message');
      client.send(data);
      expect(await message).toEqual([Buffer.from(data), typeof data !== 'string']);
    }
    const end = once(client, 'close');
    client.close(1000, 'done');
    expect(await end).toEqual([1000, Buffer.from('done')]);
  });

  it('over TLS', async () => {
    const tls = await testCertificate();
    const server = await startServer(kind, { tls }, echo);
    const client = new WsClient(server.url(), { ca: tls.cert });
    await once(client, 'open');
    const big = Buffer.alloc(300_000, 'tls');
    const message = once(client, 'message');
    client.send(big);
    expect((await message)[0]).toEqual(big);
    const end = once(client, 'close');
    server.connections[0]!.close(1001);
    expect((await end)[0]).toBe(1001);
  });

  it('over TLS, the request and frames in one record', async () => {
    const server = await startServer(kind, { tls: await testCertificate() }, echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), text('a'), text('b'));
    await peer.head();
    expect(await peer.frames(2)).toEqual([echoed('a'), echoed('b')]);
  });

  it('over a unix socket', async () => {
    const socketPath = await unixSocketPath();
    const server = await startServer(kind, { socketPath }, echo);
    expect(server.server.address()).toBe(socketPath);
    const client = new WsClient(server.url('/x'));
    await once(client, 'open');
    const message = once(client, 'message');
    client.send('through the file system');
    expect((await message)[0]).toEqual(Buffer.from('through the file system'));
    client.terminate();
  });

  it('address() says where it listens', async () => {
    const server = await startServer(kind);
    expect(server.server.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4', port: expect.any(Number) });
  });

  it('frames in the packet of the request are read, also when the decision takes time', async () => {
    let decide: (isAdmitted: boolean) => void = () => {};
    const server = await startServer(kind, { admit: () => new Promise((resolve) => (decide = resolve)) }, echo);
    const peer = await RawPeer.connect(server);
    const message = text('cut in two');
    peer.send(upgradeRequest(), text('first'), message.subarray(0, 4));
    while (decide.length === 0) await nextTurn();
    peer.send(message.subarray(4), text('last'));
    await nextTurn();
    decide(true);
    await peer.head();
    expect(await peer.frames(3)).toEqual(['first', 'cut in two', 'last'].map(echoed));
  });

  it('a handshake that comes a byte at a time, with a frame behind it', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.connect(server);
    for (const byte of byteByByte(concat(toBytes(upgradeRequest()), text('Hi')))) {
      peer.send(byte);
      await nextTurn();
    }
    await peer.head();
    expect(await peer.frame()).toBe(echoed('Hi'));
  });

  it('path: others are refused, queries are not looked at', async () => {
    const server = await startServer(kind, { path: '/chat' });
    for (const target of ['/', '/chat/', '/chatx', '/CHAT', '/%63hat']) {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({}, `GET ${target} HTTP/1.1`));
      expect(await peer.head()).toMatch(kind === 'node:http' ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 404 /);
    }
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({}, 'GET /chat?a=/b HTTP/1.1'));
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
  });

  it('§10.2 origins: others get 403, requests without one and the listed ones get in', async () => {
    const server = await startServer(kind, { origins: ['https://good.example'] });
    const origins: [string | undefined, number][] = [
      ['https://evil.example', 403],
      ['https://good.example.evil.example', 403],
      ['http://good.example', 403],
      ['null', 403],
      ['https://good.example', 101],
      [undefined, 101],
    ];
    for (const [origin, status] of origins) {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({ Origin: origin }));
      expect(await peer.head(), String(origin)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
  });

  it('clients: in it while open, gone with the close event', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    expect([...server.server.clients!]).toEqual([socket]);
    const end = eventOf(socket!, 'close');
    peer.socket.end();
    await end;
    expect(server.server.clients!.size).toBe(0);
  });

  describe('the handshake timeout', () => {
    it.each([
      ['says nothing', ''],
      ['stops in the middle of the head', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ])('a peer that %s is answered with 408 and cut off', async (_what, sent) => {
      const server = await startServer(kind, { handshakeTimeoutMs: 60 });
      const peer = await RawPeer.connect(server);
      if (sent !== '') peer.send(sent);
      expect(await peer.head()).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
      await peer.rest();
    });

    it('does not concern a connection that is open', async () => {
      const server = await startServer(kind, { handshakeTimeoutMs: 500 }, echo);
      const peer = await RawPeer.open(server);
      const late = await RawPeer.connect(server);
      // The second peer's 408 shows that the first one's time, which began earlier, would be over too.
      await late.rest();
      peer.send(text('still open'));
      expect(await peer.frame()).toBe(echoed('still open'));
    });
  });

  describe('peers that go away', () => {
    it('before, within and right after the handshake: the server serves on', async () => {
      const { uncaught, warnings } = watchProcess();
      const server = await startServer(kind, {}, echo);
      const request = upgradeRequest();
      for (const leave of [(peer: RawPeer) => peer.reset(), (peer: RawPeer) => void peer.socket.destroy()]) {
        for (const length of [0, 10, request.length - 1, request.length]) {
          const peer = await RawPeer.connect(server);
          if (length > 0) peer.send(request.slice(0, length));
          await nextTurn();
          leave(peer);
        }
        const peer = await RawPeer.open(server);
        peer.send(clientFrame(1, 'cut off').subarray(0, 3));
        leave(peer);
      }
      const last = await RawPeer.open(server);
      last.send(text('on'));
      expect(await last.frame()).toBe(echoed('on'));
      await Promise.all(
        server.connections.slice(0, -1).map((socket) => socket.readyState === 3 || eventOf(socket, 'close')),
      );
      expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
    });

    it.each([
      ['reset', true],
      ['reset', false],
      ['end', true],
    ] as const)('while the decision is made (%s, then admitted: %s): no connection, no error', async (how, verdict) => {
      const { uncaught, warnings } = watchProcess();
      let decide: ((isAdmitted: boolean) => void) | undefined;
      const server = await startServer(kind, { admit: () => new Promise((resolve) => (decide = resolve)) }, echo);
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest());
      while (decide === undefined) await nextTurn();
      if (how === 'reset') peer.reset();
      else peer.socket.end();
      await eventOf(peer.socket, how === 'reset' ? 'close' : 'finish');
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      decide(verdict);
      await peer.rest();
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      expect(server.connections).toEqual([]);
      expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
    });
  });

  it('a refusal arrives whole although the peer has ended its side and sent more than the request', async () => {
    const server = await startServer(kind, { admit: () => false });
    const peer = await RawPeer.connect(server, true);
    peer.send(upgradeRequest(), Buffer.alloc(200_000));
    peer.socket.end();
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[\s\S]*\r\n\r\nForbidden$/);
    expect(peer.error).toBeUndefined();
  });

  it('a hook that throws is answered with 500 and warned of', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const fault = () => {
      throw new Error('hook failed');
    };
    const server = await startServer(kind, {
      ...(kind === 'node:http' ? { http: { verifyClient: fault } } : { net: { authorize: fault } }),
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    expect((await nextWarning()).detail).toContain('hook failed');
    expect(uncaught).toEqual([]);
  });

  it('a hook that rejects is answered with 500 and warned of', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const fault = async (_a: unknown, _b?: unknown): Promise<never> => {
      throw new Error('hook rejected');
    };
    const server = await startServer(kind, {
      ...(kind === 'node:http' ? { http: { verifyClient: fault } } : { net: { authorize: fault } }),
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    expect((await nextWarning()).detail).toContain('hook rejected');
    expect(uncaught).toEqual([]);
  });

  it('a connection that fails at once: the Close frame reaches the peer', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), clientFrame(3));
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
  });
});
