/**
 * What passed on one connection: a list of the frames of both directions, in the order in which they were complete on the
 * wire. Bytes are inspected once, as they come. Frames lie in blocks that change only at the end of the list: whoever
 * shows them has to look at the last block only.
 */

import {
  type Direction,
  type FrameView,
  type HeadView,
  StreamInspector,
  type ViolationView,
} from '../inspector/index.ts';
import type { Role } from '../protocol/index.ts';

export interface TimelineEntry {
  /** Unlike any other in its recording. */
  readonly id: number;
  readonly direction: Direction;
  /** When the frame's last byte passed the server, in milliseconds from the start of the connection. */
  readonly atMs: number;
  readonly frame: FrameView;
  /** When it lies in this frame. */
  readonly violation: ViolationView | undefined;
}

export interface EntryBlock {
  readonly id: number;
  readonly entries: readonly TimelineEntry[];
}

/** A recording as it was at some moment: what has not changed since an earlier one is the same object. */
export interface RecordingView {
  /** From 1 on. */
  readonly number: number;
  readonly startedAt: Date;
  readonly request: HeadView | undefined;
  readonly response: HeadView | undefined;
  readonly blocks: readonly EntryBlock[];
  /** Shown or not. */
  readonly frameCount: number;
  /** Oldest frames that are not in `blocks` any more, and their bytes. */
  readonly dropped: { readonly frames: number; readonly bytes: number };
  readonly hasEnded: boolean;
}

export const FRAMES_PER_BLOCK = 100;

/** Of each payload so much is kept; the page shows no more. */
const MAX_PAYLOAD_BYTES = 256;

const RECEIVERS: Readonly<Record<Direction, Role>> = { clientToServer: 'server', serverToClient: 'client' };
const DIRECTIONS: readonly Direction[] = ['clientToServer', 'serverToClient'];

export class Recording {
  readonly #inspectors = {
    clientToServer: inspectorOf('clientToServer'),
    serverToClient: inspectorOf('serverToClient'),
  };
  #view: RecordingView;
  #lastMs = 0;

  constructor(number: number, startedAt: Date) {
    this.#view = {
      number,
      startedAt,
      request: undefined,
      response: undefined,
      blocks: [],
      frameCount: 0,
      dropped: { frames: 0, bytes: 0 },
      hasEnded: false,
    };
  }

  /** As it is now. */
  view(): RecordingView {
    return this.#view;
  }

  /** How many frames `blocks` holds. */
  get shownCount(): number {
    return this.#view.frameCount - this.#view.dropped.frames;
  }

  /** Takes the next bytes of one direction. */
  append(direction: Direction, atMs: number, bytes: Uint8Array): void {
    if (this.#view.hasEnded) return;
    this.#lastMs = atMs;
    this.#add(direction, this.#inspectors[direction].push(bytes));
    const { clientToServer, serverToClient } = this.#inspectors;
    const { request, response } = this.#view;
    // RFC 7692 §5.1: what the client offers holds if the server agrees.
    if (serverToClient.handshake !== response) clientToServer.allowsRsv1 = serverToClient.deflate !== undefined;
    if (clientToServer.handshake !== request || serverToClient.handshake !== response) {
      this.#change({ request: clientToServer.handshake, response: serverToClient.handshake });
    }
  }

  /** The connection has ended: a frame that is not whole now will never be. */
  end(): void {
    if (this.#view.hasEnded) return;
    for (const direction of DIRECTIONS) this.#add(direction, this.#inspectors[direction].finish());
    this.#change({ hasEnded: true });
  }

  /** Forgets the frames of the oldest block. */
  dropOldest(): void {
    const { blocks, dropped } = this.#view;
    const entries = blocks[0]?.entries ?? [];
    const bytes = entries.reduce((sum, { frame }) => sum + sizeOf(frame), dropped.bytes);
    this.#change({ blocks: blocks.slice(1), dropped: { frames: dropped.frames + entries.length, bytes } });
  }

  /** Starts the list anew; the connection goes on. */
  clear(): void {
    this.#change({ blocks: [], frameCount: 0, dropped: { frames: 0, bytes: 0 } });
  }

  #add(direction: Direction, frames: readonly FrameView[]): void {
    if (frames.length === 0) return;
    const { violation } = this.#inspectors[direction];
    const blocks = [...this.#view.blocks];
    for (const frame of frames) {
      const itsViolation = violation?.frame === frame.index ? violation : undefined;
      const id = 2 * frame.index + DIRECTIONS.indexOf(direction);
      addTo(blocks, { id, direction, atMs: this.#lastMs, frame, violation: itsViolation });
    }
    this.#change({ blocks, frameCount: this.#view.frameCount + frames.length });
  }

  #change(change: Partial<RecordingView>): void {
    this.#view = { ...this.#view, ...change };
  }
}

function inspectorOf(direction: Direction): StreamInspector {
  return new StreamInspector({ role: RECEIVERS[direction], maxPayloadBytes: MAX_PAYLOAD_BYTES });
}

function addTo(blocks: EntryBlock[], entry: TimelineEntry): void {
  const last = blocks.at(-1);
  if (last === undefined || last.entries.length === FRAMES_PER_BLOCK) {
    blocks.push({ id: entry.id, entries: [entry] });
  } else {
    blocks[blocks.length - 1] = { id: last.id, entries: [...last.entries, entry] };
  }
}

/** On the wire, in bytes. */
function sizeOf({ headerHex, payload }: FrameView): number {
  return Math.ceil(headerHex.length / 3) + payload.presentLength;
}
