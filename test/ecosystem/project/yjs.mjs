/** Yjs documents through y-websocket, whose server was written for ws 6. */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { collect, Engine, listen, next, noise, report, within } from './harness.mjs';

const { setupWSConnection, docs } = await import('@y/websocket-server/utils');
const NOISE = noise(200_000);

/** Waits until the condition holds, looking again whenever the document changes. */
function until(doc, condition, what) {
  return within(
    new Promise((resolve) => {
      const look = () => condition() && resolve();
      doc.on('update', look);
      look();
    }),
    what,
  );
}

function join(url) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, 'room', doc, { WebSocketPolyfill: WebSocket, disableBc: true });
  const synced = within(new Promise((resolve) => provider.once('sync', resolve)), 'synchronisation');
  return { doc, provider, synced, text: doc.getText('text'), map: doc.getMap('map') };
}

report(async () => {
  const facts = {};
  const http = createServer();
  // As old programs spell it.
  const wss = new (createRequire(import.meta.url)('ws').Server)({ server: http });
  const kinds = new Set();
  wss.on('connection', (socket, request) => {
    socket.on('message', (_, isBinary) => kinds.add(isBinary));
    setupWSConnection(socket, request);
  });
  const url = `ws://127.0.0.1:${await listen(http)}`;

  const ada = join(url);
  ada.text.insert(0, 'written before the connection');
  await ada.synced;
  facts.engine = ada.provider.ws instanceof Engine;
  const bob = join(url);
  await bob.synced;
  facts.lateComer = bob.text.toString();

  for (let i = 0; i < 50; i += 1) {
    ada.text.insert(0, 'a');
    bob.text.insert(0, 'b');
  }
  ada.map.set('noise', new Uint8Array(NOISE));
  await until(bob.doc, () => bob.map.has('noise') && bob.text.length === 129, "ada's changes at bob");
  await until(ada.doc, () => ada.text.length === 129, "bob's changes at ada");
  facts.isSame = ada.text.toString() === bob.text.toString();
  facts.isNoise = Buffer.compare(bob.map.get('noise'), NOISE) === 0;

  const seen = collect();
  bob.provider.awareness.on('change', () => {
    for (const state of bob.provider.awareness.getStates().values()) if (state.cursor) seen.add(state.cursor);
  });
  ada.provider.awareness.setLocalStateField('cursor', 7);
  facts.cursor = (await seen.atLeast(1, "ada's cursor at bob"))[0];
  const gone = within(
    new Promise((resolve) => {
      bob.provider.awareness.on('change', ({ removed }) => removed.length > 0 && resolve(removed.length));
    }),
    'leave of ada',
  );
  const socketOfAda = ada.provider.ws;
  ada.provider.destroy();
  facts.left = [await gone, socketOfAda.readyState >= WebSocket.CLOSING];
  facts.atServer = docs.get('room').getText('text').length;
  facts.kinds = [...kinds];
  bob.provider.destroy();
  for (const client of wss.clients) await next(client, 'close');
  return facts;
});
