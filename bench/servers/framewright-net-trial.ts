/** The production trial: framewright on node:net. */

import type { AddressInfo } from 'node:net';
import { HOST, MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { framewright } from './framewright-build.ts';
import { guards, serveTrial, watchPeaks } from './trial-app.ts';

export const start: StartServer = async ({ deflate, isGuarded }) => {
  const peaks = watchPeaks(() => server.clients);
  const server = await framewright.listen({
    host: HOST,
    backlog: 511,
    limits: { maxMessageBytes: MAX_MESSAGE_BYTES },
    perMessageDeflate: (deflate ?? false) as boolean,
    onRequest: () => ({ body: peaks() }),
    ...guards(isGuarded),
  });
  server.on('connection', (socket, request) => serveTrial(socket as never, request));
  return (server.server.address() as AddressInfo).port;
};
