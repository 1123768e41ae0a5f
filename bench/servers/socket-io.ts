/** Socket.IO on ws, as its documentation has it: rooms that clients ask to be put into. */

import type { Server } from 'node:http';
import type { StartServer } from './contract.ts';
import { requirePeer } from './http.ts';
import { ROOM, type RoomMessage, startRoom } from './publisher.ts';

interface Socket {
  on(event: string, listener: (room: string, acknowledge: () => void) => void): void;
  join(room: string): void;
  leave(room: string): void;
}
interface Io {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  to(room: string): { emit(event: string, message: RoomMessage): void };
}
const { Server: IoServer } = requirePeer('socket.io') as {
  Server: new (server: Server, options: { readonly pingInterval: number }) => Io;
};

export const start: StartServer = () =>
  startRoom((server) => {
    // No heartbeat: the load answers nothing.
    const io = new IoServer(server, { pingInterval: 1_000_000 });
    io.on('connection', (socket) => {
      socket.on('join', (room, acknowledge) => {
        socket.join(room);
        acknowledge();
      });
      socket.on('leave', (room, acknowledge) => {
        socket.leave(room);
        acknowledge();
      });
    });
    return (message) => void io.to(ROOM).emit('message', message);
  });
