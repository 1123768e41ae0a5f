/**
 * Records the bytes of connections whose page asked for it, and tells them to that page as they pass. A page first opens
 * a watch under an id of 128 random bits, then its own connection, which names the id; nobody else knows it. Nothing is
 * kept here: bytes go straight on, and a connection is read no faster than its page takes what it is told.
 */

import type { Duplex } from 'node:stream';
import type { WebSocket } from '../index.ts';
import { type Direction, packBytes, WATCH_ID, type WatchRequest, type WireEvent } from '../inspector/index.ts';
import { parameterOf } from './request-target.ts';

/** What node:http and the bare TCP server both say about an upgrade request. */
interface TappedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

const MAX_WATCHES = 64;
/** Recorded bytes that a page has not taken yet, past which its connection is not read, in bytes. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** And past which the watch ends: one message that is echoed may be so long, in both directions. */
export const MAX_UNTOLD_BYTES = 64 * 1024 * 1024;
/** Longer pieces are told in parts. */
const MAX_EVENT_BYTES = 64 * 1024;
/** A fragmented message that a page asks for. */
const MAX_PARTS = 32;

interface Watch {
  readonly watcher: WebSocket;
  /** Recorded bytes that are still to leave for the page. */
  untoldBytes: number;
  /** Whether the connection waits for the page. */
  isHeldBack: boolean;
  startedAtMs: number | undefined;
  echo: WebSocket | undefined;
}

export class WatchDesk {
  readonly #watches = new Map<string, Watch>();

  /** Takes a page's watch connection, which stays open for as long as the page wants to watch. */
  open(watcher: WebSocket, target: string): void {
    const id = parameterOf(target, 'id');
    if (id === undefined || !WATCH_ID.test(id) || this.#watches.has(id)) {
      watcher.close(1008, 'a watch needs a fresh id of 32 hex digits: /watch?id=…');
      return;
    }
    if (this.#watches.size >= MAX_WATCHES) {
      watcher.close(1013, `there are ${MAX_WATCHES} watches already`);
      return;
    }
    const watch: Watch = { watcher, untoldBytes: 0, isHeldBack: false, startedAtMs: undefined, echo: undefined };
    this.#watches.set(id, watch);
    watcher.on('close', () => {
      this.#watches.delete(id);
      letGo(watch);
    });
    watcher.on('message', (data, isBinary) => {
      if (!isBinary) carryOut(watch, String(data));
    });
    tell(watch, { type: 'watching' });
  }

  /**
   * Begins to record a connection if its request names a watch; call it before the WebSocket takes the socket over,
   * because the parser unmasks the bytes it is given in place.
   */
  tap(socket: Duplex, request: TappedRequest): void {
    const watch = this.#watchOf(request.url);
    if (watch === undefined || watch.startedAtMs !== undefined) return;
    watch.startedAtMs = performance.now();
    record(watch, 'clientToServer', Buffer.from(requestHead(request), 'latin1'));
    socket.prependListener('data', (chunk: Buffer) => record(watch, 'clientToServer', chunk));
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (chunk: Uint8Array | string, ...rest: unknown[]) => {
      record(watch, 'serverToClient', typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
      return write(chunk, ...rest);
    };
  }

  /** Lets the page of a tapped connection ask for pings and the like on it. */
  join(echo: WebSocket, target: string): void {
    const watch = this.#watchOf(target);
    if (watch === undefined || watch.echo !== undefined) return;
    watch.echo = echo;
    echo.on('close', () => {
      watch.echo = undefined;
      tell(watch, { type: 'ended', atMs: elapsedMs(watch) });
    });
  }

  /** The connections of pages that watch. */
  watchers(): WebSocket[] {
    return [...this.#watches.values()].map(({ watcher }) => watcher);
  }

  #watchOf(target: string | undefined): Watch | undefined {
    return this.#watches.get(parameterOf(target ?? '', 'watch') ?? '');
  }
}

/** The request's bytes: node:http keeps them parsed only, but with names, values and order as they were sent. */
function requestHead({ method, url, httpVersion, rawHeaders }: TappedRequest): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function record(watch: Watch, direction: Direction, bytes: Uint8Array): void {
  const { watcher } = watch;
  if (watcher.readyState !== watcher.OPEN) return;
  const atMs = elapsedMs(watch);
  for (let at = 0; at < bytes.length; at += MAX_EVENT_BYTES) {
    const part = bytes.subarray(at, at + MAX_EVENT_BYTES);
    watch.untoldBytes += part.length;
    watcher.send(packBytes({ direction, atMs }, part), () => {
      watch.untoldBytes -= part.length;
      if (watch.untoldBytes <= HIGH_WATER_BYTES / 2) letGo(watch);
    });
  }
  if (watch.untoldBytes > MAX_UNTOLD_BYTES) {
    watcher.close(1008, 'the page does not read what is recorded for it');
    letGo(watch);
  } else if (watch.untoldBytes > HIGH_WATER_BYTES) {
    watch.isHeldBack = true;
    watch.echo?.pause();
  }
}

function letGo(watch: Watch): void {
  if (!watch.isHeldBack) return;
  watch.isHeldBack = false;
  watch.echo?.resume();
}

function elapsedMs(watch: Watch): number {
  return Math.round(10 * (performance.now() - (watch.startedAtMs ?? 0))) / 10;
}

function tell(watch: Watch, event: WireEvent): void {
  watch.watcher.send(JSON.stringify(event));
}

/** Does what the page asks of the server; whatever is wrong with the request is told to the page. */
function carryOut(watch: Watch, text: string): void {
  const { echo } = watch;
  try {
    if (echo === undefined) throw new Error('no connection is being watched');
    perform(echo, JSON.parse(text) as WatchRequest);
  } catch (error) {
    tell(watch, { type: 'refused', reason: (error as Error).message });
  }
}

function perform(echo: WebSocket, request: WatchRequest): void {
  if (request.type === 'ping') {
    echo.ping(String(request.payload));
  } else if (request.type === 'close') {
    if (request.code === undefined) echo.close();
    else echo.close(request.code, String(request.reason));
  } else if (request.type === 'fragments' && Array.isArray(request.parts)) {
    const parts = request.parts.slice(0, MAX_PARTS);
    for (const [i, part] of parts.entries()) echo.send(String(part), { fin: i === parts.length - 1 });
  } else {
    throw new Error('a request is a ping, fragments or a close');
  }
}
