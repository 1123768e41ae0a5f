/** What `metrics` counts, read back by a strict reader of OpenMetrics. */

import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Metrics, metrics } from '../../src/diagnostics/metrics.ts';
import { listen } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { clientFrame, close, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { echo, nextTurn, SERVER_KINDS, type StartedServer, startServer } from '../support/servers.ts';
import { parseOpenMetrics } from './openmetrics-parser.ts';

const CHANNELS = [
  'upgrade.accepted',
  'upgrade.refused',
  'message.in',
  'message.out',
  'heartbeat.answered',
  'heartbeat.lost',
  'backpressure.begin',
  'rate.begin',
  'close',
];

function count(...servers: [StartedServer, ...StartedServer[]]): Metrics {
  const [first, ...others] = servers.map(({ server }) => server);
  const figures = metrics(first!, ...others);
  onTestFinished(() => figures.stop());
  return figures;
}

/** One sample: its name without `framewright_`, and its labels in the order in which they stand. */
function figureOf(figures: Metrics, sample: string): number | undefined {
  const families = parseOpenMetrics(figures.text());
  const samples = [...families.values()].flatMap(({ samples }) => samples);
  const found = samples.find(({ name, labels }) => {
    const pairs = [...labels].map(([label, value]) => `${label}="${value}"`).join();
    return `${name}${pairs && `{${pairs}}`}` === `framewright_${sample}`;
  });
  return found?.value;
}

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it('connections: those that were there, opened, refused and closed', async () => {
    const server = await startServer(kind, { path: '/chat' });
    const early = await RawPeer.connect(server);
    early.send(upgradeRequest({}, 'GET /chat HTTP/1.1'));
    await early.head();
    const figures = count(server);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({}, 'GET /chat HTTP/1.1'));
    await peer.head();
    const refused = await RawPeer.connect(server);
    refused.send(upgradeRequest());
    await refused.head();
    expect(figureOf(figures, 'connections')).toBe(2);
    expect(figureOf(figures, 'connections_opened_total')).toBe(2);
    expect(figureOf(figures, 'upgrades_refused_total{reason="path"}')).toBe(1);
    expect(figureOf(figures, 'handshake_seconds_count')).toBe(1);
    early.send(close(4321));
    server.connections[1]!.terminate();
    while (figureOf(figures, 'connections') !== 0) await nextTurn();
    expect(figureOf(figures, 'connections_closed_total{code="4xxx",closed_by="peer"}')).toBe(1);
    expect(figureOf(figures, 'connections_closed_total{code="1006",closed_by="us"}')).toBe(1);
  });

  it('messages, by kind and size; bytes of the transport, of open connections and of those that have ended', async () => {
    const server = await startServer(kind, {}, echo);
    const figures = count(server);
    const peer = await RawPeer.open(server);
    peer.send(text('hello'), clientFrame(2, Buffer.alloc(5000)), clientFrame(2, [1, 2]));
    await peer.frames(3);
    const socket = server.connections[0]!;
    const { bytesRead, bytesWritten } = socket._socket as unknown as { bytesRead: number; bytesWritten: number };
    for (const direction of ['received', 'sent']) {
      expect(figureOf(figures, `messages_${direction}_total{type="text"}`)).toBe(1);
      expect(figureOf(figures, `messages_${direction}_total{type="binary"}`)).toBe(2);
      expect(figureOf(figures, `${direction}_message_bytes_sum`)).toBe(5007);
      expect(figureOf(figures, `${direction}_message_bytes_bucket{le="64.0"}`)).toBe(2);
      expect(figureOf(figures, `${direction}_message_bytes_bucket{le="16384.0"}`)).toBe(3);
    }
    expect(figureOf(figures, 'received_bytes_total')).toBe(bytesRead);
    expect(figureOf(figures, 'sent_bytes_total')).toBe(bytesWritten);
    peer.send(close(1000));
    while (figureOf(figures, 'connections') !== 0) await nextTurn();
    expect(figureOf(figures, 'received_bytes_total')).toBe(bytesRead + 8);
    expect(figureOf(figures, 'sent_bytes_total')).toBe(bytesWritten + 4);
  });

  it('a connection that failed counts under the code that it was failed with', async () => {
    const server = await startServer(kind);
    const figures = count(server);
    const peer = await RawPeer.open(server);
    peer.send(clientFrame(3));
    while (figureOf(figures, 'connections') !== 0) await nextTurn();
    expect(figureOf(figures, 'connections_closed_total{code="1002",closed_by="us"}')).toBe(1);
  });

  it('what waits for a peer that does not read', async () => {
    const server = await startServer(kind);
    const figures = count(server);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    server.connections[0]!.send(Buffer.alloc(8 * 1_048_576));
    expect(figureOf(figures, 'buffered_bytes')).toBe(8 * 1_048_576);
    while (figureOf(figures, 'backpressure_begun_total') !== 1) await nextTurn();
    expect(figureOf(figures, 'connections_behind')).toBe(1);
    peer.socket.resume();
    while (figureOf(figures, 'connections_behind') !== 0) await nextTurn();
    expect(figureOf(figures, 'connections')).toBe(1);
  });

  it('the heartbeat: latencies, and peers that were lost', async () => {
    const heartbeat = { intervalMs: 32, timeoutMs: 20 };
    const server = await startServer(kind, { http: { heartbeat }, net: { heartbeat } });
    const figures = count(server);
    const peer = await RawPeer.open(server);
    expect(figureOf(figures, 'heartbeats_lost_total')).toBe(0);
    peer.send(clientFrame(10, await peer.payload()));
    while (figureOf(figures, 'connections') !== 0) await nextTurn();
    expect(figureOf(figures, 'latency_seconds_count')).toBe(1);
    expect(figureOf(figures, 'heartbeats_lost_total')).toBe(1);
    expect(figureOf(figures, 'connections_closed_total{code="1006",closed_by="us"}')).toBe(1);
  });

  it('messages that come too fast', async () => {
    const messageRate = { perSecond: 0.001, burst: 1 };
    const server = await startServer(kind, { http: { messageRate }, net: { messageRate } });
    const figures = count(server);
    const peer = await RawPeer.open(server);
    peer.send(text('1'), text('2'));
    while (figureOf(figures, 'rate_exceeded_total') !== 1) await nextTurn();
  });
});

