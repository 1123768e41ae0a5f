/**
 * The two libraries whose behaviour is compared, ws and framewright, under one type; and servers and sockets of either.
 */

import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import * as ws from 'ws';
import * as framewright from '../../src/index.ts';
import { duplexPair } from './duplex-pair.ts';
import { RawPeer, upgradeRequest } from './raw-peer.ts';
import { eventOf, nextTurn, type StartedServer } from './servers.ts';

export type Library = typeof framewright;
export type Socket = framewright.WebSocket;
export const WS = ws as unknown as Library;
export { framewright };

export interface Server {
  readonly wss: framewright.WebSocketServer;
  readonly port: number;
  readonly sockets: readonly Socket[];
  readonly started: StartedServer;
}

export async function serve(
  library: Library,
  options: object = {},
  onConnection: (socket: Socket) => unknown = () => {},
) {
  const wss = new library.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  const sockets: Socket[] = [];
  wss.on('connection', (socket: Socket) => {
    sockets.push(socket);
    onTestFinished(() => socket.terminate());
    return onConnection(socket);
  });
  onTestFinished(() => wss.close());
  await eventOf(wss, 'listening');
  const { port } = wss.address() as AddressInfo;
  const started = { endpoint: { host: '127.0.0.1', port }, tls: undefined } as unknown as StartedServer;
  return { wss, port, sockets, started } satisfies Server;
}

export async function openRaw(server: Server, fields: Record<string, string> = {}): Promise<[RawPeer, Socket]> {
  const peer = await RawPeer.open(server.started, fields);
  while (server.sockets.length === 0) await nextTurn();
  return [peer, server.sockets[0]!];
}

/** A socket of a library on streams in memory, and the other side's stream. */
export function inMemory(library: Library, options: object = {}): [Socket, Duplex] {
  const [ours, theirs] = duplexPair();
  const socket = new library.WebSocket(null, undefined, { closeTimeout: 30_000 });
  socket.on('error', () => {});
  socket.setSocket(ours, Buffer.alloc(0), options);
  return [socket, theirs];
}

/** What is heard first: the text of an error, or the name of another event. */
export function firstOf(socket: Socket, ...events: string[]): Promise<string> {
  return Promise.race([
    eventOf(socket, 'error').then(([error]) => (error as Error).message),
    ...events.map((name) => eventOf(socket, name).then(() => name)),
  ]);
}

/** What an action throws, or its value. */
export function outcome(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return (error as Error).name;
  }
}

export async function statusOf(
  server: Pick<Server, 'port'>,
  fields: Record<string, string> = {},
  path = '/',
): Promise<string> {
  const peer = await RawPeer.connect({ endpoint: { host: '127.0.0.1', port: server.port } });
  peer.send(upgradeRequest(fields, `GET ${path} HTTP/1.1`));
  return (await peer.head()).slice(9, 12);
}
