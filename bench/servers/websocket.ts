/** The package `websocket`. */

import type { Server as HttpServer } from 'node:http';
import { MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { createHttpServer, portOf, requirePeer } from './http.ts';

interface Message {
  readonly utf8Data?: string;
  readonly binaryData?: Buffer;
}

interface Connection {
  on(event: 'message', listener: (message: Message) => void): void;
  on(event: 'error', listener: () => void): void;
  sendUTF(text: string): void;
  sendBytes(bytes: Buffer): void;
}

interface WebSocketServer {
  readonly connections: readonly Connection[];
  on(event: 'connect', listener: (connection: Connection) => void): void;
}

const { server: Server } = requirePeer('websocket') as {
  server: new (options: { readonly httpServer: HttpServer; readonly [name: string]: unknown }) => WebSocketServer;
};

function send(connection: Connection, { binaryData, utf8Data }: Message): void {
  if (binaryData !== undefined) connection.sendBytes(binaryData);
  else connection.sendUTF(utf8Data!);
}

export const start: StartServer = ({ mode, deflate }) => {
  if (deflate !== undefined) throw new Error('websocket does not compress');
  const httpServer = createHttpServer();
  const server = new Server({
    httpServer,
    autoAcceptConnections: true,
    maxReceivedFrameSize: MAX_MESSAGE_BYTES,
    maxReceivedMessageSize: MAX_MESSAGE_BYTES,
    // Answers in one frame each, as from the others.
    fragmentOutgoingMessages: false,
  });
  server.on('connect', (connection) => {
    connection.on('error', () => {});
    connection.on('message', (message) => {
      if (mode !== 'broadcast') send(connection, message);
      else for (const other of server.connections) send(other, message);
    });
  });
  return portOf(httpServer);
};
