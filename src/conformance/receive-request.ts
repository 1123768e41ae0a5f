/**
 * The opening handshake of the fuzzer as server (§4.2.1), as far as it does not depend on what is asked for: reads the
 * request, within five seconds, or takes a stream of HTTP/2 (RFC 8441 §5), and refuses what is no request for a WebSocket.
 * What is answered is the caller's business.
 */

import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type AcceptableRequest,
  buildRefusalResponse,
  buildUpgradeResponse,
  checkUpgradeRequest,
  type Extension,
  HeaderMap,
  HttpHeadParser,
  upgradeResponseLines,
} from '../handshake/index.ts';
import { ignoreError } from '../transport/errors.ts';
import { asTransport, endStreamWith, respondOn } from '../transport/http2-stream.ts';
import { describeFields, type HandshakeRecord } from './dial.ts';
import { readHead, valuesOf } from './programs/heads.ts';
import { faceOfStream } from './programs/http1-face.ts';

/** How a request is answered. */
interface Answering {
  /** @returns the heads of both sides */
  accept(extensions: readonly Extension[]): HandshakeRecord;
  refuse(refusal: Refusal): void;
}

export interface WebSocketRequest extends Answering {
  /** For programs, which write the answer as octets: `socket`, or over HTTP/2 what looks like one. */
  readonly connection: () => Duplex;
  /** Paused; errors are heard. */
  readonly socket: Duplex;
  readonly path: string;
  readonly query: URLSearchParams;
  /** As offered. */
  readonly extensions: readonly Extension[];
  /** Bytes that came behind the request. */
  readonly rest: Uint8Array;
  /** As it came; over HTTP/2 in the form of HTTP/1.1. */
  readonly head: string;
  /** '' when there is none. */
  readonly key: string;
  /** Why the request cannot be accepted by the rules; undefined when it can. */
  readonly fault?: Refusal;
}

/** What came, whether it can be accepted or not. */
interface Received {
  readonly connection: () => Duplex;
  readonly socket: Duplex;
  readonly rest: Uint8Array;
  readonly head: string;
}

function requestOn(
  received: Received,
  { extensions, resourceName, key }: Pick<AcceptableRequest, 'extensions' | 'resourceName' | 'key'>,
  answering: Answering,
): WebSocketRequest {
  const { pathname, searchParams } = new URL(resourceName, 'ws://localhost');
  return { ...received, path: pathname, query: searchParams, extensions, key, ...answering };
}

/** The same for a stream of HTTP/2. */
export function receiveStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  done: (request: WebSocketRequest) => void,
): void {
  const socket = asTransport(stream);
  socket.on('error', ignoreError);
  const answering: Answering = {
    accept: (extensions) => {
      const lines = upgradeResponseLines({ key: '', extensions });
      respondOn(stream, lines);
      return {
        request: describeFields(Object.entries(headers)),
        response: lines.map((line) => `${line}\r\n`).join(''),
      };
    },
    refuse: (refusal) => endStreamWith(stream, Buffer.from(buildRefusalResponse(refusal), 'latin1')),
  };
  const { ':method': method = '', ':path': target = '', ':protocol': protocol = '', ':authority': host } = headers;
  const request = checkUpgradeRequest({
    method,
    target,
    httpVersion: '2.0',
    headers: HeaderMap.fromObject({ ...headers, host }),
    protocol: String(protocol),
  });
  const fields = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  const head = `GET ${target} HTTP/1.1\r\n${describeFields([['Host', host], ...fields])}\r\n`;
  const received = { socket, rest: new Uint8Array(0), head, connection: () => faceOfStream(stream) };
  if (request.ok) done(requestOn(received, request, answering));
  else answering.refuse(request);
}

const TIMEOUT_MS = 5000;

/** Calls `done` once with a request of HTTP for a path; after anything else the socket is ended. */
export function receiveRequest(socket: Socket, done: (request: WebSocketRequest) => void): void {
  const parser = new HttpHeadParser({ kind: 'request' });
  let head = '';
  const timer = setTimeout(() => refuse({ status: 408, message: 'No complete request within 5 s' }), TIMEOUT_MS);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', take);
    socket.off('end', give);
    socket.off('close', stop);
  };
  const give = (): void => {
    stop();
    socket.destroy();
  };
  const refuse = (refusal: Refusal): void => {
    stop();
    socket.end(buildRefusalResponse(refusal), 'latin1');
  };
  const take = (chunk: Buffer): void => {
    const result = parser.push(chunk);
    head += chunk.toString('latin1', 0, chunk.length - (result?.ok ? result.rest.length : 0));
    if (result === undefined) return;
    const checked = result.ok ? checkUpgradeRequest(result.head) : result;
    // Read once more for what may be wrong with it, as long as it says what is asked for.
    const sent = readHead(Buffer.from(head, 'latin1'));
    const resourceName = sent?.start.split(' ')[1] ?? '';
    if (!checked.ok && (sent === undefined || !resourceName.startsWith('/'))) {
      refuse(checked);
      return;
    }
    stop();
    socket.pause();
    const [key = ''] = sent === undefined ? [] : valuesOf(sent, 'sec-websocket-key');
    const request = checked.ok ? checked : { key, resourceName, extensions: [] };
    const answering: Answering = {
      accept: (extensions) => {
        const response = buildUpgradeResponse({ key, extensions });
        socket.write(response, 'latin1');
        return { request: head, response };
      },
      refuse: (refusal) => void socket.end(buildRefusalResponse(refusal), 'latin1'),
    };
    const rest = result.ok ? result.rest : Buffer.from(head.slice(sent?.lengthBytes), 'latin1');
    const received = { socket, rest, head, connection: () => socket };
    done({ ...requestOn(received, request, answering), ...(!checked.ok && { fault: checked }) });
  };
  socket.on('data', take);
  socket.on('end', give);
  socket.on('close', stop);
}

interface Refusal {
  readonly status: number;
  readonly message: string;
}
