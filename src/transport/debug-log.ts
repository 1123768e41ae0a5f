/**
 * `NODE_DEBUG=framewright`: a line on stderr for each message of a diagnostics channel. What a peer has chosen stands in
 * quotes, and nothing in it can end the line or reach the terminal; queries of addresses, where tokens are, are left out.
 */

import { subscribe } from 'node:diagnostics_channel';
import type { Socket as NetSocket } from 'node:net';
import { debuglog } from 'node:util';
import { quote } from '../protocol/quote.ts';
import type { ChannelMessages } from './diagnostics.ts';

/** What a line has of a socket, a stream and a request. */
interface ShownSocket {
  readonly _socket?: object | null;
}
interface ShownRequest {
  readonly method?: string;
  readonly url?: string;
}
type Shown = ChannelMessages<ShownSocket, object, ShownRequest, string>;
type Lines = { readonly [Name in keyof Shown]: (message: Shown[Name]) => string };

const numbers = new WeakMap<object, number>();
let lastNumber = 0;

/** The same number for the same socket. */
function numberOf(socket: object): string {
  let number = numbers.get(socket);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(socket, number);
  }
  return `#${number}`;
}

const milliseconds = (ms: number) => `${ms.toFixed(1)} ms`;
const withoutQuery = (url: string) => quote(url.replace(/\?.*/s, '?…').replace(/\/\/[^/?#]*@/, '//'));

function addressOf(stream: object): string {
  const { remoteAddress, remotePort } = stream as Partial<NetSocket>;
  return remoteAddress === undefined ? 'a stream' : `${remoteAddress} ${remotePort}`;
}

function line({ method = '', url = '' }: ShownRequest): string {
  return `${quote(method).slice(1, -1)} ${withoutQuery(url)}`;
}

function sizes({ bytes, isBinary, compressedBytes }: Shown['framewright:message.in']): string {
  const compressed = compressedBytes === undefined ? '' : `, ${compressedBytes} compressed`;
  return `${isBinary ? 'binary' : 'text'}, ${bytes} bytes${compressed}`;
}

const LINES: Lines = {
  'framewright:upgrade.accepted': ({ socket, request, durationMs }) =>
    `${numberOf(socket)} accepted ${line(request)} after ${milliseconds(durationMs)}`,
  'framewright:upgrade.refused': ({ request, stream, reason, status, message }) =>
    `refused ${request ? line(request) : 'a request'} from ${addressOf(stream)}: ${status}, ${reason}, ${quote(message)}`,
  'framewright:connect.failed': ({ socket, url, error }) =>
    `${numberOf(socket)} could not connect to ${withoutQuery(url)}: ${quote(error.message)}`,
  'framewright:open': ({ socket, role }) => `${numberOf(socket)} open, ${role} of ${addressOf(socket._socket ?? {})}`,
  'framewright:message.in': (message) => `${numberOf(message.socket)} message in: ${sizes(message)}`,
  'framewright:message.out': (message) =>
    `${numberOf(message.socket)} ${message.fin ? 'message' : 'fragment'} out: ${sizes(message)}`,
  'framewright:heartbeat.answered': ({ socket, latencyMs }) =>
    `${numberOf(socket)} answered the heartbeat after ${milliseconds(latencyMs)}`,
  'framewright:heartbeat.lost': ({ socket, error }) => `${numberOf(socket)} lost: ${error.message}`,
  'framewright:backpressure.begin': ({ socket, backlogBytes }) =>
    `${numberOf(socket)} back-pressure: ${backlogBytes} bytes wait`,
  'framewright:backpressure.end': ({ socket, backlogBytes }) =>
    `${numberOf(socket)} back-pressure is over: ${backlogBytes} bytes wait`,
  'framewright:rate.begin': ({ socket, bytes }) => `${numberOf(socket)} past its rate, with ${bytes} bytes`,
  'framewright:rate.end': ({ socket }) => `${numberOf(socket)} within its rate again`,
  'framewright:close': ({
    socket,
    code,
    reason,
    closedBy,
    sentCode,
    violation,
    error,
    durationMs,
    bytesIn,
    bytesOut,
  }) =>
    [
      `${numberOf(socket)} closed by ${closedBy}: ${code} ${quote(reason)}`,
      sentCode === undefined ? '' : `, sent ${sentCode}`,
      violation === undefined ? '' : `, ${violation}`,
      error === undefined ? '' : `, ${quote(error.message)}`,
      durationMs === undefined ? '' : ` after ${milliseconds(durationMs)}`,
      bytesIn === undefined ? '' : `, ${bytesIn} bytes in, ${bytesOut} bytes out`,
    ].join(''),
};

const log = debuglog('framewright');
if (log.enabled) {
  for (const [name, format] of Object.entries(LINES) as [keyof Lines, (message: unknown) => string][]) {
    subscribe(name, (message) => log('%s', format(message)));
  }
}
