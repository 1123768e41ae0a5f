/**
 * What a handshake needs to know of a request as HTTP has it: which endpoint it names (§3, §4.2.1), and whether a body
 * stands behind its head. It refuses to resolve or normalise names.
 */

import type { HeaderMap } from './header-map.ts';
import { hasTargetCharacters } from './http-head.ts';

/**
 * RFC 9110 §7.2: a name or an address, IPv6 in brackets, with an optional port. No user before it (RFC 9110 §4.2.4), and
 * not empty, which no http address has (RFC 9110 §4.2.1).
 */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/;

const ABSOLUTE_TARGET = /^https?:\/\/([^/?]*)(.*)$/i;

/** Whether `text` may be the value of a Host header. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** A request-target that is a path or an absolute http(s) URI. */
interface RequestTarget {
  /** Path and query (§3). */
  readonly resourceName: string;
  /** Host and port of an absolute URI, as sent. */
  readonly authority: string | undefined;
}

/** Takes a request-target apart; undefined for any but the two forms that §4.2.1 knows. */
export function parseTarget(target: string): RequestTarget | undefined {
  if (!hasTargetCharacters(target)) return undefined;
  if (target.startsWith('/')) return { resourceName: target, authority: undefined };
  const [, authority = '', name = ''] = ABSOLUTE_TARGET.exec(target) ?? [];
  if (!isHost(authority)) return undefined;
  return { resourceName: name.startsWith('/') ? name : `/${name}`, authority };
}

/** Whether there is exactly one Host header, with a valid host (RFC 9112 §3.2). */
export function namesOneHost(headers: HeaderMap): boolean {
  // Two of them are joined by a comma and a space, which no host has.
  return isHost(headers.get('host') ?? '');
}

/** RFC 9112 §6.3: a request has a body when its header fields announce one. */
export function announcesBody(headers: HeaderMap): boolean {
  return headers.count('transfer-encoding') > 0 || headers.all('content-length').some((value) => !/^0+$/.test(value));
}
