/** How the ws-compatible server says no before a connection is open. */

import type { Duplex } from 'node:stream';
import { buildRefusalResponse, type HeaderField } from '../handshake/index.ts';
import { ignoreError, warnOfError } from '../transport/errors.ts';
import { endWith } from './http-answer.ts';

/** A hook of the application has failed: 500 for the peer, a warning for us, and the process stays up. */
export function refuseForError(socket: Duplex, error: unknown): void {
  warnOfError(error, 'a hook of WebSocketServer');
  if (!socket.listeners('error').includes(ignoreError)) socket.on('error', ignoreError);
  refuse(socket, 500);
}

/** Answers with a status and ends the socket. */
export function refuse(socket: Duplex, status: number, message?: string, headers: readonly HeaderField[] = []): void {
  const response = { status, headers, contentType: 'text/html', ...(message === undefined ? {} : { message }) };
  endWith(socket, buildRefusalResponse(response));
}
