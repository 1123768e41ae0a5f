/**
 * What HTTP asks of every request, whatever it is for, beside a head that follows the grammar. A request is refused where
 * two programs on the way could read it in different ways, and so see its end in different places.
 */

import {
  announcesBody,
  HeaderMap,
  type HeadFailure,
  listHasToken,
  namesOneHost,
  parseTarget,
  type RequestHead,
} from '../handshake/index.ts';

/**
 * The header fields of a request as they are to be understood: the host of an absolute request-target takes the place of
 * the Host header (RFC 9112 §3.2.2), so that nobody who asks for Host is told of another one.
 */
export function effectiveHeaders({ target, headers, rawHeaders }: RequestHead): HeaderMap {
  const authority = parseTarget(target)?.authority;
  if (authority === undefined) return headers;
  const others = rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)]!.toLowerCase() !== 'host');
  return new HeaderMap(['Host', authority, ...others]);
}

/**
 * RFC 9112 §9.3: whether the client may send another request behind this one. Not behind a body, which nobody reads here,
 * nor in HTTP/1.0.
 */
export function allowsNextRequest({ httpVersion, headers }: RequestHead): boolean {
  return httpVersion === '1.1' && !listHasToken(headers.get('connection') ?? '', 'close') && !announcesBody(headers);
}

/** The first rule of HTTP that a request breaks (RFC 9112 §3.2, RFC 9112 §6.3), as a 400; undefined when it keeps them all. */
export function checkRequest({ method, target, httpVersion, headers }: RequestHead): HeadFailure | undefined {
  // Behind a CONNECT would come bytes of another protocol. Its target, host and port, is that of a proxy.
  if (method === 'CONNECT') return badRequest('RFC 9112 §3.2.3', 'This is no proxy: there is nothing to CONNECT to');
  if (parseTarget(target) === undefined && !(method === 'OPTIONS' && target === '*')) {
    return badRequest('RFC 9112 §3.2', 'The request-target must be a path or an absolute http or https URI');
  }
  const isOld = httpVersion === '1.0';
  // HTTP/1.0 has no Host header; when there is one all the same it is held to the same rule.
  if (!(isOld && headers.count('host') === 0) && !namesOneHost(headers)) {
    return badRequest('RFC 9112 §3.2', 'Exactly one Host header with a valid host is required');
  }
  const transferEncoding = headers.get('transfer-encoding');
  const contentLength = headers.get('content-length');
  if (transferEncoding !== undefined) {
    if (isOld) return badRequest('RFC 9112 §6.1', 'HTTP/1.0 has no Transfer-Encoding');
    if (contentLength !== undefined) {
      const message = 'Content-Length and Transfer-Encoding contradict each other: send one of them';
      return badRequest('RFC 9112 §6.3', message);
    }
    if (transferEncoding.toLowerCase() !== 'chunked') {
      return badRequest('RFC 9112 §6.3', 'A Transfer-Encoding must be chunked and nothing else');
    }
  }
  // Two are joined by a comma, also when they are equal.
  if (contentLength !== undefined && !/^\d+$/.test(contentLength)) {
    return badRequest('RFC 9112 §6.3', 'A Content-Length must be one number of bytes');
  }
  return undefined;
}

function badRequest(section: string, message: string): HeadFailure {
  return { ok: false, status: 400, message, section };
}
