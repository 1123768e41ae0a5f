/**
 * The two ways in, started for a test and stopped after it: WebSocketServer on node:http, and `listen` on node:net.
 * Also what tests of servers watch besides: the process, which no peer may bring down.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { type ListenOptions, listen, type NetServer } from '../../src/server/net-server.ts';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';

export type ServerKind = 'node:http' | 'node:net';
export const SERVER_KINDS = ['node:http', 'node:net'] as const;

/** Where to connect to, as `net.connect` takes it. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

export interface ServerSetup {
  readonly maxMessageBytes?: number;
  readonly maxPendingPongs?: number;
  readonly closeTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
  readonly autoPong?: boolean;
  readonly path?: string;
  readonly origins?: readonly string[];
  readonly tls?: Certificate;
  readonly socketPath?: string;
  /** `verifyClient` here, `authorize` there. */
  readonly admit?: () => boolean | Promise<boolean>;
  /** Options of one kind only. */
  readonly http?: WebSocketServerOptions;
  readonly net?: ListenOptions;
}

export interface StartedServer {
  readonly kind: ServerKind;
  readonly server: WebSocketServer | NetServer;
  readonly endpoint: Endpoint;
  readonly tls: Certificate | undefined;
  /** Every connection so far, in order. */
  readonly connections: readonly WebSocket[];
  url(path?: string): string;
}

export type OnConnection = (socket: WebSocket) => unknown;

/** Sends every message back as it came. */
export function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}

/** Starts a server and stops it, with all its connections, when the test is over. */
export async function startServer(
  kind: ServerKind,
  setup: ServerSetup = {},
  onConnection: OnConnection = () => {},
): Promise<StartedServer> {
  const connections: WebSocket[] = [];
  const onSocket = (socket: WebSocket) => {
    connections.push(socket);
    onTestFinished(() => socket.terminate());
    // Handed on, so that the server sees the promise of an async listener.
    return onConnection(socket);
  };
  const { server, address } = await (kind === 'node:net' ? startNet(setup, onSocket) : startHttp(setup, onSocket));
  const endpoint: Endpoint =
    typeof address === 'string' ? { path: address } : { host: '127.0.0.1', port: address.port };
  const scheme = setup.tls ? 'wss' : 'ws';
  const url = (path = '/') =>
    'path' in endpoint ? `${scheme}+unix:${endpoint.path}:${path}` : `${scheme}://127.0.0.1:${endpoint.port}${path}`;
  return { kind, server, endpoint, tls: setup.tls, connections, url };
}

/** Without limits that nobody has named: a test may name them as ws does. */
function sharedOptionsOf<Setup extends ServerSetup>({ maxMessageBytes, maxPendingPongs, ...options }: Setup) {
  const limits = {
    ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
    ...(maxPendingPongs === undefined ? {} : { maxPendingPongs }),
  };
  return { ...options, limits };
}

async function startNet(setup: ServerSetup, onConnection: OnConnection) {
  const { admit, http: _, net, ...options } = setup;
  const server = await listen(
    { host: '127.0.0.1', ...sharedOptionsOf(options), ...(admit && { authorize: admit }), ...net },
    onConnection,
  );
  onTestFinished(() => stopListening(server.server));
  return { server, address: server.address()! };
}

async function startHttp(setup: ServerSetup, onConnection: OnConnection) {
  const { tls, socketPath, admit, http, net: _, ...shared } = setup;
  const options: WebSocketServerOptions = {
    ...sharedOptionsOf(shared),
    ...(admit && { verifyClient: verifyClientOf(admit) }),
    ...http,
  };
  if (options.noServer) throw new Error('start a server for noServer yourself');
  let wss: WebSocketServer;
  if (tls !== undefined || socketPath !== undefined || options.server) {
    const server = (options.server as HttpServer | undefined) ?? (tls ? createHttpsServer(tls) : createHttpServer());
    wss = new WebSocketServer({ ...options, server });
    if (!server.listening) await listenHttp(server, socketPath);
    stopAfterTest(server);
  } else {
    wss = new WebSocketServer({ ...options, port: 0, host: '127.0.0.1' });
    stopAfterTest(wss._server as HttpServer);
    await once(wss, 'listening');
  }
  wss.on('connection', onConnection);
  return { server: wss, address: wss.address()! };
}

