/** A client that knows nothing but the wire, and servers with a hub. */

import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket as Ws } from 'ws';
import type { Hub, HubUser, Protocol } from '../../src/realtime/index.ts';
import { listen, type NetServer } from '../../src/server/net-server.ts';
import type { Certificate } from '../support/servers.ts';

type AnyHub = Pick<Hub<Protocol, HubUser>, 'attach' | 'drain'>;

export const KINDS = ['node:http', 'listen()'] as const;
export type Kind = (typeof KINDS)[number];

export interface Started {
  readonly server: Server | NetServer;
  readonly port: number;
  /** With http: or https:, without a path. */
  readonly origin: string;
}

/** A server of this kind with the hub, stopped when the test ends. */
export async function serve(kind: Kind, hub: object, path?: string, tls?: Certificate): Promise<Started> {
  const server =
    kind === 'listen()'
      ? await listen({ host: '127.0.0.1', ...(tls && { tls }) })
      : tls
        ? createHttpsServer(tls)
        : createHttpServer();
  (hub as AnyHub).attach(server, path === undefined ? {} : { path });
  if (!('clients' in server)) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
  } else onTestFinished(() => server.drain({ timeoutMs: 0 }).then(() => {}));
  onTestFinished(() => (hub as AnyHub).drain({ timeoutMs: 0 }).then(() => {}));
  const { port } = server.address() as AddressInfo;
  return { server, port, origin: `${tls ? 'https' : 'http'}://127.0.0.1:${port}` };
}

export type Message = Readonly<Record<string, unknown>>;

/** Reads messages in the order in which they came. */
export class WireClient {
  readonly socket: Ws;
  readonly opened: Promise<unknown>;
  /** [code, reason] */
  readonly closed: Promise<readonly [code: number, reason: string]>;
  /** The status of a refusal. */
  readonly refused: Promise<number>;
  readonly #unread: Message[] = [];
  #wake: () => void = () => {};
  #hasClosed = false;

  constructor(
    origin: string,
    { path = '/live', subprotocols = ['framewright.realtime.1'], ...options }: ClientSetup = {},
  ) {
    const url = `${origin.replace(/^http/, 'ws')}${path}`;
    this.socket = new Ws(url, [...subprotocols], { origin, rejectUnauthorized: false, ...options });
    this.socket.on('error', () => {});
    this.opened = once(this.socket, 'open');
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => resolve([code, String(reason)] as const)),
    );
    this.refused = new Promise((resolve) =>
      this.socket.on('unexpected-response', (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      }),
    );
    this.socket.on('close', () => {
      this.#hasClosed = true;
      this.#wake();
    });
    this.socket.on('message', (data) => {
      const frame: Message | Message[] = JSON.parse(String(data));
      this.#unread.push(...[frame].flat());
      this.#wake();
    });
    onTestFinished(() => this.socket.terminate());
  }

  send(...messages: readonly Message[]): void {
    this.socket.send(JSON.stringify(messages.length === 1 ? messages[0] : messages));
  }

  /** The next message. */
  async next(): Promise<Message> {
    while (this.#unread.length === 0) {
      if (this.#hasClosed) throw new Error('The connection has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#unread.shift()!;
  }

  /** The next answer to this request; what comes before it is dropped. */
  async answer(id: number): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (message.id === id) return message;
    }
  }

  /** Sends a request and gives its answer. */
  async ask(message: Message): Promise<Message> {
    this.send(message);
    return this.answer(message.id as number);
  }

  /** How many messages have come that nobody has asked for. */
  get unread(): number {
    return this.#unread.length;
  }
}

interface ClientSetup {
  readonly path?: string;
  readonly subprotocols?: readonly string[];
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One that is open, and its welcome. */
export async function enter(
  origin: string,
  setup: ClientSetup = {},
): Promise<{ client: WireClient; welcome: Message }> {
  const client = new WireClient(origin, setup);
  await client.opened;
  return { client, welcome: await client.next() };
}
