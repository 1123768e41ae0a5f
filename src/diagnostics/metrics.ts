/** Figures about servers for `/metrics`: counted from the diagnostics channels, for as long as somebody wants them. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket as NetSocket } from 'node:net';
import { describe } from '../options/option-check.ts';
import { NetServer } from '../server/net-server.ts';
import { WebSocketServer } from '../server/websocket-server.ts';
import type { WebSocket } from '../socket/websocket.ts';
import type { DiagnosticsMessages } from './messages.ts';
import { type Family, formatMetrics, Histogram, type Labels, OPENMETRICS_CONTENT_TYPE } from './openmetrics.ts';

export interface Metrics {
  /** For the answer's Content-Type. */
  readonly contentType: string;
  /** What has been counted so far, in OpenMetrics 1.0. */
  text(): string;
  /** Counts no more, and costs nothing any more: `text()` stays as it is. */
  stop(): void;
}

/** A WebSocketServer, or what `listen()` gives. */
interface CountedServer {
  /** Undefined in truth without `clientTracking`. */
  readonly clients: ReadonlySet<WebSocket>;
}
type Names = keyof DiagnosticsMessages;
type Listeners = { readonly [Name in Names]?: (message: DiagnosticsMessages[Name]) => void };

/** From 64 bytes to 16 MiB. */
const SIZE_BOUNDS = Array.from({ length: 10 }, (_, i) => 64 * 4 ** i);
const SECONDS_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A counter with labels of few values each. */
class Counter {
  readonly #values = new Map<string, [labels: Labels, value: number]>();

  add(labels: Labels): void {
    const key = Object.values(labels).join(' ');
    const entry = this.#values.get(key);
    if (entry === undefined) this.#values.set(key, [labels, 1]);
    else entry[1] += 1;
  }

  get values(): readonly (readonly [Labels, number])[] {
    return [...this.#values.values()];
  }
}

/** A peer chooses its code among more than there is memory for. */
function codeLabel(code: number): string {
  return code >= 3000 ? `${Math.floor(code / 1000)}xxx` : String(code);
}

/** Counts messages, which may be many. */
class MessageCounter {
  #text = 0;
  #binary = 0;

  add(isBinary: boolean): void {
    if (isBinary) this.#binary += 1;
    else this.#text += 1;
  }

