/** How bytes come in: by one way, in one order. */

import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readChunk } from '../../src/memory/mask-kernel.ts';
import { Chunk, type Role, resolveLimits } from '../../src/protocol/index.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { findOnReadNames } from '../../src/transport/shared-read.ts';
import { SocketTransport } from '../../src/transport/socket-transport.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { nextTurn, SERVER_KINDS, startServer } from '../support/servers.ts';
import { concat, frame } from '../support/wire.ts';

function transportOn(socket: Duplex, head: Uint8Array, role: Role = 'server') {
  const handler = new RecordingHandler();
  const transport = new SocketTransport(socket, head, handler, { role, limits: resolveLimits() });
  return { handler, transport };
}

const textFor = (role: Role, payload: string) => (role === 'server' ? text(payload) : frame({ opcode: 1, payload }));

describe('what came before is read before what comes later', () => {
  /** Hands out what it reads as soon as somebody listens, and what was put back a turn later. */
  class HostileDuplex extends HeldDuplex {
    readonly next: Buffer;

    constructor(next: Uint8Array) {
      super(false);
      this.next = Buffer.from(next);
    }

    override unshift(chunk: Buffer): boolean {
      setImmediate(() => this.emit('data', chunk));
      return true;
    }

    override on(name: string, listener: (...args: never[]) => void): this {
      super.on(name, listener as () => void);
      if (name === 'data') this.emit('data', this.next);
      return this;
    }
  }

  it.each(['server', 'client'] as const)('from a stream that heeds no order of ticks, as a %s', async (role) => {
    const socket = new HostileDuplex(textFor(role, 'second'));
    const { handler } = transportOn(socket, textFor(role, 'first'), role);
    expect(handler.log).toEqual([]);
    socket.emit('data', Buffer.from(textFor(role, 'third')));
    expect(handler.log).toEqual([]);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(handler.log).toEqual(['text:first', 'text:second', 'text:third']);
  });

  it('from a stream that flows and has several chunks', async () => {
    const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    for (const name of ['first', 'second', 'third']) socket.push(text(name));
    // From here on it flows, though nothing is handed on before the next tick.
    socket.on('data', () => {});
    const { handler, transport } = transportOn(socket, new Uint8Array(0));
    expect(socket.readableLength).toBe(0);
    transport.pause();
    // What a socket has read already is handed on though it has been paused since.
    transport.receive(new Chunk(Buffer.from(text('fourth')), true));
    await nextTurn();
    transport.resume();
    await nextTurn();
    expect(handler.log).toEqual(['text:first', 'text:second', 'text:third', 'text:fourth']);
  });

  it('from a socket that is read from before the next tick', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = connect((server.address() as { port: number }).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    onTestFinished(() => {
      socket.destroy();
      peer.destroy();
      server.close();
    });
    const { handler } = transportOn(socket, concat(text('one'), text('two').subarray(0, 4)));
    const read = (bytes: Uint8Array) => {
      readChunk.bytes.set(bytes);
      const onRead = (socket as unknown as Record<symbol, (lengthBytes: number) => boolean>)[
        findOnReadNames(Socket as never)!.callback
      ]!;
      return onRead.call(socket, bytes.length);
    };
    read(concat(text('two').subarray(4), text('three')));
    expect(handler.log).toEqual([]);
    await nextTurn();
    expect(handler.log).toEqual(['text:one', 'text:two', 'text:three']);
    expect(read(text('four'))).toBe(true);
    expect(handler.log.at(-1)).toBe('text:four');
  });

  const LONG = 'x'.repeat(100_000);
  const MESSAGES = [LONG, ...Array.from({ length: 50 }, (_, i) => `${i}`)];

  it.each(SERVER_KINDS)('behind the request, on %s', async (kind) => {
    const received: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data) => {
        received.push(String(data));
        if (received.length === MESSAGES.length) socket.send('all');
      });
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), ...MESSAGES.map((message) => text(message)));
    await peer.head();
    expect(await peer.frame()).toBe('81 61 6c 6c');
    expect(received).toEqual(MESSAGES);
  });

  it('behind the response, as a client', async () => {
    const wire = concat(...MESSAGES.map((payload) => frame({ opcode: 1, payload })));
    const server = await startRawServer((head) => acceptance(head) + Buffer.from(wire).toString('latin1'));
    const socket = new WebSocket(server.url());
    onTestFinished(() => socket.terminate());
    const received: string[] = [];
    await new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        received.push(String(data));
        if (received.length === MESSAGES.length) resolve();
      });
    });
    expect(received).toEqual(MESSAGES);
  });
});

describe.each(SERVER_KINDS)('the socket itself, on %s', (kind) => {
  it('is paused with the connection, from its announcement on', async () => {
    const states: boolean[] = [];
    const server = await startServer(kind, {}, (socket) => {
      const stream = socket._socket as Socket;
      states.push(stream.isPaused());
      socket.pause();
      states.push(stream.isPaused());
      socket.resume();
      states.push(stream.isPaused());
    });
    await RawPeer.open(server);
    expect(states).toEqual([false, true, false]);
  });

  it('tells its own listeners what came with the handshake as well', async () => {
    const heard: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket._socket!.on('data', (chunk: Buffer) => heard.push(chunk.toString('hex')));
      socket.on('message', (data) => {
        heard.push(String(data));
        socket.send('heard');
      });
    });
    const peer = await RawPeer.connect(server);
    peer.send(concat(Buffer.from(upgradeRequest()), text('first')));
    await peer.head();
    await peer.frame();
    expect(heard).toEqual(['first', Buffer.from(text('first')).toString('hex')]);
  });
});
