/**
 * One connection and whoever talks on it: a person at a terminal, or programs in a pipe. It opens the connection, carries
 * messages both ways, no faster than the slower side takes them, and says with which status to end.
 */

import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from '../../index.ts';
import { plural, printable, quote, type Tone } from '../../inspector/index.ts';
import { closeCodeName } from '../../protocol/index.ts';
import { explainNetworkFault } from '../network-fault.ts';
import { ExitStatus, statusOfClose } from './exit-status.ts';
import {
  type Action,
  commandHelp,
  complete,
  type Input,
  InputFault,
  readPiped,
  readTyped,
  requireText,
} from './input.ts';
import { bytesForPeople, forPipe, type Output, textForPeople } from './message-text.ts';
import { Screen } from './screen.ts';

export interface SessionOptions {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly client: ClientOptions;
  /** Sent once the connection is open. */
  readonly messages: readonly string[];
  readonly input: Input;
  readonly isBinary: boolean;
  readonly output: Output;
  /** End behind so many messages. */
  readonly count: number | undefined;
  readonly timeoutMs: number | undefined;
  /** In a pipe: end when nothing has come for so long, once the input has ended; undefined: with the connection. */
  readonly waitMs: number | undefined;
  readonly isQuiet: boolean;
  readonly isFull: boolean;
  readonly historyPath: string | undefined;
}

/** Standard streams, or others in tests. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly paint: (text: string, tone: Tone) => string;
}

/** Of what a server says when it refuses. */
const MAX_BODY_CHARACTERS = 500;

