import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Opcode, type Role, resolveLimits } from '../../src/protocol/index.ts';
import { SocketTransport, type TransportOptions } from '../../src/transport/socket-transport.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { collect } from '../support/memory.ts';
import { clientFrame, close, text } from '../support/raw-peer.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { eventOf, nextTurn } from '../support/servers.ts';
import { frame, hex, toHex } from '../support/wire.ts';

function transportOn(
  socket: Duplex,
  { role = 'server', head = new Uint8Array(0), ...options }: Partial<TransportOptions> & { head?: Uint8Array } = {},
) {
  const handler = new RecordingHandler();
  const transport = new SocketTransport(socket, head, handler, {
    role: role as Role,
    limits: resolveLimits(),
    ...options,
  });
  return { transport, handler };
}

describe('taking a socket over', () => {
  it('the head comes first, and nothing is heard before the next turn', async () => {
    const socket = new HeldDuplex(false);
    socket.push(text('second'));
    const { handler } = transportOn(socket, { head: text('first') });
    expect(handler.log).toEqual([]);
    await nextTurn();
    expect(handler.log).toEqual(['text:first', 'text:second']);
  });

  it('a paused socket is resumed; timeouts of the handshake are cleared, and Nagle is off, where there is such a thing', async () => {
    const calls: unknown[][] = [];
    const socket = Object.assign(new HeldDuplex(false), {
      setTimeout: (timeoutMs: number) => void calls.push(['setTimeout', timeoutMs]),
      setNoDelay: (isOn: boolean) => void calls.push(['setNoDelay', isOn]),
    });
    socket.pause();
    socket.push(text('a'));
    const { handler } = transportOn(socket);
    await nextTurn();
    expect(handler.log).toEqual(['text:a']);
    expect(calls).toEqual([
      ['setTimeout', 0],
      ['setNoDelay', true],
    ]);
  });

  it('§7.1.1 a stream that does not destroy itself is destroyed once both of its directions have ended', async () => {
    const written: Buffer[] = [];
    const socket = new Duplex({
      autoDestroy: false,
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk);
        done();
      },
    });
    const { handler } = transportOn(socket);
    const isClosed = eventOf(socket, 'close');
    socket.push(close(1000));
    await eventOf(socket, 'finish');
    expect(socket.destroyed).toBe(false);
    socket.push(null);
    await isClosed;
    expect(toHex(Buffer.concat(written))).toBe('88 02 03 e8');
    expect(handler.log.at(-1)).toBe('closed');
  });

  it('an error of the socket ends the connection and goes no further', async () => {
    const socket = new HeldDuplex(false);
    const { handler, transport } = transportOn(socket);
    socket.destroy(new Error('cable cut'));
    await eventOf(socket, 'close');
    expect(handler.log).toEqual(['closed']);
    expect(transport.connection.closeCode).toBe(1006);
    expect(transport.sendMessage('x', false, true, true)).toBe(false);
    expect(transport.sendControl(Opcode.Ping, hex('00'))).toBe(false);
    expect(transport.failForHandler(new Error('late'))).toBe(false);
  });
});

describe('§7.1.1 who ends TCP', () => {
  it('a server does, once both Close frames have passed', async () => {
    const socket = new HeldDuplex(false);
    transportOn(socket);
    socket.push(close(1000));
    await eventOf(socket, 'finish');
    expect(toHex(socket.written)).toBe('88 02 03 e8');
  });

  it('a client masks its Close frame and waits for the server to end', async () => {
    const socket = new HeldDuplex(false);
    const { handler } = transportOn(socket, { role: 'client' });
    socket.push(frame({ opcode: 8, payload: [3, 232] }));
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    const [first, second, ...rest] = socket.written;
    expect([first, second]).toEqual([0x88, 0x82]);
    expect([rest[4]! ^ rest[0]!, rest[5]! ^ rest[1]!]).toEqual([3, 232]);
    expect(socket.writableEnded).toBe(false);
    socket.push(null);
    await eventOf(socket, 'close');
    expect(handler.log).toEqual(['closeReceived', 'closed']);
  });
});

describe('what a socket still holds when it closes', () => {
  it('paused input is delivered with the end, after a destruction by somebody else', async () => {
    const socket = new HeldDuplex(false);
    const { handler, transport } = transportOn(socket);
    await nextTurn();
    transport.pause();
    socket.push(text('unread'));
    socket.destroy();
    await eventOf(socket, 'close');
    expect(handler.log).toEqual([]);
    transport.resume();
    expect(handler.log).toEqual(['text:unread', 'closed']);
  });

  it('destroy drops it', async () => {
    const socket = new HeldDuplex(false);
    const { handler, transport } = transportOn(socket);
    await nextTurn();
    transport.pause();
    socket.push(text('unread'));
    transport.destroy();
    await eventOf(socket, 'close');
    expect(handler.log).toEqual(['closed']);
  });

  it('a Duplex that does not destroy itself is destroyed by the deadline', async () => {
    const socket = new Duplex({
      autoDestroy: false,
      read() {},
      write: (_chunk, _encoding, done) => done(),
    });
    const { handler } = transportOn(socket, { closeTimeoutMs: 20 });
    socket.push(clientFrame(3));
    socket.push(null);
    await eventOf(socket, 'close');
    expect(handler.log).toEqual(['failed:reservedOpcode', 'closed']);
  });
});

describe('a socket that has closed', () => {
  it('keeps nothing of its connection, however long it is kept itself', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [accepted] = (await once(server, 'connection')) as [Socket];
    server.close();
    const sockets: Duplex[] = [new HeldDuplex(false), accepted];
    const connections = sockets.map((socket) => new WeakRef(transportOn(socket).transport));
    peer.destroy();
    for (const socket of sockets) {
      const closed = eventOf(socket, 'close');
      socket.destroy();
      await closed;
    }
    await collect();
    expect(connections.map((connection) => connection.deref() === undefined)).toEqual([true, true]);
    expect(sockets.every(({ closed }) => closed)).toBe(true);
  });
});
