/**
 * What proxies say of a request in X-Forwarded-* or Forwarded (RFC 7239). Each adds an entry at the right of the list. So
 * the entries of one's own proxies are counted from there, and what stands left of them is whatever the client has sent.
 */

import type { HeaderMap } from '../handshake/index.ts';
import { addressKey } from './address.ts';

/** One entry of Forwarded. */
type Element = Readonly<Partial<Record<string, string>>>;

const PAIR = /[\t ]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\t ",;]*))[\t ]*(;|,|$)/y;

/**
 * The entries of Forwarded from left to right; undefined when the list breaks its grammar: a client that leaves a quotation
 * open could otherwise swallow what the proxies add.
 */
function parseForwarded(value: string): Element[] | undefined {
  const elements: Element[] = [];
  let element: Record<string, string> = {};
  PAIR.lastIndex = 0;
  for (let end = ','; end !== ''; ) {
    const pair = PAIR.exec(value);
    if (pair === null) return undefined;
    const [, name, quoted, plain] = pair;
    element[name!.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? plain!;
    end = pair[4]!;
    if (end === ';') continue;
    elements.push(element);
    element = Object.create(null) as Record<string, string>;
  }
  return elements;
}

function parseList(value = ''): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** The entry that the outermost trusted proxy has added; none where none is trusted. Where there are fewer, all are theirs. */
function trustedEntry<Entry>(entries: readonly Entry[], hops: number): Entry | undefined {
  return entries[Math.max(0, entries.length - hops)];
}

/**
 * The address that a request comes from, as it is written.
 * @param hops how many proxies stand in front of the server; 0 believes nothing
 * @param peer the address of the socket; it is the answer as well when X-Forwarded-For and Forwarded do not say the same:
 *   one of them then comes from the client
 */
export function clientAddress(headers: HeaderMap, hops: number, peer: string): string {
  const listed = trustedEntry(parseList(headers.get('x-forwarded-for')), hops);
  const field = headers.get('forwarded');
  if (field === undefined) return listed ?? peer;
  const elements = parseForwarded(field);
  if (elements === undefined) return peer;
  const forwarded = trustedEntry(elements, hops)?.for;
  const areBothThere = listed !== undefined && forwarded !== undefined;
  if (areBothThere && addressKey(listed) !== addressKey(forwarded)) return peer;
  return listed ?? forwarded ?? peer;
}

/** What the client has asked for, as far as proxies say: `http` or `https`, and a host. */
export function clientTarget(headers: HeaderMap, hops: number): { readonly scheme?: string; readonly host?: string } {
  const { proto, host } = trustedEntry(parseForwarded(headers.get('forwarded') ?? '') ?? [], hops) ?? {};
  const listed = (name: string) => trustedEntry(parseList(headers.get(name)), hops);
  return { scheme: listed('x-forwarded-proto') ?? proto, host: listed('x-forwarded-host') ?? host } as {
    readonly scheme?: string;
    readonly host?: string;
  };
}