it('codes that peers choose make no more than a handful of series', async () => {
  const server = await startServer('node:http');
  const figures = count(server);
  for (const code of [3000, 3001, 3999, 4000, 4500, 4999, 1000, 1001]) {
    const peer = await RawPeer.open(server);
    peer.send(close(code));
    await peer.rest();
  }
  while (figureOf(figures, 'connections') !== 0) await nextTurn();
  const { samples } = parseOpenMetrics(figures.text()).get('framewright_connections_closed')!;
  expect(samples.map(({ labels, value }) => [labels.get('code'), value]).sort()).toEqual([
    ['1000', 1],
    ['1001', 1],
    ['3xxx', 3],
    ['4xxx', 3],
  ]);
});

it('counts the servers that it was given together, and no other', async () => {
  const [first, second, other] = [
    await startServer('node:http'),
    await startServer('node:net'),
    await startServer('node:net', { path: '/nothing' }),
  ];
  const figures = count(first, second);
  const peers = [await RawPeer.open(first), await RawPeer.open(second)];
  const refused = await RawPeer.connect(other);
  refused.send(upgradeRequest());
  await refused.head();
  for (const peer of peers) peer.send(text('x'));
  while (figureOf(figures, 'received_message_bytes_count') !== 2) await nextTurn();
  expect(figureOf(figures, 'connections')).toBe(2);
  expect(parseOpenMetrics(figures.text()).get('framewright_upgrades_refused')!.samples).toEqual([]);
});

it('begins with nothing, in the content type of OpenMetrics, and listens until it is stopped', async () => {
  const server = await startServer('node:http');
  const isHeard = () => CHANNELS.map((name) => channel(`framewright:${name}`).hasSubscribers);
  expect(isHeard()).toEqual(CHANNELS.map(() => false));
  const figures = metrics(server.server);
  expect(isHeard()).toEqual(CHANNELS.map(() => true));
  expect(figures.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  const families = parseOpenMetrics(figures.text());
  for (const [name, { help }] of families) {
    expect(name).toMatch(/^framewright_[a-z_]+$/);
    expect(help).toMatch(/\.$/);
  }
  figures.stop();
  figures.stop();
  expect(isHeard()).toEqual(CHANNELS.map(() => false));
  const peer = await RawPeer.open(server);
  peer.send(close(1000));
  await once(server.connections[0]!, 'close');
  expect(figureOf(figures, 'connections_opened_total')).toBe(0);
});

it('what is stopped keeps its figures, and no connection', async () => {
  const server = await startServer('node:net');
  const peer = await RawPeer.open(server);
  const figures = count(server);
  const before = figures.text();
  figures.stop();
  peer.send(close(1000));
  await once(server.connections[0]!, 'close');
  expect(figures.text()).toBe(before);
  expect(figureOf(figures, 'connections')).toBe(1);
  // No channel tells it of ends any more: what it kept would be there for as long as the figures are.
  const [socket] = server.connections;
  const seen: unknown[] = [];
  Object.defineProperty(socket, 'bufferedAmount', { get: () => seen.push('asked') });
  figures.text();
  expect(seen).toEqual([]);
});

it('works without a list of clients, and takes nothing but servers', async () => {
  const wss = new WebSocketServer({ noServer: true, clientTracking: false });
  const figures = metrics(wss);
  onTestFinished(() => figures.stop());
  expect(figureOf(figures, 'connections')).toBe(0);
  const anything = metrics as unknown as (...given: unknown[]) => Metrics;
  expect(() => anything()).toThrow(new TypeError('metrics() takes at least one server'));
  expect(() => anything([wss])).toThrow('metrics() takes a WebSocketServer or what listen() gives, not an array');
  const net = listen({ host: '127.0.0.1' });
  expect(() => anything(net)).toThrow(TypeError);
  await (await net).close();
});
