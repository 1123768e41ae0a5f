/** Servers with options of admission, and clients as raw peers. */

import type { AdmissionOptions } from '../../src/admission/options.ts';
import type { ListenOptions } from '../../src/server/net-server.ts';
import type { WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { type Fields, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import {
  type OnConnection,
  type ServerKind,
  type ServerSetup,
  type StartedServer,
  startServer,
} from '../support/servers.ts';

/** The options that both servers have in the same form: requests as hooks see them are told apart elsewhere. */
// biome-ignore lint/suspicious/noExplicitAny: the request is that of either server
export type Given = AdmissionOptions<any>;

export function startWith(
  kind: ServerKind,
  given: Given & Pick<ListenOptions, 'handshakeTimeoutMs' | 'subprotocols'>,
  setup: ServerSetup = {},
  onConnection?: OnConnection,
): Promise<StartedServer> {
  const options = { http: given as WebSocketServerOptions, net: given as ListenOptions };
  return startServer(kind, { ...setup, ...options }, onConnection);
}

/** Sends a request. */
export async function ask(server: StartedServer, fields: Fields = {}, target = '/'): Promise<RawPeer> {
  const peer = await RawPeer.connect(server);
  peer.send(upgradeRequest(fields, `GET ${target} HTTP/1.1`));
  return peer;
}

/** The status of the answer to a request. */
export async function statusOf(server: StartedServer, fields: Fields = {}, target = '/'): Promise<number> {
  const head = await (await ask(server, fields, target)).head();
  return Number(head.slice(9, 12));
}
