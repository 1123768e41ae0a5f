/**
 * The server behind `framewright serve`. One port has an echo WebSocket at `/`, the watch of a page's own connection at
 * `/watch`, a line for bytes of a page's own making at `/raw`, and the page itself over plain HTTP. The server is
 * node:http's, or bare TCP's through `listen()`.
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buildRefusalResponse } from '../handshake/index.ts';
import { type ConnectionOptions, listen, type WebSocket, WebSocketServer } from '../index.ts';
import { endWith } from '../server/http-answer.ts';
import { ignoreError } from '../transport/errors.ts';
import { echo } from './echo.ts';
import { LimitedReceivers } from './limited-receivers.ts';
import { answerPlainRequest, type PageAssets, withDesk } from './page-assets.ts';
import { layRawLine } from './raw-line.ts';
import { parameterOf, pathOf } from './request-target.ts';
import { WatchDesk } from './watch-desk.ts';

interface PlaygroundServerOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** Listen on bare TCP, without node:http. */
  readonly usesNet: boolean;
  /** Agree to permessage-deflate (RFC 7692). Default false. */
  readonly compresses?: boolean;
  readonly assets: PageAssets;
}

export interface PlaygroundServer {
  readonly address: AddressInfo;
  /**
   * Stops accepting, closes every connection with 1001 (§7.4.1), and resolves when all are gone. Watches go last: they show
   * how the others end.
   */
  close(): Promise<void>;
}

/**
 * Of both servers. Clients may not take long over the closing handshake: at the end it is all that is waited for. Who watches
 * sees what has been asked for, and no pings in between.
 */
const CONNECTION_OPTIONS: ConnectionOptions = {
  limits: { maxMessageBytes: 16 * 1024 * 1024 },
  closeTimeoutMs: 2000,
  heartbeat: false,
};
const PATHS = ['/', '/watch', '/raw'];
const GOING_AWAY = 1001;
const FAREWELL = 'the server shuts down';
const NO_PATH = { status: 404, message: 'There is no WebSocket at this path: use /\n' };
const SHUTTING_DOWN = { status: 503, message: 'The server shuts down\n' };

/** @throws what node:net reports when it cannot listen, such as EADDRINUSE */
export function startPlaygroundServer(options: PlaygroundServerOptions): Promise<PlaygroundServer> {
  const withItsDesk = { ...options, assets: withDesk(options.assets, { kind: 'echo' }) };
  return options.usesNet ? startOnNet(withItsDesk) : startOnHttp(withItsDesk);
}

/** Why no WebSocket is to be had here; undefined: there is one. */
function obstacleTo(target: string, isClosing: boolean): typeof NO_PATH | undefined {
  if (!PATHS.includes(pathOf(target))) return NO_PATH;
  return isClosing ? SHUTTING_DOWN : undefined;
}

/** What there is behind the paths. */
interface Rooms {
  readonly desk: WatchDesk;
  readonly receivers: LimitedReceivers;
}

function openRooms(): Rooms {
  return { desk: new WatchDesk(), receivers: new LimitedReceivers(CONNECTION_OPTIONS) };
}

function accept({ desk, receivers }: Rooms, socket: WebSocket, target: string, listening: AddressInfo): void {
  // What a peer does wrong ends its connection; here it is nobody's concern beyond that.
  socket.on('error', ignoreError);
  const path = pathOf(target);
  if (path === '/watch') {
    desk.open(socket, target);
  } else if (path === '/raw') {
    void layLine(socket, parameterOf(target, 'receiver'), listening, receivers);
  } else {
    echo(socket);
    desk.join(socket, target);
  }
}

/** To the echo server itself, or to the one that has an occasion to enforce a rule. */
async function layLine(
  page: WebSocket,
  rule: string | undefined,
  listening: AddressInfo,
  receivers: LimitedReceivers,
): Promise<void> {
  if (rule === undefined) {
    layRawLine(page, listening);
    return;
  }
  const place = await receivers.addressOf(rule).catch(() => undefined);
  if (place === undefined) page.close(1008, 'there is no such receiver, or it cannot listen');
  else layRawLine(page, { ...place, extensions: 'permessage-deflate' });
}

/** Says goodbye to everyone, and to the pages that watch them once they are gone. */
async function closeInOrder(clients: Iterable<WebSocket>, { desk, receivers }: Rooms): Promise<void> {
  const watchers = new Set(desk.watchers());
  await closeAll([...clients].filter((client) => !watchers.has(client)));
  await receivers.close();
  await closeAll(desk.watchers());
}

async function closeAll(sockets: readonly WebSocket[]): Promise<void> {
  const ends = sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
  for (const socket of sockets) socket.close(GOING_AWAY, FAREWELL);
  await Promise.all(ends);
}

async function startOnNet({
  port,
  host,
  compresses = false,
  assets,
}: PlaygroundServerOptions): Promise<PlaygroundServer> {
  const rooms = openRooms();
  let isClosing = false;
  const server = await listen(
    {
      port,
      host,
      ...CONNECTION_OPTIONS,
      perMessageDeflate: compresses,
      onRequest: ({ method, url }) => answerPlainRequest(assets, method, url),
      authorize(request) {
        const obstacle = obstacleTo(request.url, isClosing);
        if (obstacle !== undefined) return { status: obstacle.status, body: obstacle.message };
        rooms.desk.tap(request.socket, request);
        return true;
      },
    },
    (socket, request) => accept(rooms, socket, request.url, server.address() as AddressInfo),
  );
  const close = async () => {
    isClosing = true;
    await closeInOrder(server.clients, rooms);
    await server.close(GOING_AWAY, FAREWELL);
  };
  return { address: server.address() as AddressInfo, close };
}

async function startOnHttp({
  port,
  host,
  compresses = false,
  assets,
}: PlaygroundServerOptions): Promise<PlaygroundServer> {
  const rooms = openRooms();
  const sockets = new WebSocketServer({ noServer: true, ...CONNECTION_OPTIONS, perMessageDeflate: compresses });
  const server = createServer((request, response) => {
    const { status, headers, body } = answerPlainRequest(assets, request.method ?? '', request.url ?? '');
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.on('upgrade', (request, socket: Duplex, rest: Buffer) => {
    const target = request.url ?? '';
    socket.on('error', () => socket.destroy());
    const obstacle = obstacleTo(target, !server.listening);
    if (obstacle !== undefined) {
      endWith(socket, buildRefusalResponse(obstacle));
      return;
    }
    rooms.desk.tap(socket, request);
    sockets.handleUpgrade(request, socket, rest, (webSocket) =>
      accept(rooms, webSocket, target, server.address() as AddressInfo),
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeHttp(server, sockets, rooms);
    return closed;
  };
  return { address: server.address() as AddressInfo, close };
}

async function closeHttp(server: Server, sockets: WebSocketServer, rooms: Rooms): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closeInOrder(sockets.clients, rooms);
  await sockets.drain({ reason: FAREWELL });
  server.closeAllConnections();
  await closed;
}
