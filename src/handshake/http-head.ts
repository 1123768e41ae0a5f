/**
 * Reads the head of an HTTP/1.1 message (RFC 9112 §2.1) as its bytes come, for handshakes on a bare TCP connection; §4.1
 * and §4.2.1 require both heads to be valid HTTP. It is as strict as the grammar: two programs that read a head in
 * different ways could see its end in different places. It refuses to know of WebSocket, of bodies, and of time.
 */

import { isToken } from './header-fields.ts';
import { HeaderMap, isWhitespace, trimWhitespace } from './header-map.ts';

interface Head {
  /** `1.1` or another `1.x`. */
  readonly httpVersion: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  readonly headers: HeaderMap;
}

export interface RequestHead extends Head {
  readonly method: string;
  /** The request-target as sent: visible ASCII without `#`. */
  readonly target: string;
}

export interface ResponseHead extends Head {
  readonly statusCode: number;
  /** The reason phrase, possibly empty. */
  readonly reason: string;
}

export interface HeadByKind {
  request: RequestHead;
  response: ResponseHead;
}

export interface ParsedHead<Head> {
  readonly ok: true;
  readonly head: Head;
  /** The bytes behind the head, the first frames: a view of the last chunk. */
  readonly rest: Uint8Array;
}

export interface HeadFailure {
  readonly ok: false;
  /** What a server should answer: 400, 431 or 505. It says nothing to a client. */
  readonly status: number;
  /** What was wrong and where. */
  readonly message: string;
  readonly section: string;
}

export interface HttpHeadParserOptions<Kind extends keyof HeadByKind> {
  readonly kind: Kind;
  /** Longest head accepted, its empty last line included. Default 16384, as in Node's http module. */
  readonly maxHeadBytes?: number;
  /** Most header fields accepted. Default 128, well above what browsers and proxies send. */
  readonly maxHeaderCount?: number;
  /** bytes[start … end) with one character per byte. Default: a portable decoder. */
  readonly decodeLatin1?: (bytes: Uint8Array, start: number, end: number) => string;
}

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

const NO_BYTES = new Uint8Array(0);

