/** What a server or a client does about a peer that does not read: 'drain', the bound with its policies, and what goes ahead. */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { BacklogOptions } from '../../src/options/backlog-settings.ts';
import { broadcast } from '../../src/socket/prepared-message.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import '../../src/ws-compat/private-surface.ts';
import { RawPeer, text } from '../support/raw-peer.ts';
import {
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerSetup,
  startServer,
  takeUncaught,
  testCertificate,
  watchProcess,
} from '../support/servers.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes that wait, as the bound counts them. */
function backlogOf(socket: WebSocket): number {
  return socket._sender!._bufferedBytes + socket._socket!.writableLength;
}

/** Sends until the network takes no more. @returns how much was sent */
async function fill(socket: WebSocket, lengthBytes = 64 * KIB): Promise<number> {
  let count = 0;
  while (backlogOf(socket) === 0) {
    socket.send(Buffer.alloc(lengthBytes, 1));
    count++;
    await nextTurn();
    // TLS takes a turn or two by itself.
    for (let i = 0; i < 5 && backlogOf(socket) > 0; i++) await nextTurn();
  }
  return count;
}

/** What a bound has to end: without one it would not take all memory. */
const MANY = 300_000;
const TOO_MUCH = 64 * MIB;
const isGoingOn = (socket: WebSocket) => socket.readyState === 1 && backlogOf(socket) < TOO_MUCH;

type Sends = readonly [name: string, send: (socket: WebSocket, bytes: Buffer) => unknown];

const DOORS = [
  ['node:http', false],
  ['node:net', false],
  ['node:http', true],
  ['node:net', true],
  ['client', false],
  ['client', true],
] as const;

