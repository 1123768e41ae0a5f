/** The HTTP server below those libraries that leave HTTP to node:http. */

import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { HOST, HTTP_BODY, type ServerOptions } from './contract.ts';

export function createHttpServer(): Server {
  return createServer((_, response) => response.end(HTTP_BODY));
}

export async function portOf(
  server: Server,
  { port = 0, reusePort = false }: Partial<ServerOptions> = {},
): Promise<number> {
  const where: object = { port, host: HOST, backlog: 511, reusePort };
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return (server.address() as AddressInfo).port;
}

/** Loads a package from the folder of the peers. */
export const requirePeer = createRequire(`${process.env.BENCH_PEERS}/package.json`);

/** The same for those that are modules. */
export async function importPeer<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(requirePeer.resolve(name)).href)) as Module;
}
