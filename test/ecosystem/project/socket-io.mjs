/** Socket.IO, server and client: engine.io on both sides, and the adapter's broadcasts of frames encoded beforehand. */

import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { call, collect, Engine, listen, noise, report, within } from './harness.mjs';

const NOISE = noise(70_000);
const TEXT = 'compress me '.repeat(10_000);

/** A server with every feature that is asked for below, at an ephemeral port. */
async function start(options) {
  const http = createServer();
  const server = new Server(http, { maxHttpBufferSize: 1_000_000, ...options });
  const disconnections = collect();
  server.on('connection', (socket) => {
    socket.on('disconnect', (reason) => disconnections.add(reason));
    socket.on('join', async (room, done) => {
      await socket.join(room);
      done([...socket.rooms].length);
    });
    socket.on('echo', (value, done) => done(value));
    socket.on('say', (room, text, done) => done(socket.to(room).emit('said', text)));
    socket.on('leave me', () => socket.disconnect());
  });
  const guarded = server.of('/guarded');
  guarded.use((socket, go) => {
    if (socket.handshake.auth.token === 'sesame') return go();
    const refusal = new Error('no entry');
    refusal.data = { hint: 'token' };
    return go(refusal);
  });
  guarded.on('connection', (socket) => socket.emit('hello', socket.nsp.name));
  const port = await listen(http);
  return { server, disconnections, url: `http://127.0.0.1:${port}` };
}

/** Connects, and waits for the move from long polling to WebSocket where there is one. */
async function connect(url, options) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  const failure = new Promise((_, reject) => socket.once('connect_error', reject));
  const transports = [];
  const moved = new Promise((resolve) => {
    socket.io.once('open', () => {
      const { engine } = socket.io;
      transports.push(engine.transport.name);
      if (engine.transport.name === 'websocket') resolve();
      engine.once('upgrade', (transport) => resolve(transports.push(transport.name)));
    });
  });
  const connected = new Promise((resolve) => socket.once('connect', resolve));
  await within(Promise.race([Promise.all([connected, moved]), failure]), 'connection by WebSocket');
  return { socket, transports };
}

const ask = (socket, ...args) => within(socket.emitWithAck(...args), `acknowledgement of '${args[0]}'`);

const sameBytes = (a, b) => Buffer.isBuffer(a) && Buffer.compare(a, b) === 0;

async function talk(options, clientOptions) {
  const { server, disconnections, url } = await start(options);
  const facts = {};
  const { socket: ada, transports } = await connect(url, clientOptions);
  const { socket: bob } = await connect(url, clientOptions);
  const { socket: eve } = await connect(url, clientOptions);
  facts.transports = transports;
  // The server's side of the upgrade is done when a message has come back.
  facts.json = await ask(ada, 'echo', { list: [1, 'zwei', null], text: 'héllo ✓' });
  await ask(bob, 'echo', 0);
  await ask(eve, 'echo', 0);
  const atServer = server.sockets.sockets.get(ada.id).conn.transport.socket;
  facts.engines = [atServer instanceof Engine, ada.io.engine.transport.ws instanceof Engine];
  facts.extensions = [atServer.extensions, ada.io.engine.transport.ws.extensions];

  const { one, two } = await ask(ada, 'echo', { one: NOISE, two: new Uint8Array([0, 255]) });
  facts.binary = [sameBytes(one, NOISE), sameBytes(two, Buffer.from([0, 255]))];
  const { bytesRead, bytesWritten } = atServer._socket;
  facts.longText = (await ask(ada, 'echo', TEXT)) === TEXT;
  const readBytes = atServer._socket.bytesRead - bytesRead;
  const writtenBytes = atServer._socket.bytesWritten - bytesWritten;
  facts.isTextSmallOnTheWire = [readBytes < TEXT.length / 20, writtenBytes < TEXT.length / 20];

  facts.roomsOfMember = await ask(ada, 'join', 'red');
  await ask(bob, 'join', 'red');
  const heard = { ada: [], bob: [], eve: [] };
  for (const [name, socket] of Object.entries({ ada, bob, eve })) {
    socket.on('said', (text) => heard[name].push(text));
  }
  await ask(ada, 'say', 'red', 'from ada');
  server.to('red').emit('said', 'to red');
  server.emit('said', 'to all');
  server.except('red').emit('said', 'not to red');
  const last = collect();
  for (const socket of [ada, bob, eve]) socket.once('last', () => last.add(1));
  server.emit('last');
  await last.atLeast(3, "'last' at every client");
  facts.heard = heard;

  for (const socket of [ada, bob]) socket.on('question', (bytes, done) => done(bytes.length));
  facts.answers = await within(server.to('red').timeout(10_000).emitWithAck('question', NOISE), 'answers');

  const guarded = io(`${url}/guarded`, { forceNew: true, reconnection: false, ...clientOptions });
  const [refusal] = await call((done) => guarded.once('connect_error', done), "'connect_error'");
  facts.refusal = [refusal.message, refusal.data];
  guarded.auth = { token: 'sesame' };
  guarded.connect();
  [facts.greeting] = await call((done) => guarded.once('hello', done), "'hello' of the namespace");
  guarded.disconnect();

  eve.emit('leave me');
  [facts.toldToLeave] = await call((done) => eve.once('disconnect', done), "'disconnect' by the server");
  bob.emit('echo', 'x'.repeat(1_100_000), () => {});
  [facts.sentTooMuch] = await call((done) => bob.once('disconnect', done), "'disconnect' for a message too long");
  ada.disconnect();
  facts.seenByServer = [...(await disconnections.atLeast(3, 'disconnections'))].sort();
  await within(server.close(), 'end of the server');
  return facts;
}

report(async () => ({
  upgraded: await talk({ perMessageDeflate: true }, { perMessageDeflate: { threshold: 0 } }),
  encodedBeforehand: await talk({ wsEngine: Engine.Server }, { transports: ['websocket'] }),
}));
