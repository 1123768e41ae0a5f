/**
 * What HTTP asks of every request, whatever it is for, and what stands behind its head on the same connection: a body, or
 * another request, or nothing. Where two programs on the way could read a request in different ways, and so see its end
 * in different places, it is refused.
 */

import { listHasToken } from './header-fields.ts';
import { HeaderMap } from './header-map.ts';
import type { HeadFailure, RequestHead } from './http-head.ts';
import { namesOneHost, parseTarget } from './request-target.ts';

/** RFC 9112 §6.3: a request has a body when its header fields announce one. */
export function announcesBody(headers: HeaderMap): boolean {
  return headers.count('transfer-encoding') > 0 || headers.all('content-length').some((value) => !/^0+$/.test(value));
}

/**
 * RFC 9112 §9.3: whether the client may send another request behind this one. Not behind a body, which nobody reads here,
 * nor in HTTP/1.0.
 */
export function allowsNextRequest({ httpVersion, headers }: RequestHead): boolean {
  return httpVersion === '1.1' && !listHasToken(headers.get('connection') ?? '', 'close') && !announcesBody(headers);
}

/** A rule of HTTP for requests: its section, and what a request says that breaks it. */
interface RequestRule {
  readonly section: string;
  readonly isBroken: (head: RequestHead) => boolean;
  readonly message: string;
}

const REQUEST_RULES: readonly RequestRule[] = [
  {
    // Behind a CONNECT would come bytes of another protocol. Its target, host and port, is that of a proxy.
    section: 'RFC 9112 §3.2.3',
    isBroken: ({ method }) => method === 'CONNECT',
    message: 'This is no proxy: there is nothing to CONNECT to',
  },
  {
    section: 'RFC 9112 §3.2',
    isBroken: ({ method, target }) => parseTarget(target) === undefined && !(method === 'OPTIONS' && target === '*'),
    message: 'The request-target must be a path or an absolute http or https URI',
  },
  {
    // HTTP/1.0 has no Host header; when there is one all the same it is held to the same rule.
    section: 'RFC 9112 §3.2',
    isBroken: ({ httpVersion, headers }) =>
      !(httpVersion === '1.0' && headers.count('host') === 0) && !namesOneHost(headers),
    message: 'Exactly one Host header with a valid host is required',
  },
  {
    section: 'RFC 9112 §6.1',
    isBroken: ({ httpVersion, headers }) => httpVersion === '1.0' && headers.count('transfer-encoding') > 0,
    message: 'HTTP/1.0 has no Transfer-Encoding',
  },
  {
    section: 'RFC 9112 §6.3',
    isBroken: ({ headers }) => headers.count('transfer-encoding') > 0 && headers.count('content-length') > 0,
    message: 'Content-Length and Transfer-Encoding contradict each other: send one of them',
  },
  {
    section: 'RFC 9112 §6.3',
    isBroken: ({ headers }) => (headers.get('transfer-encoding') ?? 'chunked').toLowerCase() !== 'chunked',
    message: 'A Transfer-Encoding must be chunked and nothing else',
  },
  {
    // Two are joined by a comma, also when they are equal.
    section: 'RFC 9112 §6.3',
    isBroken: ({ headers }) => !/^\d+$/.test(headers.get('content-length') ?? '0'),
    message: 'A Content-Length must be one number of bytes',
  },
];

/** The first rule of HTTP that a request breaks (RFC 9112 §3.2, RFC 9112 §6.3), as a 400; undefined when it keeps them all. */
export function checkRequest(head: RequestHead): HeadFailure | undefined {
  const rule = REQUEST_RULES.find(({ isBroken }) => isBroken(head));
  return rule && { ok: false, status: 400, message: rule.message, section: rule.section };
}

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
