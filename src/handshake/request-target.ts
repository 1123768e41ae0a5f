/**
 * What names the endpoint in a request: host and resource name (§3, §4.1, §4.2.1). It refuses to resolve or normalise
 * either; URLs are for whoever dials.
 */

import type { HeaderMap } from './header-map.ts';

/** Visible ASCII without `#`: §3 has no fragments in resource names, nor has RFC 9112 §3.2 in request-targets. */
const TARGET_CHARACTERS = /^[!-"$-~]+$/;

/**
 * RFC 9110 §7.2: a name or an address, IPv6 in brackets, with an optional port. No user before it (RFC 9110 §4.2.4), and
 * not empty, which no http address has (RFC 9110 §4.2.1).
 */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/;

const ABSOLUTE_TARGET = /^https?:\/\/([^/?]*)(.*)$/i;

/** Whether `text` has only characters that a request-target may have, and at least one. */
export function hasTargetCharacters(text: string): boolean {
  return TARGET_CHARACTERS.test(text);
}

/** Whether `text` may be the value of a Host header. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** A request-target that is a path or an absolute http(s) URI. */
export interface RequestTarget {
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
