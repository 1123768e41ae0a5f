/**
 * What node:http still wants of the socket below an upgrade request. There are no public names for it; where another
 * runtime has none of it, there is nothing to do.
 */

import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The marks that node:http leaves on a socket. */
interface HttpSocket extends Duplex {
  /** The response that is being written. */
  readonly _httpMessage?: ServerResponse | null;
  /** What reads requests from it; null once node:http has let go of the socket, as it does before an 'upgrade' event. */
  readonly parser?: { remove?(): void } | null;
}

/** The names of node:http's listeners for a socket that it reads requests from. */
const HTTP_LISTENERS: readonly (readonly [event: string, name: string])[] = [
  ['data', 'bound socketOnData'],
  ['end', 'bound socketOnEnd'],
  ['drain', 'bound socketOnDrain'],
  ['error', 'socketOnError'],
  ['timeout', 'socketOnTimeout'],
];

/**
 * Goes on when the socket is ours and it is the request's turn. Behind an 'upgrade' event of node:http that is at once;
 * behind a 'request' event, as soon as the event is over.
 */
export function whenInTurn(request: IncomingMessage, socket: Duplex, goOn: () => void): void {
  if (!(socket as HttpSocket).parser) {
    whenAnswered(request, goOn);
    return;
  }
  // Behind the event node:http comes to the end of the request, and would have the socket flow again.
  process.nextTick(() => {
    detachFromHttp(socket);
    whenAnswered(request, goOn);
  });
}

/**
 * Takes a socket out of node:http's hands, as node:http does itself before an 'upgrade' event. Otherwise it would go on
 * listening, and destroy the socket after `requestTimeout`, `headersTimeout` or `timeout`. The socket is paused then, for
 * whoever reads it next.
 */
function detachFromHttp(socket: Duplex): void {
  // At a listener for 'data' the parser stops reading from below the stream.
  socket.on('data', ignoreChunk);
  for (const [event, name] of HTTP_LISTENERS) {
    for (const listener of socket.listeners(event)) {
      if (listener.name === name) socket.removeListener(event, listener as (...args: unknown[]) => void);
    }
  }
  socket.off('data', ignoreChunk);
  socket.pause();
  // From the list of connections whose requests are overdue. The parser itself goes with the socket's 'close'.
  (socket as HttpSocket).parser?.remove?.();
}

/**
 * Goes on when all earlier requests on the connection have been answered, for answers leave in the order of the requests
 * (RFC 9112 §9.3.2). That is at once, unless the request was sent before the answer to another. It never is when the
 * connection is lost first, or an earlier answer ends it.
 */
function whenAnswered(request: IncomingMessage, goOn: () => void): void {
  const earlier = earlierResponse(request);
  if (earlier === undefined) goOn();
  else
    earlier.once(
      'close',
      AsyncResource.bind(() => request.socket.destroyed || whenAnswered(request, goOn)),
    );
}

/** The response to an earlier request that is being written; further ones follow it in the same place. */
function earlierResponse({ socket, rawHeaders }: IncomingMessage): ServerResponse | undefined {
  const response = (socket as HttpSocket | undefined)?._httpMessage;
  // A program may have made a response of its own, for this request too; and it may have wrapped the request, but its
  // list of fields stays the same.
  if (!response || !rawHeaders || response.req?.socket !== socket) return undefined;
  return response.req.rawHeaders === rawHeaders ? undefined : response;
}

function ignoreChunk(): void {}
