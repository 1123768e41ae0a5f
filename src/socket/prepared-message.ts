/** One message for many sockets: its frame (§5.2) is made once, and each socket writes it as it is. */

import { checkOptions, describe, FLAG, OBJECT, type OptionKinds } from '../options/option-check.ts';
import { isBlob } from '../transport/send-order.ts';
import { type SharedMessage, shareMessage } from '../transport/shared-frames.ts';
import { type SendData, toPayload } from './payload.ts';
import type { WebSocket } from './websocket.ts';

/** A message for `WebSocket.sendPrepared`, to any number of sockets, any number of times. */
export type PreparedMessage = SharedMessage;

export interface PrepareOptions {
  /** Send as a binary message. Default: whether the data is anything but a string or a number. */
  readonly binary?: boolean | undefined;
  /** May be dropped, see `SendOptions.droppable`. Default false. */
  readonly droppable?: boolean | undefined;
}

export interface BroadcastOptions extends PrepareOptions {
  /** A socket that is left out: the one that the message came from, for instance. */
  readonly except?: WebSocket | undefined;
}

const PREPARE_DOOR = {
  name: 'prepareMessage()',
  kinds: { binary: FLAG, droppable: FLAG } satisfies OptionKinds<PrepareOptions>,
  isLenient: false,
};
const BROADCAST_DOOR = {
  name: 'broadcast()',
  kinds: { binary: FLAG, droppable: FLAG, except: OBJECT } satisfies OptionKinds<BroadcastOptions>,
  isLenient: false,
};
const OPEN = 1;

/**
 * Encodes a message once, for `WebSocket.sendPrepared`. Bytes are copied: they may be changed afterwards.
 * @throws {TypeError} for data that has no bytes, or whose bytes are not at hand (Blob); for unknown options
 */
export function prepareMessage(data: SendData, options: PrepareOptions = {}): PreparedMessage {
  checkOptions(PREPARE_DOOR, options);
  return encode(data, options);
}

function encode(data: SendData, { binary, droppable }: PrepareOptions): PreparedMessage {
  const given = toPayload(data);
  if (isBlob(given)) {
    throw new TypeError('A Blob cannot be prepared: await its arrayBuffer() and prepare that');
  }
  const payload = typeof given === 'string' ? given : Buffer.from(given);
  return shareMessage(payload, binary ?? typeof payload !== 'string', droppable);
}

/**
 * Sends a message to all sockets that are open, encoded once.
 * @param sockets a server's `clients`, the members of a room, …
 * @returns how many took it: not those that are not open, nor those that have a backlog and refuse or drop it
 * @throws {TypeError} as `prepareMessage`
 */
export function broadcast(sockets: Iterable<WebSocket>, data: SendData, options: BroadcastOptions = {}): number {
  checkOptions(BROADCAST_DOOR, options);
  if (typeof (sockets as Partial<Iterable<WebSocket>> | undefined)?.[Symbol.iterator] !== 'function') {
    throw new TypeError(
      `broadcast() takes sockets, such as a server's clients, as its first argument, not ${describe(sockets)}`,
    );
  }
  const message = encode(data, options);
  let count = 0;
  for (const socket of sockets) {
    if (socket === options.except || socket.readyState !== OPEN) continue;
    if (socket.sendPrepared(message)) count++;
  }
  return count;
}
