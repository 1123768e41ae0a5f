/** A request for an event stream, whichever server it has come to. */

import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest, IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { socketBelow } from '../admission/address.ts';
import type { Arrival } from '../admission/arrival.ts';
import { HeaderMap } from '../handshake/index.ts';
import type { NetRequest } from '../server/net-server.ts';
import type { NodeResponse } from './event-sinks.ts';

/** As node:http and node:http2 give it; of a stream of the latter, its headers. */
export type NodeRequest = IncomingMessage | Http2ServerRequest | IncomingHttpHeaders;

export interface EventRequest<Source> extends Arrival<Source> {
  readonly method: string;
  /** The path with its query. */
  readonly resourceName: string;
}

export function nodeRequest<Source extends NodeRequest>(request: Source, response: NodeResponse): EventRequest<Source> {
  if (':path' in request) {
    const headers = request as IncomingHttpHeaders;
    const below = socketBelow(response as Duplex);
    return {
      request,
      method: headers[':method'] ?? 'GET',
      resourceName: headers[':path'] ?? '/',
      headers: HeaderMap.fromObject(headers),
      host: headers[':authority'] ?? headers.host,
      isSecure: below.encrypted === true,
      remoteAddress: below.remoteAddress,
    };
  }
  // Express cuts off what a router has matched.
  const message = request as Partial<IncomingMessage & Http2ServerRequest & { readonly originalUrl: string }>;
  const below = socketBelow((message.stream ?? message.socket ?? {}) as Duplex);
  const headers: IncomingHttpHeaders = message.headers ?? {};
  return {
    request,
    method: message.method ?? 'GET',
    resourceName: message.originalUrl ?? message.url ?? '/',
    headers: HeaderMap.fromObject(headers),
    host: headers[':authority'] ?? headers.host,
    isSecure: below.encrypted === true,
    remoteAddress: below.remoteAddress,
  };
}

/** @param remoteAddress of the client, which a Request does not tell */
export function fetchRequest(request: Request, remoteAddress?: string): EventRequest<Request> {
  const { protocol, host, pathname, search } = new URL(request.url);
  return {
    request,
    method: request.method,
    resourceName: pathname + search,
    headers: new HeaderMap([...request.headers].flat()),
    host: request.headers.get('host') ?? host,
    isSecure: protocol === 'https:',
    remoteAddress,
  };
}

export function netRequest(request: NetRequest): EventRequest<NetRequest> {
  const { method, url, headers, socket } = request;
  const below = socketBelow(socket);
  return {
    request,
    method,
    resourceName: url,
    headers,
    host: headers.get('host'),
    isSecure: below.encrypted === true,
    remoteAddress: below.remoteAddress,
  };
}

/**
 * What the client has had before; '' for nothing.
 * @param parameter of the query, for clients that cannot send the header
 */
export function lastEventIdOf({ headers, resourceName }: EventRequest<unknown>, parameter: string | undefined): string {
  const [sent] = headers.all('last-event-id');
  // It is sent as UTF-8, and HTTP's fields are read as Latin-1.
  if (sent !== undefined) return Buffer.from(sent, 'latin1').toString();
  if (parameter === undefined) return '';
  return new URLSearchParams(resourceName.replace(/^[^?]*/, '')).get(parameter) ?? '';
}
