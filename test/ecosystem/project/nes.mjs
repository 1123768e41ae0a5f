/** hapi's nes: requests, publications and subscriptions on one socket; node:http's server is hapi's. */

import Hapi from '@hapi/hapi';
import Nes from '@hapi/nes';
import { collect, Engine, next, report, within } from './harness.mjs';

report(async () => {
  const facts = {};
  const server = Hapi.server({ port: 0, host: '127.0.0.1' });
  const disconnections = collect();
  await server.register({
    plugin: Nes,
    options: {
      headers: '*',
      origin: ['http://home.example'],
      onDisconnection: () => disconnections.add(1),
      onMessage: (_, message) => ({ got: message }),
      heartbeat: { interval: 200, timeout: 100 },
    },
  });
  server.route({
    method: 'POST',
    path: '/sum',
    handler: ({ payload }) => ({ sum: payload.numbers.reduce((a, b) => a + b, 0) }),
  });
  server.route({ method: 'GET', path: '/long', handler: () => 'x'.repeat(300_000) });
  server.subscription('/news/{topic}');
  await within(server.start(), 'start');
  const url = server.info.uri.replace('http', 'ws');

  const client = new Nes.Client(url, { ws: { origin: 'http://home.example' }, timeout: 10_000 });
  await within(client.connect({ reconnect: false }), 'connection');
  facts.engine = client._ws instanceof Engine;
  const answer = await within(client.request({ method: 'POST', path: '/sum', payload: { numbers: [1, 2, 3] } }), 'sum');
  facts.sum = [answer.statusCode, answer.payload];
  facts.long = (await within(client.request('/long'), 'long answer')).payload.length;
  facts.missing = await within(client.request('/nowhere'), 'refusal').catch(({ statusCode }) => statusCode);
  facts.message = await within(client.message('grüße'), 'answer to a message');

  const news = collect();
  await within(
    client.subscribe('/news/weather', (message) => news.add(message)),
    'subscription',
  );
  server.publish('/news/sport', 'not for us');
  for (const day of [1, 2, 3]) await server.publish('/news/weather', { day });
  facts.news = await news.atLeast(3, 'publications');
  const updates = collect();
  client.onUpdate = (message) => updates.add(message);
  await server.broadcast('to all');
  facts.broadcast = await updates.atLeast(1, 'broadcast');
  // Three heartbeats: had one not come through, the client would have been cut off.
  const beats = collect();
  client._ws.on('message', (data) => JSON.parse(data).type === 'ping' && beats.add(1));
  await beats.atLeast(3, 'heartbeats');
  facts.isConnected = client._ws.readyState === 1;

  const stranger = new Nes.Client(url, { ws: { origin: 'http://evil.example' } });
  stranger.onError = () => {};
  facts.otherOrigin = await within(stranger.connect({ reconnect: false }), 'refusal').catch(({ message }) => message);
  const closed = next(client._ws, 'close');
  await within(client.disconnect(), 'disconnection');
  await closed;
  await disconnections.atLeast(1, 'disconnection at the server');
  await within(server.stop(), 'end of the server');
  return facts;
});
