/**
 * A stream of HTTP/2 as the transport of a WebSocket (RFC 8441 §5): a Duplex like any other, but for how a response stands on
 * it, and how it ends. It is told what a socket would say of itself, since whoever is given it may ask.
 */

import type { OutgoingHttpHeaders } from 'node:http';
import type { Http2Stream, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { fieldsOfLines, isOnlyInHttp1, isOpened } from '../handshake/index.ts';
import { ignoreError } from './errors.ts';
import { destroyUnlessClosed } from './linger.ts';

/** Error codes of RFC 9113 §7. */
const NO_ERROR = 0;
export const CANCEL = 8;

/** What is asked of sockets, as the one below the session answers. */
interface StreamFacts {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly encrypted: boolean;
}

/** Makes it one: once, before anybody else is given it. */
export function asTransport(stream: Http2Stream): Http2Stream & StreamFacts {
  const { remoteAddress, remotePort, encrypted = false } = (stream.session?.socket ?? {}) as Partial<TLSSocket>;
  stream.destroy = destroyStream;
  return Object.assign(stream, { remoteAddress, remotePort, encrypted });
}

/**
 * RFC 8441 §5: where TCP would be reset, the stream is, with CANCEL. By itself Node.js would say NO_ERROR, which is right
 * only when both directions have come to their ends.
 */
function destroyStream(this: Http2Stream, error?: Error): Http2Stream {
  const { destroy } = Object.getPrototypeOf(this) as Http2Stream;
  const hasEnded = this.readableEnded && this.writableFinished;
  if (hasEnded && error === undefined) {
    // Not within 'finish': there Node.js 20 frees memory of the session that it still uses.
    setImmediate(() => destroy.call(this));
    return this;
  }
  if (!this.closed && !this.destroyed) this.close(hasEnded ? NO_ERROR : CANCEL);
  return destroy.call(this, error) as Http2Stream;
}

// ---- Responses ----------------------------------------------------------------------------------------------------

/** Sends the head of a response, given in the form of HTTP/1.1. @throws {TypeError} for what is none */
export function respondOn(stream: ServerHttp2Stream, lines: readonly string[]): void {
  const headers: OutgoingHttpHeaders = { ':status': statusOf(lines) };
  for (const [name, value] of fieldsOfLines(lines)) {
    if (isOnlyInHttp1(name)) continue;
    const given = headers[name];
    headers[name] = given === undefined ? value : [given, value].flat().map(String);
  }
  stream.respond(headers);
}

/** Of `HTTP/1.1 404 Not Found`. */
function statusOf([start = '']: readonly string[]): number {
  return Number(start.split(' ')[1]);
}

/**
 * Refuses with a whole response of HTTP/1.1, and closes the stream once it has left. Nobody reads what the client still sends.
 * @throws {RangeError} for a status that accepts
 */
export function endStreamWith(stream: ServerHttp2Stream, response: Uint8Array): void {
  const bytes = Buffer.from(response);
  const headLength = bytes.indexOf('\r\n\r\n');
  const lines = bytes.toString('latin1', 0, headLength).split('\r\n');
  const status = statusOf(lines);
  if (isOpened(status)) {
    throw new RangeError(`Over HTTP/2 the status ${status} accepts a WebSocket (RFC 8441 §5): refuse with 300 to 599`);
  }
  stream.on('error', ignoreError);
  if (stream.destroyed || stream.closed || stream.headersSent) {
    stream.destroy();
    return;
  }
  respondOn(stream, lines);
  destroyUnlessClosed(stream);
  // RFC 9113 §8.1: with NO_ERROR, behind the whole answer.
  stream.end(bytes.subarray(headLength + 4), () => stream.close());
}
