/**
 * A line on which a page chooses every byte: a WebSocket of the page, and behind it a TCP connection to a server that this
 * process has chosen, with the handshake done. Bytes go both ways as they are, binary message for piece. It leads nowhere
 * else, and what the page cannot choose is the request.
 */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HttpHeadParser } from '../handshake/index.ts';
import type { WebSocket } from '../index.ts';

/** Of all pages together. */
const MAX_LINES = 32;
/** Bytes that wait for the page, past which TCP is not read. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Of a Close frame, whose reason is short (§5.5.1). */
const MAX_REASON_CHARACTERS = 100;
const TRY_AGAIN_LATER = 1013;
const BAD_GATEWAY = 1014;

/** Whom a line leads to, and what it asks for. */
export interface RawTarget {
  readonly address: string;
  readonly port: number;
  /** Whether TLS is spoken there, by somebody of this process. Default false. */
  readonly isTls?: boolean;
  /** Default '/'. */
  readonly resourceName?: string;
  /** The Host field. Default localhost. */
  readonly host?: string;
  /** Extensions to offer. Default: none. */
  readonly extensions?: string;
}

function requestTo({ resourceName = '/', host = 'localhost', extensions }: RawTarget): string {
  return [
    `GET ${resourceName} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...(extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
    '\r\n',
  ].join('\r\n');
}

let lineCount = 0;

/** Takes a page's WebSocket and lays a line to the target. */
export function layRawLine(page: WebSocket, target: RawTarget): void {
  if (lineCount >= MAX_LINES) {
    page.close(TRY_AGAIN_LATER, `there are ${MAX_LINES} raw lines already`);
    return;
  }
  lineCount++;
  const line = dial(target);
  line.write(requestTo(target));
  let closeReason = 'the server has ended TCP';
  let closeCode = 1000;
  line.on('error', ({ message }) => {
    closeReason = message.slice(0, MAX_REASON_CHARACTERS);
    closeCode = BAD_GATEWAY;
  });
  line.on('close', () => {
    lineCount--;
    page.close(closeCode, closeReason);
  });
  passDown(line, page);
  page.on('message', (data, isBinary) => {
    if (isBinary && !line.write(data as Buffer)) {
      page.pause();
      line.once('drain', () => page.resume());
    }
  });
  page.on('close', () => line.destroy());
}

/** The head of the response is read here; everything behind it is the page's. */
function passDown(line: Socket, page: WebSocket): void {
  const parser = new HttpHeadParser({ kind: 'response' });
  const onHead = (chunk: Buffer) => {
    const parsed = parser.push(chunk);
    if (parsed === undefined) return;
    if (!parsed.ok || parsed.head.statusCode !== 101) {
      const answer = parsed.ok ? `it answers ${parsed.head.statusCode}` : 'its answer is no HTTP';
      line.destroy(new Error(`the server has refused the connection: ${answer}`));
      return;
    }
    line.off('data', onHead);
    page.send('open');
    line.on('data', pass);
    if (parsed.rest.length > 0) pass(parsed.rest);
  };
  const pass = (bytes: Uint8Array) => {
    const isFull = page.bufferedAmount + bytes.length > HIGH_WATER_BYTES;
    if (isFull) line.pause();
    page.send(bytes, isFull ? () => line.resume() : undefined);
  };
  line.on('data', onHead);
}

function dial({ address, port, isTls = false }: RawTarget): Socket {
  const place = { host: addressOf(address), port };
  // The certificate is for the names by which others know us.
  return isTls ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place);
}

/** A server that listens everywhere is reached on this machine. */
function addressOf(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
