/**
 * Looks at what passes on all connections, and tells it in lines for people and in events for pages and files. It stands
 * apart from the forwarding: whatever it takes its time over holds no connection up.
 */

import { printable, type WireEvent } from '../../inspector/index.ts';
import { explainNetworkFault } from '../network-fault.ts';
import { Conversation, type Sight } from './conversation.ts';
import type { Filter } from './filter.ts';
import type { Trouble } from './forwarder.ts';
import { type LineOptions, placeOf, sightLines } from './line.ts';
import type { Note } from './notes.ts';

export interface ObserverOptions extends LineOptions {
  /** The server that is meant, for people. */
  readonly target: string;
  readonly filter: Filter;
  /** Lines for the terminal. */
  readonly print: (line: string) => void;
  /** An event, and the bytes that one of the type `bytes` is about: its `hex` is left to whoever wants it. */
  readonly tell: (event: WireEvent | Omit<BytesEvent, 'hex'>, bytes: Uint8Array | undefined) => void;
}

export type BytesEvent = WireEvent & { readonly type: 'bytes' };

/** So many connections at a time are looked at; others are forwarded all the same. */
export const MAX_FOLLOWED = 1000;

interface Followed {
  readonly openedAtMs: number;
  readonly conversation: Conversation;
}

export class Observer {
  readonly counts = { connections: 0, frames: 0, faults: 0 };
  readonly #options: ObserverOptions;
  readonly #followed = new Map<number, Followed>();
  /** Of what is being looked at. */
  #connection = 0;
  #atMs = 0;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  take(note: Note): void {
    const { connection, atMs } = note;
    this.#connection = connection;
    this.#atMs = atMs;
    if (note.type === 'opened') {
      this.#open(note.text);
      return;
    }
    if (note.type === 'lost') {
      this.#loseAll(note.text);
      return;
    }
    const followed = this.#followed.get(connection);
    if (followed === undefined) return;
    if (note.type === 'bytes') {
      this.#tell({ type: 'bytes', connection, direction: note.direction, atMs: since(followed, atMs) }, note.bytes);
      followed.conversation.push(note.direction, note.bytes);
    } else if (note.type === 'finished') {
      followed.conversation.finish(note.direction);
      this.#say(`the ${note.direction === 'clientToServer' ? 'client' : 'server'} has ended its stream (FIN)`);
    } else if (note.type === 'missed') {
      this.#close(followed, 'not followed any further: more passed than could be looked at in time');
    } else if (note.type === 'cut') {
      this.#close(followed, this.#describe(JSON.parse(note.text) as Trouble));
    } else {
      this.#close(followed, note.text === '' ? undefined : printable(note.text));
    }
  }

  #open(how: string): void {
    const connection = this.#connection;
    this.counts.connections++;
    if (this.#followed.size >= MAX_FOLLOWED) {
      this.#say(`not followed: ${MAX_FOLLOWED} connections are open already`);
      return;
    }
    const conversation = new Conversation((sight) => this.#see(sight));
    this.#followed.set(connection, { openedAtMs: this.#atMs, conversation });
    this.#tell(
      { type: 'opened', connection, at: new Date(this.#atMs).toISOString(), target: this.#options.target },
      undefined,
    );
    this.#say(`opened, ${printable(how)}`);
  }

  #close(followed: Followed, reason: string | undefined): void {
    const connection = this.#connection;
    this.#followed.delete(connection);
    followed.conversation.finish('clientToServer');
    followed.conversation.finish('serverToClient');
    const atMs = since(followed, this.#atMs);
    this.#tell({ type: 'ended', connection, atMs, ...(reason !== undefined && { reason }) }, undefined);
    this.#say(reason ?? 'closed');
  }

  #loseAll(count: string): void {
    for (const [connection, followed] of [...this.#followed]) {
      this.#connection = connection;
      this.#close(followed, `not followed any further: ${count} events of all connections were left out`);
    }
  }

  #see(sight: Sight): void {
    const { filter, print } = this.#options;
    if (sight.type === 'frame') this.counts.frames++;
    const faults = sight.type === 'frame' ? sight.frame.faults.length : Number(sight.type === 'head' && !!sight.fault);
    this.counts.faults += faults;
    if (!filter(this.#connection, sight)) return;
    for (const line of sightLines(this.#connection, this.#atMs, sight, this.#options)) print(line);
  }

  #tell(event: Parameters<ObserverOptions['tell']>[0], bytes: Uint8Array | undefined): void {
    this.#options.tell(event, bytes);
  }

  /** A line on the connection itself. */
  #say(text: string): void {
    const { filter, print, paint } = this.#options;
    if (!filter(this.#connection, undefined)) return;
    print(`${placeOf(this.#connection, this.#atMs, this.#options)} ${paint(text, 'dim')}`);
  }

  #describe({ side, wasOpen, code, message }: Trouble): string {
    const isTarget = side === 'target';
    if (wasOpen) return `cut by the ${isTarget ? 'server' : 'client'}: ${code || message}`;
    if (isTarget)
      return `the target cannot be reached: ${explainNetworkFault({ code, message }, this.#options.target)}`;
    return `the client has gone before the target was reached: ${printable(message)}`;
  }
}

/** In milliseconds from the start of the connection, to a tenth of a microsecond. */
function since({ openedAtMs }: Followed, atMs: number): number {
  return Math.round(10_000 * (atMs - openedAtMs)) / 10_000;
}
