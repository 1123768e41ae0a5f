import { describe, expect, it } from 'vitest';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { closed, RawPeer } from '../support/raw-peer.ts';
import { eventOf, SERVER_KINDS, startServer } from '../support/servers.ts';

describe('prepareMessage', () => {
  it('§5.2 holds the frame as a server sends it', () => {
    expect(Buffer.from(prepareMessage('Hello').frame).toString('hex')).toBe('810548656c6c6f');
    expect(Buffer.from(prepareMessage(Uint8Array.of(1, 2)).frame).toString('hex')).toBe('82020102');
    expect(Buffer.from(prepareMessage(Buffer.from('é'), { binary: false }).frame).toString('hex')).toBe('8102c3a9');
    expect(Buffer.from(prepareMessage(17).frame).toString('hex')).toBe('81023137');
  });

  it('copies bytes, which may be changed afterwards', () => {
    const bytes = Uint8Array.of(1, 2);
    const message = prepareMessage(bytes);
    bytes.fill(9);
    expect(Buffer.from(message.frame).toString('hex')).toBe('82020102');
    expect(Buffer.from(message.payload as Uint8Array)).toEqual(Buffer.of(1, 2));
  });

  it('refuses a Blob, and what has no bytes', () => {
    expect(() => prepareMessage(new Blob(['a']))).toThrow('A Blob cannot be prepared');
    expect(() => prepareMessage({} as never)).toThrow(TypeError);
  });

  it('cannot be sent while CONNECTING', () => {
    const socket = new WebSocket(null);
    expect(() => socket.sendPrepared(prepareMessage('a'))).toThrow('readyState 0 (CONNECTING)');
  });
});

describe.each(SERVER_KINDS)('one message to many, on %s', (kind) => {
  async function startWithPeers(count: number, setup = {}) {
    const server = await startServer(kind, setup);
    const peers: RawPeer[] = [];
    for (let i = 0; i < count; i++) peers.push(await RawPeer.open(server));
    return { server, peers, sockets: server.connections };
  }

  it('everyone gets the messages of a tick in order, in one write, with what is sent to one alone between them', async () => {
    const { peers, sockets } = await startWithPeers(3);
    expect(broadcast(sockets, 'one')).toBe(3);
    expect(broadcast(sockets, Buffer.of(2), { except: sockets[1] })).toBe(2);
    sockets[2]!.send('for you');
    expect(broadcast(new Set(sockets), 'three')).toBe(3);
    expect(await peers[0]!.frames(3)).toEqual(['81 6f 6e 65', '82 02', '81 74 68 72 65 65']);
    expect(await peers[1]!.frames(2)).toEqual(['81 6f 6e 65', '81 74 68 72 65 65']);
    expect(await peers[2]!.frames(4)).toEqual(['81 6f 6e 65', '82 02', '81 66 6f 72 20 79 6f 75', '81 74 68 72 65 65']);
  });

  it('leaves out sockets that are not open; sendPrepared on one tells its callback', async () => {
    const { peers, sockets } = await startWithPeers(2);
    sockets[0]!.close(1000);
    expect(broadcast(sockets, 'hello')).toBe(1);
    expect(await peers[0]!.frame()).toBe(closed(1000));
    expect(await peers[1]!.frame()).toBe('81 68 65 6c 6c 6f');
    const error = await new Promise((resolve) => sockets[0]!.sendPrepared(prepareMessage('late'), resolve));
    expect(error).toEqual(new Error('WebSocket is not open: readyState 2 (CLOSING)'));
    expect(sockets[0]!.bufferedAmount).toBeGreaterThanOrEqual(4);
  });

  it('calls back when the frame has been written', async () => {
    const { peers, sockets } = await startWithPeers(1);
    const written = new Promise((resolve) => sockets[0]!.sendPrepared(prepareMessage('a'), resolve));
    expect(await peers[0]!.frame()).toBe('81 61');
    expect(await written).toBeUndefined();
  });

  it('§5.4 inside a fragmented message it continues that, as send does', async () => {
    const { peers, sockets } = await startWithPeers(1);
    sockets[0]!.send('a', { fin: false });
    sockets[0]!.sendPrepared(prepareMessage('b'));
    expect(await peers[0]!.frames(2)).toEqual(['01 61', '80 62']);
  });

  it('§5.3 clients mask it, each frame with its own key, and leave it as it is', async () => {
    const server = await startServer(kind);
    const client = new WebSocket(server.url());
    await eventOf(client, 'open');
    const received: string[] = [];
    server.connections[0]!.on('message', (data, isBinary) => received.push(`${data} ${isBinary}`));
    const message = prepareMessage('masked');
    client.sendPrepared(message);
    client.sendPrepared(message);
    client.close();
    await eventOf(server.connections[0]!, 'close');
    expect(received).toEqual(['masked false', 'masked false']);
    expect(Buffer.from(message.frame).toString('hex')).toBe('81066d61736b6564');
  });

  it('RFC 7692 §7.2.1 compressed connections compress it', async () => {
    const deflate = { threshold: 0 };
    const server = await startServer(kind, {
      http: { perMessageDeflate: deflate },
      net: { perMessageDeflate: deflate },
    });
    const peer = await RawPeer.open(server, { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
    broadcast(server.connections, 'a'.repeat(100));
    expect((await peer.frame()).slice(0, 2)).toBe('c1');
  });
});
