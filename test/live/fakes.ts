/** WebSockets that a test plays the server of, and a browser around them. */

import { vi } from 'vitest';
import { SUBPROTOCOL } from '../../src/realtime-protocol/wire.ts';

type Handler<E> = ((event: E) => void) | null;

export class FakeSocket {
  static readonly all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  readonly url: string;
  readonly protocols: string[];
  readyState = 0;
  bufferedAmount = 0;
  protocol = SUBPROTOCOL;
  extensions = '';
  binaryType = 'blob';
  onopen: Handler<object> = null;
  onmessage: Handler<{ data: unknown }> = null;
  onerror: Handler<{ error?: unknown }> = null;
  onclose: Handler<{ code: number; reason: string; wasClean: boolean }> = null;
  readonly sent: unknown[] = [];
  closedWith: [code?: number, reason?: string] | undefined;

  constructor(url: string, protocols: string[] = []) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }

  send(data: unknown): void {
    if (this.readyState === 0) throw new Error('still CONNECTING');
    if (this.readyState === 1) this.sent.push(data);
  }

  close(...args: [code?: number, reason?: string]): void {
    if (this.readyState > 1) return;
    this.closedWith = args;
    this.readyState = 2;
  }

  // ---- The server's side -------------------------------------------------------------------------------------------

  accept(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** Opens, and says hello as a hub. */
  welcome(more: object = {}): void {
    this.accept();
    this.tell({ type: 'welcome', connection: 'c', user: 'u', pingMs: 25_000, ...more });
  }

  tell(...messages: object[]): void {
    if (this.readyState !== 1) return;
    this.onmessage?.({ data: JSON.stringify(messages.length === 1 ? messages[0] : messages) });
  }

  end(code = 1006, reason = '', error?: unknown): void {
    this.readyState = 3;
    if (code === 1006) this.onerror?.({ error });
    this.onclose?.({ code, reason, wasClean: code !== 1006 });
  }

  /** What has come, message by message; it is taken. */
  take(): { type: string; id: number; [member: string]: unknown }[] {
    return this.sent.splice(0).flatMap((text) => JSON.parse(text as string));
  }
}

/** The events of a window and its document, and what they say of themselves. */
export function fakePage() {
  const window = new EventTarget();
  const navigator = { onLine: true };
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('navigator', navigator);
  vi.stubGlobal('document', document);
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
  return {
    online() {
      navigator.onLine = true;
      window.dispatchEvent(new Event('online'));
    },
    offline() {
      navigator.onLine = false;
      window.dispatchEvent(new Event('offline'));
    },
    show() {
      document.visibilityState = 'visible';
      document.dispatchEvent(new Event('visibilitychange'));
    },
    /** Out of the cache of the history. */
    restore: () => window.dispatchEvent(new Event('pageshow')),
    thaw: () => document.dispatchEvent(new Event('resume')),
    hide() {
      document.visibilityState = 'hidden';
      document.dispatchEvent(new Event('visibilitychange'));
    },
  };
}

/** Whatever is due now, promises too. */
export const settle = () => vi.advanceTimersByTimeAsync(0);
