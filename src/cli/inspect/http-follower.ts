/**
 * Follows the HTTP/1.1 messages of one direction as they pass (RFC 9112): their heads, and where their bodies end. It
 * keeps no body, and hands back what stands behind a head or a body, since it may be something else.
 */

import { type HeadByKind, HttpHeadParser, listHasToken } from '../../handshake/index.ts';
import { MAX_HEAD_BYTES } from '../../inspector/handshake.ts';

type Kind = keyof HeadByKind;
export type SeenHead = HeadByKind[Kind];

/** How a body ends: behind so many bytes, as its chunks say, or with the connection. */
type Body = { type: 'bytes'; left: number } | { type: 'chunks'; chunks: ChunkFollower } | { type: 'rest' };

const MAX_FIELDS = 1000;

export class HttpFollower {
  readonly #kind: Kind;
  #parser: HttpHeadParser<Kind>;
  #body: Body | undefined;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#parser = this.#nextParser();
  }

  /**
   * Takes bytes up to the end of a head or of a body.
   * @returns the head, if one ends here, and what stands behind; undefined when all was taken
   * @throws {Error} when it is no HTTP
   */
  push(bytes: Uint8Array): { head: SeenHead | undefined; rest: Uint8Array } | undefined {
    if (this.#body !== undefined) {
      const rest = this.#skip(this.#body, bytes);
      return rest && { head: undefined, rest };
    }
    const parsed = this.#parser.push(bytes);
    if (parsed === undefined) return undefined;
    if (!parsed.ok) throw new Error(parsed.message);
    this.#parser = this.#nextParser();
    return parsed;
  }

  /** A body follows the head. @param head that of the message; @param hasNone when the request says so (HEAD) */
  expectBody(head: SeenHead, hasNone: boolean): void {
    this.#body = hasNone ? undefined : bodyOf(head);
  }

  #nextParser(): HttpHeadParser<Kind> {
    return new HttpHeadParser({ kind: this.#kind, maxHeadBytes: MAX_HEAD_BYTES, maxHeaderCount: MAX_FIELDS });
  }

  #skip(body: Body, bytes: Uint8Array): Uint8Array | undefined {
    if (body.type === 'rest') return undefined;
    let rest: Uint8Array | undefined;
    if (body.type === 'chunks') {
      rest = body.chunks.skip(bytes);
    } else {
      if (bytes.length >= body.left) rest = bytes.subarray(body.left);
      body.left -= bytes.length;
    }
    if (rest !== undefined) this.#body = undefined;
    return rest;
  }
}

/** RFC 9112 §6.3. */
function bodyOf(head: SeenHead): Body | undefined {
  const { headers } = head;
  if ('statusCode' in head) {
    const { statusCode } = head;
    if (statusCode < 200 || statusCode === 204 || statusCode === 304) return undefined;
  }
  if (listHasToken(headers.get('transfer-encoding') ?? '', 'chunked')) {
    return { type: 'chunks', chunks: new ChunkFollower() };
  }
  const length = headers.get('content-length');
  if (length === undefined) return 'statusCode' in head ? { type: 'rest' } : undefined;
  const left = Number(length);
  return left > 0 ? { type: 'bytes', left } : undefined;
}

const LF = 0x0a;
const MAX_LINE_BYTES = 8192;

/** RFC 9112 §7.1: lines with the lengths of chunks, chunks, and lines of trailer fields up to an empty one. */
class ChunkFollower {
  #line = '';
  /** Of the chunk at hand, with the end of line behind it. */
  #left = 0;
  #isInTrailers = false;

  /** @returns what stands behind the body, or undefined when it goes on */
  skip(bytes: Uint8Array): Uint8Array | undefined {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#left, bytes.length - at);
      this.#left -= skipped;
      at += skipped;
      if (at === bytes.length) return undefined;
      const end = bytes.indexOf(LF, at);
      const part = bytes.subarray(at, end === -1 ? bytes.length : end);
      this.#line += Buffer.from(part).toString('latin1', 0, MAX_LINE_BYTES);
      if (this.#line.length > MAX_LINE_BYTES) throw new Error('The length of a chunk is no number');
      if (end === -1) return undefined;
      at = end + 1;
      if (this.#isEnd(this.#line.trim())) return bytes.subarray(at);
      this.#line = '';
    }
    return undefined;
  }

  #isEnd(line: string): boolean {
    if (this.#isInTrailers) return line === '';
    const digits = /^[0-9a-f]{1,12}(?=\s*(;|$))/i.exec(line)?.[0];
    if (digits === undefined) throw new Error('The length of a chunk is no number');
    const length = Number.parseInt(digits, 16);
    this.#isInTrailers = length === 0;
    this.#left = length === 0 ? 0 : length + 2;
    return false;
  }
}
