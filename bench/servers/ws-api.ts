/** A server of the API that ws and framewright share. */

import type { Server } from 'node:http';
import { MAX_MESSAGE_BYTES, type ServerOptions } from './contract.ts';
import { createHttpServer, portOf } from './http.ts';
import { work } from './work.ts';

export interface WsSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: 'error', listener: () => void): this;
  /** framewright's: text as a string. */
  on(event: 'text', listener: (text: string) => void): this;
  send(data: Buffer | string, options: { readonly binary: boolean }): void;
}

export interface WsServer {
  readonly clients: Iterable<WsSocket>;
  on(event: 'connection', listener: (socket: WsSocket) => void): this;
}

export type WsServerClass = new (options: {
  readonly server: Server;
  readonly maxPayload: number;
  readonly perMessageDeflate: unknown;
  /** framewright's. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
}) => WsServer;

// One object for each kind of message and one listener for all connections: what is measured is the library.
const BINARY = { binary: true };
const TEXT = { binary: false };

function echo(this: WsSocket, data: Buffer, isBinary: boolean): void {
  this.send(data, isBinary ? BINARY : TEXT);
}

function echoText(this: WsSocket, data: Buffer): void {
  this.send(data.toString(), TEXT);
}

function sendText(this: WsSocket, text: string): void {
  this.send(text, TEXT);
}

function workAndEcho(this: WsSocket, data: Buffer, isBinary: boolean): void {
  work();
  echo.call(this, data, isBinary);
}

export function sendInLoop(sockets: Iterable<WsSocket>, data: Buffer, isBinary: boolean): void {
  for (const socket of sockets) socket.send(data, { binary: isBinary });
}

function ignore(): void {}

/** What differs between the two. */
export interface Dialect {
  readonly hasTextEvent: boolean;
  sendToAll(sockets: Iterable<WsSocket>, data: Buffer, isBinary: boolean): void;
  /** Where there is no option for it. */
  startHeartbeat?(server: WsServer, intervalMs: number): void;
}

/** What a connection does with its messages. */
export function listenerFor(
  mode: ServerOptions['mode'],
  clients: () => Iterable<WsSocket>,
  { hasTextEvent, sendToAll }: Dialect,
): (socket: WsSocket) => void {
  const listeners = {
    echo,
    text: echoText,
    work: workAndEcho,
    broadcast: (data: Buffer, isBinary: boolean) => sendToAll(clients(), data, isBinary),
  };
  const listener = listeners[mode];
  return (socket) => {
    socket.on('error', ignore);
    if (mode === 'text' && hasTextEvent) socket.on('text', sendText);
    else socket.on('message', listener);
  };
}

export function heartbeatOf({ heartbeatMs }: ServerOptions) {
  return heartbeatMs === undefined ? undefined : { intervalMs: heartbeatMs, timeoutMs: heartbeatMs };
}

export function startWsServer(Server: WsServerClass, options: ServerOptions, dialect: Dialect): Promise<number> {
  const server = createHttpServer();
  const webSockets = new Server({
    server,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: options.deflate ?? false,
    heartbeat: heartbeatOf(options),
  });
  if (options.heartbeatMs !== undefined) dialect.startHeartbeat?.(webSockets, options.heartbeatMs);
  webSockets.on(
    'connection',
    listenerFor(options.mode, () => webSockets.clients, dialect),
  );
  return portOf(server, options);
}
