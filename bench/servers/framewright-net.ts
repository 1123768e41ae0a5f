/** framewright on node:net. */

import type { AddressInfo } from 'node:net';
import { HOST, HTTP_BODY, MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { dialect, framewright } from './framewright-build.ts';
import { heartbeatOf, listenerFor, type WsSocket } from './ws-api.ts';

export const start: StartServer = async (options) => {
  const { mode, deflate } = options;
  const server = await framewright.listen({
    host: HOST,
    backlog: 511,
    limits: { maxMessageBytes: MAX_MESSAGE_BYTES },
    perMessageDeflate: (deflate ?? false) as boolean,
    heartbeat: heartbeatOf(options) ?? false,
    onRequest: () => ({ body: HTTP_BODY }),
  });
  const listen = listenerFor(mode, () => server.clients as ReadonlySet<unknown> as ReadonlySet<WsSocket>, dialect);
  server.on('connection', (socket) => listen(socket as unknown as WsSocket));
  return (server.server.address() as AddressInfo).port;
};
