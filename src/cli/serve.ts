/**
 * `framewright serve`: an echo server, with the playground page on the same port. This reads the arguments, says where
 * the server is, and shuts it down when asked to.
 */

import type { AddressInfo } from 'node:net';
import type { Command } from './command.ts';
import { explainListenFault, nextSignal, readHost, readPort } from './listening.ts';
import { PAGE_MISSING, readPageAssets } from './page-assets.ts';
import { startPlaygroundServer } from './playground-server.ts';
import { complain, complainAboutUsage, print } from './terminal.ts';
import { isUsageFault, readArgs } from './usage.ts';

const HELP = `Usage: framewright serve [options]

Runs an echo WebSocket server, and on the same port the playground: a page that connects to it,
sends and receives, and shows every frame as it was on the wire.

Options:
  --port <n>    port to listen on, 0 to 65535; 0 picks a free one. Default 8080
  --host <h>    address to listen on. Default 127.0.0.1: this machine only
  --net         listen on bare TCP through listen(), without node:http
  --deflate     agree to compress messages (permessage-deflate, RFC 7692)

Ctrl-C (SIGINT) and SIGTERM shut it down: every client gets Close 1001 and 2 s to answer, then the
process ends; a second signal ends it at once.

Exit status: 0 shut down; 1 the server could not listen; 2 wrong arguments.
`;

const OPTIONS = {
  port: { type: 'string', default: '8080' },
  host: { type: 'string', default: '127.0.0.1' },
  net: { type: 'boolean', default: false },
  deflate: { type: 'boolean', default: false },
} as const;

export const serve: Command = {
  name: 'serve',
  summary: 'run an echo server with the playground page',
  help: HELP,
  async run(args) {
    let options: ReturnType<typeof readOptions>;
    try {
      options = readOptions(args);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('serve', error.message);
      throw error;
    }
    const assets = readPageAssets();
    const server = await startPlaygroundServer({ ...options, assets }).catch((error: NodeJS.ErrnoException) => {
      complain(`serve: ${explainListenFault(error, options.port, options.host)}`);
    });
    if (server === undefined) return 1;
    const stopped = nextSignal();
    await print(`framewright: echo server and playground at ${describe(server.address)}\n`);
    if (assets.size === 0) process.stderr.write(PAGE_MISSING);
    await stopped;
    await server.close();
    return 0;
  },
};

function readOptions(args: readonly string[]): { port: number; host: string; usesNet: boolean; compresses: boolean } {
  const { values } = readArgs({ args: [...args], options: OPTIONS });
  const { port, host, net: usesNet, deflate: compresses } = values;
  return { port: readPort(port), host: readHost(host), usesNet, compresses };
}

function describe({ address, family, port }: AddressInfo): string {
  const place = `${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
  return `http://${place} (ws://${place})`;
}
