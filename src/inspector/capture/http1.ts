/**
 * Passes over HTTP/1.1 messages (RFC 9112 §6) in one direction of a connection, up to the head that opens a WebSocket. It
 * keeps no more than a head.
 */

import { latin1, PendingBytes } from '../bytes.ts';
import { MAX_HEAD_BYTES } from '../handshake.ts';

export type HttpFound =
  /** A head that opens a WebSocket, or asks for one: bytes from its first on. */
  | { readonly type: 'upgrade'; readonly rest: Uint8Array }
  /** Something that is no HTTP. */
  | { readonly type: 'other'; readonly rest: Uint8Array };

/** What the requests of a connection were, for who reads the answers: the oldest first. */
export type RequestKind = 'HEAD' | 'CONNECT' | 'upgrade' | 'other';

/** Requests whose answers are waited for. */
export const MAX_REQUESTS = 1000;
const START = /^(?:HTTP\/1\.\d |[A-Z]{3,20} \S+ HTTP\/1\.\d)/;
/** The start of a line that may become one of these. */
const MAY_START = /^(?:H(?:T(?:T(?:P(?:\/(?:1(?:\.\d?)?)?)?)?)?)?|[A-Z]{1,20}(?: [^\r\n]*)?)$/;

export class HttpScanner {
  /** Messages that were passed over. */
  count = 0;
  readonly #kind: 'request' | 'response';
  readonly #requests: RequestKind[];
  readonly #onRefused: (statusLine: string) => void;
  readonly #pending = new PendingBytes();
  /** Body bytes that are still to come. */
  #body = 0;
  #state: 'head' | 'body' | 'chunkSize' | 'chunk' | 'trailers' | 'untilEnd' = 'head';

  /** @param onRefused hears the status line that refuses a WebSocket */
  constructor(kind: 'request' | 'response', requests: RequestKind[], onRefused: (statusLine: string) => void) {
    this.#kind = kind;
    this.#requests = requests;
    this.#onRefused = onRefused;
  }

  push(bytes: Uint8Array): HttpFound | undefined {
    // A line that has no end yet says nothing more.
    const isOpen = !bytes.includes(0x0a) && this.#pending.length + bytes.length < MAX_HEAD_BYTES;
    if (this.#pending.length > 64) this.#pending.expect(isOpen ? MAX_HEAD_BYTES : 0);
    let rest = this.#pending.add(bytes);
    if (rest === undefined) return undefined;
    while (rest.length > 0) {
      if (this.#state === 'untilEnd') return undefined;
      if (this.#state === 'body' || this.#state === 'chunk') {
        const taken = Math.min(this.#body, rest.length);
        this.#body -= taken;
        rest = rest.subarray(taken);
        if (this.#body === 0) this.#state = this.#state === 'body' ? 'head' : 'chunkSize';
        continue;
      }
      const end = this.#state === 'head' ? endOfHead(rest) : endOfLine(rest);
      if (this.#state === 'head') {
        const text = latin1(rest.subarray(0, 64));
        if (!START.test(text) && !(text.length < 64 && MAY_START.test(text))) return { type: 'other', rest };
      }
      if (end === -1) {
        if (rest.length > MAX_HEAD_BYTES) this.#state = 'untilEnd';
        else this.#pending.keep(rest, 0);
        return undefined;
      }
      const text = latin1(rest.subarray(0, end));
      if (this.#state === 'head') {
        if (this.#takeHead(text)) return { type: 'upgrade', rest };
      } else this.#takeLine(text.trim());
      rest = rest.subarray(end);
    }
    return undefined;
  }

  /** Bytes passed that are not in the capture. */
  lose(byteCount: number): void {
    const isInside = (this.#state === 'body' || this.#state === 'chunk') && byteCount < this.#body;
    if (isInside) this.#body -= byteCount;
    else if (this.#state !== 'untilEnd') this.#state = 'head';
    this.#pending.keep(new Uint8Array(0), 0);
  }

  /** @returns whether it opens a WebSocket */
  #takeHead(text: string): boolean {
    const isUpgrade = /^upgrade:[^\n]*\bwebsocket\b/im.test(text);
    const hasLength = /^content-length:[ \t]*(\d{1,15})[ \t]*\r?$/im.exec(text)?.[1];
    const isChunked = /^transfer-encoding:[^\n]*\bchunked\b/im.test(text);
    let hasBody = true;
    if (this.#kind === 'request') {
      if (this.#requests.length < MAX_REQUESTS) {
        const method = /^(?:HEAD|CONNECT)(?= )/.exec(text)?.[0] as 'HEAD' | 'CONNECT' | undefined;
        this.#requests.push(isUpgrade ? 'upgrade' : (method ?? 'other'));
      }
      if (isUpgrade) return true;
    } else {
      const status = Number(text.slice(9, 12));
      if (status === 101) return isUpgrade;
      const request = status < 200 ? undefined : this.#requests.shift();
      if (request === 'upgrade') this.#onRefused(text.split(/\r?\n/, 1)[0]!);
      const isTunnel = request === 'CONNECT' && status < 300;
      hasBody = status >= 200 && status !== 204 && status !== 304 && request !== 'HEAD' && !isTunnel;
    }
    this.count++;
    this.#body = hasBody ? Number(hasLength ?? 0) : 0;
    if (!hasBody) return false;
    if (isChunked) this.#state = 'chunkSize';
    else if (this.#body > 0) this.#state = 'body';
    else if (hasLength === undefined && this.#kind === 'response') this.#state = 'untilEnd';
    return false;
  }

  #takeLine(line: string): void {
    if (this.#state === 'trailers') {
      if (line === '') this.#state = 'head';
      return;
    }
    const size = Number.parseInt(line, 16);
    if (!(size >= 0)) this.#state = 'untilEnd';
    else if (size === 0) this.#state = 'trailers';
    else {
      this.#state = 'chunk';
      this.#body = size + 2;
    }
  }
}

/** Whether an HTTP/1.1 message begins so. */
export function beginsWithHttp(bytes: Uint8Array): boolean {
  return START.test(latin1(bytes.subarray(0, 2048)));
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

function endOfLine(bytes: Uint8Array): number {
  const at = bytes.indexOf(0x0a);
  return at === -1 ? -1 : at + 1;
}
