/** A ConnectionHandler that writes down what it hears, as plain values, and may be told to do something at that. */

import type { Chunk, ConnectionHandler, ViolationId } from '../../src/protocol/index.ts';
import { toHex } from './wire.ts';

export type HandlerCall =
  | { readonly call: 'message'; readonly data: string; readonly isBinary: boolean }
  | { readonly call: 'ping' | 'pong'; readonly data: string }
  | { readonly call: 'closeReceived' | 'closed' }
  | { readonly call: 'failed'; readonly id: ViolationId; readonly detail: number; readonly cause: unknown };

export class RecordingHandler implements ConnectionHandler {
  readonly calls: HandlerCall[] = [];
  /** Of each message, whether its memory was lent. */
  readonly lent: boolean[] = [];
  /** Called after each call has been recorded; may act on the connection, or throw. */
  react: (call: HandlerCall) => void = () => {};

  /** Payloads are recorded as text when they are text, otherwise in hex. */
  message(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
    this.lent.push(chunk.isLent);
    const payload = chunk.bytes.slice(start, end);
    this.record({ call: 'message', data: isBinary ? toHex(payload) : new TextDecoder().decode(payload), isBinary });
  }
  ping(payload: Uint8Array): void {
    this.record({ call: 'ping', data: toHex(payload) });
  }
  pong(payload: Uint8Array): void {
    this.record({ call: 'pong', data: toHex(payload) });
  }
  closeReceived(): void {
    this.record({ call: 'closeReceived' });
  }
  failed(id: ViolationId, detail: number, cause?: unknown): void {
    this.record({ call: 'failed', id, detail, cause });
  }
  closed(): void {
    this.record({ call: 'closed' });
  }

  /** The calls in short: `text:Hello`, `binary:01 02`, `ping:`, `failed:invalidText`. */
  get log(): string[] {
    return this.calls.map((call) => {
      if (call.call === 'message') return `${call.isBinary ? 'binary' : 'text'}:${call.data}`;
      if (call.call === 'failed') return `failed:${call.id}`;
      return 'data' in call ? `${call.call}:${call.data}` : call.call;
    });
  }

  private record(call: HandlerCall): void {
    this.calls.push(call);
    this.react(call);
  }
}
