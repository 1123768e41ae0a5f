/** graphql-ws: its server on ws's, its client with ws's class. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { call, collect, Engine, listen, next, report, within } from './harness.mjs';

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      shout: {
        type: GraphQLString,
        args: { text: { type: new GraphQLNonNull(GraphQLString) } },
        resolve: (_, { text }) => text.toUpperCase(),
      },
      fail: {
        type: GraphQLString,
        resolve: () => {
          throw new Error('as asked');
        },
      },
    },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      countTo: {
        type: GraphQLInt,
        args: { limit: { type: new GraphQLNonNull(GraphQLInt) } },
        async *subscribe(_, { limit }) {
          for (let countTo = 1; countTo <= limit; countTo += 1) yield { countTo };
        },
      },
      silence: {
        type: GraphQLInt,
        async *subscribe() {
          await once(process, 'never');
          yield { silence: 0 };
        },
      },
    },
  }),
});

const WAIT = Symbol('wait for a message');

async function query(client, document, variables) {
  const values = [];
  for await (const value of client.iterate({ query: document, variables })) values.push(value);
  return values;
}

/** A plain socket that speaks the protocol by hand, to see the codes the server closes with; WAIT is for an answer. */
async function closeOf(url, protocol, ...messages) {
  const socket = protocol === undefined ? new WebSocket(url) : new WebSocket(url, protocol);
  await next(socket, 'open');
  for (const message of messages) {
    if (message === WAIT) await next(socket, 'message');
    else socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  const [code, reason] = await next(socket, 'close');
  return [code, reason.toString()];
}

report(async () => {
  const facts = {};
  const http = createServer();
  const wss = new WebSocketServer({ server: http, path: '/graphql' });
  const pongs = collect();
  wss.on('connection', (socket) => socket.on('pong', () => pongs.add(1)));
  const cleanup = useServer(
    {
      schema,
      onConnect: ({ connectionParams }) => connectionParams?.isWelcome !== false,
      connectionInitWaitTimeout: 1000,
    },
    wss,
    100,
  );
  const url = `ws://127.0.0.1:${await listen(http)}/graphql`;

  let socket;
  const clientPongs = collect();
  const closed = collect();
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    lazy: false,
    retryAttempts: 0,
    keepAlive: 100,
    connectionParams: { isWelcome: true },
    on: {
      opened: (opened) => {
        socket = opened;
      },
      pong: (wasReceived) => wasReceived && clientPongs.add(1),
      closed: ({ code, reason, wasClean }) => closed.add([code, reason, wasClean]),
    },
    onNonLazyError: () => {},
  });
  facts.query = await within(query(client, 'query ($t: String!) { shout(text: $t) }', { t: 'grüße' }), 'answer');
  facts.error = await within(query(client, '{ fail }'), 'error');
  const long = 'x'.repeat(300_000);
  const [shouted] = await within(query(client, 'query ($t: String!) { shout(text: $t) }', { t: long }), 'long answer');
  facts.longAnswer = shouted.data.shout === long.toUpperCase();
  facts.subscription = (await within(query(client, 'subscription { countTo(limit: 5) }'), 'five values')).map(
    ({ data }) => data.countTo,
  );
  const many = 'subscription { countTo(limit: 50) }';
  const streams = await within(Promise.all(Array.from({ length: 8 }, () => query(client, many))), 'eight streams');
  facts.streams = streams.map((values) => values.at(-1).data.countTo);
  facts.protocol = [socket.protocol, socket instanceof Engine];
  await pongs.atLeast(2, "answers to the server's pings");
  await clientPongs.atLeast(2, "answers to the client's pings");

  const unsubscribe = client.subscribe({ query: 'subscription { silence }' }, { next() {}, error() {}, complete() {} });
  unsubscribe();
  await client.dispose();
  [facts.disposed] = await closed.atLeast(1, 'close of the client');

  const subscribe = { id: '1', type: 'subscribe', payload: { query: 'subscription { silence }' } };
  const init = { type: 'connection_init' };
  const protocol = 'graphql-transport-ws';
  facts.closes = {
    noSubprotocol: await closeOf(url),
    notJson: await closeOf(url, protocol, 'not json'),
    beforeInit: await closeOf(url, protocol, subscribe),
    initTwice: await closeOf(url, protocol, init, init),
    refused: await closeOf(url, protocol, { ...init, payload: { isWelcome: false } }),
    sameId: await closeOf(url, protocol, init, WAIT, subscribe, subscribe),
    noInit: await closeOf(url, protocol),
  };
  const stranger = new WebSocket(url, 'some-other-protocol');
  const [error] = await next(stranger, 'error');
  facts.noCommonSubprotocol = error.message;

  // A peer that stops answering pings is cut off.
  const deaf = new WebSocket(url, protocol, { autoPong: false });
  await next(deaf, 'open');
  deaf.send(JSON.stringify(init));
  const [code] = await next(deaf, 'close');
  facts.deaf = code;

  const leftover = new WebSocket(url, protocol);
  await next(leftover, 'open');
  leftover.send(JSON.stringify(init));
  await next(leftover, 'message');
  const [farewell] = await Promise.all([next(leftover, 'close'), within(cleanup.dispose(), 'end of the server')]);
  facts.serverGone = [farewell[0], farewell[1].toString()];
  await call((done) => http.close(done), 'end of the HTTP server');
  return facts;
});
