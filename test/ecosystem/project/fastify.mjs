/** @fastify/websocket: routes, hooks, broadcasts, errors, and injectWS, which runs the client class on a pair of streams. */

import websocket from '@fastify/websocket';
import fastify from 'fastify';
import WebSocket from 'ws';
import { collect, Engine, next, noise, report, within } from './harness.mjs';

const NOISE = noise(80_000);

async function build() {
  const app = fastify({ forceCloseConnections: true });
  const errors = collect();
  const sockets = [];
  await app.register(websocket, {
    options: { maxPayload: 100_000, perMessageDeflate: true },
    errorHandler(error, socket) {
      errors.add(error.code ?? error.message);
      socket.terminate();
    },
  });
  app.addHook('preValidation', async (request, reply) => {
    if (request.query.token === 'wrong') await reply.code(401).send('who are you?');
  });
  app.get('/echo', { websocket: true }, (socket, request) => {
    sockets.push(socket);
    socket.on('message', (data, isBinary) => socket.send(isBinary ? data : `${request.query.name}: ${data}`));
  });
  app.get('/kind', { websocket: true }, (socket) => {
    socket.on('message', (data, isBinary) => socket.send(JSON.stringify([isBinary, data.length])));
  });
  app.get('/room', { websocket: true }, (socket) => {
    socket.on('message', (data, isBinary) => {
      for (const client of app.websocketServer.clients) {
        if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
      }
    });
    socket.send('joined');
  });
  app.get('/throws', { websocket: true }, () => {
    throw new Error('thrown by the handler');
  });
  app.get('/rejects', { websocket: true }, async () => {
    throw new Error('rejected by the handler');
  });
  app.route({
    method: 'GET',
    url: '/both',
    handler: async () => ({ over: 'http' }),
    wsHandler: (socket) => socket.send('over ws'),
  });
  return { app, errors, sockets };
}

/** Sends each message and gives back what is answered, as [text or bytes, isBinary]. */
async function exchange(socket, ...messages) {
  const answers = [];
  for (const message of messages) {
    const answer = next(socket, 'message', 'answer');
    socket.send(message);
    const [data, isBinary] = await answer;
    const isNoise = data.length === NOISE.length && Buffer.compare(data, NOISE) === 0;
    answers.push([isNoise ? 'noise' : data.toString(), isBinary]);
  }
  return answers;
}

async function open(url) {
  const socket = new WebSocket(url);
  const first = collect();
  socket.once('message', (data) => first.add(data.toString()));
  await next(socket, 'open');
  return { socket, first };
}

report(async () => {
  const facts = {};
  const { app, errors, sockets } = await build();
  const address = (await app.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws');

  const { socket } = await open(`${address}/echo?name=ada`);
  facts.engine = [socket instanceof Engine, sockets[0] instanceof Engine, socket.extensions];
  facts.echoes = await exchange(socket, 'grüße', NOISE, '', Buffer.alloc(0));
  const { socket: kind } = await open(`${address}/kind`);
  facts.kinds = await exchange(kind, 'text', NOISE);
  kind.close(3000, 'thanks');
  facts.closed = (await next(kind, 'close')).map(String);

  const members = await Promise.all(['a', 'b', 'c'].map(() => open(`${address}/room`)));
  for (const { first } of members) await first.atLeast(1, "'joined'");
  const heard = Promise.all(members.slice(1).map((member) => next(member.socket, 'message', 'broadcast')));
  members[0].socket.send('to everyone');
  members[0].socket.once('message', () => {
    facts.senderHeardItself = true;
  });
  facts.broadcast = (await heard).map(([data, isBinary]) => [data.toString(), isBinary]);
  for (const member of members) member.socket.terminate();

  for (const path of ['throws', 'rejects']) {
    const { socket: doomed } = await open(`${address}/${path}`);
    facts[path] = doomed.readyState === WebSocket.CLOSED ? 1006 : (await next(doomed, 'close'))[0];
  }
  socket.send(Buffer.alloc(100_001));
  [facts.tooLong] = await next(socket, 'close');
  facts.errors = [...(await errors.atLeast(3, 'errors at the error handler'))];

  const refused = new WebSocket(`${address}/echo?token=wrong`);
  const [refusal] = await next(refused, 'error');
  facts.refusal = refusal.message;
  const unknown = new WebSocket(`${address}/unknown`);
  facts.unknown = (await next(unknown, 'error'))[0].message;
  const httpAddress = address.replace('ws', 'http');
  facts.overHttp = await (await within(fetch(`${httpAddress}/both`), 'answer over HTTP')).json();
  const { first } = await open(`${address}/both`);
  facts.overWebSocket = (await first.atLeast(1, 'greeting'))[0];

  const injected = await within(app.injectWS('/echo?name=eve', { headers: { 'x-test': '1' } }), 'injected connection');
  facts.injected = await exchange(injected, 'hi', NOISE);
  facts.injectedRefusal = await within(app.injectWS('/echo?token=wrong'), 'refusal').catch(({ message }) => message);
  injected.close(1000, 'done');
  facts.injectedClose = (await next(injected, 'close')).map(String);

  const { socket: last } = await open(`${address}/echo`);
  const [[code]] = await Promise.all([next(last, 'close'), within(app.close(), 'end of the app')]);
  facts.closedWithApp = code;
  return facts;
});
