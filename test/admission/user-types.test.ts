/** The type of a user goes from `authenticate` to every socket, at both servers. tsc is the test. */

import type { IncomingMessage } from 'node:http';
import { describe, expectTypeOf, it } from 'vitest';
import { type ListenOptions, listen, type NetRequest, type NetServer } from '../../src/server/net-server.ts';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';

interface User {
  readonly id: string;
  readonly expires?: number;
}

declare function verify(token: string): Promise<User>;

class Chatter extends WebSocket {
  room = 'lobby';
}

/** Never run. */
function programs(): void {
  const server = new WebSocketServer({
    noServer: true,
    authenticate: async ({ token, refuse, request }) => {
      expectTypeOf(request).toEqualTypeOf<IncomingMessage>();
      return { id: (await verify(token ?? refuse(401))).id, isAdmin: false };
    },
  });
  server.on('connection', (socket, request) => {
    expectTypeOf(socket.user).toEqualTypeOf<{ id: string; isAdmin: boolean }>();
    expectTypeOf(request).toEqualTypeOf<IncomingMessage>();
    socket.send(socket.user.id);
    socket.user = { id: 'other', isAdmin: true };
    // @ts-expect-error no such name
    socket.user.name;
    // @ts-expect-error a user of another kind
    socket.user = { id: 5 };
    const plain: WebSocket = socket;
    // @ts-expect-error nobody knows what it is
    plain.user.id;
  });
  for (const client of server.clients) expectTypeOf(client.user.isAdmin).toEqualTypeOf<boolean>();
  server.handleUpgrade({} as IncomingMessage, {} as never, Buffer.alloc(0), (socket) => {
    expectTypeOf(socket.user.id).toEqualTypeOf<string>();
  });
  const anyServer: WebSocketServer = server;
  anyServer.on('connection', (socket: WebSocket) => socket.ping());

  const own = new WebSocketServer({ noServer: true, WebSocket: Chatter, authenticate: ({ token }) => verify(token!) });
  own.on('connection', (socket) => {
    expectTypeOf(socket.user).toEqualTypeOf<User>();
    expectTypeOf(socket.room).toEqualTypeOf<string>();
  });

  const net = listen(
    { authenticate: ({ token, refuse }) => verify(token ?? refuse(401, { body: 'who?' })) },
    (socket) => expectTypeOf(socket.user).toEqualTypeOf<User>(),
  );
  expectTypeOf(net).toEqualTypeOf<Promise<NetServer<User>>>();
  net.then((one) => {
    const any: NetServer = one;
    any.close();
  });
  net.then((one) => one.on('connection', (socket) => expectTypeOf(socket.user.id).toEqualTypeOf<string>()));
  listen({
    authenticate({ request }) {
      expectTypeOf(request).toEqualTypeOf<NetRequest>();
      return { id: request.url };
    },
  });

  // Without the hook everything is as in ws.
  const ws = new WebSocketServer({ noServer: true });
  ws.on('connection', (socket) => expectTypeOf(socket.user).toEqualTypeOf<unknown>());
  ws.on('connection', (socket: WebSocket) => socket.ping());
  ws.on('connection', (socket: WebSocket & { user?: string }) => socket.user);
  const set: Set<WebSocket> = ws.clients;
  set.clear();
  interface Known extends WebSocket {
    user?: User;
  }
  ws.on('connection', (socket: Known) => socket.user?.id);

  // @ts-expect-error a user is an object
  listen({ authenticate: () => 'bob' });
  // @ts-expect-error nothing is returned
  new WebSocketServer({ noServer: true, authenticate: async () => {} });
  // @ts-expect-error true lets nobody in here
  listen({ authenticate: async () => true });

  const options: WebSocketServerOptions = { noServer: true, authenticate: () => ({}) };
  const netOptions: ListenOptions = { authenticate: () => ({}) };
  new WebSocketServer(options).on('connection', (socket) => socket.user);
  listen(netOptions);
}

describe('users', () => {
  it('have the type that authenticate returns', () => expectTypeOf(programs).toBeFunction());
});
