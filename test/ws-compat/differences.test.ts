/**
 * spec-notes/differences-from-ws.md, run: every row of its tables has a check here, which does the same with ws and with
 * framewright and knows what becomes of it in either.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { openAsBlob, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuplexOptions } from 'node:stream';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HeldDuplex } from '../support/held-duplex.ts';
import {
  firstOf,
  framewright,
  inMemory,
  type Library,
  openRaw,
  outcome,
  type Socket,
  serve,
  statusOf,
  WS,
} from '../support/library.ts';
import { clientFrame, closed, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { fieldOf, plainAnswer, startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn } from '../support/servers.ts';
import { frame } from '../support/wire.ts';

interface Check {
  /** How the row begins. */
  readonly row: string;
  readonly run: (library: Library) => unknown;
  readonly inWs: unknown;
  readonly here: unknown;
  /** From Node 22 on there is no difference. */
  readonly isOnNode20Only?: boolean;
}

const IS_NODE_20 = process.version.startsWith('v20.');

// ---- What the checks are made of ------------------------------------------------------------------------------------

/** What reaches the process while an action is under way: uncaught exceptions, and our warnings. */
async function reachingProcess(action: () => unknown): Promise<string> {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const told = new Promise<string>((resolve) => {
    const onUncaught = (error: Error) => settle(`uncaught ${error.name}`);
    const onWarning = (warning: Error) => warning.name === 'FramewrightWarning' && settle('warning');
    const settle = (what: string) => {
      process.off('uncaughtException', onUncaught).off('warning', onWarning);
      for (const listener of listeners) process.on('uncaughtException', listener);
      resolve(what);
    };
    process.on('uncaughtException', onUncaught).on('warning', onWarning);
    Promise.resolve(action()).then((what) => typeof what === 'string' && settle(what));
  });
  return told;
}

function fail(): never {
  throw new Error('mine');
}

const DEFLATE = 'Sec-WebSocket-Extensions';
const fragment = (opcode: number, payload: string | number[], fin = false) => clientFrame(opcode, payload, { fin });
const deflated = (library: Library, isServer: boolean) => {
  const deflate = new library.PerMessageDeflate({ isServer });
  deflate.accept([{}]);
  return deflate;
};

/** What `server.options` has beside those when nothing but `noServer` is given. */
const OTHER_DEFAULTS = {
  allowSynchronousEvents: true,
  autoPong: true,
  backlog: null,
  clientTracking: true,
  closeTimeout: 30_000,
  handleProtocols: null,
  host: null,
  maxBufferedChunks: 262_144,
  maxPayload: 104_857_600,
  maxPendingAutoPongs: 60,
  noServer: true,
  path: null,
  perMessageDeflate: false,
  port: null,
  server: null,
  skipUTF8Validation: false,
  verifyClient: null,
};

// ---- The checks, in the order of the page ---------------------------------------------------------------------------

