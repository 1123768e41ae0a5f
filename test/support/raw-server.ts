/**
 * A server made of a bare socket, for tests of clients: it reads the head of a request and answers what the test says;
 * and a CONNECT proxy that keeps the requests it got.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';
import { acceptValue } from '../../src/handshake/index.ts';
import { ignoreError } from './ignore-error.ts';
import type { Certificate } from './servers.ts';

export interface RawServer {
  readonly port: number;
  /** The heads of the requests so far. */
  readonly heads: readonly string[];
  readonly sockets: readonly Socket[];
  url(path?: string): string;
}

export type Answer = (head: string, socket: Socket, count: number) => string | undefined;

/** Answers each head with what `answer` returns, as Latin-1; with undefined it stays silent. */
export async function startRawServer(
  answer: Answer,
  { tls, socketPath }: { readonly tls?: Certificate; readonly socketPath?: string } = {},
): Promise<RawServer> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const onConnection = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', ignoreError);
    readHead(socket, (head) => {
      heads.push(head);
      const text = answer(head, socket, heads.length);
      if (text !== undefined) socket.write(text, 'latin1');
    });
  };
  const server = tls ? createTlsServer(tls, onConnection) : createServer(onConnection);
  const { port } = await startListening(server, sockets, socketPath);
  const base = socketPath ? `ws+unix:${socketPath}:` : `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}`;
  return { port, heads, sockets, url: (path = '/') => base + path };
}

async function startListening(server: Server, sockets: readonly Socket[], socketPath?: string): Promise<AddressInfo> {
  server.on('tlsClientError', ignoreError);
  server.listen(socketPath ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server.address() as AddressInfo;
}

function readHead(socket: Socket, done: (head: string, rest: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return;
    socket.off('data', onData);
    done(bytes.toString('latin1', 0, end + 4), bytes.subarray(end + 4));
  };
  socket.on('data', onData);
}

/** The value of a field of a head, or undefined. */
export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\r$`, 'im').exec(head)?.[1];
}

/** The 101 response that a request asks for; a field given replaces the usual one, an undefined one leaves it out. */
export function acceptance(head: string, fields: Readonly<Record<string, string | undefined>> = {}): string {
  const all = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptValue(fieldOf(head, 'Sec-WebSocket-Key') ?? ''),
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `${['HTTP/1.1 101 Switching Protocols', ...lines].join('\r\n')}\r\n\r\n`;
}

/** A plain answer without a body. */
export function plainAnswer(status: string, fields: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ 'Content-Length': '0', ...fields }).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${[status, ...lines].join('\r\n')}\r\n\r\n`;
}

export interface ConnectProxy {
  readonly url: string;
  /** The heads of the CONNECT requests so far. */
  readonly heads: readonly string[];
  readonly sockets: readonly Socket[];
}

/** A proxy that opens every tunnel it is asked for; or that answers as `answer` says. */
export async function startConnectProxy({
  tls,
  answer,
}: {
  readonly tls?: Certificate;
  readonly answer?: (head: string) => string | undefined;
} = {}): Promise<ConnectProxy> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const onConnection = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', ignoreError);
    readHead(socket, (head, rest) => {
      heads.push(head);
      if (answer === undefined) openTunnel(socket, head, rest, sockets);
      else socket.write(answer(head) ?? '', 'latin1');
    });
  };
  const server = tls ? createTlsServer(tls, onConnection) : createServer(onConnection);
  const { port } = await startListening(server, sockets);
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, heads, sockets };
}

function openTunnel(socket: Socket, head: string, rest: Buffer, sockets: Socket[]): void {
  // Whatever name was asked for, the tests' servers are here.
  const port = Number(/^CONNECT \S+:(\d+) /.exec(head)![1]);
  const target = connect({ port, host: '127.0.0.1' }, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    target.write(rest);
    target.pipe(socket);
    socket.pipe(target);
  });
  sockets.push(target);
  target.on('error', () => socket.destroy());
}
