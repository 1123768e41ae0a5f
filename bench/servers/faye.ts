/** The package `faye-websocket`. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { createHttpServer, portOf, requirePeer } from './http.ts';

interface FayeSocket {
  on(event: 'message', listener: (event: { readonly data: string | Buffer }) => void): void;
  on(event: 'close' | 'error', listener: () => void): void;
  send(data: string | Buffer): void;
}

const WebSocket = requirePeer('faye-websocket') as new (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocols: readonly string[],
  options: { readonly maxLength: number },
) => FayeSocket;

export const start: StartServer = ({ mode, deflate }) => {
  if (deflate !== undefined) throw new Error('faye-websocket compresses with a package of its own only');
  const server = createHttpServer();
  const clients = new Set<FayeSocket>();
  server.on('upgrade', (request, stream, head) => {
    const socket = new WebSocket(request, stream, head, [], { maxLength: MAX_MESSAGE_BYTES });
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    socket.on('error', () => {});
    socket.on('message', ({ data }) => {
      if (mode !== 'broadcast') socket.send(data);
      else for (const other of clients) other.send(data);
    });
  });
  return portOf(server);
};
