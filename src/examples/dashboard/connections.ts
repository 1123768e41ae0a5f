/** The connections of a server with their state, and what of it has changed since it was asked last. */

import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DiagnosticsMessages, NetServer, WebSocket, WebSocketServer } from '../../index.ts';
import type { Connection, Events, Moving } from './figures.ts';

/** Of more, a page gets the oldest. */
const MAX_SHOWN = 5000;

interface Open extends Omit<Connection, 'state'> {
  readonly socket: WebSocket;
  messagesIn: number;
  messagesOut: number;
}
type Names = keyof DiagnosticsMessages;

const on = <Name extends Names>(name: Name, listener: (message: DiagnosticsMessages[Name]) => void) =>
  subscribe(name, listener as (message: unknown) => void);

/** @param server whose connections open from now on */
export function tableOf(server: WebSocketServer | NetServer) {
  const open = new Map<WebSocket, Open>();
  let nextId = 1;
  on('framewright:upgrade.accepted', ({ server: its, socket }) => {
    if (its !== server) return;
    const { id: user = '' } = (socket.user ?? {}) as { readonly id?: string };
    const about = { address: addressOf(socket._socket), user, subprotocol: socket.protocol, since: Date.now() };
    open.set(socket, { id: nextId++, ...about, socket, messagesIn: 0, messagesOut: 0 });
  });
  on('framewright:message.in', ({ socket }) => {
    const its = open.get(socket);
    if (its !== undefined) its.messagesIn++;
  });
  on('framewright:message.out', ({ socket, fin }) => {
    const its = open.get(socket);
    if (its !== undefined && fin) its.messagesOut++;
  });
  on('framewright:close', ({ socket }) => open.delete(socket));

  // By the samples of `metrics` that count it.
  const lastOne = new Map<string, string>();
  on('framewright:upgrade.refused', ({ server: its, reason, stream, request }) => {
    if (its !== server) return;
    // A query may hold a ticket.
    const path = request?.url?.split('?', 1)[0] ?? '';
    lastOne.set(`framewright_upgrades_refused_total{reason="${reason}"}`, `${addressOf(stream)} ${path}`);
  });
  const about = (metric: string) => (message: { readonly socket: WebSocket }) => {
    const its = open.get(message.socket);
    if (its !== undefined) lastOne.set(metric, `${its.address} ${its.user}`);
  };
  on('framewright:heartbeat.lost', about('framewright_heartbeats_lost_total'));
  on('framewright:backpressure.begin', about('framewright_backpressure_begun_total'));
  on('framewright:rate.begin', about('framewright_rate_exceeded_total'));

  const shown = () => [...open.values()].slice(0, MAX_SHOWN);
  const forPage = ({ socket, messagesIn, messagesOut, ...about }: Open) => about;
  let last = new Map<number, string>();
  return {
    /** Who was the last that a metric has counted, if that is known. */
    lastOne: (metric: string) => lastOne.get(metric)?.trim(),
    whole(): Events['connections'] {
      const came = shown().map((its) => ({ ...forPage(its), state: stateOf(its) }));
      return { isWhole: true, total: open.size, came, moved: [], gone: [] };
    },
    /** Since it was called last. */
    changes(): Events['connections'] {
      const came: Connection[] = [];
      const moved: [number, Moving][] = [];
      const now = new Map<number, string>();
      for (const its of shown()) {
        const state = stateOf(its);
        const text = state.join();
        now.set(its.id, text);
        const before = last.get(its.id);
        if (before === undefined) came.push({ ...forPage(its), state });
        else if (before !== text) moved.push([its.id, state]);
      }
      const gone = [...last.keys()].filter((id) => !now.has(id));
      last = now;
      return { isWhole: false, total: open.size, came, moved, gone };
    },
  };
}

function addressOf(stream: Duplex | null | undefined): string {
  const { remoteAddress = '', remotePort = '' } = (stream ?? {}) as Partial<Socket>;
  return `${remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

function stateOf({ socket, messagesIn, messagesOut }: Open): Moving {
  const { bufferedAmount, latencyMs, isWritable } = socket;
  return [
    messagesIn,
    messagesOut,
    bufferedAmount,
    latencyMs === undefined ? null : round(latencyMs),
    isWritable ? 0 : 1,
  ];
}

const round = (value: number) => Math.round(value * 100) / 100;
