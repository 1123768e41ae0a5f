/** Servers and clients of node:http2 for tests of WebSockets over HTTP/2, stopped when the test ends. */

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type SessionOptions,
  type Settings,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { ignoreError } from './ignore-error.ts';
import { testCertificate } from './servers.ts';
import { frame } from './wire.ts';

export const HTTP2_KINDS = ['secure', 'h2c'] as const;
export type Http2Kind = (typeof HTTP2_KINDS)[number];

/** A server that listens, with nothing attached. */
export async function startHttp2(
  kind: Http2Kind,
  options: SessionOptions = {},
): Promise<Http2Server | Http2SecureServer> {
  const server =
    kind === 'h2c'
      ? createServer(options)
      : createSecureServer({ ...(await testCertificate()), allowHTTP1: true, ...options });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', ignoreError);
    session.on('close', () => sessions.delete(session));
  });
  server.on('sessionError', ignoreError);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return server;
}

export function authorityOf(server: Http2Server | Http2SecureServer): string {
  return `localhost:${(server.address() as AddressInfo).port}`;
}

/** A session whose server's first settings have come. */
export async function openSession(
  server: Http2Server | Http2SecureServer,
  settings: Settings = {},
): Promise<ClientHttp2Session> {
  const isSecure = 'setSecureContext' in server;
  const ca = isSecure ? (await testCertificate()).cert : undefined;
  const session = connect(`${isSecure ? 'https' : 'http'}://${authorityOf(server)}`, { ca, settings } as never);
  session.on('error', ignoreError);
  onTestFinished(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

/** An extended CONNECT; a field of undefined is left out. */
export function request(
  session: ClientHttp2Session,
  path = '/',
  fields: Record<string, string | undefined> = {},
): ClientHttp2Stream {
  const headers: OutgoingHttpHeaders = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': session.encrypted === true ? 'https' : 'http',
    ':path': path,
    ':authority': new URL(session.originSet?.[0] ?? 'http://localhost').host,
    'sec-websocket-version': '13',
    ...fields,
  };
  for (const [name, value] of Object.entries(headers)) if (value === undefined) delete headers[name];
  const stream = session.request(headers, { endStream: false });
  stream.on('error', ignoreError);
  return stream;
}

export async function responseTo(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders & { ':status'?: number }> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return headers;
}

/** Status and text of an answer that refuses. */
export async function refusalOf(stream: ClientHttp2Stream): Promise<[status: number | undefined, body: string]> {
  const headers = await responseTo(stream);
  let body = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  await once(stream, 'close');
  return [headers[':status'], body];
}

/** A masked text frame. */
export function textFrame(payload: string): Uint8Array {
  return frame({ opcode: 1, key: [1, 2, 3, 4], payload });
}

export function closeFrame(code: number): Uint8Array {
  return frame({ opcode: 8, key: [1, 2, 3, 4], payload: Uint8Array.of(code >> 8, code & 255) });
}

/** The next `length` bytes. */
export async function read(stream: ClientHttp2Stream, length: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = stream.read(length);
    if (bytes !== null) return bytes;
    if (stream.destroyed || stream.readableEnded) throw new Error('The stream has ended');
    const wait = new AbortController();
    const events = ['readable', 'close'].map((name) => once(stream, name, { signal: wait.signal }));
    await Promise.race(events);
    wait.abort();
    await Promise.allSettled(events);
  }
}
