/**
 * Members of ws's sockets that are not documented and that programs rely on: `_sender`, `_receiver` and `_extensions`. They
 * are made on our transport when somebody asks for them. Socket.IO writes broadcasts, encoded once, through `_sender`.
 */

import { Writable } from 'node:stream';
import { inCallersContext } from '../deflate/async-context.ts';
import { type AgreedDeflate, type DeflateParams, MAX_WINDOW_BITS, PERMESSAGE_DEFLATE } from '../deflate/negotiate.ts';
import { Chunk } from '../protocol/index.ts';
import { internals, WebSocket } from '../socket/websocket.ts';
import type { SocketTransport } from '../transport/socket-transport.ts';
import type { PerMessageDeflateParams } from './per-message-deflate.ts';
import { Sender, type SenderCallback } from './sender.ts';

/** The extensions in use, by name, with their parameters. */
type ExtensionsInUse = Record<string, { readonly params: PerMessageDeflateParams }>;

/** Sends frames that were encoded elsewhere, behind everything that the WebSocket itself has sent. */
class TransportSender extends Sender {
  readonly #transport: SocketTransport;

  /** @internal */
  constructor(transport: SocketTransport) {
    super(transport.socket);
    this.#transport = transport;
  }

  override get _bufferedBytes(): number {
    return this.#transport.unwrittenBytes;
  }

  override sendFrame(list: readonly (Uint8Array | string)[], callback?: SenderCallback): void {
    const parts = list.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
    const done = callback && inCallersContext(callback);
    if (!this.#transport.sendEncoded(parts, done) && done !== undefined) {
      process.nextTick(done, new Error('WebSocket is not open: the frame was not sent'));
    }
  }
}

/** What is written here is taken as if it had come from the socket. */
class TransportReceiver extends Writable {
  readonly #transport: SocketTransport;

  /** @internal */
  constructor(transport: SocketTransport) {
    super();
    this.#transport = transport;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#transport.receive(new Chunk(chunk));
    callback();
  }
}

function paramsOf(agreed: DeflateParams): PerMessageDeflateParams {
  return {
    ...(agreed.serverNoContextTakeover ? { server_no_context_takeover: true } : {}),
    ...(agreed.clientNoContextTakeover ? { client_no_context_takeover: true } : {}),
    ...(agreed.serverMaxWindowBits === MAX_WINDOW_BITS ? {} : { server_max_window_bits: agreed.serverMaxWindowBits }),
    ...(agreed.clientMaxWindowBits === MAX_WINDOW_BITS ? {} : { client_max_window_bits: agreed.clientMaxWindowBits }),
  };
}

/** The extensions that a connection uses. */
function extensionsInUse(deflate: AgreedDeflate | undefined): ExtensionsInUse {
  return deflate === undefined ? {} : { [PERMESSAGE_DEFLATE]: { params: paramsOf(deflate.agreed) } };
}

declare module '../socket/websocket.ts' {
  interface WebSocket {
    /** Null before the connection is open. */
    readonly _sender: TransportSender | null;
    /** Null before the connection is open. */
    readonly _receiver: TransportReceiver | null;
    readonly _extensions: ExtensionsInUse;
  }
}

/** The getter of a part that is made once for each transport, when somebody asks for it. */
function onTransport<Part>(make: (transport: SocketTransport) => Part): (this: WebSocket) => Part | null {
  const parts = new WeakMap<SocketTransport, Part>();
  return function () {
    const transport = internals.transportOf(this);
    if (transport === undefined) return null;
    let part = parts.get(transport);
    if (part === undefined) {
      part = make(transport);
      parts.set(transport, part);
    }
    return part;
  };
}

Object.defineProperties(WebSocket.prototype, {
  _sender: { configurable: true, get: onTransport((transport) => new TransportSender(transport)) },
  _receiver: { configurable: true, get: onTransport((transport) => new TransportReceiver(transport)) },
  _extensions: {
    configurable: true,
    get(this: WebSocket) {
      return extensionsInUse(internals.transportOf(this)?.deflate);
    },
  },
});
