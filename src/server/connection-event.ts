/** The 'connection' event of both servers: a listener that awaits something before it listens does not miss a message. */

import type { EventEmitter } from 'node:events';
import { emitForPromises, isEmitReplaced, TypedEmitter } from '../socket/emitter.ts';
import { internals, WebSocket } from '../socket/websocket.ts';

/**
 * Gives a server's class an `emit` of its own. All connections come through it, those too that the application announces
 * itself, from the callback of `handleUpgrade`.
 */
export function keepMessagesForListeners(prototype: EventEmitter): void {
  const emit = function (this: EventEmitter, name: string, ...args: unknown[]): boolean {
    const [socket] = args;
    if (name !== 'connection' || !(socket instanceof WebSocket) || isEmitReplaced()) {
      return TypedEmitter.prototype.emit.call(this, name, ...args);
    }
    const isHeard = this.listenerCount(name) > 0;
    for (const promise of emitForPromises(this, name, ...args)) internals.holdWhile(socket, promise);
    return isHeard;
  };
  Object.defineProperty(prototype, 'emit', { value: emit, writable: true, configurable: true });
}
