/** The production trial: ws with what its README says of heartbeats, which is what most of its users write. */

import { createServer, type IncomingMessage } from 'node:http';
import { MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { portOf, requirePeer } from './http.ts';
import { serveTrial, watchPeaks } from './trial-app.ts';

interface Socket {
  isAlive?: boolean;
  on(event: 'pong', listener: (this: Socket) => void): void;
  ping(): void;
  terminate(): void;
}
type ServerClass = new (
  options: object,
) => {
  readonly clients: ReadonlySet<Socket>;
  on(event: 'connection', listener: (socket: Socket, request: IncomingMessage) => void): void;
};

const { WebSocketServer } = requirePeer('ws') as { WebSocketServer: ServerClass };
const HEARTBEAT_MS = 30_000;

export const start: StartServer = ({ deflate, isGuarded }) => {
  const peaks = watchPeaks(() => webSockets.clients);
  const server = createServer((_, response) => response.end(peaks()));
  const webSockets = new WebSocketServer({
    server,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: deflate ?? false,
  });
  webSockets.on('connection', (socket, request) => {
    serveTrial(socket as never, request);
    socket.isAlive = true;
    socket.on('pong', function () {
      this.isAlive = true;
    });
  });
  if (isGuarded === true) {
    setInterval(() => {
      for (const socket of webSockets.clients) {
        if (socket.isAlive === false) socket.terminate();
        else {
          socket.isAlive = false;
          socket.ping();
        }
      }
    }, HEARTBEAT_MS).unref();
  }
  return portOf(server);
};
