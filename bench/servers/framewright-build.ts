/** framewright as published: what tsc made of it, from dist or wherever FRAMEWRIGHT_DIST says. */

import { pathToFileURL } from 'node:url';
import type * as Framewright from '../../src/index.ts';
import type { Dialect, WsServerClass } from './ws-api.ts';

const folder = process.env.FRAMEWRIGHT_DIST;

export function builtFile(path: string): URL {
  return folder === undefined ? new URL(`../../dist/${path}`, import.meta.url) : pathToFileURL(`${folder}/${path}`);
}

export const framewright = (await import(builtFile('index.js').href)) as typeof Framewright;
export const WebSocketServer = framewright.WebSocketServer as unknown as WsServerClass;

export const dialect: Dialect = {
  hasTextEvent: true,
  sendToAll(sockets, data, isBinary) {
    framewright.broadcast(sockets as Iterable<Framewright.WebSocket>, data, { binary: isBinary });
  },
};
