/**
 * What a journal lists, one entry for each line that people see. An entry is small: what its bytes say is worked out
 * anew for the few that somebody looks at.
 */

import type { Direction, FrameView, HeadView, RecordedFrame, ViolationView } from '../../inspector/index.ts';

interface EntryPlace {
  /** From 1 on, in the order of the list. */
  readonly id: number;
  readonly connection: number;
  /** From the start of the connection. */
  readonly atMs: number;
}

interface BytesEntry extends EntryPlace {
  readonly direction: Direction;
  /** Where its bytes begin in its direction, with those in front of it that belong to no entry. */
  readonly from: number;
  /** Where they end. */
  readonly end: number;
}

/** A head of the opening handshake. */
interface HeadEntry extends BytesEntry {
  readonly type: 'head';
  readonly head: HeadView;
}

export interface FrameEntry extends BytesEntry {
  readonly type: 'frame';
  readonly opcode: number;
  readonly isFin: boolean;
  readonly headerLength: number;
  /** Without the bytes, which the connection's log has. */
  readonly frame: Omit<RecordedFrame, 'header' | 'wirePayload' | 'payload'>;
}

/** A message of which nobody has seen the frames. */
export interface MessageEntry extends BytesEntry {
  readonly type: 'message';
  readonly isText: boolean;
}

/** Something that happened. */
interface NoteEntry extends EntryPlace {
  readonly type: 'note';
  readonly what: 'opened' | 'ended' | 'note' | 'fault';
  readonly text: string;
}

export type Entry = HeadEntry | FrameEntry | MessageEntry | NoteEntry;

/** An entry before it has its place in the list. */
export type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, 'id' | 'connection'> : never) : never;

/** An entry as a line. */
export interface Row {
  readonly id: number;
  readonly connection: number;
  readonly atMs: number;
  readonly direction?: Direction;
  readonly kind: string;
  readonly what: string;
  readonly preview: string;
  readonly isFault: boolean;
}

/** Everything about an entry that somebody looks at. */
export type Detail = { readonly row: Row } & (
  | {
      readonly type: 'frame';
      readonly frame: FrameView;
      readonly violation?: ViolationView;
      readonly message?: MessageDetail;
    }
  | { readonly type: 'head'; readonly head: HeadView; readonly sentKey?: string }
  | { readonly type: 'message'; readonly isText: boolean; readonly length: number; readonly text?: string }
  | { readonly type: 'note' }
);

/** The message that a frame is a part of (§5.4). */
export interface MessageDetail {
  /** From 1 on, in its direction. */
  readonly number: number;
  readonly isText: boolean;
  readonly frameCount: number;
  readonly isComplete: boolean;
  /** On the wire, in bytes. */
  readonly length: number;
  /** Its beginning; absent when it is no text, or compressed. */
  readonly text?: string;
}
