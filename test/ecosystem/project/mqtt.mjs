/**
 * MQTT over WebSocket: mqtt.js as the client, aedes as the broker, both on ws's streams. MQTT says that its packets
 * travel in binary messages of the subprotocol mqtt; the packages do not check it, so the scenario looks.
 */

import { createServer } from 'node:http';
import { Aedes } from 'aedes';
import { createServer as createBrokerServer } from 'aedes-server-factory';
import mqtt from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { call, collect, Engine, listen, next, noise, report, within } from './harness.mjs';

const LARGE = noise(300_000);

function connect(url, options) {
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...options });
  return within(
    new Promise((resolve, reject) => {
      client.once('connect', () => resolve(client));
      client.once('error', reject);
      client.once('close', () => reject(new Error('closed before it was connected')));
    }),
    'connection to the broker',
  );
}

/** Everything that arrives for the client: topic, whether its bytes are the ones expected, QoS, retain flag. */
function listenTo(client) {
  const arrivals = collect();
  client.on('message', (topic, payload, { qos, retain }) => {
    const content = payload.length < 100 ? payload.toString() : Buffer.compare(payload, LARGE) === 0;
    arrivals.add([topic, content, qos, retain]);
  });
  return arrivals;
}

async function talk(url) {
  const facts = {};
  const publisher = await connect(url, { clientId: 'publisher' });
  await within(publisher.publishAsync('kept/state', 'retained ✓', { qos: 1, retain: true }), 'PUBACK');

  const subscriber = await connect(url, { clientId: 'subscriber' });
  const arrivals = listenTo(subscriber);
  const granted = await within(subscriber.subscribeAsync(['kept/#', 'news/+', 'wills'], { qos: 2 }), 'SUBACK');
  facts.granted = granted.map(({ topic, qos }) => [topic, qos]);
  facts.retained = [...(await arrivals.atLeast(1, 'retained message'))];
  arrivals.items.length = 0;

  for (const qos of [0, 1, 2]) {
    await within(publisher.publishAsync('news/text', `QoS ${qos}`, { qos }), `end of QoS ${qos}`);
    await within(publisher.publishAsync('news/large', LARGE, { qos }), `end of large QoS ${qos}`);
  }
  facts.news = (await arrivals.atLeast(6, 'messages')).slice().sort((a, b) => a[2] - b[2] || (a[0] < b[0] ? 1 : -1));
  arrivals.items.length = 0;

  const dying = await connect(url, { clientId: 'dying', will: { topic: 'wills', payload: 'gone', qos: 1 } });
  dying.stream.destroy();
  facts.will = [...(await arrivals.atLeast(1, 'will of a client that was cut off'))];
  arrivals.items.length = 0;

  const burst = collect();
  subscriber.on('message', (topic) => topic === 'news/burst' && burst.add(1));
  for (let i = 0; i < 2000; i += 1) publisher.publish('news/burst', `number ${i}`);
  await burst.atLeast(2000, 'messages of the burst');
  facts.inOrder = arrivals.items.every(([, content], i) => content === `number ${i}`);

  const ends = Promise.all([subscriber, publisher].map((client) => next(client, 'close')));
  for (const client of [subscriber, publisher]) client.end();
  await ends;
  return facts;
}

report(async () => {
  const facts = {};

  const broker = await Aedes.createBroker();
  const http = createServer();
  const wss = new WebSocketServer({
    server: http,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  });
  const seen = { protocols: new Set(), kinds: new Set(), closes: collect(), engine: true };
  wss.on('connection', (socket, request) => {
    seen.protocols.add(socket.protocol);
    seen.engine &&= socket instanceof Engine;
    socket.on('message', (_, isBinary) => seen.kinds.add(isBinary ? 'binary' : 'text'));
    socket.on('close', (code) => seen.closes.add(code));
    broker.handle(createWebSocketStream(socket), request);
  });
  facts.stream = await talk(`ws://127.0.0.1:${await listen(http)}/mqtt`);
  await seen.closes.atLeast(3, 'closed connections');
  facts.wire = [[...seen.protocols], [...seen.kinds], seen.engine, [...seen.closes.items].sort()];
  wss.close();
  await call((done) => http.close(done), 'end of the server');
  await call((done) => broker.close(done), 'end of the broker');

  const second = await Aedes.createBroker();
  const server = createBrokerServer(second, { ws: true });
  facts.factory = await talk(`ws://127.0.0.1:${await listen(server)}`);
  return facts;
});
