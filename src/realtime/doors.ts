/**
 * Doors in servers of others: what is asked for at their paths goes to them, by whichever version of HTTP, and nobody else on
 * the server hears of it. All else passes as if they were not there.
 */

import type { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buildRefusalResponse } from '../handshake/index.ts';
import { describe, PATH } from '../options/option-check.ts';
import { endWith } from '../server/http-answer.ts';
import { type AnyHttp2Server, isHttp2Server, nameHost, takeExtendedConnects } from '../server/http2-server.ts';
import { type NetRequest, NetServer, takeRequests } from '../server/net-server.ts';
import { TAKES_THE_REST } from '../server/websocket-server.ts';

/** A server that a hub may be attached to. */
export type AttachableServer = HttpServer | HttpsServer | AnyHttp2Server | NetServer;

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** What stands behind a path. */
export interface Door {
  /** Somebody asks for a WebSocket, or another upgrade. */
  upgrade(request: AnyRequest, socket: Duplex, rest: Buffer): void;
  /** Somebody asks for anything else. */
  request(request: AnyRequest, response: AnyResponse): void;
}

type Doors = Map<string, Door>;

const doorsOf = new WeakMap<object, Doors>();
/** What takes our hands off a server that has no door left. */
const releases = new WeakMap<Doors, () => void>();

const SERVERS = 'a server of node:http, node:https or node:http2, or one of listen()';
const NO_BYTES = Buffer.alloc(0);

/**
 * @param path with `/` in front, without a query
 * @returns what closes the door
 * @throws {TypeError} for what is no server, and no path
 * @throws {Error} when there is a door at this path already
 */
export function openDoor(server: AttachableServer, path: string, door: Door): () => void {
  checkServer(server);
  if (!PATH.fits(path)) throw new TypeError(`hub.attach(): path must be ${PATH.expected}; got ${describe(path)}`);
  let doors = doorsOf.get(server);
  if (doors?.has(path)) throw new Error(`hub.attach(): another hub answers at ${path} of this server`);
  if (doors === undefined) {
    doors = new Map();
    doorsOf.set(server, doors);
  }
  doors.set(path, door);
  if (doors.size === 1) releases.set(doors, watch(server, doors));
  return () => {
    if (doors.get(path) !== door) return;
    doors.delete(path);
    if (doors.size === 0) releases.get(doors)!();
  };
}

function checkServer(server: unknown): void {
  if (typeof server === 'function') {
    throw new TypeError(`hub.attach() takes ${SERVERS}: for an app of Express give http.createServer(app)`);
  }
  const { on, emit, handleUpgrade } = (server ?? {}) as Partial<EventEmitter> & { readonly handleUpgrade?: unknown };
  if (typeof on === 'function' && typeof emit === 'function' && handleUpgrade === undefined) return;
  const inner = (server as { readonly server?: unknown } | undefined)?.server;
  const advice = typeof (inner as Partial<EventEmitter> | undefined)?.on === 'function' ? ': give it its .server' : '';
  throw new TypeError(`hub.attach() takes ${SERVERS}, not ${describe(server)}${advice}`);
}

function watch(server: AttachableServer, doors: Doors): () => void {
  return server instanceof NetServer ? watchNet(server, doors) : watchHttp(server, doors);
}

const doorAt = (doors: Doors, url: string | undefined) => doors.get((url ?? '').split('?', 1)[0]!);

// ---- node:http, node:https, node:http2 --------------------------------------------------------------------------------

type Events = (name: string, ...args: unknown[]) => boolean;
type Take = (...args: never[]) => boolean;

