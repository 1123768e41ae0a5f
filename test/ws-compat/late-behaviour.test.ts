/** What ws has come to do since 8.17, in the order of its releases: the same here, by the same steps in both. */

import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { HeldDuplex } from '../support/held-duplex.ts';
import { firstOf, framewright, type Library, openRaw, outcome, type Socket, serve, WS } from '../support/library.ts';
import { clientFrame, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { acceptance, fieldOf, startRawServer } from '../support/raw-server.ts';
import { eventOf, listenHttp, nextTurn, startPlainHttp, unixSocketPath } from '../support/servers.ts';

const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

/** A client of the library, that is gone when the test is over. */
function clientOf(library: Library, ...args: ConstructorParameters<Library['WebSocket']>): Socket {
  const client = new library.WebSocket(...args);
  client.on('error', () => {});
  onTestFinished(() => client.terminate());
  return client;
}

async function openClient(library: Library, options: object = {}) {
  const server = await startRawServer((head) => acceptance(head));
  const client = clientOf(library, server.url(), { perMessageDeflate: false, ...options });
  await eventOf(client, 'open');
  return { client, server, peer: server.sockets[0]! };
}

type LateCheck = readonly [what: string, run: (library: Library) => unknown, value: unknown];

const CHECKS: readonly LateCheck[] = [
  [
    '8.17.0 several messages of one chunk are heard in one turn',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      const heard: string[] = [];
      const end = new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          if (heard.push(String(data)) > 1) return;
          setImmediate(() => heard.push('next turn'));
          setImmediate(resolve);
        });
      });
      peer.send(text('a'), text('b'));
      await end;
      return heard.slice(0, 2);
    },
    ['a', 'b'],
  ],
  [
    '8.17.0 createConnection makes the client’s socket',
    async (library) => {
      let called = 0;
      const createConnection = (options: { host: string; port: number }) => {
        called++;
        return connect({ host: options.host, port: options.port });
      };
      await openClient(library, { createConnection });
      return called;
    },
    1,
  ],
  [
    '8.18.0 a Blob is sent as a binary message',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      socket.send(new Blob(['ab']));
      return peer.frame();
    },
    '82 61 62',
  ],
  [
    '8.18.0 binaryType blob gives Blobs',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      socket.binaryType = 'blob';
      const message = eventOf(socket, 'message');
      peer.send(clientFrame(2, 'ab'));
      const [blob] = (await message) as [Blob];
      return [blob instanceof Blob, await blob.text()];
    },
    [true, 'ab'],
  ],
  [
    '8.18.2 a message that inflates past maxPayload has the code of other long ones',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library, { perMessageDeflate: true, maxPayload: 20 }), DEFLATE);
      const payload = await new Promise<Buffer>((resolve) => {
        const deflate = new library.PerMessageDeflate();
        deflate.accept([{}]);
        deflate.compress(Buffer.alloc(100, 'a'), true, (_error, bytes) => resolve(bytes!));
      });
      const failed = eventOf(socket, 'error');
      peer.send(clientFrame(1, payload, { rsv: 4 }));
      const [error] = (await failed) as [Error & { code: string }];
      return [error.name, error.code, error.message];
    },
    ['RangeError', 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded'],
  ],
  [
    '8.18.3 an unsupported version is answered with those that are supported',
    async (library) => {
      const peer = await RawPeer.connect((await serve(library)).started);
      peer.send(upgradeRequest({ 'Sec-WebSocket-Version': '12' }));
      return fieldOf(await peer.head(), 'Sec-WebSocket-Version');
    },
    '13, 8',
  ],
  [
    '8.19.0 closeTimeout ends a closing handshake that is not answered',
    async (library) => {
      const [, socket] = await openRaw(await serve(library, { closeTimeout: 1 }));
      const end = eventOf(socket, 'close');
      socket.close(1000);
      return (await end)[0];
    },
    1006,
  ],
  [
    '8.20.0 extension, PerMessageDeflate and subprotocol are exported',
    (library) => [typeof library.extension, typeof library.PerMessageDeflate, typeof library.subprotocol],
    ['object', 'function', 'object'],
  ],
  [
    '8.20.0 PerMessageDeflate takes isServer and maxPayload as options',
    (library) => ({
      ...new library.PerMessageDeflate({ isServer: true, maxPayload: 5 }).accept([{ client_max_window_bits: [true] }]),
    }),
    {},
  ],
  [
    '8.20.1 a close reason is a string or bytes',
    async (library) => {
      const [, socket] = await openRaw(await serve(library));
      return outcome(() => socket.close(1000, new Uint16Array(4) as never));
    },
    'TypeError',
  ],
  [
    '8.21.0 maxFragments ends the connection with 1008',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library, { maxFragments: 2 }));
      const failed = eventOf(socket, 'error');
      peer.send(clientFrame(1, 'a', { fin: false }), ...Array(2).fill(clientFrame(0, 'b', { fin: false })));
      return [((await failed)[0] as { code: string }).code, await peer.frame()];
    },
    ['WS_ERR_TOO_MANY_BUFFERED_PARTS', '88 03 f0'],
  ],
  [
    '8.21.1 empty fragments count',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library, { maxFragments: 2 }));
      const failed = firstOf(socket, 'message');
      peer.send(clientFrame(1, '', { fin: false }), clientFrame(0, '', { fin: false }), clientFrame(0, ''));
      return failed;
    },
    'Too many message fragments',
  ],
  [
    '8.21.3 an offer whose client window is smaller than the server’s setting is refused',
    (library) => {
      const deflate = new library.PerMessageDeflate({ isServer: true, clientMaxWindowBits: 12 });
      return outcome(() => deflate.accept([{ client_max_window_bits: ['10'] }]));
    },
    'Error',
  ],
  [
    '8.22.0 subprotocols may stand among the options, and these in second place',
    async (library) => {
      const { server } = await openClient(library, { protocols: undefined });
      clientOf(library, server.url(), { protocols: ['one', 'two'] });
      while (server.heads.length < 2) await nextTurn();
      return fieldOf(server.heads[1]!, 'Sec-WebSocket-Protocol');
    },
    'one,two',
  ],
  [
    '8.22.0 close() that throws leaves the connection open',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      outcome(() => socket.close(1000, 'r'.repeat(124)));
      outcome(() => socket.close(999));
      socket.send('open');
      return [socket.readyState, await peer.frame()];
    },
    [1, '81 6f 70 65 6e'],
  ],
  [
    '8.22.1 a frame without payload is one write',
    async (library) => {
      const held = new HeldDuplex(false);
      const socket = new library.WebSocket(null, undefined, {});
      socket.setSocket(held, Buffer.alloc(0), {});
      socket.send(Buffer.alloc(0));
      await nextTurn();
      return held.chunks.map((chunk) => chunk.length);
    },
    [2],
  ],
  [
    '8.22.1 the first colon of a ws+unix: address ends the socket’s path',
    async (library) => {
      const socketPath = await unixSocketPath();
      const { server } = await startPlainHttp();
      server.close();
      const requests: (string | undefined)[] = [];
      server.on('upgrade', (request, socket) => {
        requests.push(request.url);
        socket.destroy();
      });
      await listenHttp(server, socketPath);
      await eventOf(clientOf(library, `ws+unix:${socketPath}:/a:b?c=d:e`), 'close');
      return requests;
    },
    ['/a:b?c=d:e'],
  ],
  [
    '8.22.2 credentials of a URL are percent-decoded, where they can be',
    async (library) => {
      const server = await startRawServer(() => undefined);
      clientOf(library, server.url().replace('//', '//us%65r:100%@'));
      while (server.heads.length === 0) await nextTurn();
      return Buffer.from(fieldOf(server.heads[0]!, 'Authorization')!.slice(6), 'base64').toString();
    },
    'user:100%',
  ],
  [
    '8.22.2 a URL object is left alone',
    async (library) => {
      const server = await startRawServer(() => undefined);
      const url = new URL(server.url().replace('ws:', 'http:'));
      const client = clientOf(library, url);
      return [url.protocol, client.url.slice(0, 3)];
    },
    ['http:', 'ws:'],
  ],
  [
    '8.22.2 a close reason is memory of its own',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      const end = eventOf(socket, 'close');
      peer.send(text('x'.repeat(1000)), clientFrame(8, [0x03, 0xe8, 0x6f, 0x6b]));
      const [, reason] = (await end) as [number, Buffer];
      return [reason.toString(), reason.buffer.byteLength <= 8192];
    },
    ['ok', true],
  ],
  [
    '8.23.0 a ping is not answered once the connection is closing',
    async (library) => {
      const [peer, socket] = await openRaw(await serve(library));
      socket.close(1000);
      const pinged = eventOf(socket, 'ping');
      peer.send(ping('p'));
      await pinged;
      peer.send(clientFrame(8, [0x03, 0xe8]));
      return peer.framesUntilEnd();
    },
    ['88 03 e8'],
  ],
];

it.each(CHECKS)('%s: in ws', async (_what, run, value) => {
  expect(await run(WS)).toEqual(value);
});

it.each(CHECKS)('%s: here', async (_what, run, value) => {
  expect(await run(framewright)).toEqual(value);
});
