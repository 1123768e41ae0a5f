/**
 * WebSockets on servers of node:http2 (RFC 8441): which streams are requests for one, and who is given them. node:http2 itself
 * is loaded by whoever has made such a server.
 */

import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';

export type AnyHttp2Server = Http2Server | Http2SecureServer;

/** Only servers of node:http2 have settings. */
export function isHttp2Server(server: object): server is AnyHttp2Server {
  return 'updateSettings' in server;
}

/** Whether it is a stream of a server of node:http2. */
export function isServerStream(socket: Duplex): socket is ServerHttp2Stream {
  return typeof (socket as Partial<ServerHttp2Stream>).respond === 'function';
}

/** Takes a stream or leaves it. @returns whether it has taken it */
type Take = (request: Http2ServerRequest, stream: ServerHttp2Stream) => boolean;

const takersOf = new WeakMap<AnyHttp2Server, Set<Take>>();

/**
 * Offers each extended CONNECT (RFC 8441 §4) to `take`, and to those who have asked for them before. What is taken, no listener of the
 * server hears of: the application's would answer it as any request, and node:http2's own with 405.
 * @returns what ends it
 */
export function takeExtendedConnects(server: AnyHttp2Server, take: Take): () => void {
  let takers = takersOf.get(server);
  if (takers === undefined) {
    takers = new Set();
    takersOf.set(server, takers);
    watch(server, takers);
  }
  takers.add(take);
  return () => takers.delete(take);
}

type StreamEvent = [
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
];

function watch(server: AnyHttp2Server, takers: ReadonlySet<Take>): void {
  const { emit } = server;
  /** Sessions whose clients are told. RFC 8441 §3: once on, it stays on. */
  const told = new WeakSet<ServerHttp2Session>();
  const tell = (session: ServerHttp2Session | undefined): void => {
    if (session === undefined || session.destroyed || told.has(session)) return;
    told.add(session);
    session.settings({ enableConnectProtocol: true });
  };
  server.updateSettings({ enableConnectProtocol: true });
  for (const session of sessionsOf(server)) tell(session);
  server.emit = function (this: AnyHttp2Server, name: string, ...args: unknown[]): boolean {
    if (name === 'session') told.add(args[0] as ServerHttp2Session);
    if (name !== 'stream') return emit.call(this, name, ...(args as []));
    const [stream, headers, , rawHeaders] = args as StreamEvent;
    // Sessions that there were before, where Node.js does not say which these are.
    tell(stream.session as ServerHttp2Session | undefined);
    // What it lacks of :scheme, :path and :authority node:http2 has refused. A CONNECT without :protocol is for proxies.
    const isExtended = headers[':protocol'] !== undefined;
    if (isExtended && takers.size > 0) {
      const request = makeRequest(stream, headers, rawHeaders);
      for (const take of takers) if (take(request, stream)) return true;
    }
    const isHeard = emit.call(this, name, ...(args as []));
    // Nobody is left who would answer.
    if (isExtended && !isHeard) stream.respond({ ':status': 501 }, { endStream: true });
    return isHeard;
  } as typeof server.emit;
}

/** The sessions of a server; where Node.js keeps no list of them, as before version 24, none. */
function sessionsOf(server: AnyHttp2Server): Iterable<ServerHttp2Session> {
  const name = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'sessions');
  const sessions =
    name && (server as unknown as Record<symbol, Partial<Iterable<ServerHttp2Session>> | undefined>)[name];
  // A Set of Node.js's own, which is no instance of Set.
  return typeof sessions?.[Symbol.iterator] === 'function' ? (sessions as Iterable<ServerHttp2Session>) : [];
}

/** As for 'request' listeners. */
function makeRequest(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
  const { Http2ServerRequest: Request } = process.getBuiltinModule('node:http2');
  nameHost(headers);
  return new Request(stream, headers, {}, rawHeaders);
}

/** Host is the field by which programs know it. RFC 9113 §8.3.1: where both are there, `:authority` counts. */
export function nameHost(headers: IncomingHttpHeaders): void {
  const { ':authority': authority } = headers;
  if (authority !== undefined) headers.host = authority;
}

/** Whether the application listens for requests of this kind itself: node:http2's own listener only answers with 405. */
export function hasOtherTakers(server: AnyHttp2Server): boolean {
  const isOthers = ({ name }: { readonly name: string }) => name !== 'bound onServerStream';
  return server.listenerCount('connect') > 0 || (server.listeners('stream') as { name: string }[]).some(isOthers);
}

/** RFC 9113 §6.8: no more streams on the session of this one. What there is goes on, and with the last the session ends. */
export function sayGoAway(socket: Duplex): void {
  if (isServerStream(socket)) socket.session?.close();
}
