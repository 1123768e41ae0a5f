/** What is tested: echo servers, each started on a free port of the loopback interface, and clients. */

import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { WebSocket as WsClient, WebSocketServer as WsServer } from 'ws';
import { listen, WebSocket, WebSocketServer } from '../../src/index.ts';
import type { MakeClient } from './client-driver.ts';
import type { EchoServer } from './faulty/raw-echo.ts';

const HOST = '127.0.0.1';

function urlOf(address: AddressInfo | string | null): string {
  return `ws://${HOST}:${(address as AddressInfo).port}`;
}

/**
 * As fast as zlib can, which is most of what all cases take: how hard it looks for what can be left out is nothing that they
 * ask about.
 */
const FAST_DEFLATE = { zlibDeflateOptions: { level: 1 } };

/** What the servers of ws and of framewright have in common. */
interface EventServer {
  readonly clients?: ReadonlySet<{ terminate(): void }> | undefined;
  address(): AddressInfo | string | null;
  close(callback: () => void): void;
  once(event: 'listening', listener: () => void): unknown;
}

async function startEventServer(server: EventServer): Promise<EchoServer> {
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return {
    url: urlOf(server.address()),
    async close() {
      for (const socket of server.clients ?? []) socket.terminate();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}

/** framewright's server that works as the one of ws does, with compression. */
export function startOwnServer(): Promise<EchoServer> {
  const server = new WebSocketServer({ port: 0, host: HOST, perMessageDeflate: FAST_DEFLATE });
  server.on('connection', echo);
  return startEventServer(server);
}

/** The same over HTTP/2, without TLS. */
export async function startOwnHttp2Server(): Promise<EchoServer> {
  const http2 = createHttp2Server();
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session) => sessions.add(session));
  const server = new WebSocketServer({ server: http2, perMessageDeflate: FAST_DEFLATE });
  server.on('connection', echo);
  http2.listen(0, HOST);
  await once(http2, 'listening');
  return {
    url: urlOf(http2.address()),
    async close() {
      server.close();
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => http2.close(resolve));
    },
  };
}

function echo(socket: WebSocket): void {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}

/** framewright's server on bare TCP, with room for the largest case: its default is 1 MiB. */
export async function startOwnNetServer(): Promise<EchoServer> {
  const limits = { maxMessageBytes: 16 * 1024 * 1024 };
  const server = await listen({ port: 0, host: HOST, limits, perMessageDeflate: FAST_DEFLATE }, echo);
  return {
    url: urlOf(server.address()),
    async close() {
      await server.close();
    },
  };
}

/** A control: the ws package, of which it is known what it does. */
export function startWsServer(): Promise<EchoServer> {
  const server = new WsServer({ port: 0, host: HOST, perMessageDeflate: true });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return startEventServer(server);
}

/** framewright's client, which offers what it does by default. */
export const makeOwnClient: MakeClient = (url) => new WebSocket(url, { perMessageDeflate: FAST_DEFLATE });

/** The same over HTTP/2, on a session for each connection. */
export const makeOwnHttp2Client: MakeClient = (url) =>
  new WebSocket(url, { http2: true, perMessageDeflate: FAST_DEFLATE });

/** A control: the client of the ws package. */
export const makeWsClient: MakeClient = (url) => new WsClient(url);

/** By the name that reports give them. */
export const SERVERS: Readonly<Record<string, () => Promise<EchoServer>>> = {
  WebSocketServer: startOwnServer,
  listen: startOwnNetServer,
  'WebSocketServer over HTTP/2': startOwnHttp2Server,
  'the server of ws': startWsServer,
};
export const CLIENTS: Readonly<Record<string, MakeClient>> = {
  WebSocket: makeOwnClient,
  'WebSocket over HTTP/2': makeOwnHttp2Client,
  'the client of ws': makeWsClient,
};