const CHECKS: readonly Check[] = [
  {
    row: '`maxFragments` 16 384',
    async run(library) {
      const server = await serve(library);
      const [peer, socket] = await openRaw(server);
      const heard = firstOf(socket, 'message');
      peer.send(fragment(1, ''), ...Array(16_384).fill(fragment(0, '')), fragment(0, '', true));
      return heard;
    },
    inWs: 'Too many message fragments',
    here: 'message',
  },
  {
    row: '`server.options.maxFragments` is 16 384',
    run: (library) => {
      const { maxFragments, WebSocket, ...others } = new library.WebSocketServer({ noServer: true }).options;
      return [maxFragments, WebSocket === library.WebSocket, others];
    },
    inWs: [16_384, true, OTHER_DEFAULTS],
    here: [1_639_424, true, OTHER_DEFAULTS],
  },
  {
    row: '`maxBufferedChunks` 262 144',
    async run(library) {
      const [socket, peer] = inMemory(library, { maxBufferedChunks: 2 });
      const heard = firstOf(socket, 'message');
      for (const byte of text('in ten chunks')) {
        peer.write(Uint8Array.of(byte));
        await nextTurn();
      }
      return heard;
    },
    inWs: 'Too many buffered chunks',
    here: 'message',
  },
  {
    row: 'a 61st ping while 60 automatic pongs wait',
    async run(library) {
      const server = await serve(library, { maxPendingAutoPongs: 2 });
      const [peer, socket] = await openRaw(server);
      socket._socket!.cork();
      const answered = Promise.race([eventOf(socket, 'close').then(() => 'cut'), peer.frames(3)]);
      const pinged = new Promise<void>((resolve) => {
        socket.on('ping', (data) => String(data) === 'd' && resolve());
        socket.on('close', () => resolve());
      });
      peer.send(ping('a'), ping('b'), ping('c'), ping('d'));
      await pinged;
      socket._socket!.uncork();
      return answered;
    },
    inWs: 'cut',
    here: ['8a 61', '8a 62', '8a 64'],
  },
  {
    row: 'any number of control frames',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const heard = firstOf(socket, 'message');
      peer.send(...Array(2001).fill(clientFrame(10)), text('behind'));
      return heard;
    },
    inWs: 'message',
    here: 'Too many control frames between data frames',
  },
  {
    row: 'text is checked when its message is complete',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const heard: string[] = [];
      socket.on('ping', () => heard.push('ping'));
      const failed = firstOf(socket);
      peer.send(fragment(1, [0xff]), ping(), fragment(0, '', true));
      return [...heard, await failed, ...heard];
    },
    inWs: ['Invalid WebSocket frame: invalid UTF-8 sequence', 'ping'],
    here: ['Invalid WebSocket frame: invalid UTF-8 sequence'],
  },
  {
    row: 'a limit on fragments is noticed behind',
    async run(library) {
      const [socket, peer] = inMemory(library, { maxFragments: 1 });
      let what = 'nothing yet';
      socket.on('error', (error) => {
        what = error.message;
      });
      peer.write(Buffer.concat([fragment(1, 'a'), fragment(0, 'payload').subarray(0, 6)]));
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      return what;
    },
    inWs: 'nothing yet',
    here: 'Too many message fragments',
  },
  {
    row: '`Origin` is the application’s affair'.replace('’', "'"),
    run: async (library) =>
      statusOf(await serve(library, { origins: ['https://example.com'] }), { Origin: 'https://example.org' }),
    inWs: '101',
    here: '403',
  },
  {
    row: 'an upgrade request in HTTP/1.0',
    async run(library) {
      const peer = await RawPeer.connect((await serve(library)).started);
      peer.send(upgradeRequest({}, 'GET / HTTP/1.0'));
      return (await peer.head()).slice(9, 12);
    },
    inWs: '101',
    here: '400',
  },
  {
    row: 'an upgrade sent before the answer to an earlier request',
    async run(library) {
      const server = createServer((_request, response) => setImmediate(() => response.end()));
      new library.WebSocketServer({ server }).on('connection', (socket) => onTestFinished(() => socket.terminate()));
      server.listen(0, '127.0.0.1');
      onTestFinished(() => server.closeAllConnections());
      onTestFinished(() => void server.close());
      await eventOf(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const peer = await RawPeer.connect({ endpoint: { host: '127.0.0.1', port } });
      peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n', upgradeRequest());
      return (await peer.head()).slice(9, 12);
    },
    inWs: '101',
    here: '200',
  },
  {
    row: 'empty elements in `Sec-WebSocket-Protocol`',
    run: async (library) => statusOf(await serve(library), { 'Sec-WebSocket-Protocol': 'chat, ' }),
    inWs: '400',
    here: '101',
  },
  {
    row: '`Sec-WebSocket-Version` is whatever `Number` reads',
    run: async (library) => {
      const server = await serve(library);
      const versions = ['013', '0xd'];
      return Promise.all(versions.map((version) => statusOf(server, { 'Sec-WebSocket-Version': version })));
    },
    inWs: ['101', '101'],
    here: ['400', '400'],
  },
  {
    row: 'with version 8, `origin` for `verifyClient`',
    async run(library) {
      let origin: unknown;
      const verifyClient = (info: { origin: string }) => {
        origin = info.origin;
        return true;
      };
      await statusOf(await serve(library, { verifyClient }), {
        'Sec-WebSocket-Version': '8',
        Origin: 'https://example.org',
      });
      return origin;
    },
    inWs: undefined,
    here: 'https://example.org',
  },
  {
    row: '`handleUpgrade` from a `request` listener',
    async run(library) {
      const wss = new library.WebSocketServer({ noServer: true });
      const server = createServer();
      server.listen(0, '127.0.0.1');
      onTestFinished(() => void server.close());
      await eventOf(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const opened = new Promise<Socket>((resolve) => {
        server.on('request', (request) =>
          wss.handleUpgrade(request, request.socket, Buffer.alloc(0), (socket) => resolve(socket)),
        );
      });
      const peer = await RawPeer.connect({ endpoint: { host: '127.0.0.1', port } });
      peer.send(upgradeRequest());
      const socket = await opened;
      onTestFinished(() => socket.terminate());
      await nextTurn();
      const isHeld = socket._socket!.listenerCount('timeout') > 0;
      return isHeld ? 'node:http holds it' : 'node:http has let go';
    },
    inWs: 'node:http holds it',
    here: 'node:http has let go',
  },
  {
    row: 'a server of its own waits',
    run: async (library) => ((await serve(library)).wss._server as { headersTimeout?: number }).headersTimeout,
    inWs: 60_000,
    here: 10_000,
  },
  {
    row: 'what a `message`, `ping`',
    run: (library) =>
      reachingProcess(async () => {
        const [peer, socket] = await openRaw(await serve(library));
        socket.on('message', fail);
        const failed = eventOf(socket, 'error');
        peer.send(text('x'));
        return (await failed).map((error) => (error as { code?: string }).code).join();
      }),
    inWs: 'uncaught Error',
    here: 'WS_ERR_INTERNAL',
  },
  {
    row: 'what other listeners throw',
    run: (library) =>
      reachingProcess(async () => {
        const [, socket] = await openRaw(await serve(library));
        socket.on('close', fail);
        socket.terminate();
      }),
    inWs: 'uncaught Error',
    here: 'warning',
  },
  {
    row: 'what a server’s hook throws'.replace('’', "'"),
    run: (library) =>
      reachingProcess(async () => {
        statusOf(await serve(library, { verifyClient: fail })).catch(() => {});
      }),
    inWs: 'uncaught Error',
    here: 'warning',
  },
  {
    row: 'a promise that `verifyClient` returns',
    run: async (library) => statusOf(await serve(library, { verifyClient: async () => false })),
    inWs: '101',
    here: '401',
  },
  {
    row: '`error` without a listener',
    run: (library) =>
      reachingProcess(async () => {
        const [peer, socket] = await openRaw(await serve(library));
        const end = eventOf(socket, 'close');
        peer.send(clientFrame(5));
        await end;
        return 'silence';
      }),
    inWs: 'uncaught RangeError',
    here: 'silence',
  },
  {
    row: 'limits are cut to 32-bit integers',
    run: (library) => outcome(() => typeof new library.WebSocketServer({ noServer: true, maxPayload: '1mb' as never })),
    inWs: 'object',
    here: 'TypeError',
  },
  {
    row: 'options of the wrong kind',
    run: (library) => outcome(() => typeof new library.WebSocketServer({ noServer: true, autoPong: 'no' as never })),
    inWs: 'object',
    here: 'TypeError',
  },
  {
    row: 'unknown options are passed over',
    run: async (library) => [
      outcome(() => typeof new library.WebSocketServer({ noServer: true, onRequest: fail } as object)),
      await reachingProcess(async () => {
        new library.WebSocketServer({ noServer: true, maxPyaload: 5 } as object);
        await nextTurn();
        await nextTurn();
        return 'silence';
      }),
    ],
    inWs: ['object', 'silence'],
    here: ['TypeError', 'warning'],
  },
  {
    row: '`headers` of a client given as `Headers` or a Map',
    run: async (library) => {
      const server = await startRawServer(() => plainAnswer('400 No'));
      for (const headers of [new Headers({ 'X-Key': '1' }), new Map([['X-Key', '2']])]) {
        await eventOf(new library.WebSocket(server.url(), { headers } as never), 'error');
      }
      return server.heads.map((head) => fieldOf(head, 'x-key'));
    },
    inWs: [undefined, undefined],
    here: ['1', '2'],
  },
  {
    row: '`send([buffer, buffer])`',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      socket.send([Buffer.from('ab'), Buffer.from('c')]);
      return peer.frame();
    },
    inWs: '82 00 00',
    here: '82 61 62 63',
  },
  {
    row: '`send` takes whatever `Buffer.from` takes',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      return outcome(() => socket.send({ length: 2 } as never));
    },
    inWs: undefined,
    here: 'TypeError',
  },
  {
    row: 'large payloads are not copied',
    async run(library) {
      const held = new HeldDuplex();
      const socket = new library.WebSocket(null, undefined, {});
      socket.setSocket(held, Buffer.alloc(0), {});
      const payload = Buffer.alloc(100_000, 'a');
      socket.send(payload);
      await nextTurn();
      payload.fill('b');
      held.release();
      socket.terminate();
      return String.fromCharCode(Buffer.concat(held.chunks).at(-1)!);
    },
    inWs: 'b',
    here: 'a',
  },
  {
    row: 'a ping or pong, and the Close frame of a connection that fails',
    async run(library) {
      const held = new HeldDuplex();
      const socket = new library.WebSocket(null, undefined, {});
      socket.setSocket(held, Buffer.alloc(0), {});
      for (let i = 0; i < 3; i++) {
        socket.send(Buffer.alloc(200_000));
        await nextTurn();
      }
      socket.ping();
      while (held.writableLength > 0) {
        held.release();
        await nextTurn();
      }
      const at = held.written.lastIndexOf(Buffer.from([0x89, 0]));
      socket.terminate();
      return Math.round(at / 200_000);
    },
    inWs: 3,
    here: 1,
  },
  {
    row: 'callbacks run in the async context',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      const storage = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      socket._socket!.cork();
      const sent = ['A', 'B'].map((name) =>
        storage.run(
          name,
          () =>
            new Promise<void>((resolve) => {
              socket.send(name, () => {
                seen.push(storage.getStore());
                resolve();
              });
            }),
        ),
      );
      storage.run('C', () => socket._socket!.uncork());
      await Promise.all(sent);
      return seen;
    },
    inWs: ['C', 'C'],
    here: ['A', 'B'],
  },
  {
    row: 'a callback may report success',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      peer.socket.pause();
      const told = new Promise((resolve) =>
        socket.send(Buffer.alloc(64 << 20), (error) => resolve(error ? 'error' : 'success')),
      );
      await nextTurn();
      socket.terminate();
      return told;
    },
    inWs: IS_NODE_20 ? 'success' : 'error',
    here: 'error',
    isOnNode20Only: true,
  },
  {
    row: '`bufferedAmount` counts all bytes',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      socket._socket!.cork();
      socket.send('abc');
      socket.ping('p');
      return socket.bufferedAmount;
    },
    inWs: 5 + 3,
    here: 3,
  },
  {
    row: 'a message for which nobody listens',
    async run(library) {
      const heard = new Promise<string>((resolve) => {
        serve(library, {}, async (socket) => {
          for (let turn = 0; turn < 3; turn++) await nextTurn();
          socket.on('message', (data) => resolve(String(data)));
        }).then(async (server) => {
          const peer = await RawPeer.connect(server.started);
          peer.send(upgradeRequest(), text('early'));
          await peer.head();
          while (server.sockets[0]?.listenerCount('message') !== 1) await nextTurn();
          peer.send(text('late'));
        });
      });
      return heard;
    },
    inWs: 'late',
    here: 'early',
  },
  {
    row: 'what had arrived is still delivered behind `terminate()`',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const heard: string[] = [];
      socket.on('message', (data) => {
        heard.push(String(data));
        socket.terminate();
      });
      const end = eventOf(socket, 'close');
      peer.send(text('a'), text('b'));
      await end;
      return heard;
    },
    inWs: ['a', 'b'],
    here: ['a'],
  },
  {
    row: 'a Blob that cannot be read',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const folder = await mkdtemp(join(tmpdir(), 'framewright-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, 'blob'), 'x'.repeat(64));
      const blob = await openAsBlob(join(folder, 'blob'));
      await writeFile(join(folder, 'blob'), 'x'.repeat(32));
      const failed = eventOf(socket, 'error');
      socket.send(blob);
      return [((await failed)[0] as Error).name, await peer.framesUntilEnd()];
    },
    inWs: ['NotReadableError', []],
    here: ['NotReadableError', [closed(1011)]],
  },
  {
    row: 'every message is compressed and decompressed in a thread',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library, { perMessageDeflate: true }), {
        [DEFLATE]: 'permessage-deflate',
      });
      const heard: string[] = [];
      socket.on('ping', () => setImmediate(() => heard.push('next turn')));
      const message = eventOf(socket, 'message').then(() => heard.push('message'));
      peer.send(ping(), clientFrame(1, deflateRawSync('text', { finishFlush: constants.Z_SYNC_FLUSH }), { rsv: 4 }));
      await message;
      await nextTurn();
      return heard;
    },
    inWs: ['next turn', 'message'],
    here: ['message', 'next turn'],
  },
  {
    row: 'zlib compresses at its level 6',
    async run(library) {
      // Noise of two letters: what is found in it depends on how long it is looked for.
      let state = 1;
      const letters = Array.from({ length: 8000 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return (state >>> 16) % 2;
      });
      const message = letters.join('');
      const options = { perMessageDeflate: true };
      const levels: unknown[] = [];
      for (const offer of ['permessage-deflate', 'permessage-deflate; server_no_context_takeover']) {
        const [peer, socket] = await openRaw(await serve(library, options), { [DEFLATE]: offer });
        socket.send(message);
        const sent = Buffer.concat([await peer.payload(), Buffer.of(0, 0, 0xff, 0xff)]);
        const compress = (level: number) => deflateRawSync(message, { level, finishFlush: constants.Z_SYNC_FLUSH });
        levels.push([6, 5, 3].find((level) => compress(level).equals(sent)));
      }
      return levels;
    },
    inWs: [6, 6],
    here: [5, 3],
  },
  {
    row: 'a loop over `server.clients`',
    async run(library) {
      const server = await serve(library);
      await openRaw(server);
      let visits = 0;
      for (const _ of server.wss.clients) {
        visits++;
        if (visits > 1) continue;
        const opened = eventOf(server.wss, 'connection');
        await RawPeer.open(server.started);
        await opened;
      }
      return [visits, server.wss.clients.size];
    },
    inWs: [2, 2],
    here: [1, 2],
  },
  {
    row: '`close(1000.5)` sends 1000',
    run: (library) =>
      [[1000.5], [1000, 5]].map((args) => {
        const [socket] = inMemory(library);
        onTestFinished(() => socket.terminate());
        return outcome(() => socket.close(...(args as [number])));
      }),
    inWs: [undefined, undefined],
    here: ['TypeError', 'TypeError'],
  },
  {
    row: '`pause()` and then `close()`',
    async run(library) {
      const [socket, peer] = inMemory(library);
      peer.resume();
      peer.on('end', () => peer.end());
      socket.pause();
      socket.close(1000);
      peer.write(clientFrame(8, [0x03, 0xe8]));
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      const { readyState } = socket;
      socket.terminate();
      return readyState;
    },
    inWs: 2,
    here: 3,
  },
  {
    row: 'all messages of a chunk come in one turn',
    async run(library) {
      const [socket, peer] = inMemory(library);
      let count = 0;
      const turnOver = new Promise<boolean>((resolve) => {
        socket.on('message', () => {
          if (++count === 1) setImmediate(() => resolve(count === 5000));
        });
      });
      peer.write(Buffer.concat(Array(5000).fill(text('x'))));
      return turnOver;
    },
    inWs: true,
    here: false,
  },
  {
    row: 'the memory of a message can be transferred',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const heard: Buffer[] = [];
      const both = new Promise<void>((resolve) => {
        socket.on('message', (data) => heard.push(data as Buffer) === 2 && resolve());
      });
      peer.send(text('a'), text('b'));
      await both;
      const [first, second] = heard;
      outcome(() => structuredClone(first, { transfer: [first!.buffer as ArrayBuffer] }));
      return String(second);
    },
    inWs: '',
    here: 'b',
  },
  {
    row: 'a redirect to another host takes all fields along',
    async run(library) {
      const target = await startRawServer(() => plainAnswer('404 Not Found'));
      const start = await startRawServer(() => plainAnswer('302 Found', { Location: target.url() }));
      const client = new library.WebSocket(start.url(), { followRedirects: true, headers: { 'X-Api-Key': 'secret' } });
      client.on('error', () => {});
      await eventOf(client, 'close');
      return fieldOf(target.heads[0]!, 'X-Api-Key');
    },
    inWs: 'secret',
    here: undefined,
  },
  {
    row: 'several servers on one HTTP server',
    async run(library) {
      const server = createServer();
      for (const path of ['/a', '/b']) new library.WebSocketServer({ server, path });
      server.listen(0, '127.0.0.1');
      onTestFinished(() => void server.close());
      await eventOf(server, 'listening');
      return statusOf(server.address() as AddressInfo, {}, '/b');
    },
    inWs: '400',
    here: '101',
  },
  {
    row: 'frames are written one by one',
    async run(library) {
      const held = new HeldDuplex(false);
      const socket = new library.WebSocket(null, undefined, {});
      socket.setSocket(held, Buffer.alloc(0), {});
      for (const data of ['a', 'b', 'c']) socket.send(data);
      await nextTurn();
      return held.writes;
    },
    inWs: 3,
    here: 1,
  },
  {
    row: 'behind the own Close frame',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      socket.close();
      const frames = library.Sender.frame(Buffer.from('x'), {
        fin: true,
        opcode: 1,
        mask: false,
        readOnly: true,
        rsv1: false,
      });
      return new Promise((resolve) => socket._sender!.sendFrame(frames, (error) => resolve(error?.name)));
    },
    inWs: undefined,
    here: 'Error',
  },
  {
    row: '`end()`, then the connection is reset',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const duplex = library.createWebSocketStream(socket);
      const heard: string[] = [];
      for (const name of ['finish', 'close']) duplex.on(name, () => heard.push(name));
      duplex.on('error', () => {}).resume();
      const end = eventOf(socket, 'close');
      duplex.end();
      peer.reset();
      await end;
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      return heard;
    },
    inWs: [],
    here: ['finish', 'close'],
  },
  {
    row: '`end()`, and nobody reads the stream',
    async run(library) {
      const [socket, peer] = inMemory(library);
      peer.resume();
      peer.on('end', () => peer.end());
      library.createWebSocketStream(socket).end();
      for (let i = 0; i < 100; i++) peer.write(clientFrame(2, Buffer.alloc(1000)));
      peer.write(clientFrame(8, [0x03, 0xe8]));
      for (let turn = 0; turn < 30; turn++) await nextTurn();
      const { readyState } = socket;
      socket.terminate();
      return readyState;
    },
    inWs: 2,
    here: 3,
  },
  {
    row: '`destroy(error)` while CONNECTING',
    async run(library) {
      const silent = await startRawServer(() => undefined);
      const duplex = library.createWebSocketStream(new library.WebSocket(silent.url()));
      const failed = eventOf(duplex, 'error');
      duplex.destroy(new Error('mine'));
      return ((await failed)[0] as Error).message;
    },
    inWs: 'WebSocket was closed before the connection was established',
    here: 'mine',
  },
  {
    row: '`ws.removeAllListeners()` stops the stream',
    async run(library) {
      const [socket, peer] = inMemory(library);
      const heard: string[] = [];
      library.createWebSocketStream(socket).on('data', (data) => heard.push(String(data)));
      socket.removeAllListeners();
      peer.write(text('x'));
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      return heard;
    },
    inWs: [],
    here: ['x'],
  },
  {
    row: 'options `read`, `write`, `final`, `destroy` of the Duplex',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      let isCalled = false;
      const writev: DuplexOptions['writev'] = (_chunks, done) => {
        isCalled = true;
        done();
      };
      const duplex = library.createWebSocketStream(socket, { writev });
      duplex.cork();
      duplex.write('a');
      duplex.write('b');
      duplex.uncork();
      await nextTurn();
      return isCalled;
    },
    inWs: true,
    here: false,
  },
  {
    row: 'a WebSocket is made of a Receiver and a Sender',
    run: async (library) => (await openRaw(await serve(library)))[1]._receiver instanceof library.Receiver,
    inWs: true,
    here: false,
  },
  {
    row: '`ws._receiver` is the Receiver',
    run: async (library) => '_maxPayload' in (await openRaw(await serve(library)))[1]._receiver!,
    inWs: true,
    here: false,
  },
  {
    row: '`ws._sender` is the Sender',
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library, { perMessageDeflate: true }), {
        [DEFLATE]: 'permessage-deflate',
      });
      socket._sender!.send('text', { binary: false, compress: true, fin: true, mask: false });
      return (await peer.frame()).slice(0, 2);
    },
    inWs: 'c1',
    here: '81',
  },
  {
    row: '`_req`, `_redirects`, `_closeTimer`',
    async run(library) {
      const [, socket] = await openRaw(await serve(library));
      return ['_req', '_redirects', '_closeTimer', '_errorEmitted'].filter((name) => name in socket);
    },
    inWs: ['_closeTimer', '_errorEmitted'],
    here: [],
  },
  {
    row: "`ws._extensions['permessage-deflate']`",
    async run(library) {
      const [, socket] = await openRaw(await serve(library, { perMessageDeflate: true }), {
        [DEFLATE]: 'permessage-deflate',
      });
      const extension: unknown = socket._extensions['permessage-deflate'];
      return [extension instanceof library.PerMessageDeflate, typeof (extension as { params: unknown }).params];
    },
    inWs: [true, 'object'],
    here: [false, 'object'],
  },
  {
    row: '`Receiver` with `allowSynchronousEvents: false`',
    async run(library) {
      const deflate = deflated(library, false);
      const payload = await new Promise<Buffer>((resolve) =>
        deflate.compress(Buffer.from('text'), true, (_error, bytes) => resolve(bytes!)),
      );
      const extensions = { 'permessage-deflate': deflated(library, false) };
      const receiver = new library.Receiver({ allowSynchronousEvents: false, extensions });
      const turns = vi.spyOn(globalThis, 'setImmediate');
      onTestFinished(() => turns.mockRestore());
      const message = eventOf(receiver, 'message');
      receiver.write(frame({ opcode: 1, rsv: 4, payload } as never));
      await message;
      return turns.mock.calls.length;
    },
    inWs: 0,
    here: 1,
  },
  {
    row: '`PerMessageDeflate.decompress` of a fragment',
    async run(library) {
      const payload = await new Promise<Buffer>((resolve) =>
        deflated(library, true).compress(Buffer.from('text'), false, (_error, bytes) => resolve(bytes!)),
      );
      return new Promise((resolve) =>
        deflated(library, false).decompress(payload, false, (_error, bytes) => resolve(String(bytes))),
      );
    },
    inWs: 'text',
    here: '',
  },
  {
    row: 'the classes of the browser’s events'.replace('’', "'"),
    async run(library) {
      const [peer, socket] = await openRaw(await serve(library));
      const event = new Promise<object>((resolve) => socket.addEventListener('message', resolve));
      peer.send(text('x'));
      const EventClass = (await event).constructor as new (...args: unknown[]) => { type: string };
      return new EventClass('made', { data: 'x' }).type;
    },
    inWs: 'made',
    here: 'message',
  },
  {
    row: '`cleanup()` while `decompress` is under way',
    run: (library) =>
      reachingProcess(async () => {
        const deflate = deflated(library, true);
        const payload = deflateRawSync(Buffer.alloc(500_000, 'x'), { finishFlush: constants.Z_SYNC_FLUSH });
        deflate.decompress(payload, true, () => {});
        deflate.cleanup();
        // Behind these, whatever became of the first has been heard of.
        for (let i = 0; i < 2; i++)
          await new Promise((resolve) => deflated(library, true).decompress(payload, true, resolve));
        return 'silence';
      }),
    inWs: 'uncaught TypeError',
    here: 'silence',
  },
  {
    row: 'window bits are whatever `Number` reads',
    run: (library) =>
      outcome(() => ({
        ...new library.PerMessageDeflate({ isServer: true }).accept([{ server_max_window_bits: ['010'] }]),
      })),
    inWs: { server_max_window_bits: 10 },
    here: 'TypeError',
  },
  {
    row: 'a client sends `serverMaxWindowBits: true`',
    run: (library) => new library.PerMessageDeflate({ serverMaxWindowBits: true }).offer().server_max_window_bits,
    inWs: true,
    here: undefined,
  },
  {
    row: 'a client that asks for `client_no_context_takeover`',
    run: (library) =>
      new library.PerMessageDeflate({ clientNoContextTakeover: true }).accept([{}]).client_no_context_takeover,
    inWs: undefined,
    here: true,
  },
  {
    row: 'an answer whose `server_max_window_bits`',
    run: (library) => {
      const deflate = new library.PerMessageDeflate({ serverMaxWindowBits: 10 });
      return outcome(() => ({ ...deflate.accept([{ server_max_window_bits: ['12'] }]) }));
    },
    inWs: { server_max_window_bits: 12 },
    here: 'TypeError',
  },
  {
    row: '`extension.format` writes anything',
    run: (library) => outcome(() => library.extension.format({ name: { 'a\r\nb': true } })),
    inWs: 'name; a\r\nb',
    here: 'TypeError',
  },
  {
    row: '`subprotocol.parse` of a list with two faults',
    run: (library) => {
      try {
        return library.subprotocol.parse('a,a@');
      } catch (error) {
        return (error as Error).message;
      }
    },
    inWs: 'Unexpected character at index 3',
    here: 'The "a" subprotocol is duplicated',
  },
];

// ---- The page -------------------------------------------------------------------------------------------------------

const PAGE = readFileSync(new URL('../../spec-notes/differences-from-ws.md', import.meta.url), 'utf8');
/** What ws does, of every row. */
const ROWS = [...PAGE.matchAll(/^\| (?!ws \||---)(.*?) \|/gm)].map(([, cell]) => cell!);

describe('the page', () => {
  it.each(ROWS)('has a check for: %s', (row) => {
    expect(CHECKS.filter((check) => row.startsWith(check.row))).toHaveLength(1);
  });

  it.each(CHECKS.map(({ row }) => row))('has one row for: %s', (start) => {
    expect(ROWS.filter((row) => row.startsWith(start))).toHaveLength(1);
  });
});

describe.each(CHECKS)('$row', ({ run, inWs, here, isOnNode20Only = false }) => {
  it('in ws', async () => {
    expect(await run(WS)).toEqual(inWs);
  });

  it('here', async () => {
    expect(await run(framewright)).toEqual(here);
  });

  it('differs', () => {
    if (isOnNode20Only && !IS_NODE_20) expect(here).toEqual(inWs);
    else expect(here).not.toEqual(inWs);
  });
});
