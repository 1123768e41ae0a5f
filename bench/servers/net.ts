/** No WebSocket at all: bytes go back as they came. What node:net and the kernel cost. */

import { type AddressInfo, createServer } from 'node:net';
import { HOST, type StartServer } from './contract.ts';

export const start: StartServer = async ({ mode }) => {
  if (mode === 'broadcast') throw new Error('bare net does not broadcast');
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => socket.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, 511, resolve));
  return (server.address() as AddressInfo).port;
};
