/** What programs for ws do with its server and sockets beyond options and events: overriding, and odd masks. */

import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { inShort, RawPeer } from '../support/raw-peer.ts';
import { eventOf, startServer } from '../support/servers.ts';

const CLASSES = [
  ['framewright', WebSocketServer, WebSocket],
  ['ws', ws.WebSocketServer as unknown as typeof WebSocketServer, ws.WebSocket as unknown as typeof WebSocket],
] as const;

describe.each(CLASSES)('%s', (_name, Server, Socket) => {
  it('§4.2.2 completeUpgrade can be overridden: it gets key, subprotocols and the rest, and does the last step', async () => {
    const seen: unknown[] = [];
    class Overriding extends Server {
      override completeUpgrade(...args: Parameters<WebSocketServer['completeUpgrade']>): void {
        const [, key, protocols, request, , head] = args;
        seen.push(key, [...protocols], request.url, head.length);
        super.completeUpgrade(...args);
      }
    }
    const server = new Overriding({ port: 0, host: '127.0.0.1' });
    await eventOf(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = new Socket(`ws://127.0.0.1:${port}/chat`, ['one', 'two']);
    await eventOf(client, 'open');
    expect(seen).toEqual([expect.stringMatching(/^[\w+/]{22}==$/), ['one', 'two'], '/chat', 0]);
    client.terminate();
    server.close();
  });

  it('the class for connections is made with the options of the server', async () => {
    const made: unknown[][] = [];
    class Own extends Socket {
      constructor(...args: [null, undefined, object]) {
        super(...(args as unknown as [null]));
        made.push(args);
      }
    }
    const server = new Server({ port: 0, host: '127.0.0.1', maxPayload: 99, WebSocket: Own as never });
    await eventOf(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = new Socket(`ws://127.0.0.1:${port}/`);
    await eventOf(client, 'open');
    expect(made).toEqual([[null, undefined, expect.objectContaining({ maxPayload: 99 })]]);
    client.terminate();
    server.close();
  });

  it('§5.1 a client that sends unmasked, as `mask: false` asks, is refused with 1002', async () => {
    const server = await startServer('node:http');
    const client = new Socket(server.url());
    await eventOf(client, 'open');
    const error = eventOf(server.connections[0]!, 'error');
    client.send('hello', { mask: false });
    expect(await error).toMatchObject([{ code: 'WS_ERR_EXPECTED_MASK' }]);
    expect((await eventOf(client, 'close'))[0]).toBe(1002);
  });
});

describe('mask', () => {
  it('§5.1 true masks what a server sends; fragments and bytes as well', async () => {
    const server = await startServer('node:http');
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.send(Buffer.from('ab'), { mask: true, fin: false });
    socket!.send('c', { mask: false });
    const bytes = await peer.bytes(2 + 4 + 2);
    expect([bytes[0], bytes[1]]).toEqual([0x02, 0x82]);
    expect([bytes[6]! ^ bytes[2]!, bytes[7]! ^ bytes[3]!]).toEqual([0x61, 0x62]);
    expect(await peer.frame()).toBe(inShort(0x80, 'c'));
  });

  it('§5.4 a fragment that is masked otherwise continues its message, and the next message is one of its own', async () => {
    const server = await startServer('node:http');
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.send('a', { fin: false });
    socket!.send('b', { fin: true, mask: true });
    socket!.send('c');
    expect(await peer.frame()).toBe(inShort(0x01, 'a'));
    const [firstByte, secondByte, k0, , , , byte] = await peer.bytes(2 + 4 + 1);
    expect([firstByte, secondByte, byte! ^ k0!]).toEqual([0x80, 0x81, 0x62]);
    expect(await peer.frame()).toBe(inShort(0x81, 'c'));
  });

  it('is heeded for Blobs and for what waits behind them', async () => {
    const server = await startServer('node:http');
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.send(new Blob(['b']), { mask: true });
    socket!.send('c', { mask: true });
    socket!.send('d');
    for (const [firstByte, letter] of [
      [0x82, 0x62],
      [0x81, 0x63],
    ]) {
      const bytes = await peer.bytes(2 + 4 + 1);
      expect([bytes[0], bytes[1], bytes[6]! ^ bytes[2]!]).toEqual([firstByte, 0x81, letter]);
    }
    expect(await peer.frame()).toBe(inShort(0x81, 'd'));
  });
});
