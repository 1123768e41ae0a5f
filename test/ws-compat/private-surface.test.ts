import { describe, expect, it } from 'vitest';
import { internals, WebSocket } from '../../src/socket/websocket.ts';
import { LONG_PAYLOAD_BYTES } from '../../src/transport/write-batch.ts';
import '../../src/ws-compat/private-surface.ts';
import { Sender } from '../../src/ws-compat/sender.ts';
import { closed, echoed, inShort, RawPeer, text } from '../support/raw-peer.ts';
import { nextTurn, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';
import { hex } from '../support/wire.ts';

const encoded = (payload: string | Buffer) =>
  Sender.frame(Buffer.from(payload), { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true });

describe('before the connection is open', () => {
  it('_socket, _sender and _receiver are null, and there are no extensions', () => {
    const socket = new WebSocket(null);
    expect([socket._socket, socket._sender, socket._receiver, socket._extensions]).toEqual([null, null, null, {}]);
  });
});

describe.each(SERVER_KINDS)('what others reach into, on %s', (kind) => {
  async function open() {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    return { server, peer, socket: server.connections[0]! };
  }

  it('one encoding for many connections, in order with what each sends itself', async () => {
    const server = await startServer(kind);
    const peers = [await RawPeer.open(server), await RawPeer.open(server)];
    const large = Buffer.alloc(LONG_PAYLOAD_BYTES + 1, 'x');
    const frames = [encoded('broadcast'), encoded(large)];
    const calls: string[] = [];
    await Promise.all(
      server.connections.map(
        (socket, i) =>
          new Promise<void>((resolve) => {
            socket.send(`before ${i}`);
            socket._sender!.sendFrame(frames[0]!, () => calls.push('first'));
            socket._sender!.sendFrame(frames[1]!, () => resolve());
            socket.send(`behind ${i}`);
          }),
      ),
    );
    expect(calls).toEqual(['first', 'first']);
    for (const [i, peer] of peers.entries()) {
      const expected = [echoed(`before ${i}`), echoed('broadcast'), inShort(0x81, large), echoed(`behind ${i}`)];
      expect(await peer.frames(4)).toEqual(expected);
    }
  });

  it('_sender belongs to the connection: its socket, and what waits to be sent', async () => {
    const { peer, socket } = await open();
    expect(socket._sender).toBe(socket._sender);
    expect(socket._sender!._socket).toBe(socket._socket);
    socket._sender!.ping('p', false);
    socket._sender!.send('text', { binary: false, compress: false, fin: true, mask: false });
    expect(socket._sender!._bufferedBytes).toBe(3 + 6);
    expect(await peer.frames(2)).toEqual([inShort(0x89, 'p'), echoed('text')]);
    expect(socket._sender!._bufferedBytes).toBe(0);
  });

  it('§5.5.1 behind the Close frame nothing is written: the callback is told', async () => {
    const { peer, socket } = await open();
    socket.close(1000);
    const told = new Promise((resolve) => socket._sender!.sendFrame(encoded('late'), resolve));
    expect(await told).toMatchObject({ message: 'WebSocket is not open: the frame was not sent' });
    socket._sender!.sendFrame(encoded('late'));
    await nextTurn();
    expect(await peer.frame()).toBe(closed(1000));
    expect(socket._sender!._bufferedBytes).toBe(0);
  });

  it('what is written to _receiver is received', async () => {
    const { peer, socket } = await open();
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    socket._receiver!.write(Buffer.from(hex('81 82 00 00 00 00 68 69')));
    peer.send(text('behind'));
    while (heard.length < 2) await nextTurn();
    expect(heard).toEqual(['hi', 'behind']);
  });
});

describe('behind a message that is being compressed', () => {
  const open = async () => {
    const server = await startServer('node:http', { http: { perMessageDeflate: true } });
    const peer = await RawPeer.open(server, { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
    return { peer, socket: server.connections[0]! };
  };
  /** Long enough to be compressed off the main thread. */
  const long = 'long '.repeat(20_000);

  it('RFC 7692 §7.2.1 an encoded frame waits for its turn', async () => {
    const { peer, socket } = await open();
    socket.send(long);
    const written = new Promise((resolve) => socket._sender!.sendFrame(encoded('broadcast'), resolve));
    expect((await peer.frame()).slice(0, 2)).toBe('c1');
    expect(await peer.frame()).toBe(echoed('broadcast'));
    expect(await written).toBeFalsy();
  });

  it('§7.1.7 when the connection fails meanwhile, the callback is told', async () => {
    watchProcess();
    const { peer, socket } = await open();
    socket.send(long);
    const written = new Promise((resolve) => socket._sender!.sendFrame(encoded('broadcast'), resolve));
    internals.failForHandler(socket, new Error('cannot go on'));
    expect(await written).toBeInstanceOf(Error);
    expect((await peer.frames(1)).at(0)).toBe(closed(1011));
  });
});

describe('_extensions', () => {
  it('RFC 7692 §7.1 the parameters agreed on, by name', async () => {
    const server = await startServer('node:http', { http: { perMessageDeflate: { serverMaxWindowBits: 10 } } });
    await RawPeer.open(server, { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' });
    expect(server.connections[0]!._extensions).toEqual({
      'permessage-deflate': { params: { client_no_context_takeover: true, server_max_window_bits: 10 } },
    });
  });
});
