/**
 * The opening handshake of the fuzzer as server (§4.2.1), as far as it does not depend on what is asked for: reads the
 * request, within five seconds, and refuses what is no request for a WebSocket. Answering is the caller's business.
 */

import type { Socket } from 'node:net';
import { buildRefusalResponse, checkUpgradeRequest, type Extension, HttpHeadParser } from '../handshake/index.ts';

export interface WebSocketRequest {
  /** Paused; errors are heard. */
  readonly socket: Socket;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly key: string;
  /** As offered. */
  readonly extensions: readonly Extension[];
  /** Bytes that came behind the request. */
  readonly rest: Uint8Array;
}

const TIMEOUT_MS = 5000;

/** Calls `done` once with a request that can be accepted; after anything else the socket is ended. */
export function receiveRequest(socket: Socket, done: (request: WebSocketRequest) => void): void {
  const parser = new HttpHeadParser({ kind: 'request' });
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
    if (result === undefined) return;
    if (!result.ok) {
      refuse(result);
      return;
    }
    const request = checkUpgradeRequest(result.head);
    if (!request.ok) {
      refuse(request);
      return;
    }
    stop();
    socket.pause();
    const { key, extensions, resourceName } = request;
    const { pathname, searchParams } = new URL(resourceName, 'ws://localhost');
    done({ socket, path: pathname, query: searchParams, key, extensions, rest: result.rest });
  };
  socket.on('data', take);
  socket.on('end', give);
  socket.on('close', stop);
}

interface Refusal {
  readonly status: number;
  readonly message: string;
}
