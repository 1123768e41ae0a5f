/**
 * One Connection on one Duplex stream: bytes from the socket to the Connection, its frames to the socket in batches,
 * and the one timer a connection may need, the closing handshake's. Knows nothing of the opening handshake.
 */

import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connection, type ConnectionHandler, type ConnectionOptions, canHappen } from '../protocol/index.ts';
import { WriteBatch, type WriteCallback } from './write-batch.ts';

export interface TransportOptions extends Omit<ConnectionOptions, 'allocate' | 'isUtf8' | 'now'> {
  /**
   * How long the closing handshake may take before the socket is destroyed, in milliseconds; from the moment the
   * connection stops being open. Default 30 000.
   */
  readonly closeTimeoutMs?: number;
}

export const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

export class SocketTransport {
  readonly socket: Duplex;
  readonly connection: Connection;
  private readonly batch: WriteBatch;
  private readonly closeTimeoutMs: number;
  private closeTimer: NodeJS.Timeout | undefined;
  private isHandling = false;
  /** Whether the socket has been destroyed, or is closed: nothing can be sent any more. */
  isDestroyed = false;
  private isSocketClosed = false;

  /**
   * Takes the socket over; from the next turn of the event loop on, `handler` hears of it.
   * @param head bytes that arrived behind the opening handshake
   */
  constructor(socket: Duplex, head: Uint8Array, handler: ConnectionHandler, options: TransportOptions) {
    this.socket = socket;
    this.closeTimeoutMs = options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS;
    const output = {
      writeFrame: (firstByte: number, payload: Uint8Array | string) => this.batch.writeFrame(firstByte, payload),
      flush: () => this.batch.flush(),
      end: () => this.batch.end(),
    };
    this.connection = new Connection(output, handler, {
      ...options,
      allocate: (lengthBytes) => Buffer.allocUnsafe(lengthBytes),
      isUtf8: (bytes, start, end) => isUtf8(bytes.subarray(start, end)),
    });
    this.batch = new WriteBatch(socket, options.role, this.connection);
    const { setTimeout: clearsTimeout, setNoDelay } = socket as Partial<Socket>;
    clearsTimeout?.call(socket, 0);
    setNoDelay?.call(socket, true);
    if (head.length > 0) socket.unshift(head);
    socket.on('data', (chunk: Buffer) => this.handle(() => this.connection.receive(chunk)));
    socket.on('end', () => this.handle(() => this.connection.receiveEnd()));
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.socketClosed());
    // Whoever did the handshake may have paused it.
    socket.resume();
  }

  /** Bytes sent and not yet taken by the network, frame headers included. */
  get bufferedBytes(): number {
    return this.batch.bufferedBytes;
  }

  /** @returns false when the connection is not open: nothing was sent, and `callback` is not called */
  sendMessage(payload: Uint8Array | string, isBinary: boolean, fin: boolean, callback?: WriteCallback): boolean {
    const isSent = !this.isDestroyed && this.connection.sendMessage(payload, isBinary, fin);
    if (isSent && callback !== undefined) this.batch.whenWritten(callback);
    return isSent;
  }

  /**
   * @returns false when the connection is not open: nothing was sent, and `callback` is not called
   * @throws {RangeError} when the payload is over 125 bytes
   */
  sendControl(
    opcode: Parameters<Connection['sendControl']>[0],
    payload: Uint8Array,
    callback?: WriteCallback,
  ): boolean {
    const isSent = !this.isDestroyed && this.connection.sendControl(opcode, payload);
    if (isSent && callback !== undefined) this.batch.whenWritten(callback);
    return isSent;
  }

  /** Starts the closing handshake, see `Connection.close`; when the socket is gone already, there is only the end. */
  close(statusCode?: number, closeReason?: string | Uint8Array): void {
    if (this.isDestroyed) {
      this.destroy();
      return;
    }
    this.connection.close(statusCode, closeReason);
    this.watchClosing();
  }

  /**
   * Fails the connection because the application could not go on.
   * @returns false when it has failed or ended before: nobody was told of `cause`
   */
  failForHandler(cause: unknown): boolean {
    if (!canHappen(this.connection.state, 'fail')) return false;
    this.connection.fail('handlerFailed', 0, cause);
    this.watchClosing();
    return true;
  }

  /** Ends the connection at once: what was sent leaves if the network takes it now, what arrived is dropped. */
  destroy(): void {
    this.isDestroyed = true;
    this.connection.discardInput();
    this.batch.flush();
    this.socket.destroy();
    // The socket had closed on its own before, and only input held back by `pause` kept the connection.
    if (this.isSocketClosed) this.handle(() => this.connection.transportClosed());
  }

  pause(): void {
    this.connection.halt();
    this.socket.pause();
  }

  resume(): void {
    this.handle(() => this.connection.resume());
    if (!this.connection.isHalted) this.socket.resume();
  }

  /** Runs something that may make the Connection hand out messages: what they are answered with leaves in one write. */
  private handle(action: () => void): void {
    if (this.isHandling) {
      action();
      return;
    }
    this.isHandling = true;
    this.batch.hold();
    try {
      action();
    } finally {
      this.batch.release();
      this.isHandling = false;
      this.watchClosing();
    }
  }

  /**
   * Once the connection is closing: lets input flow, so that the Close frame and the end of the peer are seen, and sets
   * the deadline for them. §7.1.1 has a client wait for the server to close TCP, and §5.5.1 not for ever.
   */
  private watchClosing(): void {
    const { state, isHalted } = this.connection;
    if (state === 'open' || state === 'closed' || this.isSocketClosed) return;
    if (!isHalted && this.socket.isPaused()) this.socket.resume();
    if (this.closeTimer !== undefined) return;
    this.closeTimer = setTimeout(() => this.destroy(), this.closeTimeoutMs);
    this.closeTimer.unref();
  }

  private socketClosed(): void {
    this.isDestroyed = true;
    this.isSocketClosed = true;
    clearTimeout(this.closeTimer);
    this.closeTimer = undefined;
    // A paused socket may still hold bytes that arrived before it closed.
    const rest = this.socket.readableLength > 0 ? (this.socket.read() as Buffer | null) : null;
    this.handle(() => {
      if (rest !== null) this.connection.receive(rest);
      this.connection.transportClosed();
    });
  }
}
