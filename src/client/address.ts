/**
 * The address of a WebSocket (§3) taken apart: where to connect, whether with TLS, and which resource to ask for. It
 * refuses to know of proxies, redirects and requests; names are resolved by whoever dials.
 */

import { unescape as decodeLeniently } from 'node:querystring';

export interface Address {
  /** The address in its ws:, wss: or ws+unix: form, in full. */
  readonly url: string;
  readonly isSecure: boolean;
  /** Host name or IP address, IPv6 without brackets; '' for a unix socket. */
  readonly host: string;
  /** As the address has it, or else the scheme's: a string or a number, as `createConnection` and agents know it. */
  readonly port: string | number;
  /** What tells one host from another: host and port, or the unix socket's path. */
  readonly authority: string;
  /** A unix socket's path, in place of host and port. */
  readonly socketPath: string | undefined;
  /** Path and query, percent-encoded (§11.1.1, §11.1.2); starts with `/`. */
  readonly resourceName: string;
  /** `user:password` from the address, decoded. */
  readonly credentials: string | undefined;
}

/** http and https addresses are taken for the WebSocket ones on the same port. */
const WEBSOCKET_SCHEMES: Readonly<Record<string, string>> = { 'http:': 'ws:', 'https:': 'wss:' };
const SCHEMES = ['ws:', 'wss:', 'ws+unix:'];
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443, 'ws+unix:': 80 };

/**
 * @param base what a relative address is relative to, for redirects
 * @throws {SyntaxError} when it is no URL, of another scheme, or has a fragment (§3), with ws's messages
 */
export function parseAddress(address: string | URL, base?: string): Address {
  const url = parseUrl(String(address), base);
  const scheme = WEBSOCKET_SCHEMES[url.protocol];
  if (scheme !== undefined) url.protocol = scheme;
  if (!SCHEMES.includes(url.protocol)) {
    throw new SyntaxError('The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"');
  }
  const isUnix = url.protocol === 'ws+unix:';
  if (isUnix && url.pathname === '') throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== '') throw new SyntaxError('The URL contains a fragment identifier');
  const { socketPath, resourceName } = splitPath(url.pathname + url.search, isUnix);
  return {
    url: url.href,
    isSecure: url.protocol === 'wss:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || DEFAULT_PORTS[url.protocol]!,
    authority: socketPath ?? url.host,
    socketPath,
    resourceName,
    credentials:
      url.username === '' && url.password === ''
        ? undefined
        : `${decodeLeniently(url.username)}:${decodeLeniently(url.password)}`,
  };
}

/** A URL of our own: one that was given is left as it is. */
function parseUrl(address: string, base: string | undefined): URL {
  try {
    return new URL(address, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${address}`);
  }
}

/** Of a unix address the first colon ends the socket's path, and what follows is the resource. */
function splitPath(path: string, isUnix: boolean): Pick<Address, 'socketPath' | 'resourceName'> {
  if (!isUnix) return { socketPath: undefined, resourceName: path };
  const colon = path.indexOf(':');
  if (colon === -1) return { socketPath: path, resourceName: '/' };
  return { socketPath: path.slice(0, colon), resourceName: path.slice(colon + 1) || '/' };
}

/** The value of an Authorization or Proxy-Authorization field (RFC 7617 §2). */
export function basicAuthorization(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/**
 * The address that a Location field names (RFC 9110 §10.2.2), seen from where it was sent. Which unix sockets there are is
 * no server's business: only one that is itself reached by a unix socket may name another. What it says without a scheme is
 * about the resource, not about the socket.
 * @throws {SyntaxError} as `parseAddress`
 * @throws {Error} for a unix socket named by a server on the network
 */
export function parseRedirect(location: string, from: Address): Address {
  const { socketPath } = from;
  if (socketPath !== undefined && !URL.canParse(location)) {
    const { pathname, search, hash } = parseUrl(location, `ws://localhost${from.resourceName}`);
    return parseAddress(`ws+unix:${socketPath}:${pathname}${search}${hash}`);
  }
  const address = parseAddress(location, from.url);
  if (address.socketPath !== undefined && socketPath === undefined) {
    throw new Error('Redirect to a ws+unix: address refused: only the program itself may name a unix socket');
  }
  return address;
}

/** Whether both have the same host and port, or are the same unix socket. */
export function isSameHost(from: Address, to: Address): boolean {
  return (from.socketPath === undefined) === (to.socketPath === undefined) && from.authority === to.authority;
}
