/**
 * Tunnels through HTTP proxies (§4.1 step 2 of the connection; RFC 9110 §9.3.6): CONNECT host:port, and from the 2xx on
 * the socket is as good as a direct one. It refuses to know what will go through it.
 */

import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { unescape as decodeLeniently } from 'node:querystring';
import { ignoreError } from '../transport/errors.ts';
import { type Address, basicAuthorization } from './address.ts';
import type { DialOptions } from './options.ts';
import { proxyFromEnvironment } from './proxy-environment.ts';

/**
 * The proxy to use for an address; undefined for a direct connection. Unix sockets never have one.
 * @throws {SyntaxError} when it is not an http: or https: URL
 */
export function chooseProxy(options: DialOptions, address: Address): URL | undefined {
  if (address.socketPath !== undefined) return undefined;
  const isOwnWay = options.agent || options.createConnection;
  const fromEnvironment =
    options.proxyFromEnvironment === true && !isOwnWay ? proxyFromEnvironment(address, process.env) : undefined;
  const proxy = options.proxy ?? fromEnvironment;
  if (proxy === undefined || proxy === null) return undefined;
  const url = URL.canParse(String(proxy)) ? new URL(proxy) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new SyntaxError(`Invalid proxy ${hideCredentials(String(proxy))}: give a URL with http: or https:`);
  }
  return url;
}

/** Proxies have passwords in their URLs, and errors end up in logs. */
function hideCredentials(proxy: string): string {
  return JSON.stringify(proxy.replace(/\/\/.*@/, '//…@'));
}

/** How to reach a proxy. */
type ReachOptions = Pick<RequestOptions, 'lookup' | 'family' | 'localAddress' | 'localPort' | 'ca'>;

/**
 * Asks the proxy for a tunnel to host and port, and calls back once.
 * @returns gives the attempt up; there is no call after that
 */
export function openTunnel(
  proxy: URL,
  { host, port }: Pick<Address, 'host' | 'port'>,
  options: ReachOptions,
  done: (error: Error | null, socket?: Socket) => void,
): () => void {
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { request: send } = process.getBuiltinModule(proxy.protocol === 'https:' ? 'node:https' : 'node:http');
  const request = send(connectOptions(proxy, target, options));
  let isDone = false;
  const finish = (error: Error | null, socket?: Socket): void => {
    if (isDone) return;
    isDone = true;
    if (error !== null) request.destroy();
    done(error, socket);
  };
  request.on('error', (cause: NodeJS.ErrnoException) => {
    const error = new Error(`The proxy ${proxy.host} could not be used: ${cause.message}`, { cause });
    finish(cause.code === undefined ? error : Object.assign(error, { code: cause.code }));
  });
  request.on('connect', (response, socket, rest) => {
    const { statusCode = 0, statusMessage = '' } = response;
    if (statusCode < 200 || statusCode > 299) {
      socket.on('error', ignoreError);
      socket.destroy();
      const answer = `${statusCode} ${statusMessage}`.trimEnd();
      finish(new Error(`The proxy ${proxy.host} refused a tunnel to ${target}: ${answer}`));
      return;
    }
    // Nobody reads the socket by another way than its stream before the answer to the handshake has been read: what comes
    // later stands behind this.
    if (rest.length > 0) socket.unshift(rest);
    finish(null, socket as Socket);
  });
  request.end();
  return () => {
    isDone = true;
    request.destroy();
  };
}

/** How to reach the proxy is up to the user's options; of the TLS ones only whom to trust is meant for it as well. */
function connectOptions(proxy: URL, target: string, options: ReachOptions): RequestOptions {
  const { lookup, family, localAddress, localPort, ca } = options;
  const credentials = `${decodeLeniently(proxy.username)}:${decodeLeniently(proxy.password)}`;
  return {
    ...{ lookup, family, localAddress, localPort, ca },
    agent: false,
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: target,
    setHost: false,
    headers: {
      Host: target,
      ...(credentials !== ':' && { 'Proxy-Authorization': basicAuthorization(credentials) }),
    },
  };
}
