/** framewright on node:http, sending to all by a loop of `send()`, as one does with ws. */

import type { StartServer } from './contract.ts';
import { dialect, WebSocketServer } from './framewright-build.ts';
import { sendInLoop, startWsServer } from './ws-api.ts';

export const start: StartServer = (options) =>
  startWsServer(WebSocketServer, options, { ...dialect, sendToAll: sendInLoop });
