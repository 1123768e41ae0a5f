/**
 * A stream of HTTP/2 as the transport of a WebSocket (RFC 8441 §5): a Duplex like any other, but for how it ends. It is told
 * what a socket would say of itself, since whoever is given it may ask.
 */

import type { Http2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';

/** Error codes of RFC 9113 §7. */
const NO_ERROR = 0;
const CANCEL = 8;

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
  const hasEnded = this.readableEnded && this.writableFinished;
  if (!this.closed && !this.destroyed) this.close(hasEnded ? NO_ERROR : CANCEL);
  return (Object.getPrototypeOf(this) as Http2Stream).destroy.call(this, error) as Http2Stream;
}
