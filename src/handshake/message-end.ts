/** What stands behind the head of a request on the same connection: a body, or another request, or nothing. */

import { listHasToken } from './header-fields.ts';
import type { HeaderMap } from './header-map.ts';
import type { RequestHead } from './http-head.ts';

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
