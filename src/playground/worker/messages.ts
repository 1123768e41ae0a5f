/** What the page and its workers tell each other. Questions have a ticket, which the answer brings back. */

import type { Desk, WatchRequest } from '../../inspector/index.ts';
import type { Detail, Row } from '../journal/entry.ts';
import type { Filter } from '../journal/filter.ts';

/** A journal, as far as somebody looks at it. */
export interface JournalView {
  /** Lines in the list; the filter takes all of them. */
  readonly shownCount: number;
  /** With those that the filter does not take. */
  readonly count: number;
  /** Older ones that are not listed any more, and those among them that cannot be saved either. */
  readonly letGoCount: number;
  readonly lostCount: number;
  /** Lines that were listed in front of the first and are not any more: places have moved by so many. */
  readonly goneCount: number;
  readonly connections: readonly number[];
  /** The lines from `start` on that are in sight. */
  readonly start: number;
  readonly rows: readonly Row[];
  /** Where the entry is that is looked at; −1: not in the list. */
  readonly selectedIndex: number;
}

export type JournalRequest =
  /** Lines start … end are in sight, or always the newest. */
  | { readonly type: 'look'; readonly start: number; readonly end: number; readonly isFollowing: boolean }
  | { readonly type: 'select'; readonly index: number }
  /** So many lines on from the one that is looked at; back, when negative. */
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'filter'; readonly filter: Filter }
  | { readonly type: 'clear' };

export type JournalQuestion =
  | { readonly type: 'payload'; readonly id: number; readonly at: number; readonly length: number }
  | { readonly type: 'hex'; readonly id: number }
  | { readonly type: 'save' };

export type Phase = 'idle' | 'connecting' | 'open' | 'closing' | 'closed';

export interface LogEntry {
  readonly id: number;
  readonly direction: 'sent' | 'received' | 'note' | 'fault';
  readonly title: string;
  readonly body?: string;
}

export interface LiveState {
  readonly phase: Phase;
  readonly log: readonly LogEntry[];
  /** Who served the page; undefined while that is not known, `none` when nobody tells anything. */
  readonly desk: Desk | { readonly kind: 'none' } | undefined;
  /** What can be seen of the newest connection. */
  readonly sees: 'wire' | 'messages' | undefined;
  readonly url: string;
}

export type LiveRequest =
  | { readonly type: 'start'; readonly base: string }
  | { readonly type: 'connect'; readonly url: string; readonly protocols: readonly string[] }
  | { readonly type: 'send'; readonly content: string | Uint8Array<ArrayBuffer> | File; readonly isText: boolean }
  /** Has the server do what a browser cannot. */
  | { readonly type: 'ask'; readonly request: WatchRequest; readonly title: string }
  | { readonly type: 'close'; readonly code: number | undefined; readonly reason: string }
  /** Reads a file of JSON lines. */
  | { readonly type: 'load'; readonly file: File };

export type RoleChoice = 'auto' | 'server' | 'client';

export interface DecodeInput {
  readonly content: string | File;
  readonly role: RoleChoice;
  /** Whether permessage-deflate is in use; undefined: as the handshake says. */
  readonly isCompressed: boolean | undefined;
}

export interface DecodeState {
  readonly phase: 'idle' | 'reading' | 'decoding' | 'done' | 'stopped' | 'fault';
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** What the input was taken for. */
  readonly reading: string;
  /** Why it could not be read. */
  readonly fault: string;
  /** What is to be said of the whole. */
  readonly notes: readonly DecodeNote[];
}

export interface DecodeNote {
  readonly text: string;
  readonly section?: string;
}

export type DecodeRequest = { readonly type: 'decode'; readonly input: DecodeInput } | { readonly type: 'stop' };

export type WorkerRequest = JournalRequest | LiveRequest | DecodeRequest;

/** From the page. */
export type ToWorker =
  | { readonly request: WorkerRequest }
  | { readonly question: JournalQuestion; readonly ticket: number };

/** To the page. */
export type FromWorker =
  | {
      readonly view: JournalView;
      readonly live?: LiveState;
      readonly decode?: DecodeState;
      /** When it is another than before; null: of nothing any more. */
      readonly detail?: Detail | null;
    }
  | { readonly ticket: number; readonly answer: unknown };