/** Synchronous answers by return value, promises by callback: both forms of verifyClient are in use. */
function verifyClientOf(admit: () => boolean | Promise<boolean>): WebSocketServerOptions['verifyClient'] {
  return (_info, callback) => {
    Promise.resolve(admit()).then((isAdmitted) => callback(isAdmitted, 403));
  };
}

export async function listenHttp(server: HttpServer | HttpsServer, socketPath?: string): Promise<Endpoint> {
  server.listen(socketPath ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return socketPath === undefined
    ? { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    : { path: socketPath };
}

/** A node:http server that is stopped after the test. */
export async function startPlainHttp(
  server: HttpServer | HttpsServer = createHttpServer(),
): Promise<{ readonly server: HttpServer | HttpsServer; readonly endpoint: Endpoint }> {
  stopAfterTest(server);
  return { server, endpoint: await listenHttp(server) };
}

function stopAfterTest(server: HttpServer | HttpsServer): void {
  onTestFinished(() => {
    server.closeAllConnections();
    return stopListening(server);
  });
}

/** Peers end their own sockets; nothing here waits for them. */
function stopListening(server: { readonly listening: boolean; close(): unknown }): void {
  if (server.listening) server.close();
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

let certificate: Promise<Certificate> | undefined;

/** A self-signed certificate for localhost, made once per test file; its key never outlives the run. */
export function testCertificate(): Promise<Certificate> {
  certificate ??= makeCertificate();
  return certificate;
}

async function makeCertificate(): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'framewright-tls-'));
  try {
    const keyFile = join(directory, 'key.pem');
    const certFile = join(directory, 'cert.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const files = ['-keyout', keyFile, '-out', certFile];
    await promisify(execFile)('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, ...files]);
    return { key: await readFile(keyFile, 'utf8'), cert: await readFile(certFile, 'utf8') };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The path of a unix socket that is removed after the test. */
export async function unixSocketPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'framewright-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 's');
}

export interface ProcessWatch {
  /** Exceptions and rejections that nobody caught. */
  readonly uncaught: unknown[];
  readonly warnings: (Error & { readonly code?: string; readonly detail?: string })[];
  nextWarning(): Promise<Error & { readonly code?: string; readonly detail?: string }>;
}

/** Notes until the end of the test what reaches the process. */
export function watchProcess(): ProcessWatch {
  const uncaught: unknown[] = [];
  const warnings: Error[] = [];
  let wake: () => void = () => {};
  const onUncaught = (error: unknown) => void uncaught.push(error);
  const onWarning = (warning: Error) => {
    if (warning.name !== 'FramewrightWarning') return;
    warnings.push(warning);
    wake();
  };
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  process.on('warning', onWarning);
  onTestFinished(() => {
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
    process.off('warning', onWarning);
  });
  const nextWarning = async () => {
    if (warnings.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return warnings.shift()!;
  };
  return { uncaught, warnings, nextWarning };
}

/** Takes what is thrown where nobody catches it, until the end of the test, in place of those who would fail the run. */
export function takeUncaught(): { readonly errors: (Error & { readonly code?: string })[] } {
  const errors: Error[] = [];
  const usual = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of usual) process.on('uncaughtException', listener);
  });
  return { errors };
}

/** One turn of the event loop, with its ticks and its I/O. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The arguments of the next event of this name; `once` of node:events would fail at an 'error' before it. */
export function eventOf(emitter: Pick<NodeJS.EventEmitter, 'once'>, name: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(name, (...args: unknown[]) => resolve(args)));
}
