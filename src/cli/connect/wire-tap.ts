/**
 * Hears what a client of ours sends and receives on its sockets, handshake included, as notes: TLS and proxies lie below.
 */

import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Direction } from '../../inspector/index.ts';
import type { Note } from '../inspect/notes.ts';

/** @param take gets a note at once; its bytes are somebody else's afterwards */
export function tapRequests(target: string, take: (note: Note) => void): (request: ClientRequest) => void {
  let count = 0;
  return (request) => {
    request.once('socket', (socket) => tap(socket, ++count, target, take));
    request.end();
  };
}

function tap(socket: Socket, connection: number, target: string, take: (note: Note) => void): void {
  const now = (): number => performance.timeOrigin + performance.now();
  const heard = (direction: Direction, bytes: Uint8Array) =>
    take({ type: 'bytes', connection, atMs: now(), direction, bytes });
  take({ type: 'opened', connection, atMs: now(), text: `to ${target}` });
  socket.prependListener('data', (chunk: Buffer) => heard('serverToClient', chunk));
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (chunk: Uint8Array | string, ...rest: unknown[]) => {
    heard('clientToServer', typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
    return write(chunk, ...rest);
  };
  socket.once('close', () => take({ type: 'ended', connection, atMs: now(), text: '' }));
}
