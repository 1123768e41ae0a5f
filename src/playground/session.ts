/**
 * The page's connections to the echo server it came from, and the watch that shows what passed on their wires. It is a
 * store that components subscribe to. The log has only what the browser's own WebSocket tells, recordings only what the
 * server saw on the wire. Subscribers hear of changes so many times a second and no more, since drawing the page costs
 * more than taking a frame in.
 */

import { formatHex, parseHex, type WatchRequest, type WireEvent } from '../inspector/index.ts';
import { Recording, type RecordingView } from './recording.ts';

export type Phase = 'idle' | 'connecting' | 'open' | 'closing' | 'closed';

export interface LogEntry {
  readonly id: number;
  readonly direction: 'sent' | 'received' | 'note' | 'fault';
  readonly title: string;
  readonly body?: string;
}

export interface SessionState {
  readonly phase: Phase;
  readonly log: readonly LogEntry[];
  /** One for each connection, in order. */
  readonly recordings: readonly RecordingView[];
}

/** The log forgets its oldest entries past this many. */
const MAX_LOG_ENTRIES = 200;
/** The recordings forget their oldest frames past this many, all connections together. */
const MAX_FRAMES = 5000;
/** And the oldest connections past this many. */
const MAX_RECORDINGS = 20;
/** Subscribers are told at once, and again after so long at the earliest, in milliseconds. */
const ANNOUNCE_INTERVAL_MS = 100;

/** Where the server's WebSocket is: where the page came from. */
export function serverAddress(): string {
  const url = new URL('./', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  return url.href;
}

export class Session {
  #phase: Phase = 'idle';
  #log: readonly LogEntry[] = [];
  #recordings: readonly Recording[] = [];
  #connectionCount = 0;
  #nextId = 0;
  #watch: WebSocket | undefined;
  #socket: WebSocket | undefined;
  /** As subscribers have it. */
  #state: SessionState = { phase: 'idle', log: [], recordings: [] };
  #isAnnouncing = false;
  #announcedAtMs = 0;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** Opens the watch first, then the connection to be watched: so its handshake is recorded too. */
  connect(): void {
    if (this.#phase !== 'idle' && this.#phase !== 'closed') return;
    this.#watch?.close();
    this.#enter('connecting');
    const watchId = formatHex(crypto.getRandomValues(new Uint8Array(16)), '');
    const watch = new WebSocket(`${serverAddress()}watch?id=${watchId}`);
    this.#watch = watch;
    let recording: Recording | undefined;
    watch.onmessage = ({ data }) => {
      const event = JSON.parse(data) as WireEvent;
      if (event.type === 'watching') {
        recording = this.#startRecording();
        this.#open(watchId);
      } else {
        this.#takeEvent(event, watch, recording);
      }
    };
    watch.onclose = ({ reason }) => {
      if (recording?.view().hasEnded === false) {
        recording.end();
        this.#note('fault', 'The recording has ended', reason || 'The server does not tell any more what it sees');
      }
      if (this.#watch !== watch) return;
      this.#watch = undefined;
      if (recording !== undefined) return;
      this.#note('fault', 'The server cannot be reached', reason || 'Is "framewright serve" still running?');
      this.#enter('closed');
    };
  }

  sendText(text: string): void {
    this.#socket?.send(text);
    this.#note('sent', 'text', text);
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket?.send(bytes);
    this.#note('sent', `binary, ${bytes.length} bytes`, hexOf(bytes));
  }

  /** Has the server do what a browser cannot. */
  ask(request: WatchRequest, title: string): void {
    this.#watch?.send(JSON.stringify(request));
    this.#note('note', title);
  }

  /** @throws {DOMException} when the browser refuses code or reason */
  close(code: number | undefined, reason: string): void {
    if (code === undefined) this.#socket?.close();
    else this.#socket?.close(code, reason);
    this.#enter('closing');
    const title = code === undefined ? 'You asked to close' : `You asked to close with ${code}`;
    this.#note('note', title, reason || undefined);
  }

  /** Forgets what was recorded; a connection that is open goes on being recorded. */
  clearRecordings(): void {
    this.#recordings = this.#recordings.filter((recording) => !recording.view().hasEnded);
    for (const recording of this.#recordings) recording.clear();
    this.#announce();
  }

  #startRecording(): Recording {
    const recording = new Recording(++this.#connectionCount, new Date());
    this.#recordings = [...this.#recordings, recording].slice(-MAX_RECORDINGS);
    this.#announce();
    return recording;
  }

  #open(watchId: string): void {
    const socket = new WebSocket(`${serverAddress()}?watch=${watchId}`);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      this.#enter('open');
      this.#note('note', 'Open');
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') this.#note('received', 'text', data);
      else this.#note('received', `binary, ${data.byteLength} bytes`, hexOf(new Uint8Array(data)));
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#socket = undefined;
      this.#enter('closed');
      this.#note('note', `Closed with ${code}${wasClean ? '' : ', not cleanly'}`, reason || undefined);
    };
  }

  #takeEvent(event: WireEvent, watch: WebSocket, recording: Recording | undefined): void {
    switch (event.type) {
      case 'bytes':
        recording?.append(event.direction, event.atMs, parseHex(event.hex));
        this.#dropOldFrames();
        this.#announce();
        return;
      case 'ended':
        recording?.end();
        this.#announce();
        watch.close();
        return;
      case 'refused':
        this.#note('fault', 'The server did not do that', event.reason);
    }
  }

  #dropOldFrames(): void {
    let excess = this.#recordings.reduce((sum, { shownCount }) => sum + shownCount, -MAX_FRAMES);
    for (const recording of this.#recordings) {
      while (excess > 0 && recording.shownCount > 0) {
        const before = recording.shownCount;
        recording.dropOldest();
        excess -= before - recording.shownCount;
      }
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#announce();
  }

  #note(direction: LogEntry['direction'], title: string, body?: string): void {
    const entry = { id: this.#nextId++, direction, title, ...(body === undefined ? {} : { body: clip(body) }) };
    this.#log = [...this.#log, entry].slice(-MAX_LOG_ENTRIES);
    this.#announce();
  }

  /** Tells subscribers soon how things are then. */
  #announce(): void {
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    const waitMs = this.#announcedAtMs + ANNOUNCE_INTERVAL_MS - performance.now();
    setTimeout(() => {
      this.#isAnnouncing = false;
      this.#announcedAtMs = performance.now();
      const recordings = this.#recordings.map((recording) => recording.view());
      this.#state = { phase: this.#phase, log: this.#log, recordings };
      for (const listener of this.#listeners) listener();
    }, waitMs);
  }
}

function hexOf(bytes: Uint8Array): string {
  return formatHex(bytes.subarray(0, 256));
}

function clip(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 600)}… (${text.length} characters)`;
}
