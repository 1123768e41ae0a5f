/**
 * The page's connection to the echo server it came from, and the watch that shows what passed on its wire: a store that
 * components subscribe to. Only what the browser's own WebSocket tells goes into the log; only what the server saw on the
 * wire goes into the recording.
 */

import { type Direction, parseHex, type WatchRequest, type WireEvent } from '../inspector/index.ts';

export type Phase = 'idle' | 'connecting' | 'open' | 'closing' | 'closed';

export interface LogEntry {
  readonly id: number;
  readonly direction: 'sent' | 'received' | 'note' | 'fault';
  readonly title: string;
  readonly body?: string;
}

export interface WireChunk {
  readonly direction: Direction;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export interface SessionState {
  readonly phase: Phase;
  readonly log: readonly LogEntry[];
  readonly chunks: readonly WireChunk[];
  /** The recording has stopped at this many bytes. */
  readonly recordedUpTo: number | undefined;
}

/** The log forgets its oldest entries past this many. */
const MAX_LOG_ENTRIES = 200;

const FRESH: SessionState = { phase: 'idle', log: [], chunks: [], recordedUpTo: undefined };

/** Where the server's WebSocket is: where the page came from. */
export function serverAddress(): string {
  const url = new URL('./', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  return url.href;
}

export class Session {
  #state = FRESH;
  #nextId = 0;
  #watch: WebSocket | undefined;
  #socket: WebSocket | undefined;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): SessionState => this.#state;

  /** Opens the watch first, then the connection to be watched: so its handshake is recorded too. */
  connect(): void {
    this.#watch?.close();
    this.#update({ ...FRESH, phase: 'connecting' });
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
    const watchId = id.join('');
    const watch = new WebSocket(`${serverAddress()}watch?id=${watchId}`);
    this.#watch = watch;
    watch.onmessage = ({ data }) => this.#takeEvent(JSON.parse(data) as WireEvent, watchId);
    watch.onclose = ({ reason }) => {
      if (this.#watch !== watch) return;
      this.#watch = undefined;
      if (this.#state.phase !== 'connecting' || this.#socket !== undefined) return;
      this.#log('fault', 'The server cannot be reached', reason || 'Is "framewright serve" still running?');
      this.#update({ phase: 'closed' });
    };
  }

  sendText(text: string): void {
    this.#socket?.send(text);
    this.#log('sent', 'text', text);
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket?.send(bytes);
    this.#log('sent', `binary, ${bytes.length} bytes`, hexOf(bytes));
  }

  /** Has the server do what a browser cannot. */
  ask(request: WatchRequest, title: string): void {
    this.#watch?.send(JSON.stringify(request));
    this.#log('note', title);
  }

  /** @throws {DOMException} when the browser refuses code or reason */
  close(code: number | undefined, reason: string): void {
    if (code === undefined) this.#socket?.close();
    else this.#socket?.close(code, reason);
    this.#update({ phase: 'closing' });
    this.#log(
      'note',
      code === undefined ? 'You asked to close' : `You asked to close with ${code}`,
      reason || undefined,
    );
  }

  #open(watchId: string): void {
    const socket = new WebSocket(`${serverAddress()}?watch=${watchId}`);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      this.#update({ phase: 'open' });
      this.#log('note', 'Open');
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') this.#log('received', 'text', data);
      else this.#log('received', `binary, ${data.byteLength} bytes`, hexOf(new Uint8Array(data)));
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      this.#socket = undefined;
      this.#update({ phase: 'closed' });
      this.#log('note', `Closed with ${code}${wasClean ? '' : ', not cleanly'}`, reason || undefined);
    };
  }

  #takeEvent(event: WireEvent, watchId: string): void {
    switch (event.type) {
      case 'watching':
        this.#open(watchId);
        return;
      case 'bytes': {
        const { direction, atMs, hex } = event;
        this.#update({ chunks: [...this.#state.chunks, { direction, atMs, bytes: parseHex(hex) }] });
        return;
      }
      case 'full':
        this.#update({ recordedUpTo: event.limitBytes });
        return;
      case 'ended':
        this.#watch?.close();
        return;
      case 'refused':
        this.#log('fault', 'The server did not do that', event.reason);
    }
  }

  #log(direction: LogEntry['direction'], title: string, body?: string): void {
    const entry = { id: this.#nextId++, direction, title, ...(body === undefined ? {} : { body: clip(body) }) };
    this.#update({ log: [...this.#state.log, entry].slice(-MAX_LOG_ENTRIES) });
  }

  #update(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 256), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function clip(text: string): string {
  return text.length <= 600 ? text : `${text.slice(0, 600)}… (${text.length} characters)`;
}
