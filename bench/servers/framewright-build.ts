/** framewright as published: what the build made of it, in dist or wherever FRAMEWRIGHT_DIST says. */

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Framewright from '../../src/index.ts';
import type { Dialect, WsServerClass } from './ws-api.ts';

const folder = process.env.FRAMEWRIGHT_DIST ?? fileURLToPath(new URL('../../dist/', import.meta.url));

export function builtFile(path: string): string {
  return join(folder, path);
}

export const framewright = createRequire(import.meta.url)(builtFile('index.js')) as typeof Framewright;
export const WebSocketServer = framewright.WebSocketServer as unknown as WsServerClass;

export const dialect: Dialect = {
  hasTextEvent: true,
  sendToAll(sockets, data, isBinary) {
    framewright.broadcast(sockets as Iterable<Framewright.WebSocket>, data, { binary: isBinary });
  },
};
