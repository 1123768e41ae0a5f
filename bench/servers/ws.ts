/** ws, as its documentation has it. */

import type { StartServer } from './contract.ts';
import { requirePeer } from './http.ts';
import { startWsServer, type WsServerClass } from './ws-api.ts';

const { WebSocketServer } = requirePeer('ws') as { WebSocketServer: WsServerClass };

export const start: StartServer = (options) =>
  startWsServer(WebSocketServer, options, {
    hasTextEvent: false,
    sendToAll(sockets, data, isBinary) {
      for (const socket of sockets) socket.send(data, { binary: isBinary });
    },
  });
