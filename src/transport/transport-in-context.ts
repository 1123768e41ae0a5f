/**
 * A connection whose upgrade had a store of some AsyncLocalStorage in its async context: whatever it hands out, it hands out
 * there, though bytes come, timers fire and inflations end elsewhere. A class of its own, so that the others pay nothing:
 * what they hand out has no store either, since their sockets were made where there was none.
 */

import type { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import { contextOfCall, contextWithStore } from '../deflate/async-context.ts';
import type { Chunk } from '../protocol/index.ts';
import { SocketTransport, type TransportHandler, type TransportOptions } from './socket-transport.ts';

/**
 * Takes a socket over, in the context of this call.
 * @param isForeign whether the socket was made elsewhere, so that without a store it has to be kept from others' stores
 */
export function openTransport(
  socket: Duplex,
  rest: Uint8Array,
  handler: TransportHandler,
  options: TransportOptions,
  isForeign = false,
): SocketTransport {
  const context = isForeign ? contextOfCall() : contextWithStore();
  if (context === undefined) return new SocketTransport(socket, rest, handler, options);
  return new TransportInContext(socket, rest, handler, options).within(context);
}

class TransportInContext extends SocketTransport {
  /** None while the socket is taken over, when nothing is handed out. */
  private context: AsyncResource | undefined;

  within(context: AsyncResource): this {
    this.context = context;
    return this;
  }

  override receive(chunk: Chunk, start = 0, end = chunk.bytes.length): void {
    this.inContext(() => super.receive(chunk, start, end));
  }

  override failForHandler(cause: unknown): boolean {
    let isTold = false;
    this.inContext(() => {
      isTold = super.failForHandler(cause);
    });
    return isTold;
  }

  override handle(action: () => void): void {
    this.inContext(() => super.handle(action));
  }

  override inContext(action: () => void): void {
    if (this.context === undefined) action();
    else this.context.runInAsyncScope(action);
  }
}
