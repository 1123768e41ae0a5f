/**
 * What the forwarding thread tells of its connections, as records behind each other in blocks of bytes. It writes a note
 * down in the time of a copy, and sends what there is every few milliseconds; a block comes back when it has been read. What
 * nobody has read yet is bounded: when there is no more room, bytes are left out, and the connection is told of as missed.
 */

import { DIRECTIONS } from '../../inspector/conversation.ts';
import type { Direction } from '../../inspector/index.ts';

/** What happened on a connection. `atMs` counts from the epoch. */
export type Note = { readonly connection: number; readonly atMs: number } & (
  | { readonly type: 'opened'; readonly text: string }
  | { readonly type: 'bytes'; readonly direction: Direction; readonly bytes: Uint8Array }
  /** A direction has ended (FIN); the other may go on. */
  | { readonly type: 'finished'; readonly direction: Direction }
  /** All is over; `text` says why, if there is anything to say. */
  | { readonly type: 'ended'; readonly text: string }
  /** It was cut off: `text` is a `Trouble` in JSON. */
  | { readonly type: 'cut'; readonly text: string }
  /** Bytes have passed that were not written down: nothing more of the connection is. */
  | { readonly type: 'missed'; readonly text: string }
  /** Notes of whatever connections were left out. */
  | { readonly type: 'lost'; readonly text: string }
);

type TextNote = 'opened' | 'ended' | 'cut' | 'missed' | 'lost';

const TYPES = ['opened', 'bytes', 'finished', 'ended', 'cut', 'missed', 'lost'] as const;

/** Length of the body, type, direction, connection, time. */
const HEAD_BYTES = 4 + 1 + 1 + 4 + 8;
const BLOCK_BYTES = 1024 * 1024;
/** Of bytes that passed so much may wait to be read. */
export const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** Beginnings and ends have some more room. */
const RESERVE_BYTES = 8 * 1024 * 1024;
const SEND_AFTER_MS = 20;
/** Blocks that wait to be read, past which only full ones are sent. */
const MAX_PARTIAL_BLOCKS = 4;
/** Blocks that have come back and are kept. */
const MAX_SPARE_BLOCKS = 4;
const MAX_TEXT_BYTES = 1000;

const now = (): number => performance.timeOrigin + performance.now();

export class NoteWriter {
  readonly #send: (block: Uint8Array<ArrayBuffer>) => void;
  #block = allocateBlock();
  #used = 0;
  #unreadBytes = 0;
  #unreadBlocks = 0;
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #lostNotes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param send gets a block, whose memory comes back with `read` */
  constructor(send: (block: Uint8Array<ArrayBuffer>) => void) {
    this.#send = send;
  }

  /** @returns false when there was no room for it */
  bytes(connection: number, direction: Direction, bytes: Uint8Array): boolean {
    if (this.#unreadBytes + this.#used + HEAD_BYTES + bytes.length > MAX_UNREAD_BYTES) return false;
    const atMs = now();
    // A read is no longer than a block.
    const most = BLOCK_BYTES - HEAD_BYTES;
    for (let at = 0; at < bytes.length; at += most) {
      this.#write('bytes', connection, direction, atMs, bytes.subarray(at, at + most));
    }
    return true;
  }

  finished(connection: number, direction: Direction): void {
    if (this.#hasReserve()) this.#write('finished', connection, direction, now(), NOTHING);
  }

  tell(type: TextNote, connection: number, text: string): void {
    if (!this.#hasReserve()) return;
    this.#write(type, connection, 'clientToServer', now(), Buffer.from(text).subarray(0, MAX_TEXT_BYTES));
  }

  /** A block that was sent has been read. */
  read(block: Uint8Array<ArrayBuffer>): void {
    this.#unreadBytes -= block.length;
    this.#unreadBlocks--;
    const isWhole = block.buffer.byteLength === BLOCK_BYTES;
    if (isWhole && this.#spare.length < MAX_SPARE_BLOCKS) this.#spare.push(Buffer.from(block.buffer));
    if (this.#timer === undefined && this.#used > 0) this.flush();
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#used === 0) return;
    const block = new Uint8Array(this.#block.buffer, 0, this.#used);
    this.#unreadBytes += this.#used;
    this.#unreadBlocks++;
    this.#used = 0;
    this.#block = this.#spare.pop() ?? allocateBlock();
    this.#send(block);
  }

  #flushInTime(): void {
    this.#timer = undefined;
    if (this.#unreadBlocks < MAX_PARTIAL_BLOCKS) this.flush();
  }

  #hasReserve(): boolean {
    if (this.#unreadBytes + this.#used < MAX_UNREAD_BYTES + RESERVE_BYTES) {
      const lost = this.#lostNotes;
      this.#lostNotes = 0;
      if (lost > 0) this.tell('lost', 0, `${lost}`);
      return true;
    }
    this.#lostNotes++;
    return false;
  }

  #write(type: Note['type'], connection: number, direction: Direction, atMs: number, body: Uint8Array): void {
    if (this.#used + HEAD_BYTES + body.length > BLOCK_BYTES) this.flush();
    const block = this.#block;
    let at = this.#used;
    at = block.writeUInt32LE(body.length, at);
    at = block.writeUInt8(TYPES.indexOf(type), at);
    at = block.writeUInt8(DIRECTIONS.indexOf(direction), at);
    at = block.writeUInt32LE(connection, at);
    at = block.writeDoubleLE(atMs, at);
    block.set(body, at);
    this.#used = at + body.length;
    this.#timer ??= setTimeout(() => this.#flushInTime(), SEND_AFTER_MS);
  }
}

const NOTHING = new Uint8Array(0);

/** Memory to itself, so that it can be given to another thread. */
function allocateBlock(): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

/** The notes of a block; their bytes lie in it. */
export function* readNotes(block: Uint8Array): Generator<Note> {
  const view = Buffer.from(block.buffer, block.byteOffset, block.length);
  for (let at = 0; at < view.length; ) {
    const end = at + HEAD_BYTES + view.readUInt32LE(at);
    const type = TYPES[view.readUInt8(at + 4)]!;
    const direction = DIRECTIONS[view.readUInt8(at + 5)]!;
    const base = { connection: view.readUInt32LE(at + 6), atMs: view.readDoubleLE(at + 10) };
    const body = view.subarray(at + HEAD_BYTES, end);
    if (type === 'bytes') yield { ...base, type, direction, bytes: body };
    else if (type === 'finished') yield { ...base, type, direction };
    else yield { ...base, type, text: body.toString() };
    at = end;
  }
}
