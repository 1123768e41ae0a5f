/**
 * A connection on which every byte is the page's own choice. Browsers let nobody write a frame; so the page's server opens a
 * TCP connection to an echo server of its own, a proxy to its target, with the handshake done, and passes bytes on as they
 * are, both ways.
 */

import { concat } from '../../inspector/bytes.ts';

export interface RawLineState {
  readonly phase: 'idle' | 'connecting' | 'open' | 'closed';
  /** What has come back, the first so many bytes of it. */
  readonly received: Uint8Array;
  /** Why it has ended. */
  readonly end: string;
}

const MAX_RECEIVED_BYTES = 65_536;
const NO_LINE = 'the server of this page cannot be reached, or takes no raw bytes';
const IDLE: RawLineState = { phase: 'idle', received: new Uint8Array(0), end: '' };

export class RawLine {
  #state: RawLineState = IDLE;
  #socket: WebSocket | undefined;
  #receiver = '';
  /** Bytes given before the line was open. */
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): RawLineState => this.#state;

  /**
   * Opens a line if there is none, and sends.
   * @param receiver the rule that the server at its end is there for; '' for an ordinary one
   */
  send(bytes: Uint8Array, receiver = ''): void {
    if (receiver !== this.#receiver) this.hangUp();
    this.#receiver = receiver;
    this.#waiting.push(Uint8Array.from(bytes));
    if (this.#socket === undefined) this.#open();
    else if (this.#state.phase === 'open') this.#flush();
  }

  /** Drops TCP, without a word. */
  hangUp(): void {
    this.#socket?.close();
    this.#end('TCP was dropped');
  }

  #open(): void {
    const url = new URL(this.#receiver === '' ? './raw' : `./raw?receiver=${this.#receiver}`, window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#change({ ...IDLE, phase: 'connecting' });
    // The first message is a text: the handshake behind is done.
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      if (typeof data === 'string') {
        this.#change({ phase: 'open' });
        this.#flush();
      } else {
        const received = concat([this.#state.received, new Uint8Array(data)]);
        this.#change({ received: received.slice(0, MAX_RECEIVED_BYTES) });
      }
    };
    socket.onclose = ({ reason }) => {
      if (socket === this.#socket) this.#end(reason || (this.#state.phase === 'open' ? 'TCP was dropped' : NO_LINE));
    };
  }

  #end(reason: string): void {
    if (this.#socket === undefined) return;
    this.#socket = undefined;
    this.#waiting = [];
    this.#change({ phase: 'closed', end: reason });
  }

  #flush(): void {
    for (const bytes of this.#waiting) this.#socket?.send(bytes);
    this.#waiting = [];
  }

  #change(change: Partial<RawLineState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
