/** Express and a WebSocketServer on one port: the session's cookie is read at the upgrade by verifyClient. */

import { createServer } from 'node:http';
import express from 'express';
import session from 'express-session';
import WebSocket, { WebSocketServer } from 'ws';
import { call, collect, Engine, listen, next, report, within } from './harness.mjs';

async function refusalOf(url, options) {
  const socket = new WebSocket(url, options);
  const [, response] = await next(socket, 'unexpected-response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return [response.statusCode, response.headers['x-why'] ?? null, body];
}

report(async () => {
  const facts = {};
  const app = express();
  const parseSession = session({ secret: 'not a secret', resave: false, saveUninitialized: false });
  app.use(parseSession);
  app.use(express.json());
  app.post('/login', (request, response) => {
    request.session.user = request.body.user;
    response.json({ welcome: request.body.user });
  });
  app.get('/visits', (request, response) => response.json({ visits: request.session.visits ?? 0 }));

  const http = createServer(app);
  const wss = new WebSocketServer({
    server: http,
    path: '/live',
    perMessageDeflate: true,
    verifyClient: ({ origin, secure, req }, done) =>
      parseSession(req, {}, () => {
        if (req.session.user === undefined) done(false, 401, 'log in first', { 'X-Why': `${origin} ${secure}` });
        else done(true);
      }),
  });
  const closes = collect();
  wss.on('connection', (socket, request) => {
    socket.on('message', (data, isBinary) => {
      request.session.visits = (request.session.visits ?? 0) + 1;
      request.session.save(() => socket.send(isBinary ? data : `${request.session.user}: ${data}`));
    });
    socket.on('close', (code, reason) => closes.add([code, reason.toString()]));
  });
  const port = await listen(http);
  const get = (path, options) => within(fetch(`http://127.0.0.1:${port}${path}`, options), `answer to ${path}`);
  const url = `ws://127.0.0.1:${port}/live`;

  facts.withoutCookie = await refusalOf(url, { origin: 'http://example.com' });
  const login = await get('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ user: 'ada' }),
  });
  facts.login = await login.json();
  const [cookie] = login.headers.getSetCookie()[0].split(';');
  const headers = { Cookie: cookie };
  facts.forgedCookie = (await refusalOf(url, { headers: { Cookie: `${cookie}x` } }))[0];
  facts.otherPath = (await refusalOf(`ws://127.0.0.1:${port}/elsewhere`, { headers }))[0];

  const socket = new WebSocket(`${url}?room=1`, { headers });
  await next(socket, 'open');
  facts.engine = [socket instanceof Engine, socket.extensions];
  socket.send('hello');
  const [text, isBinary] = await next(socket, 'message');
  facts.text = [text.toString(), isBinary];
  socket.send(Buffer.from([0, 255, 1]));
  const [bytes, isBytes] = await next(socket, 'message');
  facts.bytes = [[...bytes], isBytes];
  facts.visits = await (await get('/visits', { headers })).json();
  facts.plainGetOfSocketPath = (await get('/live')).status;
  socket.close(4001, 'enough');
  const [code, reason] = await next(socket, 'close');
  facts.close = [code, reason.toString(), (await closes.atLeast(1, 'close at the server'))[0]];
  wss.close();
  http.closeAllConnections();
  await call((done) => http.close(done), 'end of the server');
  return facts;
});
