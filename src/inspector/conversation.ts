/**
 * Both directions of a connection, inspected side by side: frames in the order in which they were complete. What one
 * direction says counts in the other: the response tells whether the request's frames may be compressed (RFC 7692 §5.1).
 */

import type { Role } from '../protocol/index.ts';
import { concat } from './bytes.ts';
import type { RecordedFrame } from './frame-recorder.ts';
import { headKindOf, type Opening, readOpening } from './handshake.ts';
import { type InspectOptions, StreamInspector, viewInspection } from './inspect.ts';
import type { FrameView, InspectionView } from './view.ts';
import type { Direction } from './wire-event.ts';

export const DIRECTIONS: readonly Direction[] = ['clientToServer', 'serverToClient'];
export const RECEIVERS: Readonly<Record<Direction, Role>> = { clientToServer: 'server', serverToClient: 'client' };

/** Bytes of a connection, as they passed in one direction. */
export interface Passage {
  /** Undefined when nobody says. */
  readonly direction?: Direction | undefined;
  readonly bytes: Uint8Array;
  /** Milliseconds, since 1970 or since the connection began. */
  readonly atMs?: number | undefined;
}

/** Something that a recording tells beside bytes. */
export interface ConversationNote {
  readonly text: string;
  readonly atMs?: number | undefined;
  /** How many passages come before it. */
  readonly before: number;
}

/** What was recorded of one connection. */
export interface Conversation {
  /** To tell it from others: an address, or the ends of the connection. */
  readonly name?: string;
  readonly passages: readonly Passage[];
  readonly notes?: readonly ConversationNote[];
  /** Only messages were recorded: their frames are made up, one for each, masked with zeros where a client sent it. */
  readonly areMessages?: boolean;
}

/** The bytes of a recording of which nobody says that there are two directions; undefined when somebody does. */
export function bytesOfOneDirection({ passages }: Conversation): Uint8Array | undefined {
  return passages.some(({ direction }) => direction !== undefined)
    ? undefined
    : concat(passages.map(({ bytes }) => bytes));
}

/** A frame in the order of a conversation. What it says is worked out when somebody asks. */
export class FrameEntry {
  readonly direction: Direction;
  /** When its last byte passed. */
  readonly atMs: number | undefined;
  readonly recorded: RecordedFrame;
  readonly #inspector: StreamInspector;
  #view: FrameView | undefined;

  constructor(direction: Direction, atMs: number | undefined, recorded: RecordedFrame, inspector: StreamInspector) {
    this.direction = direction;
    this.atMs = atMs;
    this.recorded = recorded;
    this.#inspector = inspector;
  }

  get frame(): FrameView {
    this.#view ??= this.#inspector.view(this.recorded);
    return this.#view;
  }
}

export interface ConversationView {
  readonly clientToServer: InspectionView;
  readonly serverToClient: InspectionView;
  readonly entries: readonly FrameEntry[];
}

/** An inspection that goes on, as a `StreamInspector`'s does. */
export class ConversationInspector {
  readonly clientToServer: StreamInspector;
  readonly serverToClient: StreamInspector;
  #lastMs: number | undefined;

  constructor(options: Omit<InspectOptions, 'role'> = {}) {
    this.clientToServer = new StreamInspector({ ...options, role: 'server' });
    this.serverToClient = new StreamInspector({ ...options, role: 'client' });
  }

  /** The handshake did not come as bytes of a direction: HTTP/2 (RFC 8441 §5) has headers of its own for it. */
  beginBehind(direction: Direction, opening: Opening): void {
    this[direction].beginBehind(opening);
    this.#heedAnswer();
  }

  /** Takes bytes as they pass. @returns the frames that end in them */
  push({ direction, bytes, atMs }: Passage & { readonly direction: Direction }): FrameEntry[] {
    this.#lastMs = atMs;
    const frames = this[direction].record(bytes);
    if (direction === 'serverToClient') this.#heedAnswer();
    return this.#entriesOf(direction, frames);
  }

  /** Bytes passed that were not recorded. @returns the frame that was cut by that, if one was */
  lose(direction: Direction, byteCount: number): FrameEntry[] {
    return this.#entriesOf(direction, this[direction].recordLoss(byteCount));
  }

  /** No more bytes come. @returns the frames that were cut by that */
  finish(): FrameEntry[] {
    return DIRECTIONS.flatMap((direction) => this.#entriesOf(direction, this[direction].recordEnd()));
  }

  #heedAnswer(): void {
    const { handshake, deflate } = this.serverToClient;
    if (handshake !== undefined) this.clientToServer.answer ??= deflate ?? 'none';
  }

  #entriesOf(direction: Direction, frames: readonly RecordedFrame[]): FrameEntry[] {
    return frames.map((frame) => new FrameEntry(direction, this.#lastMs, frame, this[direction]));
  }
}

/** Looks at bytes of both directions; those that do not say theirs are the client's. */
export function inspectConversation(
  given: readonly Passage[],
  options: Omit<InspectOptions, 'role'> = {},
): ConversationView {
  const passages = given.map((passage) => ({
    ...passage,
    direction: passage.direction ?? ('clientToServer' as const),
  }));
  const bytesOf = (direction: Direction) => concat(passages.flatMap((p) => (p.direction === direction ? p.bytes : [])));
  const bytes = { clientToServer: bytesOf('clientToServer'), serverToClient: bytesOf('serverToClient') };
  const inspector = new ConversationInspector(options);
  // The answer counts though it may stand behind the client's frames.
  if (headKindOf(bytes.serverToClient) !== undefined) {
    inspector.clientToServer.answer = readOpening(bytes.serverToClient).deflate ?? 'none';
  }
  const entries = [...passages.flatMap((passage) => inspector.push(passage)), ...inspector.finish()];
  const viewOf = (direction: Direction) => {
    const frames = entries.filter((entry) => entry.direction === direction).map(({ frame }) => frame);
    return viewInspection(inspector[direction], frames, bytes[direction]);
  };
  return { clientToServer: viewOf('clientToServer'), serverToClient: viewOf('serverToClient'), entries };
}
