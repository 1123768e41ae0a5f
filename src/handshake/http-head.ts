/**
 * An incremental parser for the head of an HTTP/1.1 message (RFC 9112 §2.1), for handshakes that arrive on a bare TCP
 * connection; §4.1 and §4.2.1 require both heads to be valid HTTP. It is as strict as the grammar: where lenience would
 * let two programs disagree about where a head ends, the head is refused. It refuses to know about WebSocket, message
 * bodies and time: the deadline for a slow head is a timer, and belongs to the transport that feeds it.
 */

import { isToken } from './header-fields.ts';
import { HeaderMap, isWhitespace, trimWhitespace } from './header-map.ts';
import { hasTargetCharacters } from './request-target.ts';

export interface RequestHead {
  readonly method: string;
  /** The request-target as sent: visible ASCII without `#`. */
  readonly target: string;
  /** `1.1` or another `1.x`. */
  readonly httpVersion: string;
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[];
  readonly headers: HeaderMap;
}

export interface ResponseHead {
  readonly httpVersion: string;
  readonly statusCode: number;
  /** The reason phrase, possibly empty. */
  readonly reason: string;
  readonly rawHeaders: readonly string[];
  readonly headers: HeaderMap;
}

export interface HeadByKind {
  request: RequestHead;
  response: ResponseHead;
}

export interface ParsedHead<Head> {
  readonly ok: true;
  readonly head: Head;
  /** The bytes behind the head, the first frames: a view of the last chunk, not a copy. Use it or copy it at once. */
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
}

type StartLine<Kind extends keyof HeadByKind> = Omit<HeadByKind[Kind], 'rawHeaders' | 'headers'>;

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d)\.(\d)$/;
const STATUS_LINE = /^HTTP\/(\d)\.(\d) (\d{3})(?: (.*))?$/;

/** Feed it chunks of any size until it returns something. Each byte is looked at once, however they are cut. */
export class HttpHeadParser<Kind extends keyof HeadByKind> {
  readonly #kind: Kind;
  readonly #maxHeadBytes: number;
  readonly #maxHeaderCount: number;

  /** The line being read, its first `#lineLength` bytes: a copy that grows by doubling, so that no chunk is kept. */
  #line = new Uint8Array(256);
  #lineLength = 0;
  #headBytes = 0;
  #expectsLineFeed = false;
  #hasLeadingEmptyLine = false;
  #isComplete = false;
  #failure: HeadFailure | undefined;

  #startLine: StartLine<Kind> | undefined;
  readonly #rawHeaders: string[] = [];

  constructor({ kind, maxHeadBytes = 16_384, maxHeaderCount = 128 }: HttpHeadParserOptions<Kind>) {
    this.#kind = kind;
    this.#maxHeadBytes = maxHeadBytes;
    this.#maxHeaderCount = maxHeaderCount;
  }

