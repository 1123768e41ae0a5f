/** Automatic pongs (§5.5.2, §5.5.3) where a program has put a `pong` of its own over the socket's. */

import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { closed, inShort, ping, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';

const CLASSES = [
  ['ws', ws.WebSocketServer as unknown as typeof WebSocketServer, ws.WebSocket as unknown as typeof WebSocket],
  ['framewright', WebSocketServer, WebSocket],
] as const;

describe.each(CLASSES)('%s: the automatic pong goes out through `pong`', (_name, Server, Socket) => {
  async function pair() {
    const server = new Server({ port: 0, host: '127.0.0.1' });
    await eventOf(server, 'listening');
    const connection = eventOf(server, 'connection');
    const client = new Socket(`ws://127.0.0.1:${(server.address() as { port: number }).port}`);
    await eventOf(client, 'open');
    const [socket] = (await connection) as [WebSocket];
    const end = async () => {
      client.terminate();
      await eventOf(socket, 'close');
      server.close();
    };
    return { client, socket, end };
  }

  it('§5.5.2 a program may count pongs: its own `pong` gets payload, mask and callback, before the ping is heard', async () => {
    const { client, socket, end } = await pair();
    const calls: unknown[] = [];
    for (const [name, one] of Object.entries({ client, socket })) {
      const pong = one.pong.bind(one);
      one.pong = (...args: Parameters<typeof pong>) => {
        const [data, mask, callback] = args;
        calls.push([name, String(data), Buffer.isBuffer(data), mask, typeof callback]);
        pong(...args);
      };
      one.on('ping', (data) => calls.push([name, 'ping', String(data)]));
    }
    client.ping('one');
    expect(String((await eventOf(client, 'pong'))[0])).toBe('one');
    socket.ping('two');
    expect(String((await eventOf(socket, 'pong'))[0])).toBe('two');
    expect(calls).toEqual([
      ['socket', 'one', true, false, 'function'],
      ['socket', 'ping', 'one'],
      ['client', 'two', true, true, 'function'],
      ['client', 'ping', 'two'],
    ]);
    await end();
  });

  it('§5.5.2 a program may stay silent', async () => {
    const { client, socket, end } = await pair();
    let muted = 0;
    client.pong = () => void muted++;
    let pongs = 0;
    socket.on('pong', () => pongs++);
    for (let i = 0; i < 50; i++) socket.ping();
    socket.send('behind them');
    await eventOf(client, 'message');
    client.send('and back');
    await eventOf(socket, 'message');
    expect([muted, pongs]).toEqual([50, 0]);
    await end();
  });
});

describe.each(SERVER_KINDS)('a `pong` of the program’s own, on %s', (kind) => {
  it('§7.1.7 that throws ends its connection with 1011; the ping is not heard', async () => {
    const watch = watchProcess();
    const heard: unknown[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.pong = () => {
        throw new Error('mine');
      };
      socket.on('ping', () => heard.push('ping'));
      socket.on('error', (error) => heard.push(error));
    });
    const peer = await RawPeer.open(server);
    peer.send(ping('p'), text('not read any more'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect(heard).toMatchObject([{ code: 'WS_ERR_INTERNAL', cause: { message: 'mine' } }]);
    expect(watch).toMatchObject({ uncaught: [], warnings: [] });
  });

  it('§5.5.3 is held to maxPendingPongs by what it sends', async () => {
    const names: string[] = [];
    const server = await startServer(kind, { maxPendingPongs: 2 }, (socket) => {
      const pong = socket.pong.bind(socket);
      socket.pong = (data, ...rest) => {
        names.push(String(data));
        pong(data, ...rest);
      };
    });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const last = new Promise<void>((resolve) => {
      socket!.on('ping', (data) => String(data) === 'd' && resolve());
    });
    // A network that takes nothing for a while.
    socket!._socket!.cork();
    peer.send(ping('a'), ping('b'), ping('c'), ping('d'));
    await last;
    expect(names).toEqual(['a', 'b']);
    socket!._socket!.uncork();
    expect(await peer.frames(3)).toEqual(['a', 'b', 'd'].map((payload) => inShort(0x8a, payload)));
    expect(names).toEqual(['a', 'b', 'd']);
  });

  it('§5.5.2 that stays silent is asked however many pings come', async () => {
    let asked = 0;
    const server = await startServer(kind, { maxPendingPongs: 1 }, (socket) => {
      socket.pong = () => void asked++;
    });
    const peer = await RawPeer.open(server);
    const message = eventOf(server.connections[0]!, 'message');
    peer.send(...Array(100).fill(ping('p')), text('behind them'));
    await message;
    expect(asked).toBe(100);
  });

  it('§5.5.2 is not asked when autoPong is off', async () => {
    let asked = 0;
    const server = await startServer(kind, { autoPong: false }, (socket) => {
      socket.pong = () => void asked++;
    });
    const peer = await RawPeer.open(server);
    const pinged = eventOf(server.connections[0]!, 'ping');
    peer.send(ping('p'));
    await pinged;
    await nextTurn();
    expect(asked).toBe(0);
  });
});