const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d)\.(\d)$/;
/** Visible ASCII without `#`: §3 has no fragments in resource names, nor has RFC 9112 §3.2 in request-targets. */
const TARGET_CHARACTERS = /^[!-"$-~]+$/;
const STATUS_LINE = /^HTTP\/(\d)\.(\d) (\d{3})(?: (.*))?$/;

/** Whether `text` has only characters that a request-target may have, and at least one. */
export function hasTargetCharacters(text: string): boolean {
  return TARGET_CHARACTERS.test(text);
}

/** Feed it chunks of any size until it returns something. Each byte is looked at once, however they are cut. */
export class HttpHeadParser<Kind extends keyof HeadByKind> {
  readonly #kind: Kind;
  readonly #maxHeadBytes: number;
  readonly #maxHeaderCount: number;
  readonly #decodeLatin1: (bytes: Uint8Array, start: number, end: number) => string;

  /** The bytes of a line that began in an earlier chunk: a copy, so that no chunk is kept. */
  #line: number[] = [];
  /** Bytes of the head in earlier chunks. */
  #headBytes = 0;
  #expectsLineFeed = false;
  #hasLeadingEmptyLine = false;
  #isComplete = false;
  #failure: HeadFailure | undefined;

  /** From the first line on. Its header fields are those read so far. */
  #head: HeadByKind[Kind] | undefined;
  readonly #rawHeaders: string[] = [];

  constructor(options: HttpHeadParserOptions<Kind>) {
    this.#kind = options.kind;
    this.#maxHeadBytes = options.maxHeadBytes ?? 16_384;
    this.#maxHeaderCount = options.maxHeaderCount ?? 128;
    this.#decodeLatin1 = options.decodeLatin1 ?? decodeLatin1;
  }

  /**
   * Takes the next bytes. Undefined means that the head goes on. A failure is final: it is returned again for later bytes.
   * @throws Error when the head was complete before: `chunk` belongs to the frame parser
   */
  push(chunk: Uint8Array): ParsedHead<HeadByKind[Kind]> | HeadFailure | undefined {
    if (this.#isComplete) throw new Error('The head is complete: give later bytes to the frame parser');
    if (this.#failure !== undefined) return this.#failure;
    const allowedBytes = Math.min(chunk.length, this.#maxHeadBytes - this.#headBytes);
    const takenBytes = this.#takeBytes(chunk, allowedBytes);
    if (this.#isComplete)
      return { ok: true, head: this.#head!, rest: takenBytes === chunk.length ? NO_BYTES : chunk.subarray(takenBytes) };
    this.#headBytes += takenBytes;
    if (this.#failure === undefined && allowedBytes < chunk.length) {
      this.#failure = tooLarge(`The head is longer than ${this.#maxHeadBytes} bytes`);
    }
    return this.#failure;
  }

  /** Takes bytes up to `end`, or to the end of the head, or until one is wrong. @returns how many it took */
  #takeBytes(chunk: Uint8Array, end: number): number {
    let lineStart = 0;
    for (let i = 0; i < end; i++) {
      const byte = chunk[i]!;
      if (this.#expectsLineFeed) {
        this.#failure = byte === LF ? this.#takeLine(this.#endLine(chunk, lineStart, i - 1)) : this.#illegalByte(CR, i);
        this.#expectsLineFeed = false;
        lineStart = i + 1;
        if (this.#failure !== undefined || this.#isComplete) return lineStart;
      } else if (byte === CR) {
        this.#expectsLineFeed = true;
      } else if ((byte < SPACE && byte !== TAB) || byte === DELETE) {
        this.#failure = this.#illegalByte(byte, i);
        return i + 1;
      }
    }
    this.#keep(chunk, lineStart, this.#expectsLineFeed ? end - 1 : end);
    return end;
  }

  /** The line whose last bytes, its CR excepted, are chunk[start … end); none of them when even the CR came before. */
  #endLine(chunk: Uint8Array, start: number, end: number): string {
    if (this.#line.length === 0) return end > start ? this.#decodeLatin1(chunk, start, end) : '';
    this.#keep(chunk, start, end);
    const line = Uint8Array.from(this.#line);
    this.#line = [];
    return this.#decodeLatin1(line, 0, line.length);
  }

  /** Copies the beginning of a line, or more of it. */
  #keep(chunk: Uint8Array, start: number, end: number): void {
    for (const byte of chunk.subarray(start, Math.max(start, end))) this.#line.push(byte);
  }

  #takeLine(line: string): HeadFailure | undefined {
    if (this.#head !== undefined) return this.#takeFieldLine(line);

    // RFC 9112 §2.2 has servers ignore an empty line before the request, which some clients send after an earlier body.
    if (line === '' && this.#kind === 'request' && !this.#hasLeadingEmptyLine) {
      this.#hasLeadingEmptyLine = true;
      return undefined;
    }
    const head = PARSE_START_LINE[this.#kind](line, this.#rawHeaders);
    if ('ok' in head) return head;
    this.#head = head;
    return undefined;
  }

  #takeFieldLine(line: string): HeadFailure | undefined {
    if (line === '') {
      this.#isComplete = true;
      return undefined;
    }
    const rawHeaders = this.#rawHeaders;
    const count = rawHeaders.length / 2;
    if (isWhitespace(line.charCodeAt(0))) {
      // A server may refuse a folded line. A user agent has to take it for more of the value before, behind a space.
      if (this.#kind === 'request' || count === 0) {
        return malformed(`Header line ${count + 1} starts with white space (line folding)`, 'RFC 9112 §5.2');
      }
      rawHeaders.push(trimWhitespace(`${rawHeaders.pop()} ${trimWhitespace(line)}`));
      return undefined;
    }
    if (count === this.#maxHeaderCount) return tooLarge(`The head has more than ${count} header fields`);
    const colon = line.indexOf(':');
    if (colon === -1) return malformed(`Header line ${count + 1} has no colon`, 'RFC 9112 §5');
    const name = line.slice(0, colon);
    if (!isToken(name)) {
      return malformed(`Header line ${count + 1} has an empty name or an illegal character in it`, 'RFC 9112 §5.1');
    }
    rawHeaders.push(name, trimWhitespace(line, colon + 1));
    return undefined;
  }

  /** `index` counts from the start of the chunk. */
  #illegalByte(byte: number, index: number): HeadFailure {
    const at = `at byte ${this.#headBytes + index} of the head`;
    if (byte === CR) return malformed(`CR without LF ${at}`, 'RFC 9112 §2.2');
    if (byte === LF) return malformed(`LF without CR ${at}`, 'RFC 9112 §2.2');
    return malformed(`Control character 0x${byte.toString(16).padStart(2, '0')} ${at}`, 'RFC 9110 §5.5');
  }
}

/** What the first line says, in a head whose fields are to come: they are pushed to `rawHeaders`. */
const PARSE_START_LINE: {
  readonly [K in keyof HeadByKind]: (line: string, rawHeaders: readonly string[]) => HeadByKind[K] | HeadFailure;
} = {
  request(line, rawHeaders) {
    const [, method, target, major, minor] = REQUEST_LINE.exec(line) ?? [];
    if (method === undefined || target === undefined || !isToken(method)) {
      return malformed('The first line is not "method target HTTP/version"', 'RFC 9112 §3');
    }
    if (!hasTargetCharacters(target)) return malformed('Illegal character in the request-target', 'RFC 9112 §3.2');
    if (major !== '1') return unsupportedVersion(`${major}.${minor}`);
    return { method, target, httpVersion: `${major}.${minor}`, rawHeaders, headers: new HeaderMap(rawHeaders) };
  },
  response(line, rawHeaders) {
    const [, major, minor, statusCode, reason = ''] = STATUS_LINE.exec(line) ?? [];
    if (statusCode === undefined) return malformed('The first line is not "HTTP/version status reason"', 'RFC 9112 §4');
    if (major !== '1') return unsupportedVersion(`${major}.${minor}`);
    const headers = new HeaderMap(rawHeaders);
    return { httpVersion: `${major}.${minor}`, statusCode: Number(statusCode), reason, rawHeaders, headers };
  },
};

function malformed(message: string, section: string): HeadFailure {
  return { ok: false, status: 400, message, section };
}

function tooLarge(message: string): HeadFailure {
  return { ok: false, status: 431, message, section: 'RFC 6585 §5' };
}

function unsupportedVersion(version: string): HeadFailure {
  const message = `HTTP/${version} is not supported: use HTTP/1.1`;
  return { ok: false, status: 505, message, section: 'RFC 9110 §15.6.6' };
}

/** One character per byte: nothing in a head is read as UTF-8 (§8.1). In slices, since a call takes only so many arguments. */
function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, Math.min(i + 4096, end)) as unknown as number[]);
  }
  return text;
}
