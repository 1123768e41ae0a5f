/**
 * What goes over a recorded connection, layer by layer: TLS where there are keys, HTTP/1.1 up to the handshake (§4), HTTP/2
 * and its streams, or frames whose handshake is not in the recording. What it finds are WebSockets, whose bytes it hands to
 * an inspector each.
 */

import { concat, latin1, uint16 } from '../bytes.ts';
import type { ConversationInspector, FrameEntry } from '../conversation.ts';
import { areLikelyFrames, countLikelyFrames } from '../frame-recorder.ts';
import { headKindOf, headOfFields } from '../handshake.ts';
import type { Direction } from '../wire-event.ts';
import { beginsWithHttp, HttpScanner, type RequestKind } from './http1.ts';
import { beginsWithPreface, type Http2Reader, PREFACE } from './http2.ts';
import { type End, otherEnd, type TcpConnection } from './tcp.ts';
import { beginsWithTls, type TlsDecryption } from './tls.ts';

/** What takes the bytes of a WebSocket, and tells the frames that end in them if somebody wants them. */
export type Follower = Pick<ConversationInspector, 'beginBehind' | 'push' | 'lose' | 'finish'>;

/** A WebSocket in a capture. */
export interface CapturedWebSocket<F extends Follower = ConversationInspector> {
  /** From 1 on, in the order in which they were found. */
  readonly number: number;
  /** Its ends, the client's first. */
  readonly name: string;
  readonly inspector: F;
}

export interface CaptureHandler<F extends Follower = ConversationInspector> {
  onWebSocket(found: CapturedWebSocket<F>): void;
  onFrames(found: CapturedWebSocket<F>, entries: readonly FrameEntry[]): void;
  /** Something to know about it beside its frames. */
  onNote(found: CapturedWebSocket<F>, text: string): void;
  onEnd(found: CapturedWebSocket<F>): void;
  /** A connection of which nothing is shown, and why. */
  onUnread(name: string, reason: string): void;
}

/** What all connections of a capture share. */
export interface CaptureContext<F extends Follower> {
  readonly handler: CaptureHandler<F>;
  readonly follow: (number: number, name: string, atMs: number | undefined) => F;
  /** Undefined: nothing is decrypted. */
  readonly tls: TlsDecryption | undefined;
  /** Undefined: HTTP/2 is not read. */
  readonly http2: typeof Http2Reader | undefined;
  /** WebSockets so far. */
  count: number;
  /** When the newest packet passed. */
  atMs: number | undefined;
}

/** What the bytes of one end are taken for. */
type Mode = 'unknown' | 'http1' | 'webSocket' | 'ignored';

interface Lane {
  mode: Mode;
  http: HttpScanner | undefined;
  /** Bytes that may be the start of something: not enough to tell. */
  held: Uint8Array;
  /** Chunks that were nothing known. */
  misses: number;
}

/** So much is looked at before a connection counts as one of something else. */
const MAX_MISSES = 128;
const MAX_HELD_BYTES = 128 * 1024;

const NONE = new Uint8Array(0);

export class ConnectionReader<F extends Follower> {
  readonly #tcp: TcpConnection;
  readonly #context: CaptureContext<F>;
  readonly #lanes: readonly [Lane, Lane] = [newLane(), newLane()];
  readonly #requests: RequestKind[] = [];
  /** Takes all bytes once it is there. */
  #layer: { push(from: End, bytes: Uint8Array, atMs: number | undefined): void; end?(): void } | undefined;
  #inner: ConnectionReader<F> | undefined;
  #client: End | undefined;
  #webSocket: CapturedWebSocket<F> | undefined;
  #isThroughTls = false;

  constructor(tcp: TcpConnection, context: CaptureContext<F>, isThroughTls = false) {
    this.#tcp = tcp;
    this.#context = context;
    this.#client = tcp.opener;
    this.#isThroughTls = isThroughTls;
  }

  push(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    this.#client ??= this.#tcp.opener;
    if (this.#layer !== undefined) {
      this.#layer.push(from, bytes, atMs);
      return;
    }
    const lane = this.#lanes[from];
    if (lane.mode === 'unknown') this.#recognize(from, lane, concat([lane.held, bytes]), bytes, atMs);
    else if (lane.mode === 'http1') this.#scan(from, lane, bytes, atMs);
    else if (lane.mode === 'webSocket') this.#pass(from, bytes, atMs);
  }