  /**
   * Takes the next bytes. Undefined means that the head goes on. A failure is final, and returned again for whatever
   * comes later.
   * @throws Error when the head was complete before, for `chunk` then belongs to the frame parser
   */
  push(chunk: Uint8Array): ParsedHead<HeadByKind[Kind]> | HeadFailure | undefined {
    if (this.#isComplete) throw new Error('The head is complete: give later bytes to the frame parser');
    if (this.#failure !== undefined) return this.#failure;
    for (let i = 0; i < chunk.length; i++) {
      this.#failure = this.#takeByte(chunk[i]!);
      if (this.#failure !== undefined) return this.#failure;
      if (this.#isComplete) return { ok: true, head: this.#head(), rest: chunk.subarray(i + 1) };
    }
    return undefined;
  }

  #takeByte(byte: number): HeadFailure | undefined {
    if (++this.#headBytes > this.#maxHeadBytes) return tooLarge(`The head is longer than ${this.#maxHeadBytes} bytes`);
    if (this.#expectsLineFeed) {
      if (byte !== LF) return this.#illegalByte('CR without LF', 'RFC 9112 §2.2');
      this.#expectsLineFeed = false;
      return this.#takeLine();
    }
    if (byte === CR) {
      this.#expectsLineFeed = true;
      return undefined;
    }
    if (byte === LF) return this.#illegalByte('LF without CR', 'RFC 9112 §2.2');
    if ((byte < SPACE && byte !== TAB) || byte === DELETE) {
      return this.#illegalByte(`Control character 0x${byte.toString(16).padStart(2, '0')}`, 'RFC 9110 §5.5');
    }
    if (this.#lineLength === this.#line.length) {
      const longer = new Uint8Array(this.#line.length * 2);
      longer.set(this.#line);
      this.#line = longer;
    }
    this.#line[this.#lineLength++] = byte;
    return undefined;
  }

  #takeLine(): HeadFailure | undefined {
    const line = decodeLatin1(this.#line.subarray(0, this.#lineLength));
    this.#lineLength = 0;
    if (this.#startLine !== undefined) return this.#takeFieldLine(line);

    // RFC 9112 §2.2 has servers ignore an empty line before the request, which some clients send after an earlier body.
    if (line === '' && this.#kind === 'request' && !this.#hasLeadingEmptyLine) {
      this.#hasLeadingEmptyLine = true;
      return undefined;
    }
    const startLine = PARSE_START_LINE[this.#kind](line);
    if ('ok' in startLine) return startLine;
    this.#startLine = startLine;
    return undefined;
  }

  #takeFieldLine(line: string): HeadFailure | undefined {
    if (line === '') {
      this.#isComplete = true;
      return undefined;
    }
    const count = this.#rawHeaders.length / 2;
    if (count === this.#maxHeaderCount) return tooLarge(`The head has more than ${count} header fields`);
    if (isWhitespace(line.charCodeAt(0))) {
      return malformed(`Header line ${count + 1} starts with white space (line folding)`, 'RFC 9112 §5.2');
    }
    const colon = line.indexOf(':');
    if (colon === -1) return malformed(`Header line ${count + 1} has no colon`, 'RFC 9112 §5');
    const name = line.slice(0, colon);
    if (!isToken(name)) {
      return malformed(`Header line ${count + 1} has an empty name or an illegal character in it`, 'RFC 9112 §5.1');
    }
    this.#rawHeaders.push(name, trimWhitespace(line.slice(colon + 1)));
    return undefined;
  }

  #head(): HeadByKind[Kind] {
    const rawHeaders = this.#rawHeaders;
    return { ...this.#startLine, rawHeaders, headers: new HeaderMap(rawHeaders) } as unknown as HeadByKind[Kind];
  }

  #illegalByte(what: string, section: string): HeadFailure {
    return malformed(`${what} at byte ${this.#headBytes - 1} of the head`, section);
  }
}

const PARSE_START_LINE: { readonly [K in keyof HeadByKind]: (line: string) => StartLine<K> | HeadFailure } = {
  request(line) {
    const [, method, target, major, minor] = REQUEST_LINE.exec(line) ?? [];
    if (method === undefined || target === undefined || !isToken(method)) {
      return malformed('The first line is not "method target HTTP/version"', 'RFC 9112 §3');
    }
    if (!hasTargetCharacters(target)) return malformed('Illegal character in the request-target', 'RFC 9112 §3.2');
    if (major !== '1') return unsupportedVersion(`${major}.${minor}`);
    return { method, target, httpVersion: `${major}.${minor}` };
  },
  response(line) {
    const [, major, minor, statusCode, reason = ''] = STATUS_LINE.exec(line) ?? [];
    if (statusCode === undefined) {
      return malformed('The first line is not "HTTP/version status reason"', 'RFC 9112 §4');
    }
    if (major !== '1') return unsupportedVersion(`${major}.${minor}`);
    return { httpVersion: `${major}.${minor}`, statusCode: Number(statusCode), reason };
  },
};

function malformed(message: string, section: string): HeadFailure {
  return { ok: false, status: 400, message, section };
}

function tooLarge(message: string): HeadFailure {
  return { ok: false, status: 431, message, section: 'RFC 6585 §5' };
}

function unsupportedVersion(version: string): HeadFailure {
  return {
    ok: false,
    status: 505,
    message: `HTTP/${version} is not supported: use HTTP/1.1`,
    section: 'RFC 9110 §15.6.6',
  };
}

/**
 * One character per byte: nothing in a head is read as UTF-8, so nothing can be invalid as such (§8.1). In slices, because
 * a call takes only so many arguments.
 */
function decodeLatin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096) as unknown as number[]);
  }
  return text;
}
