/** The URL of a WebSocket by the WebSockets Standard, and the ports that browsers do not connect to. */

import { type Address, parseAddress } from '../client/address.ts';

const SCHEMES = ['ws:', 'wss:', 'http:', 'https:'];

/**
 * "Port blocking" of the Fetch Standard: services whose protocol a request could be taken for.
 */
const BAD_PORTS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** The program's own `location`, where it has one, as in Deno and in tests of pages. */
export function locationOfProgram(): string | undefined {
  const { location } = globalThis as { location?: { readonly href?: unknown } };
  return typeof location?.href === 'string' && URL.canParse(location.href) ? location.href : undefined;
}

/** The value of the Origin field (§4.1), for programs that have one. */
export function originOf(location: string | undefined): string | undefined {
  const origin = location === undefined ? 'null' : new URL(location).origin;
  return origin === 'null' ? undefined : origin;
}

/**
 * http: and https: stand for ws: and wss:.
 * @param base what a relative URL is relative to
 * @throws {DOMException} SyntaxError when it is no URL, of another scheme, or has a fragment, an empty one included (§3)
 */
export function parseUrlRecord(url: string, base: string | undefined): Address {
  if (!URL.canParse(url, base)) {
    const hint = base === undefined ? ', and there is no base for a relative one' : '';
    throw new DOMException(`Invalid URL: ${url}${hint}`, 'SyntaxError');
  }
  const { href, protocol } = new URL(url, base);
  if (!SCHEMES.includes(protocol)) {
    throw new DOMException(`The URL's scheme must be ws, wss, http or https: ${href}`, 'SyntaxError');
  }
  if (href.includes('#')) throw new DOMException(`The URL must not have a fragment: ${href}`, 'SyntaxError');
  return parseAddress(href);
}

export function isBadPort({ port }: Address): boolean {
  return BAD_PORTS.has(Number(port));
}