  /** Bytes passed that are not in the capture; 0: those before it. */
  lose(from: End, byteCount: number): void {
    const lane = this.#lanes[from];
    if (this.#layer !== undefined) {
      if (byteCount === 0) return;
      this.#unread(
        `${byteCount} bytes of it are missing in the capture, and what follows them cannot be decrypted or told apart`,
      );
      this.#layer = { push: () => {} };
      this.#inner?.end();
    } else if (lane.mode === 'webSocket' && this.#webSocket !== undefined) {
      if (byteCount === 0) return;
      const found = this.#webSocket;
      const direction = this.#directionOf(from);
      this.#context.handler.onFrames(found, found.inspector.lose(direction, byteCount));
      this.#context.handler.onNote(
        found,
        `${byteCount} bytes ${direction === 'clientToServer' ? 'of the client' : 'of the server'} are missing in the capture`,
      );
    } else {
      lane.http?.lose(byteCount);
      lane.held = NONE;
    }
  }

  end(): void {
    this.#layer?.end?.();
    this.#inner?.end();
    const found = this.#webSocket;
    if (found === undefined) return;
    this.#webSocket = undefined;
    this.#context.handler.onFrames(found, found.inspector.finish());
    this.#context.handler.onEnd(found);
  }

  get #name(): string {
    const client = this.#client ?? 0;
    return `${this.#tcp.ends[client]} → ${this.#tcp.ends[otherEnd(client)]}`;
  }

  #unread(reason: string): void {
    this.#context.handler.onUnread(this.#name, reason);
  }

  #directionOf(from: End): Direction {
    return from === this.#client ? 'clientToServer' : 'serverToClient';
  }

  /** @param all with what was held before; @param bytes the newest */
  #recognize(from: End, lane: Lane, given: Uint8Array, bytes: Uint8Array, atMs: number | undefined): void {
    lane.held = NONE;
    const all = behindProxyHeader(given);
    if (all.length === 0) return;
    if (beginsWithTls(all) && !this.#isThroughTls) {
      this.#beginTls(from, all, atMs);
    } else if (beginsWithPreface(all)) {
      this.#client = from;
      this.#beginHttp2(from, all, atMs);
    } else if (isStartOfPreface(all)) {
      lane.held = all.slice();
    } else if (beginsWithHttp(all)) {
      lane.mode = 'http1';
      const kind = headKindOf(all) ?? 'request';
      this.#client ??= kind === 'request' ? from : otherEnd(from);
      lane.http = new HttpScanner(kind, this.#requests, (statusLine) => this.#refuse(statusLine));
      this.#scan(from, lane, all, atMs);
    } else {
      this.#seekFrames(from, lane, all, bytes, atMs);
    }
  }

  /** Frames whose handshake is not in the capture: they are known by fitting each other to the end. */
  #seekFrames(from: End, lane: Lane, all: Uint8Array, bytes: Uint8Array, atMs: number | undefined): void {
    const isMasked = all.length > 1 && (all[1]! & 0x80) !== 0;
    const role = isMasked ? 'server' : 'client';
    const frames = countLikelyFrames(all, role);
    if (frames > 0 && (frames > 2 || areLikelyFrames(all, role))) {
      this.#client = isMasked ? from : otherEnd(from);
      this.#findWebSocket();
      this.#context.handler.onNote(this.#webSocket!, 'its handshake is not in the capture');
      for (const end of [0, 1] as const) {
        this.#lanes[end].mode = 'webSocket';
        this.#webSocket!.inspector.lose(this.#directionOf(end), 0);
      }
      this.#pass(from, all, atMs);
      return;
    }
    if (++lane.misses > MAX_MISSES) {
      lane.mode = 'ignored';
      return;
    }
    if (frames >= 0 && all.length < MAX_HELD_BYTES) {
      lane.held = all.slice();
      return;
    }
    if (all.length > bytes.length) {
      this.#recognize(from, lane, bytes, bytes, atMs);
    }
  }

  #scan(from: End, lane: Lane, bytes: Uint8Array, atMs: number | undefined): void {
    const found = lane.http!.push(bytes);
    if (found === undefined) return;
    if (found.type === 'upgrade') {
      this.#findWebSocket();
      lane.mode = 'webSocket';
      this.#pass(from, found.rest, atMs);
      return;
    }
    // A tunnel through a proxy, or a protocol that both have changed to.
    lane.mode = 'unknown';
    lane.http = undefined;
    this.#recognize(from, lane, found.rest, found.rest, atMs);
  }

  /** The server wants no WebSocket: HTTP goes on. */
  #refuse(statusLine: string): void {
    const found = this.#webSocket;
    if (found === undefined) return;
    this.#context.handler.onFrames(found, found.inspector.finish());
    this.#context.handler.onNote(found, `the server refuses: ${statusLine}`);
    this.#context.handler.onEnd(found);
    this.#webSocket = undefined;
    const lane = this.#lanes[this.#client!];
    lane.mode = 'http1';
    lane.http = new HttpScanner('request', this.#requests, () => {});
  }

  #findWebSocket(name = this.#name): CapturedWebSocket<F> {
    if (this.#webSocket === undefined) {
      const isSecure = this.#isThroughTls ? ' (TLS)' : '';
      this.#webSocket = openWebSocket(this.#context, `${name}${isSecure}`);
    }
    return this.#webSocket;
  }

  #pass(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    const found = this.#findWebSocket();
    const direction = this.#directionOf(from);
    this.#context.handler.onFrames(found, found.inspector.push({ direction, bytes, atMs }));
  }

  #beginTls(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    const { tls } = this.#context;
    // A ClientHello begins with 1.
    this.#client ??= bytes[5] === 1 ? from : otherEnd(from);
    if (tls === undefined) {
      this.#unread('it is encrypted (TLS)');
      this.#layer = { push: () => {} };
      return;
    }
    const inner = new ConnectionReader(this.#tcp, this.#context, true);
    inner.#client = this.#client;
    this.#inner = inner;
    this.#layer = tls.open(this.#client, {
      onBytes: (end, plain, at) => inner.push(end, plain, at),
      onFault: (message) => this.#unread(`it is encrypted (TLS), and ${message}`),
    });
    for (const lane of this.#lanes) lane.mode = 'ignored';
    this.#layer.push(from, bytes, atMs);
  }

  #beginHttp2(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    const { handler, http2: Reader } = this.#context;
    const other = otherEnd(from);
    const before = this.#lanes[other].held;
    if (Reader === undefined) {
      this.#unread('it is HTTP/2');
      this.#layer = { push: () => {} };
      return;
    }
    this.#layer = new Reader<CapturedWebSocket<F>>(from, {
      onRequest: (streamId, headers) => {
        const name = `${this.#name}, HTTP/2 stream ${streamId}${this.#isThroughTls ? ' (TLS)' : ''}`;
        const found = openWebSocket(this.#context, name);
        found.inspector.beginBehind('clientToServer', headOfFields('request', headers));
        return found;
      },
      onResponse: (found, headers) => found.inspector.beginBehind('serverToClient', headOfFields('response', headers)),
      onData: (found, side, data, at) => {
        const direction = side === 'client' ? 'clientToServer' : 'serverToClient';
        handler.onFrames(found, found.inspector.push({ direction, bytes: data, atMs: at }));
      },
      onEnd: (found) => {
        handler.onFrames(found, found.inspector.finish());
        handler.onEnd(found);
      },
      onFault: (message) => this.#unread(`its HTTP/2 cannot be read: ${message}`),
    });
    for (const lane of this.#lanes) lane.mode = 'ignored';
    this.#layer.push(from, bytes, atMs);
    // The server may speak first.
    if (before.length > 0) this.#layer.push(other, before, atMs);
  }
}

function openWebSocket<F extends Follower>(context: CaptureContext<F>, name: string): CapturedWebSocket<F> {
  const number = ++context.count;
  const found = { number, name, inspector: context.follow(number, name, context.atMs) };
  context.handler.onWebSocket(found);
  return found;
}

/** What a proxy puts in front, to tell whose connection it is (the PROXY protocol, in text and in binary), is passed over. */
function behindProxyHeader(bytes: Uint8Array): Uint8Array {
  const start = latin1(bytes.subarray(0, 16));
  if (/^PROXY (?:TCP|UNKNOWN)/.test(start)) return bytes.subarray(bytes.indexOf(0x0a) + 1 || bytes.length);
  return start.startsWith('\r\n\r\n\0\r\nQUIT\n') ? bytes.subarray(16 + uint16(bytes, 14)) : bytes;
}

function newLane(): Lane {
  return { mode: 'unknown', http: undefined, held: NONE, misses: 0 };
}

function isStartOfPreface(bytes: Uint8Array): boolean {
  return bytes.length < PREFACE.length && bytes.every((byte, i) => byte === PREFACE.charCodeAt(i));
}
