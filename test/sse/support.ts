/** Servers of every kind that answer with event streams, and a client that reads what comes, byte for byte. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request as requestHttp, type Server } from 'node:http';
import { connect } from 'node:http2';
import { createServer as createSecureServer, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { type ServerType, serve as serveHono } from '@hono/node-server';
import compression from 'compression';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { onTestFinished } from 'vitest';
import { listen } from '../../src/server/net-server.ts';
import { type EventHandler, EventStreamParser, type ServerSentEvent } from '../../src/sse/index.ts';
import { startHttp2 } from '../support/http2.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { testCertificate } from '../support/servers.ts';

export interface Started {
  readonly url: string;
  readonly isHttp2: boolean;
}

const addressOf = (server: Pick<Server, 'address'>) => (server.address() as AddressInfo).port;

async function listening(server: Server, scheme = 'http'): Promise<Started> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `${scheme}://localhost:${addressOf(server)}/feed`, isHttp2: false };
}

/** How each kind of server is given the handler, and where it listens. */
const SERVERS = {
  'node:http': (handler: EventHandler) => listening(createServer(handler)),
  'node:https': async (handler: EventHandler) =>
    listening(createSecureServer(await testCertificate(), handler), 'https'),
  'node:http2': async (handler: EventHandler): Promise<Started> => {
    const server = await startHttp2('secure');
    server.on('request', handler);
    return { url: `https://localhost:${addressOf(server as never)}/feed`, isHttp2: true };
  },
  'streams of node:http2': async (handler: EventHandler): Promise<Started> => {
    const server = await startHttp2('h2c');
    server.on('stream', (stream, headers) => handler(headers, stream));
    return { url: `http://localhost:${addressOf(server as never)}/feed`, isHttp2: true };
  },
  'listen()': async (handler: EventHandler): Promise<Started> => {
    const server = await listen({ host: '127.0.0.1', onRequest: handler.answer });
    onTestFinished(() => server.drain({ timeoutMs: 0 }).then(() => {}));
    return { url: `http://localhost:${addressOf(server as never)}/feed`, isHttp2: false };
  },
  Express: (handler: EventHandler) => listening(createServer(express().get('/feed', handler))),
  'Express with compression': (handler: EventHandler) =>
    listening(createServer(express().use(compression()).get('/feed', handler))),
  Fastify: async (handler: EventHandler) => {
    const app = fastify();
    app.get('/feed', (request, reply) => {
      reply.hijack();
      handler(request.raw, reply.raw);
    });
    await app.ready();
    return listening(app.server);
  },
  Hono: async (handler: EventHandler): Promise<Started> => {
    const app = new Hono().get('/feed', (context) => handler.fetch(context.req.raw));
    const server: ServerType = await new Promise((resolve) => {
      const made = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made));
    });
    onTestFinished(() => {
      server.close();
      (server as Server).closeAllConnections();
    });
    return { url: `http://localhost:${addressOf(server as Server)}/feed`, isHttp2: false };
  },
} as const satisfies Record<string, (handler: EventHandler) => Promise<Started>>;

export type ServerKind = keyof typeof SERVERS;
export const SERVER_KINDS = Object.keys(SERVERS) as ServerKind[];

export function start(kind: ServerKind, handler: EventHandler): Promise<Started> {
  return SERVERS[kind](handler);
}

/** What has come of an answer. */
export class Reading {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly source: Readable;
  readonly #cut: () => void;
  readonly #parser = new EventStreamParser();
  /** All of it, decompressed. */
  text = '';
  readonly events: ServerSentEvent[] = [];
  #read = 0;
  hasEnded = false;
  #wake = (): void => {};

  constructor(status: number, headers: IncomingHttpHeaders, source: Readable, cut: () => void) {
    this.status = status;
    this.headers = headers;
    this.source = source;
    this.#cut = cut;
    const plain =
      headers['content-encoding'] === 'gzip'
        ? source.pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }))
        : source;
    const end = () => {
      this.hasEnded = true;
      this.#wake();
    };
    source.on('error', end).on('close', end);
    plain.on('error', end).on('end', end).on('close', end);
    plain.on('data', (piece: Buffer) => {
      this.text += piece.toString();
      this.events.push(...this.#parser.push(piece));
      this.#wake();
    });
  }

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  get retryMs(): number | undefined {
    return this.#parser.retryMs;
  }

  /** Waits until it holds. @throws {Error} when the answer has ended without it */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.hasEnded) throw new Error(`The answer has ended:\n${this.text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next event. */
  async next(): Promise<ServerSentEvent> {
    await this.until(() => this.events.length > this.#read);
    return this.events[this.#read++]!;
  }

  /** The data of the next so many events. */
  async data(count: number): Promise<string[]> {
    const data: string[] = [];
    while (data.length < count) data.push((await this.next()).data);
    return data;
  }

  async ended(): Promise<string> {
    while (!this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  cut(): void {
    this.#cut();
  }
}

/** Asks once, and reads what is answered. */
export async function ask(
  { url, isHttp2 }: Started,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Reading> {
  const { cert } = await testCertificate();
  const { pathname, search, origin } = new URL(url);
  const fields = { accept: 'text/event-stream', ...headers };
  if (isHttp2) {
    const session = connect(origin, { ca: cert } as never);
    session.on('error', ignoreError);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': pathname + search, ':method': method, ...fields });
    stream.on('error', ignoreError);
    const lost = once(stream, 'close').then(() => {
      throw new Error('no answer');
    });
    const response = once(stream, 'response') as Promise<[IncomingHttpHeaders & { ':status': number }]>;
    const [answered] = await Promise.race([response, lost]);
    lost.catch(ignoreError);
    return new Reading(answered[':status'], answered, stream, () => session.destroy());
  }
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const request = send(url, { headers: fields, method, agent: false, ca: cert });
  request.on('error', ignoreError);
  onTestFinished(() => void request.destroy());
  request.end();
  const [response] = await once(request, 'response');
  response.on('error', ignoreError);
  return new Reading(response.statusCode, response.headers, response, () => request.destroy());
}