describe.each(DOORS)('a peer that does not read: %s, TLS %s', (door, isTls) => {
  /** A socket with the options, and the other end, which has stopped reading. */
  async function open(options: BacklogOptions & { closeTimeoutMs?: number } = {}) {
    const tls = isTls ? { tls: await testCertificate() } : {};
    if (door === 'client') {
      const server = await startServer('node:http', tls, (accepted) => accepted.pause());
      const socket = new WebSocket(server.url(), { ...options, perMessageDeflate: false, rejectUnauthorized: false });
      await eventOf(socket, 'open');
      const [accepted] = server.connections;
      return { socket, resume: () => accepted!.resume(), end: () => accepted!.terminate() };
    }
    const server = await startServer(door, { ...tls, http: options, net: options });
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    return { socket: server.connections[0]!, resume: () => peer.socket.resume(), end: () => peer.socket.destroy() };
  }

  it("isWritable is false from the high mark on; 'drain' comes once, when it has fallen to the low one", async () => {
    const { socket, resume } = await open({ highWaterMarkBytes: 300_000, lowWaterMarkBytes: 20_000 });
    const drains: number[] = [];
    socket.on('drain', () => drains.push(backlogOf(socket)));
    expect(socket.isWritable).toBe(true);
    await fill(socket);
    while (socket.isWritable && backlogOf(socket) < TOO_MUCH) {
      expect(backlogOf(socket)).toBeLessThan(300_000);
      socket.send(Buffer.alloc(10_000));
    }
    expect(backlogOf(socket)).toBeGreaterThanOrEqual(300_000);
    socket.send(Buffer.alloc(100_000));
    await nextTurn();
    expect([socket.isWritable, drains]).toEqual([false, []]);
    resume();
    await once(socket, 'drain');
    expect(socket.isWritable).toBe(true);
    await new Promise((resolve) => socket.send('behind it', resolve));
    expect(drains.length).toBe(1);
    expect(drains[0]).toBeLessThanOrEqual(20_000);
  });

  it("who is behind when the connection ends gets 'close' and no 'drain'", async () => {
    const { socket, end } = await open({ highWaterMarkBytes: 1000 });
    await fill(socket);
    let drains = 0;
    socket.on('drain', () => drains++);
    socket.send(Buffer.alloc(100_000));
    expect(socket.isWritable).toBe(false);
    const gone = eventOf(socket, 'close');
    end();
    await gone;
    await nextTurn();
    expect([socket.isWritable, drains]).toEqual([false, 0]);
  });

  it("§10.4 'close': what would pass the bound is not sent, the backlog is dropped, 'error' says why", async () => {
    const { socket, resume } = await open({ maxBacklogBytes: MIB });
    const outcomes: unknown[] = [];
    const failed = eventOf(socket, 'error');
    let mostBytes = 0;
    while (isGoingOn(socket)) {
      socket.send(Buffer.alloc(60_000), (error) => outcomes.push((error as NodeJS.ErrnoException)?.code ?? 'sent'));
      mostBytes = Math.max(mostBytes, backlogOf(socket));
      await nextTurn();
    }
    expect(mostBytes).toBeLessThanOrEqual(MIB + 64);
    expect(mostBytes).toBeGreaterThan(MIB / 2);
    expect(await failed).toMatchObject([{ code: 'WS_ERR_BACKLOG' }]);
    // What the socket has, one frame of it begun, and the Close frame.
    expect(backlogOf(socket)).toBeLessThan(300_000);
    await nextTurn();
    expect(outcomes).toContain('WS_ERR_BACKLOG');
    const gone = eventOf(socket, 'close');
    resume();
    await gone;
    expect(new Set(outcomes)).toEqual(new Set(['sent', 'WS_ERR_BACKLOG']));
  });

  it("§7.1.7 'close': a peer that never reads is destroyed by the close timeout", async () => {
    const { socket } = await open({ maxBacklogBytes: MIB, closeTimeoutMs: 20 });
    socket.on('error', () => {});
    const gone = eventOf(socket, 'close');
    while (isGoingOn(socket)) {
      socket.send(Buffer.alloc(100_000));
      await nextTurn();
    }
    expect(await gone).toEqual([1006, Buffer.alloc(0)]);
    expect(socket._socket!.destroyed).toBe(true);
  });

  it("'terminate': the socket is destroyed, and every callback hears of it", async () => {
    const { socket } = await open({ maxBacklogBytes: MIB, onBacklog: 'terminate' });
    const gone = eventOf(socket, 'close');
    const outcomes: unknown[] = [];
    let sent = 0;
    for (; isGoingOn(socket); sent++) {
      socket.send(Buffer.alloc(100_000), (error) => outcomes.push(error));
      await nextTurn();
    }
    expect(await gone).toEqual([1006, Buffer.alloc(0)]);
    await nextTurn();
    expect(outcomes.length).toBe(sent);
    expect(outcomes.at(-1)).toBeInstanceOf(Error);
  });

  it("'drop': droppable messages are dropped from half of the bound on; others have the rest of it", async () => {
    const { socket, resume } = await open({ maxBacklogBytes: MIB, onBacklog: 'drop' });
    await fill(socket);
    const outcomes: unknown[] = [];
    const drop = (error?: Error) => outcomes.push((error as NodeJS.ErrnoException)?.code ?? 'sent');
    for (let i = 0; i < 100; i++) socket.send(Buffer.alloc(20_000), { droppable: true }, drop);
    await nextTurn();
    expect(backlogOf(socket)).toBeLessThanOrEqual(MIB / 2 + 64);
    expect(outcomes).toContain('WS_ERR_DROPPED');
    expect(broadcast([socket], Buffer.alloc(100_000), { droppable: true })).toBe(0);
    // A fragment is never dropped: the message would have no end.
    const parts: unknown[] = [];
    socket.send(Buffer.alloc(30_000), { fin: false, droppable: true }, (error) => parts.push(error));
    socket.send(Buffer.alloc(30_000), { droppable: true }, (error) => parts.push(error));
    expect(broadcast([socket], Buffer.alloc(100_000))).toBe(1);
    expect(socket.readyState).toBe(1);
    resume();
    await new Promise((resolve) => socket.send('last', resolve));
    expect(outcomes.filter((outcome) => outcome === 'sent').length).toBeLessThan(30);
    expect(outcomes.at(-1)).toBe('sent');
    expect(outcomes.length).toBe(100);
    expect(parts).toEqual([undefined, undefined]);
  });

  it('a function decides, with the socket and what would wait; nothing lets the message pass', async () => {
    const asked: unknown[] = [];
    let answer: 'close' | undefined;
    const { socket } = await open({
      maxBacklogBytes: MIB,
      onBacklog(of, bytes) {
        asked.push(of, bytes > MIB && bytes < 2 * MIB);
        // What it sends meanwhile is let pass.
        (of as WebSocket).send('sorry');
        return answer;
      },
    });
    socket.on('error', () => {});
    await fill(socket);
    while (backlogOf(socket) < MIB) socket.send(Buffer.alloc(100_000));
    expect(asked).toEqual([socket, true]);
    answer = 'close';
    socket.send('one more');
    expect(socket.readyState).toBe(2);
    expect(asked.length).toBe(4);
  });
});

