/**
 * What the realtime subjects have in common: a room that all clients are in, and somebody else who has messages published to it. He
 * has a port of his own, which an HTTP request to the server names, and sends bytes: so many messages in one tick.
 */

import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { HOST } from './contract.ts';
import { portOf } from './http.ts';

export interface RoomMessage {
  readonly by: string;
  readonly text: string;
}

/** 128 bytes as JSON. `!` stands once in each, for those who count them. */
const MESSAGE: RoomMessage = { by: 'ada', text: `${'All these are said in the room. '.repeat(4).slice(0, 106)}!` };

export const ROOM = 'room:general';

/** @param attach puts the subject's server on the HTTP server. @returns how it publishes */
export async function startRoom(attach: (server: Server) => (message: RoomMessage) => void): Promise<number> {
  const server = createHttpServer((_, response) => response.end(String((publisher.address() as AddressInfo).port)));
  const publish = attach(server);
  const publisher = createServer((socket) => {
    socket.setNoDelay();
    socket.on('data', (counts: Buffer) => {
      for (const count of counts) for (let i = 0; i < count; i++) publish(MESSAGE);
    });
  });
  await new Promise<void>((resolve) => publisher.listen(0, HOST, resolve));
  return await portOf(server);
}