/** Comes between the server and its listeners, also those that are added later. */
function watchHttp(server: HttpServer | HttpsServer | AnyHttp2Server, doors: Doors): () => void {
  const emitter = server as unknown as EventEmitter & { emit: Events };
  const emit = emitter.emit;
  const isOwn = Object.hasOwn(emitter, 'emit');
  const takers: Readonly<Record<string, Take>> = {
    upgrade(request: IncomingMessage, socket: Duplex, rest: Buffer) {
      const door = doorAt(doors, request.url);
      door?.upgrade(request, socket, rest);
      return door !== undefined;
    },
    request(request: AnyRequest, response: AnyResponse) {
      const door = doorAt(doors, request.url);
      door?.request(request, response);
      return door !== undefined;
    },
    checkContinue(request: AnyRequest, response: AnyResponse) {
      const door = doorAt(doors, request.url);
      if (door === undefined) return false;
      response.writeContinue();
      door.request(request, response);
      return true;
    },
    stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) {
      const isPlain = headers[':protocol'] === undefined && headers[':method'] !== 'CONNECT';
      const door = isPlain ? doorAt(doors, headers[':path']) : undefined;
      if (door === undefined) return false;
      const { Http2ServerRequest: Request, Http2ServerResponse: Response } = process.getBuiltinModule('node:http2');
      nameHost(headers);
      door.request(new Request(stream, headers, {}, rawHeaders), new Response(stream));
      return true;
    },
  };
  const watching: Events = function (this: unknown, name, ...args) {
    const take = Object.hasOwn(takers, name) ? takers[name] : undefined;
    if (take !== undefined && doors.size > 0 && take(...(args as never[]))) return true;
    const isHeard = emit.call(this as EventEmitter, name, ...args);
    // There is nobody who would answer.
    if (!isHeard && name === 'request') notFound(args[1] as AnyResponse);
    return isHeard;
  };
  emitter.emit = watching as typeof emitter.emit;
  // Without a listener node:http takes upgrades for plain requests.
  const refuseAlone = (_request: IncomingMessage, socket: Duplex) => {
    if (emitter.listenerCount('upgrade') === 1) {
      endWith(socket, buildRefusalResponse({ status: 404, message: 'There is nothing at this path' }));
    }
  };
  const onUpgrade = Object.assign(refuseAlone, { [TAKES_THE_REST]: true });
  emitter.on('upgrade', onUpgrade);
  const leaveStreams = isHttp2Server(server)
    ? takeExtendedConnects(server, (request, stream) => {
        const door = doorAt(doors, request.url);
        door?.upgrade(request, stream, NO_BYTES);
        return door !== undefined;
      })
    : undefined;
  return () => {
    doorsOf.delete(server);
    emitter.off('upgrade', onUpgrade);
    leaveStreams?.();
    // Unless somebody has come above it.
    if (emitter.emit !== watching) return;
    if (isOwn) emitter.emit = emit;
    else Reflect.deleteProperty(emitter, 'emit');
  };
}

function notFound(response: AnyResponse): void {
  response.statusCode = 404;
  response.end();
}

// ---- listen() -----------------------------------------------------------------------------------------------------------

/** A server of node:http answers in its place. It listens nowhere: connections are given to it. */
function watchNet(server: NetServer, doors: Doors): () => void {
  const { createServer } = process.getBuiltinModule('node:http');
  const inner = createServer((request, response) => doorAt(doors, request.url)!.request(request, response));
  inner.on('upgrade', (request, socket, rest) => doorAt(doors, request.url)!.upgrade(request, socket, rest));
  // The next request on the connection may be for somebody else.
  inner.maxRequestsPerSocket = 1;
  const leave = takeRequests(server, (request, rest) => {
    if (doorAt(doors, request.url) === undefined) return false;
    handOver(inner, request, rest);
    return true;
  });
  return () => {
    doorsOf.delete(server);
    leave();
  };
}

function handOver(inner: HttpServer, request: NetRequest, rest: Uint8Array): void {
  const { socket } = request;
  socket.pause();
  socket.unshift(Buffer.concat([headOf(request), rest]));
  inner.emit('connection', socket satisfies Socket);
  socket.resume();
}

/** As it has come, but for its target, which has been read. */
function headOf({ method, url, httpVersion, headers, rawHeaders }: NetRequest): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.toLowerCase() !== 'host') lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  const host = headers.get('host');
  if (host !== undefined) lines.push(`Host: ${host}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
