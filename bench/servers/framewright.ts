/** framewright on node:http. */

import type { StartServer } from './contract.ts';
import { dialect, WebSocketServer } from './framewright-build.ts';
import { startWsServer } from './ws-api.ts';

export const start: StartServer = (options) => startWsServer(WebSocketServer, options, dialect);