/** An address as it may be shown: logs of others may have it. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//');
}

export class Session {
  readonly #options: SessionOptions;
  readonly #streams: Streams;
  readonly #socket: WebSocket;
  readonly #startedAtMs = performance.now();
  #openedAtMs = 0;
  #sentAtMs: number | undefined;
  #counts = { sent: 0, received: 0 };
  #screen: Screen | undefined;
  /** What has been decided about the end. */
  #status: number | undefined;
  #failure: string | undefined;
  /** The code that this side has closed with. */
  #ownCode: number | undefined;
  #pings: number[] = [];
  #isInputOver = false;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @throws {SyntaxError | TypeError | RangeError} for an address, a subprotocol or a header that cannot be */
  constructor(options: SessionOptions, streams: Streams) {
    this.#options = options;
    this.#streams = streams;
    this.#socket = new WebSocket(options.url, options.protocols, options.client);
  }

  /** Resolves with the exit status when the connection has ended. */
  async run(): Promise<number> {
    const { timeoutMs } = this.#options;
    const socket = this.#socket;
    socket.on('redirect', (url) => this.note(`sent on to ${printable(url)}`));
    socket.on('unexpected-response', (_request, response) => void this.#refused(response));
    socket.on('open', () => this.#opened());
    socket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    socket.on('ping', (data) => this.note(`← ping${payload(data)}, answered`));
    socket.on('pong', (data) => this.#ponged(data));
    socket.on('error', (error) => {
      this.#failure ??= this.#openedAtMs === 0 ? explainNetworkFault(error, this.#place) : error.message;
    });
    const closed = new Promise<[code: number, reason: Buffer]>((resolve) => {
      socket.on('close', (code, reason) => resolve([code, reason]));
    });
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#timedOut(), timeoutMs);
    const signals = (['SIGINT', 'SIGTERM'] as const).map((name) => {
      const listener = () => this.#stopBy(name);
      process.once(name, listener);
      return () => process.off(name, listener);
    });
    const [code, reason] = await closed;
    clearTimeout(timer);
    clearTimeout(this.#idleTimer);
    for (const off of signals) off();
    this.#screen?.close();
    this.#streams.stdin.destroy();
    const status = this.#status ?? this.#statusOf(code);
    if (status === ExitStatus.TooFewMessages) {
      this.#failure ??= `--count: it ended behind ${this.#counts.received} of ${this.#options.count} messages`;
    }
    this.#sayEnd(code, reason);
    await new Promise<void>((resolve) => this.#streams.stdout.write('', () => resolve()));
    return status;
  }

  get #place(): string {
    return withoutCredentials(this.#options.url);
  }

  /** A line about the connection, apart from its messages. */
  note(text: string, tone: Tone = 'dim'): void {
    if (this.#options.isQuiet && tone !== 'fault') return;
    const { stderr, paint } = this.#streams;
    this.#above(() => stderr.write(`${paint(text, tone)}\n`));
  }

  // ---- How it begins and ends ---------------------------------------------------------------------------------------

  #opened(): void {
    this.#openedAtMs = performance.now();
    const { protocol, extensions, url } = this.#socket;
    const agreed = [protocol && `subprotocol ${printable(protocol)}`, extensions].filter(Boolean).join(', ');
    const ms = milliseconds(this.#openedAtMs - this.#startedAtMs);
    this.note(`connected to ${withoutCredentials(url)} in ${ms}${agreed && `: ${agreed}`}`);
    for (const message of this.#options.messages) this.#send(message, this.#options.isBinary);
    const { stdin, stderr } = this.#streams;
    if (stdin.isTTY && stderr.isTTY) this.#talk();
    else void this.#pipe();
  }

  /** The server has answered with something else than a WebSocket. */
  async #refused(response: IncomingMessage): Promise<void> {
    const { statusCode = 0, statusMessage = '', headers } = response;
    let body = '';
    try {
      for await (const piece of response.setEncoding('utf8')) {
        body += piece;
        if (body.length > MAX_BODY_CHARACTERS) break;
      }
    } catch {
      // What has come will do.
    }
    const said = body.trim() === '' ? '' : `\n  ${textForPeople(body.trim().slice(0, MAX_BODY_CHARACTERS), true)}`;
    const hint = hintFor(statusCode, headers.location);
    this.#failure = `${this.#place} answered ${`${statusCode} ${printable(statusMessage)}`.trimEnd()}${hint}${said}`;
    this.#socket.terminate();
  }

  #timedOut(): void {
    this.#status = ExitStatus.Timeout;
    const what = this.#openedAtMs === 0 ? `no answer from ${this.#place}` : 'no end';
    this.#failure = `--timeout: ${what} after ${(this.#options.timeoutMs ?? 0) / 1000} s`;
    this.#socket.terminate();
  }

  #stopBy(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#status = signal === 'SIGINT' ? 130 : 143;
    this.#close(1001, '');
  }

  #close(code: number | undefined, reason: string): void {
    this.#ownCode = code ?? 1005;
    this.#socket.close(code, reason);
  }

  #statusOf(code: number): number {
    const { count } = this.#options;
    if (this.#openedAtMs === 0) return ExitStatus.NotConnected;
    if (code === this.#ownCode) return ExitStatus.Ok;
    const status = statusOfClose(code);
    const isShort = count !== undefined && this.#counts.received < count;
    return status === ExitStatus.Ok && isShort ? ExitStatus.TooFewMessages : status;
  }

  #sayEnd(code: number, reason: Buffer): void {
    if (this.#failure !== undefined) this.note(`framewright: connect: ${this.#failure}`, 'fault');
    if (this.#openedAtMs === 0) return;
    const why = reason.length === 0 ? '' : ` ${quote(reason.toString())}`;
    const ms = milliseconds(performance.now() - this.#openedAtMs);
    const { sent, received } = this.#counts;
    this.note(`closed after ${ms}: ${code} ${closeCodeName(code)}${why}; ${sent} sent, ${received} received`);
  }

  // ---- What comes ---------------------------------------------------------------------------------------------------

  #received(data: Buffer, isBinary: boolean): void {
    const { count, output, isFull } = this.#options;
    const { stdout, paint } = this.#streams;
    if (count !== undefined && this.#counts.received >= count) return;
    this.#counts.received++;
    if (stdout.isTTY) {
      const shown = isBinary
        ? `${paint(`binary, ${data.length} B:`, 'dim')} ${bytesForPeople(data, isFull)}`
        : textForPeople(data.toString(), isFull);
      this.#above(() => this.#write(`${paint('←', 'good')} ${shown}${this.#sinceSent()}\n`));
    } else {
      const atMs = Math.round(1000 * (performance.now() - this.#openedAtMs)) / 1000;
      this.#write(forPipe(data, isBinary, output, atMs));
    }
    if (this.#counts.received === count) {
      this.#status = ExitStatus.Ok;
      this.#close(1000, '');
    }
    this.#waitIdle();
  }

  /** How long after the message that was sent last. */
  #sinceSent(): string {
    const sentAtMs = this.#sentAtMs;
    if (sentAtMs === undefined) return '';
    this.#sentAtMs = undefined;
    return this.#streams.paint(`  (${milliseconds(performance.now() - sentAtMs)} after yours)`, 'dim');
  }

  #write(content: Buffer | string): void {
    const { stdout } = this.#streams;
    if (stdout.write(content)) return;
    this.#socket.pause();
    stdout.once('drain', () => this.#socket.resume());
  }

  #ponged(data: Buffer): void {
    const sentAtMs = this.#pings.shift();
    const time = sentAtMs === undefined ? ', not asked for' : ` after ${milliseconds(performance.now() - sentAtMs)}`;
    this.note(`← pong${payload(data)}${time}`);
  }

  // ---- What goes ----------------------------------------------------------------------------------------------------

  #send(data: string | Uint8Array, binary: boolean, fin = true): void {
    this.#socket.send(data, { binary, fin });
    if (!fin) return;
    this.#counts.sent++;
    this.#sentAtMs = performance.now();
  }

  /** A person at a terminal. */
  #talk(): void {
    const { stdin, stderr } = this.#streams;
    this.note('type a message and Enter; /help lists commands, Ctrl-D closes');
    this.#screen = new Screen(stdin, stderr, this.#options.historyPath, {
      line: (text) => this.#typed(text),
      end: () => this.#close(1000, ''),
      interrupt: () => this.#interrupted(),
      complete,
    });
  }

  #interrupted(): void {
    if (this.#ownCode !== undefined) {
      this.#socket.terminate();
      return;
    }
    this.note('closing; Ctrl-C once more cuts the connection');
    this.#close(1000, '');
  }

  #typed(text: string): void {
    if (text === '') return;
    try {
      this.#perform(readTyped(text));
    } catch (error) {
      if (!(error instanceof InputFault)) throw error;
      this.note(error.message, 'fault');
    }
  }

  #perform(action: Action): void {
    const socket = this.#socket;
    switch (action.type) {
      case 'send':
        this.#send(action.data, action.isBinary);
        break;
      case 'fragments':
        for (const [i, part] of action.parts.entries()) this.#send(part, false, i === action.parts.length - 1);
        break;
      case 'file':
        this.#sendFile(action.path, action.isBinary);
        break;
      case 'ping':
        this.#pings.push(performance.now());
        socket.ping(action.data);
        break;
      case 'pong':
        socket.pong(action.data);
        break;
      case 'close':
        this.#close(action.code, action.reason);
        break;
      case 'help':
        this.note(commandHelp());
        break;
      case 'status':
        this.note(this.#describe());
        break;
      default:
        socket[action.type]();
    }
  }

  #sendFile(path: string, isBinary: boolean): void {
    let content: Buffer;
    try {
      content = readFileSync(path);
    } catch (error) {
      throw new InputFault(`cannot read ${path}: ${(error as Error).message}`);
    }
    if (!isBinary) requireText(content, path);
    this.#send(content, isBinary);
    this.note(`sent ${content.length} B`);
  }

  #describe(): string {
    const { url, protocol, extensions, bufferedAmount, isPaused } = this.#socket;
    const { sent, received } = this.#counts;
    return [
      `${withoutCredentials(url)}, open for ${milliseconds(performance.now() - this.#openedAtMs)}${isPaused ? ', paused' : ''}`,
      `subprotocol ${protocol || 'none'}, extensions ${extensions || 'none'}`,
      `${plural(sent, 'message')} sent, ${received} received, ${bufferedAmount} B not sent yet`,
    ].join('\n');
  }

  /** Programs in a pipe. */
  async #pipe(): Promise<void> {
    const { input, isBinary } = this.#options;
    const socket = this.#socket;
    try {
      for await (const action of readPiped(this.#streams.stdin, input, isBinary)) {
        if (socket.readyState !== socket.OPEN) return;
        this.#perform(action);
        if (!socket.isWritable) await mayWrite(socket);
      }
    } catch (error) {
      // Standard input is let go when the connection has ended.
      if (socket.readyState !== socket.OPEN) return;
      this.#failure = (error as Error).message;
      this.#status = ExitStatus.Usage;
      this.#close(1000, '');
      return;
    }
    this.#isInputOver = true;
    this.#waitIdle();
  }

  /** Behind the end of the input, what comes decides how long to go on. */
  #waitIdle(): void {
    const { waitMs, count } = this.#options;
    if (!this.#isInputOver || count !== undefined || waitMs === undefined) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#close(1000, ''), waitMs);
  }

  #above(write: () => void): void {
    if (this.#screen === undefined) write();
    else this.#screen.above(write);
  }
}

/** Resolves when more may be sent, or no more can be. */
function mayWrite(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

function payload(data: Buffer): string {
  return data.length === 0 ? '' : ` ${quote(data.toString())}`;
}

function milliseconds(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const HINTS: Readonly<Record<number, string>> = {
  400: 'it does not like the request: does it want another path, --subprotocol or --origin?',
  401: 'it wants to know who asks: give --auth user:password, --token or -H "Cookie: …"',
  403: 'it does not let this client in: check --origin, --auth and --token',
  404: 'there is nothing at this path: check the end of the address',
  407: 'a proxy wants to know who asks: give --proxy http://user:password@host:port',
  426: 'it wants another version of the protocol, or another protocol',
  429: 'it has had too many requests: wait a while',
  503: 'it is not ready: try again later',
};

function hintFor(status: number, location: string | undefined): string {
  if (status === 200) return ': this is a page, and no WebSocket: check the path';
  if (status >= 300 && status < 400) {
    return location === undefined ? '' : `: it sends us to ${printable(location)}: --follow goes there`;
  }
  const hint = HINTS[status];
  return hint === undefined ? '' : `: ${hint}`;
}
