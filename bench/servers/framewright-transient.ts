/** framewright on node:http, messages valid during their listeners only. */

import type { StartServer } from './contract.ts';
import { dialect, framewright } from './framewright-build.ts';
import { startWsServer, type WsServerClass } from './ws-api.ts';

class TransientServer extends framewright.WebSocketServer {
  constructor(options: object) {
    super({ ...options, transientMessages: true });
  }
}

export const start: StartServer = (options) =>
  startWsServer(TransientServer as unknown as WsServerClass, options, dialect);
