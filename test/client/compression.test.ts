/** permessage-deflate as the client offers it, judges the answer to it, and uses it; the same for ws and ours (RFC 7692). */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocketServer as WsServer } from 'ws';
import { acceptValue } from '../../src/handshake/index.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { COMPRESSING_CLIENTS, connect, run } from '../support/clients.ts';
import { plainAnswer, startRawServer } from '../support/raw-server.ts';

async function offerOf(
  Client: (typeof COMPRESSING_CLIENTS)[number][1],
  options: ClientOptions,
): Promise<string | undefined> {
  const server = await startRawServer(() => plainAnswer('400 No'));
  await run(Client, server.url(), undefined, options);
  return /^Sec-WebSocket-Extensions: (.*)\r$/im.exec(server.heads[0]!)?.[1];
}

describe.each(COMPRESSING_CLIENTS)('%s: permessage-deflate of the client', (_, Client) => {
  it.each<[options: ClientOptions, offer: string | undefined]>([
    [{}, 'permessage-deflate; client_max_window_bits'],
    [{ perMessageDeflate: true }, 'permessage-deflate; client_max_window_bits'],
    [{ perMessageDeflate: false }, undefined],
    [
      {
        perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, clientMaxWindowBits: false },
      },
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    ],
    [
      { perMessageDeflate: { serverMaxWindowBits: 10, clientMaxWindowBits: 11 } },
      'permessage-deflate; server_max_window_bits=10; client_max_window_bits=11',
    ],
  ])('RFC 7692 §7.1 %j offers %s', async (options, offer) => {
    expect(await offerOf(Client, options)).toBe(offer);
  });

  it.each([
    ['permessage-deflate; unknown', 'Invalid Sec-WebSocket-Extensions header'],
    ['permessage-deflate; client_max_window_bits=16', 'Invalid Sec-WebSocket-Extensions header'],
    ['permessage-deflate; server_max_window_bits=7', 'Invalid Sec-WebSocket-Extensions header'],
    ['x-other', 'Server indicated an extension that was not requested'],
    ['permessage-deflate, x-other', 'Server indicated an extension that was not requested'],
  ])('RFC 7692 §7.1 the answer %s fails the connection', async (answer, message) => {
    const server = await startRawServer((head) => {
      const key = /Key: (\S+)/.exec(head)![1]!;
      return [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${acceptValue(key)}`,
        `Sec-WebSocket-Extensions: ${answer}`,
        '\r\n',
      ].join('\r\n');
    });
    const seen = await run(Client, server.url());
    expect(seen).toEqual([
      ['error', message],
      ['close', 1006, ''],
    ]);
  });

  it.each([
    ['our server', WebSocketServer],
    ['the server of ws', WsServer as unknown as typeof WebSocketServer],
  ])('RFC 7692 §7.2 200 messages to %s come back as they went, with every setting', async (__, Server) => {
    const settings = [true, { clientNoContextTakeover: true }, { clientMaxWindowBits: 9, serverMaxWindowBits: 9 }];
    for (const perMessageDeflate of settings) {
      const server = new Server({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
      server.on('connection', (socket) => {
        socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
      });
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const socket = connect(Client, `ws://127.0.0.1:${port}`, undefined, { perMessageDeflate });
      await once(socket, 'open');
      expect(socket.extensions).toBe('permessage-deflate');
      const sent = Array.from({ length: 200 }, (___, i) => `${i} ${'ab'.repeat((i * i * 7) % 30_000)}`);
      const received: string[] = [];
      const all = new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          if (received.push(String(data)) === sent.length) resolve();
        });
      });
      for (const message of sent) socket.send(message);
      await all;
      expect(received).toEqual(sent);
      const closed = once(server, 'close');
      socket.terminate();
      server.close();
      await closed;
    }
  });
});
