/** The production trial: framewright on node:http. */

import { createServer } from 'node:http';
import { MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { framewright } from './framewright-build.ts';
import { portOf } from './http.ts';
import { guards, serveTrial, watchPeaks } from './trial-app.ts';

export const start: StartServer = ({ deflate, isGuarded }) => {
  const peaks = watchPeaks(() => webSockets.clients);
  const server = createServer((_, response) => response.end(peaks()));
  const webSockets = new framewright.WebSocketServer({
    server,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: (deflate ?? false) as boolean,
    ...guards(isGuarded),
  });
  webSockets.on('connection', (socket, request) => serveTrial(socket as never, request));
  return portOf(server);
};
