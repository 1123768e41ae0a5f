/** The event stream format: WHATWG HTML 9.2.5 and 9.2.6. It runs in pages as well. */

import { checkWholeNumber } from '../protocol/whole-number.ts';

/** What can stand in one block of an event stream. */
export interface EventFields {
  /** Without it nothing is dispatched: only `id` and `retry` are taken. A CR, LF or CRLF in it arrives as LF. */
  readonly data?: string | undefined;
  /** The event's type. Default: 'message'. */
  readonly event?: string | undefined;
  /** What a client that comes back sends as `Last-Event-ID`; '' takes away what it had. */
  readonly id?: string | undefined;
  /** How long a client waits before it comes back, in milliseconds. */
  readonly retry?: number | undefined;
  /** Read by nobody. */
  readonly comment?: string | undefined;
}

/** An event as a client dispatches it. */
export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
  /** The newest `id` so far, of this event or of one before it. */
  readonly lastEventId: string;
}

const LINE_END = /\r\n?|\n/;

/**
 * One block of an event stream, with the empty line at its end.
 *
 * @throws {TypeError} `event` or `id` with a line end, which would start a field of its own; NUL in `id`, which clients ignore
 * @throws {RangeError} `retry` is no whole number from 0 on
 */
export function formatEvent({ comment, event, id, retry, data }: EventFields): string {
  for (const [name, value] of [
    ['type', event],
    ['id', id],
  ] as const) {
    if (value !== undefined && LINE_END.test(value))
      throw new TypeError(`The ${name} of an event has a line end in it`);
  }
  if (id?.includes('\0')) throw new TypeError('The id of an event has a NUL in it: clients would ignore it');
  if (retry !== undefined) checkWholeNumber('retry', retry, 0, Number.MAX_SAFE_INTEGER);
  return `${lines('', comment)}${lines('event', event)}${lines('id', id)}${lines('retry', retry)}${lines('data', data)}\n`;
}

/** A space behind each colon: clients take away one, so that the value keeps its own. */
function lines(name: string, value: string | number | undefined): string {
  if (value === undefined) return '';
  return String(value)
    .split(LINE_END)
    .map((line) => `${name}: ${line}\n`)
    .join('');
}

/** Reads an event stream piece by piece, wherever it is cut. What has no empty line behind it is never dispatched. */
export class EventStreamParser {
  /** What `Last-Event-ID` says when the client comes back. */
  lastEventId: string;
  /** How long to wait before coming back, in milliseconds; `undefined` until the server says so. */
  retryMs: number | undefined;
  readonly #maxLength: number;
  // By itself Node 24's takes away byte order marks behind a cut, too.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Counts for nothing at the beginning of the next piece: one byte order mark, or the second half of a CRLF that was cut. */
  #skipped = '\uFEFF';
  #line = '';
  #id: string;
  #type = '';
  #data = '';

  /**
   * @param lastEventId of the stream that this one goes on from
   * @param maxLength of what waits for its end: a line, and the data of an event
   */
  constructor(lastEventId = '', maxLength = Infinity) {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
    this.#maxLength = maxLength;
  }

  /**
   * The events that end in this piece.
   * @throws {RangeError} an event is longer than `maxLength`
   */
  push(piece: Uint8Array): ServerSentEvent[] {
    const text = this.#decoder.decode(piece, { stream: true });
    if (text === '') return [];
    const start = text[0] === this.#skipped ? 1 : 0;
    this.#skipped = text.endsWith('\r') ? '\n' : '';
    const [first, ...others] = text.slice(start).split(LINE_END);
    this.#line += first;
    const events: ServerSentEvent[] = [];
    for (const next of others) {
      this.#read(this.#line, events);
      this.#line = next;
    }
    if (this.#line.length + this.#data.length > this.#maxLength) {
      throw new RangeError(`An event is longer than ${this.#maxLength} characters`);
    }
    return events;
  }

  #read(line: string, events: ServerSentEvent[]): void {
    if (line === '') {
      this.lastEventId = this.#id;
      if (this.#data !== '') {
        events.push({ type: this.#type || 'message', data: this.#data.slice(0, -1), lastEventId: this.#id });
      }
      this.#type = this.#data = '';
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (name === 'data') this.#data += `${value}\n`;
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}
