/**
 * Reads the head of an HTTP request from a bare socket, within a deadline (§4.2.1). The parser counts bytes; time and
 * the socket's own ways to fail are watched here.
 */

import type { Duplex } from 'node:stream';
import { type HeadFailure, HttpHeadParser, type ParsedHead, type RequestHead } from '../handshake/index.ts';

export interface HeadReaderOptions {
  /** From the first moment of the connection, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxHeadBytes: number;
}

/**
 * Calls `done` once: with the head and the bytes behind it, or with what was wrong (408 after the deadline). When the
 * peer goes away first there is nobody to answer, and `done` is not called.
 */
export function readHead(
  socket: Duplex,
  { timeoutMs, maxHeadBytes }: HeadReaderOptions,
  done: (result: ParsedHead<RequestHead> | HeadFailure) => void,
): void {
  const parser = new HttpHeadParser({ kind: 'request', maxHeadBytes });
  const timer = setTimeout(
    () => finish({ ok: false, status: 408, message: `No complete request within ${timeoutMs} ms`, section: '§4.2.1' }),
    timeoutMs,
  );
  timer.unref();

  function finish(result: ParsedHead<RequestHead> | HeadFailure | undefined): void {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', onEnd);
    socket.pause();
    if (result !== undefined) done(result);
    else socket.destroy();
  }
  function onData(chunk: Buffer): void {
    const result = parser.push(chunk);
    if (result !== undefined) finish(result);
  }
  function onEnd(): void {
    finish(undefined);
  }
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
}
