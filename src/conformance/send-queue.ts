/**
 * Writes the fuzzer's bytes, cut as a case demands. What is sent in one turn of the event loop leaves in one write. A
 * frame that is to be alone or in pieces is written by itself, each piece in a turn of its own, and what comes later
 * queues up behind it. Single bytes and frames that are alone leave a millisecond apart: cases with them ask whether the
 * testee answers a message before it has a bad frame that follows, which must not depend on who gets the processor first.
 */

import type { Duplex } from 'node:stream';

const APART_MS = 1;

interface Piece {
  readonly bytes: Uint8Array;
  readonly isApart: boolean;
}

export class SendQueue {
  /** Of all that was given to it so far. */
  totalBytes = 0;
  private readonly socket: Duplex;
  private readonly onWrite: (bytes: Uint8Array) => void;
  private readonly pieces: Piece[] = [];
  private isWriting = false;
  private isCorked = false;
  private isEnding = false;

  /** @param onWrite hears of each write, with its bytes */
  constructor(socket: Duplex, onWrite: (bytes: Uint8Array) => void = () => {}) {
    this.socket = socket;
    this.onWrite = onWrite;
  }

  /** Sends together with whatever else is sent in this turn. */
  send(bytes: Uint8Array): void {
    this.totalBytes += bytes.length;
    if (this.isWriting) {
      this.pieces.push({ bytes, isApart: false });
      return;
    }
    if (!this.isCorked) {
      this.isCorked = true;
      this.socket.cork();
      process.nextTick(() => this.uncork());
    }
    this.onWrite(bytes);
    this.socket.write(bytes);
  }

  /** Sends in pieces, each a write of its own: a single one, unless `chopBytes` says how long they are. */
  sendApart(bytes: Uint8Array, chopBytes = bytes.length): void {
    this.totalBytes += bytes.length;
    const isApart = chopBytes === 1 || chopBytes === bytes.length;
    for (let at = 0; at < bytes.length; at += chopBytes) {
      this.pieces.push({ bytes: bytes.subarray(at, at + chopBytes), isApart });
    }
    if (this.isWriting) return;
    this.uncork();
    this.isWriting = true;
    this.writeNext();
  }

  /** Ends the connection's outgoing half once everything is written. */
  end(): void {
    this.isEnding = true;
    if (!this.isWriting) this.socket.end();
  }

  private uncork(): void {
    if (!this.isCorked) return;
    this.isCorked = false;
    this.socket.uncork();
  }

  /** The next piece waits until the kernel has this one: otherwise a slow testee would get several in one write. */
  private writeNext(): void {
    const piece = this.pieces.shift();
    if (piece === undefined || this.socket.destroyed) {
      this.isWriting = false;
      if (this.isEnding) this.socket.end();
      return;
    }
    const goOn = (): void => this.writeNext();
    this.onWrite(piece.bytes);
    this.socket.write(piece.bytes, () => (piece.isApart ? setTimeout(goOn, APART_MS) : setImmediate(goOn)));
  }
}
