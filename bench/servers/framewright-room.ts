/** framewright without its hub: each message is made JSON and given to broadcast(), for all there are. */

import type { StartServer } from './contract.ts';
import { framewright } from './framewright-build.ts';
import { startRoom } from './publisher.ts';

export const start: StartServer = () =>
  startRoom((server) => {
    const sockets = new framewright.WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.on('error', () => {}));
    return (message) => void framewright.broadcast(sockets.clients, JSON.stringify(message));
  });
