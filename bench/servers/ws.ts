/** ws, as its documentation has it. */

import type { StartServer } from './contract.ts';
import { requirePeer } from './http.ts';
import { sendInLoop, startWsServer, type WsServer, type WsServerClass } from './ws-api.ts';

const { WebSocketServer } = requirePeer('ws') as { WebSocketServer: WsServerClass };

interface LivingSocket {
  isAlive: boolean;
  on(event: 'pong', listener: (this: LivingSocket) => void): void;
  ping(): void;
  terminate(): void;
}

function heartbeat(this: LivingSocket): void {
  this.isAlive = true;
}

/** "How to detect and close broken connections?" of its README. */
function startHeartbeat(server: WsServer, intervalMs: number): void {
  server.on('connection', (socket) => {
    const ws = socket as unknown as LivingSocket;
    ws.isAlive = true;
    ws.on('pong', heartbeat);
  });
  setInterval(() => {
    for (const socket of server.clients) {
      const ws = socket as unknown as LivingSocket;
      if (ws.isAlive === false) ws.terminate();
      else {
        ws.isAlive = false;
        ws.ping();
      }
    }
  }, intervalMs);
}

export const start: StartServer = (options) =>
  startWsServer(WebSocketServer, options, {
    hasTextEvent: false,
    startHeartbeat,
    sendToAll: sendInLoop,
  });