const SENDS: readonly Sends[] = [
  ['send', (socket, bytes) => socket.send(bytes)],
  ['sendMessage', (socket, bytes) => socket.sendMessage(bytes).catch(() => {})],
  ['text', (socket, bytes) => socket.send(bytes.toString('latin1'))],
  ['fragments', (socket, bytes) => socket.send(bytes, { fin: false })],
  ['a Blob', (socket, bytes) => socket.send(new Blob([bytes as Uint8Array<ArrayBuffer>]))],
  ['ping', (socket, bytes) => socket.ping(bytes.subarray(0, 125))],
  ['broadcast', (socket, bytes) => broadcast([socket], bytes)],
  [
    'frames of other encoders',
    (socket, bytes) => socket._sender!.sendFrame([Buffer.from([0x82, 100]), bytes.subarray(0, 100)]),
  ],
];

describe.each([
  ['node:http', false],
  ['node:net', false],
  ['node:net', true],
] as const)('§10.4 the bound holds on %s, compressed %s', (kind, isCompressed) => {
  it.each(SENDS)('%s', async (_name, send) => {
    const deflate = isCompressed ? { perMessageDeflate: { threshold: 0 } } : {};
    const options = { maxBacklogBytes: 500_000, ...deflate };
    const server = await startServer(kind, { http: options, net: options });
    const fields = isCompressed ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {};
    const peer = await RawPeer.open(server, fields);
    peer.socket.pause();
    const [socket] = server.connections;
    const failed = eventOf(socket!, 'error');
    const bytes = Buffer.alloc(20_000);
    let mostBytes = 0;
    let sentCount = 0;
    for (; isGoingOn(socket!) && sentCount < MANY; sentCount++) {
      send(socket!, bytes);
      mostBytes = Math.max(mostBytes, backlogOf(socket!));
      // So that some of it is taken, but not each time.
      if (sentCount % 100 === 99) await nextTurn();
    }
    expect(mostBytes).toBeLessThanOrEqual(500_000 + 64);
    expect(await failed).toMatchObject([{ code: 'WS_ERR_BACKLOG' }]);
  });
});

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it('by default: 16 MiB on listen(), none on WebSocketServer', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    socket!.on('error', () => {});
    const bytes = Buffer.alloc(MIB);
    for (let i = 0; i < 40 && socket!.readyState === 1; i++) socket!.send(bytes);
    expect(socket!.readyState).toBe(kind === 'node:net' ? 2 : 1);
  });

  it('a message longer than the bound is sent while the socket is writable', async () => {
    const options = { maxBacklogBytes: 100_000, highWaterMarkBytes: 20_000, onBacklog: 'drop' as const };
    const server = await startServer(kind, { http: options, net: options });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    // It leaves as soon as somebody asks whether it waits.
    socket!.send(Buffer.alloc(30_000));
    socket!.send(Buffer.alloc(9 * MIB, 7), { droppable: true });
    await peer.frame();
    expect((await peer.payload()).equals(Buffer.alloc(9 * MIB, 7))).toBe(true);
    await new Promise((resolve) => socket!.send('behind', resolve));
    expect(socket!.readyState).toBe(1);
  });

  /** A server's socket, and a client of ours that has stopped reading and writes down what it hears once it goes on. */
  async function openLogged(setup: ServerSetup = {}) {
    const server = await startServer(kind, setup);
    const client = new WebSocket(server.url(), { perMessageDeflate: false });
    await eventOf(client, 'open');
    client.pause();
    const log: string[] = [];
    client.on('message', (data) => log.push((data as Buffer).length > 40 ? `data ${(data as Buffer)[0]}` : `${data}`));
    client.on('ping', (data) => log.push(`ping ${data}`));
    client.on('pong', (data) => log.push(`pong ${data}`));
    client.on('close', (code, reason) => log.push(`close ${code} ${reason}`));
    const [socket] = server.connections;
    socket!.on('error', () => {});
    const count = await fill(socket!);
    return { socket: socket!, client, log, count };
  }
  /** Forty messages, numbered from 2 on, that all wait. */
  const NUMBERS = Array.from({ length: 40 }, (_, i) => i + 2);
  const sendAll = (socket: WebSocket, done?: (error?: Error) => void) => {
    for (const i of NUMBERS) socket.send(Buffer.alloc(50_000, i), done);
  };

  it('§5.4 pings and pongs go ahead of data that waits, at the ends of frames and in their order', async () => {
    const { socket, client, log, count } = await openLogged();
    sendAll(socket);
    await nextTurn();
    const taken: string[] = [];
    socket.ping('one', undefined, () => taken.push('one'));
    const pinged = eventOf(socket, 'ping');
    client.ping('answer me');
    await pinged;
    socket.ping('two', undefined, () => taken.push('two'));
    const isDone = new Promise<void>((resolve) => socket.send('last', () => resolve()));
    client.resume();
    await isDone;
    while (log.at(-1) !== 'last') await eventOf(client, 'message');
    const place = log.indexOf('ping one');
    expect(log.slice(place, place + 3)).toEqual(['ping one', 'pong answer me', 'ping two']);
    // Behind what the socket had, which is little of all that waited.
    expect(place).toBeLessThan(count + 10);
    expect(log.filter((event) => event.startsWith('data')).slice(count)).toEqual(NUMBERS.map((i) => `data ${i}`));
    expect(taken).toEqual(['one', 'two']);
  });

  it('§5.5.2 a reader that is slow and never up to date gets more than maxPendingPongs pongs', async () => {
    const { socket, client, log } = await openLogged({ maxPendingPongs: 1, net: { maxBacklogBytes: Infinity } });
    for (let i = 0; i < 4; i++) {
      // There is always something that waits.
      while (socket.bufferedAmount < 24 * MIB) socket.send(Buffer.alloc(500_000));
      await nextTurn();
      const pinged = eventOf(socket, 'ping');
      client.ping(`${i}`);
      await pinged;
      const answered = new Promise<void>((resolve) => {
        client.once('pong', () => {
          client.pause();
          resolve();
        });
      });
      client.resume();
      await answered;
      expect(socket.bufferedAmount).toBeGreaterThan(0);
    }
    const pongs = log.filter((event) => event.startsWith('pong'));
    expect(pongs).toEqual(Array.from({ length: 4 }, (_, i) => `pong ${i}`));
  });

  it('§7.1.7 the Close frame of a connection that fails does not wait behind data', async () => {
    const { socket, client, log, count } = await openLogged();
    const outcomes: boolean[] = [];
    sendAll(socket, (error) => outcomes.push(error === undefined));
    const failed = eventOf(socket, 'error');
    client._sender!.sendFrame([text([0xff])]);
    await failed;
    client.resume();
    await eventOf(client, 'close');
    expect(log.at(-1)).toBe('close 1007 ');
    const got = log.filter((event) => event.startsWith('data')).length - count;
    expect(got).toBeLessThan(10);
    expect(outcomes.length).toBe(40);
    expect(outcomes.filter((isTaken) => isTaken).length).toBe(got);
  });

  it('§5.5.1 a Close frame of the application leaves behind all that was sent before', async () => {
    const { socket, client, log, count } = await openLogged();
    sendAll(socket);
    socket.close(1000, 'bye');
    client.resume();
    await eventOf(client, 'close');
    expect(log.slice(count)).toEqual([...NUMBERS.map((i) => `data ${i}`), 'close 1000 bye']);
  });

  it('the Close frame for a backlog says why', async () => {
    const options = { maxBacklogBytes: MIB };
    const { socket, client, log } = await openLogged({ http: options, net: options });
    sendAll(socket);
    expect(socket.readyState).toBe(2);
    client.resume();
    await eventOf(client, 'close');
    expect(log.at(-1)).toBe('close 1013 You read too slowly');
  });

  it.each([
    ['that is compressed', Buffer.alloc(500_000, 'a')],
    ['of a Blob', new Blob([Buffer.alloc(500_000, 'a')])],
  ])("'drain' comes behind a message %s, though the network takes what becomes of it at once", async (_, data) => {
    const options = { perMessageDeflate: true };
    const server = await startServer(kind, { http: options, net: options });
    const client = new WebSocket(server.url());
    await eventOf(client, 'open');
    const [socket] = server.connections;
    for (let i = 0; i < 3; i++) {
      socket!.send(data, { compress: !(data instanceof Blob) || i > 0 });
      expect(socket!.isWritable).toBe(false);
      await eventOf(socket!, 'drain');
      expect(socket!.isWritable).toBe(true);
    }
  });

  it('A18 droppable messages that are compressed are dropped before that, never after it', async () => {
    const options = { maxBacklogBytes: 400_000, onBacklog: 'drop' as const, perMessageDeflate: { threshold: 0 } };
    const server = await startServer(kind, { http: options, net: options });
    const client = new WebSocket(server.url());
    const texts: string[] = [];
    client.on('message', (data) => texts.push(String(data).slice(0, 42)));
    await eventOf(client, 'open');
    client.pause();
    const [socket] = server.connections;
    const kept: string[] = [];
    let dropped = 0;
    for (let i = 0; dropped < 20; i++) {
      // The same words again and again, which refer to one another in the window, and noise that stays long.
      const words = `the quick brown fox jumps over ${String(i).padStart(10, '0')} `;
      const noise = Array.from({ length: 2000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1 + i * 7919) >>> 0).join(',');
      socket!.send(words + noise, { droppable: true }, (error) => {
        if (error === undefined) return;
        expect(error).toMatchObject({ code: 'WS_ERR_DROPPED' });
        dropped++;
        kept.splice(kept.indexOf(words), 1);
      });
      kept.push(words);
      if (i % 10 === 0) await nextTurn();
    }
    client.resume();
    socket!.send('the quick brown fox jumps over everything.');
    while (texts.at(-1)?.endsWith('everything.') !== true) await eventOf(client, 'message');
    expect(texts.slice(0, -1)).toEqual(kept);
    expect(client.readyState).toBe(1);
  });
});

