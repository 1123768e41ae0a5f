/**
 * Where a connection comes from, as a key by which connections are counted: IPv4 addresses one by one, in whichever form they
 * are written; IPv6 addresses by /64, of which one subscriber has at least one for himself.
 */

import type { Http2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** The key of an address as programs and proxies write it; names that are none stay what they are, '' too. */
export function addressKey(written: string): string {
  const address = plainAddress(written);
  const network = groupsOf(address)?.slice(0, 4);
  return network === undefined ? address : `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** An address without port and zone. That of an IPv4 client of a socket that speaks both (::ffff:0:0/96) is IPv4. */
export function plainAddress(written: string): string {
  const address = withoutPort(written);
  const groups = groupsOf(address);
  const isMapped = groups?.[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (!isMapped) return address;
  const [high, low] = groups.slice(6) as [number, number];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** `[2001:db8::1]:443`, `192.0.2.1:443` and `fe80::1%eth0` without what is no part of the address. */
function withoutPort(written: string): string {
  const address = written.trim().toLowerCase();
  const [, inBrackets] = /^\[([^\]]*)\](?::\d*)?$/.exec(address) ?? [];
  const [, ipv4] = /^([^:]*):\d*$/.exec(address) ?? [];
  return (inBrackets ?? ipv4 ?? address).replace(/%.*$/, '');
}

/** The eight groups of an IPv6 address, or undefined when it is none. */
function groupsOf(address: string): number[] | undefined {
  const [start = '', end, ...more] = address.split('::');
  if (more.length > 0) return undefined;
  const before = numbersOf(start, end === undefined);
  const behind = end === undefined ? [] : numbersOf(end, true);
  if (before === undefined || behind === undefined) return undefined;
  const missing = 8 - before.length - behind.length;
  if (end === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...behind];
}

/** @param isEnd whether the last 32 bits may stand there as IPv4 */
function numbersOf(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const numbers: number[] = [];
  const parts = text.split(':');
  for (const [place, part] of parts.entries()) {
    const octets =
      isEnd && place === parts.length - 1 ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(part) : null;
    if (octets !== null) {
      const [a, b, c, d] = octets.slice(1).map(Number) as [number, number, number, number];
      if (Math.max(a, b, c, d) > 255) return undefined;
      numbers.push((a << 8) | b, (c << 8) | d);
    } else if (/^[\da-f]{1,4}$/.test(part)) {
      numbers.push(Number.parseInt(part, 16));
    } else return undefined;
  }
  return numbers;
}

/** The socket below a stream, which over HTTP/2 is that of its session. */
export function socketBelow(stream: Duplex): Partial<TLSSocket> {
  const { session } = stream as Partial<Http2Stream>;
  return (session === undefined ? stream : (session.socket ?? {})) as Partial<TLSSocket>;
}
