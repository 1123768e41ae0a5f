/** Socket.IO with its Redis Streams adapter and its connection state recovery, as its documentation has them. */

import { createServer, type Server } from 'node:http';
import { createClient } from 'redis';
import type { StartServer } from './contract.ts';
import { portOf, requirePeer } from './http.ts';
import type { RoomMessage } from './publisher.ts';

interface Socket {
  on(event: 'join', listener: (room: string, acknowledge: () => void) => void): void;
  on(event: 'publish', listener: (room: string, message: RoomMessage) => void): void;
  join(room: string): void;
}
interface Io {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  to(room: string): { emit(event: string, message: RoomMessage): void };
}
const { Server: IoServer } = requirePeer('socket.io') as {
  Server: new (server: Server, options: object) => Io;
};
const { createAdapter } = requirePeer('@socket.io/redis-streams-adapter') as {
  createAdapter(client: unknown): unknown;
};

export const start: StartServer = async ({ redisPorts = [] }) => {
  const client = createClient({ socket: { host: '127.0.0.1', port: redisPorts[0]! } });
  await client.connect();
  const server = createServer();
  const io = new IoServer(server, {
    adapter: createAdapter(client),
    connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true },
    // No heartbeat: the load answers nothing.
    pingInterval: 1_000_000,
  });
  io.on('connection', (socket) => {
    socket.on('join', (room, acknowledge) => {
      socket.join(room);
      acknowledge();
    });
    socket.on('publish', (room, message) => void io.to(room).emit('message', message));
  });
  return await portOf(server);
};