describe('a function that decides', () => {
  const ANSWERS = [
    [
      'throws',
      () => {
        throw new Error('mine');
      },
      /mine/,
    ],
    ['answers nonsense', () => 'wait' as never, /onBacklog must return/],
  ] as const;

  it.each(ANSWERS)('%s: the bound stands, and the mistake is heard of', async (_what, onBacklog, message) => {
    const watch = watchProcess();
    const server = await startServer('node:net', { net: { maxBacklogBytes: MIB, onBacklog } });
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    const failed = eventOf(socket!, 'error');
    while (isGoingOn(socket!)) {
      socket!.send(Buffer.alloc(100_000));
      await nextTurn();
    }
    const [error] = (await failed) as [Error & { code: string }];
    expect(error.code).toBe('WS_ERR_INTERNAL');
    expect(String((error.cause as Error).message)).toMatch(message);
    expect(watch).toMatchObject({ uncaught: [], warnings: [] });
  });

  it('on a client it is an uncaught exception, as of any listener there, and the connection fails all the same', async () => {
    const uncaught = takeUncaught();
    const server = await startServer('node:http', {}, (accepted) => accepted.pause());
    const socket = new WebSocket(server.url(), {
      maxBacklogBytes: MIB,
      onBacklog() {
        throw new Error('mine');
      },
    });
    await eventOf(socket, 'open');
    const failed = eventOf(socket, 'error');
    while (isGoingOn(socket)) {
      socket.send(Buffer.alloc(100_000), { compress: false });
      await nextTurn();
    }
    expect(await failed).toMatchObject([{ code: 'WS_ERR_BACKLOG' }]);
    await nextTurn();
    expect(uncaught.errors).toMatchObject([{ message: 'mine' }]);
  });
});

