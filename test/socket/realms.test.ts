/** What applications give may be of another realm, of a context of node:vm or of Jest's: its classes are not ours. */

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import '../../src/ws-compat/private-surface.ts';
import { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import { Sender } from '../../src/ws-compat/sender.ts';
import { closed, inShort, RawPeer } from '../support/raw-peer.ts';
import { eventOf, startServer } from '../support/servers.ts';

const BYTES = [104, 105];
/** 'hi' in each sort of binary data, made elsewhere. */
const FOREIGN = runInNewContext(`({
  'a Uint8Array': Uint8Array.of(${BYTES}),
  'an ArrayBuffer': Uint8Array.of(${BYTES}).buffer,
  'a DataView': new DataView(Uint8Array.of(${BYTES}).buffer),
  'an Int16Array': Int16Array.of(${BYTES[0]! + 256 * BYTES[1]!}),
  'a list of Uint8Arrays': [Uint8Array.of(${BYTES[0]}), Uint8Array.of(${BYTES[1]})],
  'an array of numbers': [${BYTES}],
})`) as Record<string, Uint8Array>;
const foreignBytes = FOREIGN['a Uint8Array']!;

async function open() {
  const server = await startServer('node:net');
  const peer = await RawPeer.open(server);
  return { server, peer, socket: server.connections[0]! };
}

it('is not of our realm', () => {
  expect(foreignBytes).not.toBeInstanceOf(Uint8Array);
});

describe.each(Object.entries(FOREIGN))('%s of another realm', (_what, data) => {
  it('is sent by send, ping, pong, sendMessage, broadcast and prepared messages', async () => {
    const { server, peer, socket } = await open();
    socket.send(data);
    socket.ping(data);
    socket.pong(data);
    await socket.sendMessage(data);
    broadcast(server.server.clients as Set<WebSocket>, data);
    socket.sendPrepared(prepareMessage(data));
    const payload = Buffer.from(BYTES);
    const firstBytes = [0x82, 0x89, 0x8a, 0x82, 0x82, 0x82];
    expect(await peer.frames(6)).toEqual(firstBytes.map((firstByte) => inShort(firstByte, payload)));
  });
});

describe('a Uint8Array of another realm', () => {
  it('§7.1.6 is a close reason', async () => {
    const { peer, socket } = await open();
    socket.close(1000, foreignBytes);
    expect(await peer.frame()).toBe(closed(1000, 'hi'));
  });

  it('is written by the stream of a socket', async () => {
    const { peer, socket } = await open();
    const stream = createWebSocketStream(socket);
    stream.write(Buffer.from('first'));
    stream.write(foreignBytes);
    expect(await peer.frames(2)).toEqual([inShort(0x82, 'first'), inShort(0x82, 'hi')]);
  });

  it('is taken by Sender, and by the sender of a socket', async () => {
    const wire = new PassThrough();
    const sender = new Sender(wire);
    sender.send(foreignBytes, { binary: true, fin: true, mask: false, compress: false });
    wire.end();
    expect(Buffer.concat(await wire.toArray())).toEqual(Buffer.of(0x82, 2, ...BYTES));
    const options = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: true };
    expect(Buffer.concat(Sender.frame(foreignBytes, options))).toEqual(Buffer.of(0x82, 2, ...BYTES));
    const { peer, socket } = await open();
    socket._sender!.sendFrame([Buffer.of(0x82, 2), foreignBytes]);
    expect(await peer.frame()).toBe(inShort(0x82, 'hi'));
  });

  it('RFC 7692 §7.2.1 is compressed by PerMessageDeflate', async () => {
    const deflate = new PerMessageDeflate({ isServer: false });
    deflate.accept([{}]);
    const compressed = await new Promise((resolve) =>
      deflate.compress(foreignBytes, true, (_error, result) => resolve(result)),
    );
    expect(Buffer.from(compressed as Uint8Array)).toEqual(Buffer.from('cac80400', 'hex'));
  });

  it('RFC 7692 §7 is a dictionary, and so is an ArrayBuffer', async () => {
    for (const name of ['a Uint8Array', 'an ArrayBuffer']) {
      const dictionary = FOREIGN[name]!;
      const zlibOptions = { zlibDeflateOptions: { dictionary }, zlibInflateOptions: { dictionary } };
      const server = await startServer('node:http', { http: { perMessageDeflate: zlibOptions } }, (socket) => {
        socket.on('message', (message) => socket.send(String(message)));
      });
      const client = new WebSocket(server.url(), { perMessageDeflate: zlibOptions });
      await once(client, 'open');
      client.send('hi hi hi');
      expect(String((await eventOf(client, 'message'))[0])).toBe('hi hi hi');
      client.terminate();
    }
  });
});

it('bytes behind the handshake may be of another realm', async () => {
  const heard: unknown[] = [];
  const socket = new WebSocket(null);
  socket.on('message', (data) => heard.push(String(data)));
  const masked = runInNewContext('Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 104, 105)') as Uint8Array;
  socket.setSocket(new PassThrough(), masked, {});
  await eventOf(socket, 'message');
  expect(heard).toEqual(['hi']);
  socket.terminate();
});
