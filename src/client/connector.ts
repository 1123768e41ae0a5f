/**
 * Makes the socket below the request (§4.1): TCP, a unix socket, TLS (§10.6), or either through a proxy's tunnel. The names of
 * the options are those of `net.connect` and `tls.connect`.
 */

import type { ClientRequestArgs } from 'node:http';
import type { NetConnectOpts, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Address } from './address.ts';
import { openTunnel } from './proxy.ts';

/** What node:http hands to `createConnection`: the options of the request. */
type SocketOptions = ClientRequestArgs & Pick<ConnectionOptions, 'servername' | 'ca'>;

/** A socket to the address, TLS with it where the address asks for it. */
export function connectDirectly(address: Address, options: SocketOptions): Socket {
  if (address.isSecure) return startTls(address, options, undefined);
  // For the request `path` is the resource; for the socket it would be the path of a unix socket.
  const { connect } = process.getBuiltinModule('node:net');
  return connect({ ...options, path: address.socketPath } as NetConnectOpts);
}

/**
 * The same through a proxy. TLS runs inside the tunnel, and its certificate is checked against the target's name.
 * @returns gives the attempt up; `done` is not called after that
 */
export function connectThrough(
  proxy: URL,
  address: Address,
  options: SocketOptions,
  done: (error: Error | null, socket: Socket) => void,
): () => void {
  return openTunnel(proxy, address, options, (error, tunnel) => {
    if (tunnel === undefined) done(error, undefined as unknown as Socket);
    else done(null, address.isSecure ? startTls(address, options, tunnel) : tunnel);
  });
}

function startTls({ host }: Address, options: SocketOptions, tunnel: Socket | undefined): Socket {
  // SNI takes names only (RFC 6066 §3); an empty one given by the user turns it off.
  const servername = options.servername ?? (process.getBuiltinModule('node:net').isIP(host) === 0 ? host : '');
  return process.getBuiltinModule('node:tls').connect({
    ...options,
    path: undefined,
    servername,
    ...(tunnel && { socket: tunnel }),
  } as ConnectionOptions);
}