describe.each(SERVER_KINDS)('what is told, on %s', (kind) => {
  it("the callbacks of what waits come before 'close', each with an error", async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    await fill(socket!);
    const told: string[] = [];
    for (let i = 0; i < 10; i++) socket!.send(Buffer.alloc(100_000), (error) => told.push(error ? 'error' : 'taken'));
    socket!.ping('p', undefined, (error) => told.push(error ? 'error' : 'taken'));
    socket!.on('close', () => told.push('close'));
    await nextTurn();
    const gone = eventOf(socket!, 'close');
    socket!.terminate();
    await gone;
    expect(told).toEqual([...Array(11).fill('error'), 'close']);
  });

  it('so do those of messages that wait to be compressed, when the peer is gone', async () => {
    const options = { perMessageDeflate: { threshold: 0 } };
    const server = await startServer(kind, { http: options, net: options });
    const client = new WebSocket(server.url());
    await eventOf(client, 'open');
    const [socket] = server.connections;
    const told: string[] = [];
    socket!.on('close', () => told.push('close'));
    for (let i = 0; i < 10; i++) socket!.send(Buffer.alloc(MIB), (error) => told.push(error ? 'error' : 'taken'));
    const gone = eventOf(socket!, 'close');
    socket!._socket!.destroy();
    await gone;
    expect(told).toEqual([...Array(10).fill('error'), 'close']);
  });

  it('callbacks count as well: short messages that each have one pass no bound', async () => {
    const options = { maxBacklogBytes: 500_000 };
    const server = await startServer(kind, { http: options, net: options });
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    socket!.on('error', () => {});
    while (backlogOf(socket!) < 200_000) {
      socket!.send(Buffer.alloc(20_000));
      await nextTurn();
    }
    let count = 0;
    for (; socket!.readyState === 1 && count < MANY; count++) {
      socket!.send('x', () => {});
      if (count % 100 === 0) await nextTurn();
    }
    expect(count).toBeLessThan(5000);
  });
});