  get values(): readonly (readonly [Labels, number])[] {
    return [
      [{ type: 'text' }, this.#text],
      [{ type: 'binary' }, this.#binary],
    ];
  }
}

/**
 * Counts what happens at these servers, from now on; connections that are open already are counted as opened.
 * @throws {TypeError} for what is no server of framewright's
 */
export function metrics(...servers: readonly [CountedServer, ...CountedServer[]]): Metrics {
  const isOurs = (server: unknown) => servers.includes(server as CountedServer);
  for (const server of servers) {
    if (server instanceof WebSocketServer || server instanceof NetServer) continue;
    throw new TypeError(`metrics() takes a WebSocketServer or what listen() gives, not ${describe(server)}`);
  }
  if (servers.length === 0) throw new TypeError('metrics() takes at least one server');

  const open = new Set(servers.flatMap(({ clients }): WebSocket[] => [...(clients ?? [])]));
  let openedCount = open.size;
  let endedBytesIn = 0;
  let endedBytesOut = 0;
  const refused = new Counter();
  const closed = new Counter();
  const received = new MessageCounter();
  const sent = new MessageCounter();
  const receivedBytes = new Histogram(SIZE_BOUNDS);
  const sentBytes = new Histogram(SIZE_BOUNDS);
  const handshake = new Histogram(SECONDS_BOUNDS);
  const latency = new Histogram(SECONDS_BOUNDS);
  let lostCount = 0;
  let fellBehindCount = 0;
  let tooFastCount = 0;

  const listeners: Listeners = {
    'framewright:upgrade.accepted': ({ server, socket, durationMs }) => {
      if (!isOurs(server)) return;
      open.add(socket);
      openedCount += 1;
      handshake.observe(durationMs / 1000);
    },
    'framewright:upgrade.refused': ({ server, reason }) => {
      if (isOurs(server)) refused.add({ reason });
    },
    'framewright:message.in': ({ socket, isBinary, bytes }) => {
      if (!open.has(socket)) return;
      received.add(isBinary);
      receivedBytes.observe(bytes);
    },
    'framewright:message.out': ({ socket, isBinary, bytes, fin }) => {
      if (!open.has(socket)) return;
      sentBytes.observe(bytes);
      if (fin) sent.add(isBinary);
    },
    'framewright:heartbeat.answered': ({ socket, latencyMs }) => {
      if (open.has(socket)) latency.observe(latencyMs / 1000);
    },
    'framewright:heartbeat.lost': ({ socket }) => {
      if (open.has(socket)) lostCount += 1;
    },
    'framewright:backpressure.begin': ({ socket }) => {
      if (open.has(socket)) fellBehindCount += 1;
    },
    'framewright:rate.begin': ({ socket }) => {
      if (open.has(socket)) tooFastCount += 1;
    },
    'framewright:close': ({ socket, code, sentCode, closedBy, bytesIn = 0, bytesOut = 0 }) => {
      if (!open.delete(socket)) return;
      closed.add({ code: codeLabel(code === 1006 ? (sentCode ?? code) : code), closed_by: closedBy });
      endedBytesIn += bytesIn;
      endedBytesOut += bytesOut;
    },
  };
  const entries = Object.entries(listeners) as [Names, (message: unknown) => void][];
  for (const [name, listener] of entries) subscribe(name, listener);

  const sum = (figure: (socket: WebSocket) => number | undefined) =>
    [...open].reduce((total, socket) => total + (figure(socket) ?? 0), 0);
  const below = ({ _socket }: WebSocket) => (_socket ?? {}) as Partial<NetSocket>;
  const families = (): readonly Family[] => [
    { name: 'connections', type: 'gauge', help: 'Open connections.', value: open.size },
    counter('connections_opened', 'Connections that were accepted.', openedCount),
    {
      name: 'upgrades_refused',
      type: 'counter',
      help: 'Requests that were refused, by reason.',
      values: refused.values,
    },
    {
      name: 'connections_closed',
      type: 'counter',
      help: 'Connections that have ended, by close code and by who began it: us, peer or transport.',
      values: closed.values,
    },
    { name: 'messages_received', type: 'counter', help: 'Messages received.', values: received.values },
    { name: 'messages_sent', type: 'counter', help: 'Messages sent.', values: sent.values },
    histogram('received_message', 'bytes', 'Payloads of messages received.', receivedBytes),
    histogram('sent_message', 'bytes', 'Payloads of messages sent, or of their fragments.', sentBytes),
    {
      ...counter(
        'received_bytes',
        'All that has come, frame headers and handshakes included.',
        endedBytesIn + sum((socket) => below(socket).bytesRead),
      ),
      unit: 'bytes',
    },
    {
      ...counter(
        'sent_bytes',
        'All that was sent, frame headers and handshakes included.',
        endedBytesOut + sum((socket) => below(socket).bytesWritten),
      ),
      unit: 'bytes',
    },
    {
      name: 'buffered_bytes',
      unit: 'bytes',
      type: 'gauge',
      help: 'Payloads that wait for peers to read.',
      value: sum(({ bufferedAmount }) => bufferedAmount),
    },
    {
      name: 'connections_behind',
      type: 'gauge',
      help: 'Connections with more waiting than the high-water mark.',
      value: sum(({ readyState, isWritable }) => Number(readyState === 1 && !isWritable)),
    },
    counter('backpressure_begun', 'How often a peer has fallen behind the high-water mark.', fellBehindCount),
    counter('rate_exceeded', 'How often messages began to come faster than messageRate.', tooFastCount),
    counter('heartbeats_lost', 'Connections that were given up since nothing came from the peer.', lostCount),
    histogram('latency', 'seconds', 'How long peers take to answer the heartbeat.', latency),
    histogram('handshake', 'seconds', 'From the head of a request to the open connection.', handshake),
  ];
  const text = () => formatMetrics(families().map((family) => ({ ...family, name: `framewright_${family.name}` })));
  let lastText: string | undefined;
  return {
    contentType: OPENMETRICS_CONTENT_TYPE,
    text: () => lastText ?? text(),
    stop() {
      for (const [name, listener] of entries) unsubscribe(name, listener);
      lastText ??= text();
      // Whoever keeps these figures keeps no connection alive.
      open.clear();
    },
  };
}

const counter = (name: string, help: string, value: number): Family => ({
  ...{ name, type: 'counter', help },
  values: [[{}, value]],
});

const histogram = (name: string, unit: 'bytes' | 'seconds', help: string, values: Histogram): Family => ({
  ...{ name: `${name}_${unit}`, unit, type: 'histogram', help },
  histogram: values,
});
