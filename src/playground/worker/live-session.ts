/**
 * Live connections. Those to the echo server that the page came from are watched: the server tells which bytes passed. A
 * proxy tells of all connections that go through it. Of any other the browser shows its own side only: messages.
 */

import { type Desk, formatHex, unpackBytes, type WatchRequest, type WireEvent } from '../../inspector/index.ts';
import { Journal } from '../journal/journal.ts';
import { readLine } from '../journal/json-lines.ts';
import { addressOf } from './address.ts';
import { Announcer } from './announcer.ts';
import { JournalWindow } from './journal-window.ts';
import type { FromWorker, LiveRequest, LiveState, LogEntry, WorkerRequest } from './messages.ts';

/** The log forgets its oldest entries past this many. */
const MAX_LOG_ENTRIES = 100;
const MAX_LOG_CHARACTERS = 600;
const MAX_LOG_BYTES = 64;
/** Lines of a file that are read before others get their turn. */
const LINES_AT_ONCE = 2000;

const BLIND = 'Of this server the browser shows a page no frames, only messages: see “What cannot be seen here”.';

export class LiveSession {
  readonly #journal = new Journal();
  readonly window = new JournalWindow(this.#journal);
  readonly #announcer: Announcer;
  #state: LiveState = { phase: 'idle', log: [], desk: undefined, sees: undefined, url: '' };
  #base = '';
  #connectionCount = 0;
  #logCount = 0;
  #socket: WebSocket | undefined;
  #watch: WebSocket | undefined;
  /** The connection of which messages are listed, because nobody sees its frames. */
  #blind: { readonly connection: number; readonly elapsedMs: () => number } | undefined;

  constructor(tell: (message: FromWorker) => void) {
    this.#announcer = new Announcer(() => {
      this.#journal.trim();
      tell({ view: this.window.view(), live: this.#state, ...this.window.takeDetail() });
    });
  }

  take(request: WorkerRequest): void {
    switch (request.type) {
      case 'look':
      case 'select':
      case 'move':
      case 'filter':
      case 'clear':
        this.window.take(request);
        this.#announcer.now();
        break;
      case 'start':
        void this.#start(request.base);
        break;
      case 'connect':
        this.#connect(request.url, request.protocols);
        break;
      case 'send':
        void this.#send(request);
        break;
      case 'ask':
        this.#ask(request.request, request.title);
        break;
      case 'close':
        this.#close(request.code, request.reason);
        break;
      case 'load':
        void this.#load(request.file);
    }
  }

  /** Asks who served the page. */
  async #start(base: string): Promise<void> {
    this.#base = base;
    const desk = await askDesk(base);
    this.#change({ desk });
    if (desk.kind === 'proxy') this.#listen(desk);
  }

  /** What a proxy tells of its connections. */
  #listen({ events, target }: Desk & { kind: 'proxy' }): void {
    const socket = new WebSocket(new URL(events, addressOf(this.#base)));
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      this.#take(data, (event) => this.#journal.take(event));
    };
    socket.onclose = () => this.#note('fault', `The proxy to ${target} does not answer any more`);
    this.#change({ sees: 'wire' });
  }

  /** @param takeEvent takes what is no bytes */
  #take(data: string | ArrayBuffer, takeEvent: (event: WireEvent) => void, own?: number): void {
    if (typeof data === 'string') {
      takeEvent(JSON.parse(data) as WireEvent);
    } else {
      const { connection, direction, atMs, bytes } = unpackBytes(new Uint8Array(data));
      this.#journal.append(own ?? connection, direction, atMs, bytes);
    }
    this.#announcer.soon();
  }

  #connect(url: string, protocols: readonly string[]): void {
    if (this.#socket !== undefined || this.#state.phase === 'connecting') return;
    this.#change({ phase: 'connecting', url });
    if (this.#state.desk?.kind === 'echo' && url === addressOf(this.#base)) this.#connectWatched(protocols);
    else this.#open(url, protocols, this.#state.desk?.kind === 'proxy' ? undefined : this.#openBlind(url));
  }

  /** Opens the watch first, then the connection to be watched: so its handshake is recorded too. */
  #connectWatched(protocols: readonly string[]): void {
    this.#watch?.close();
    const address = addressOf(this.#base);
    const watchId = formatHex(crypto.getRandomValues(new Uint8Array(16)), '');
    const watch = new WebSocket(`${address}watch?id=${watchId}`);
    watch.binaryType = 'arraybuffer';
    this.#watch = watch;
    const connection = this.#connectionCount + 1;
    let isWatching = false;
    const takeEvent = (event: WireEvent) => {
      if (event.type === 'watching') {
        isWatching = true;
        this.#connectionCount = connection;
        this.#journal.open(connection, new Date().toISOString(), address);
        this.#change({ sees: 'wire' });
        this.#open(`${address}?watch=${watchId}`, protocols, undefined);
      } else if (event.type === 'ended') {
        this.#journal.end(connection, event.atMs);
        watch.close();
      } else if (event.type === 'refused') {
        this.#note('fault', 'The server did not do that', event.reason);
      }
    };
    watch.onmessage = ({ data }) => this.#take(data, takeEvent, connection);
    watch.onclose = ({ reason }) => {
      if (isWatching && this.#journal.record(connection)?.hasEnded === false) {
        this.#journal.note(connection, 'fault', reason || 'the server does not tell any more what it sees');
        this.#journal.end(connection, 0);
        this.#note('fault', 'The recording has ended', reason || 'The server does not tell any more what it sees');
      }
      if (this.#watch !== watch) return;
      this.#watch = undefined;
      if (isWatching) return;
      this.#note('fault', 'The server cannot be reached', reason || 'Is “framewright serve” still running?');
      this.#change({ phase: 'closed' });
    };
  }

  /** @returns the number of a connection of which messages are listed */
  #openBlind(url: string): number {
    const connection = ++this.#connectionCount;
    this.#journal.open(connection, new Date().toISOString(), url);
    this.#journal.note(connection, 'note', BLIND);
    this.#change({ sees: 'messages' });
    return connection;
  }

  /** @param blind the connection of which messages are listed, because nobody sees its frames */
  #open(url: string, protocols: readonly string[], blind: number | undefined): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, [...protocols]);
    } catch (error) {
      this.#note('fault', 'The browser does not connect', (error as Error).message);
      this.#change({ phase: 'closed' });
      if (blind !== undefined) this.#journal.end(blind, 0, (error as Error).message);
      return;
    }
    const startedAtMs = performance.now();
    const elapsedMs = () => Math.round(10 * (performance.now() - startedAtMs)) / 10;
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#blind = blind === undefined ? undefined : { connection: blind, elapsedMs };
    socket.onopen = () => {
      const agreed = [socket.protocol && `subprotocol ${socket.protocol}`, socket.extensions]
        .filter(Boolean)
        .join(', ');
      if (blind !== undefined) this.#journal.note(blind, 'note', agreed === '' ? 'open' : `open, ${agreed}`);
      this.#change({ phase: 'open' });
      this.#note('note', 'Open', agreed || undefined);
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (blind !== undefined) this.#listMessage('serverToClient', data);
      if (typeof data === 'string') this.#note('received', 'text', data);
      else this.#note('received', binaryTitle(data.byteLength), hexOf(new Uint8Array(data)));
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      const title = `Closed with ${code}${wasClean ? '' : ', not cleanly'}`;
      if (blind !== undefined) this.#journal.end(blind, elapsedMs(), `${title}${reason && `: ${reason}`}`);
      this.#socket = undefined;
      this.#blind = undefined;
      this.#change({ phase: 'closed' });
      this.#note('note', title, reason || undefined);
    };
  }

  #listMessage(direction: 'clientToServer' | 'serverToClient', data: string | ArrayBuffer): void {
    if (this.#blind === undefined) return;
    const isText = typeof data === 'string';
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
    this.#journal.appendMessage(this.#blind.connection, direction, this.#blind.elapsedMs(), bytes, isText);
  }

  async #send({ content, isText }: LiveRequest & { type: 'send' }): Promise<void> {
    const data = await readContent(content, isText);
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(data);
    this.#listMessage('clientToServer', data);
    if (typeof data === 'string') this.#note('sent', 'text', data);
    else this.#note('sent', binaryTitle(data.byteLength), hexOf(new Uint8Array(data)));
  }

  #ask(request: WatchRequest, title: string): void {
    this.#watch?.send(JSON.stringify(request));
    this.#note('note', title);
  }

  #close(code: number | undefined, reason: string): void {
    try {
      if (code === undefined) this.#socket?.close();
      else this.#socket?.close(code, reason);
    } catch (error) {
      this.#note('fault', 'The browser does not close so', (error as Error).message);
      return;
    }
    this.#change({ phase: this.#socket === undefined ? 'closed' : 'closing' });
    this.#note(
      'note',
      code === undefined ? 'You asked to close' : `You asked to close with ${code}`,
      reason || undefined,
    );
  }

  /** Lists what a file tells, behind what is listed already. */
  async #load(file: File): Promise<void> {
    const numbers = new Map<number, number>();
    const lines = (await file.text()).split('\n');
    for (const [i, line] of lines.entries()) {
      if (i % LINES_AT_ONCE === LINES_AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
      if (line.trim() === '') continue;
      try {
        const event = readLine(line);
        const named = ('connection' in event ? event.connection : undefined) ?? 1;
        if (event.type === 'opened' || !numbers.has(named)) numbers.set(named, ++this.#connectionCount);
        this.#journal.take({ ...event, connection: numbers.get(named)! } as typeof event);
      } catch (error) {
        this.#note('fault', `${file.name}, line ${i + 1} cannot be read`, (error as Error).message);
        break;
      }
      this.#announcer.soon();
    }
    for (const connection of numbers.values()) this.#journal.end(connection, 0, 'as far as the file goes');
    this.#note('note', `${file.name} is read`);
  }

  #note(direction: LogEntry['direction'], title: string, body?: string): void {
    const entry = { id: ++this.#logCount, direction, title, ...(body !== undefined && { body: clip(body) }) };
    this.#change({ log: [...this.#state.log, entry].slice(-MAX_LOG_ENTRIES) });
  }

  #change(change: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...change };
    this.#announcer.soon();
  }
}

const NO_DESK = { kind: 'none' } as const;

async function askDesk(base: string): Promise<Desk | typeof NO_DESK> {
  try {
    const response = await fetch(`${base}desk.json`);
    return response.ok ? await response.json() : NO_DESK;
  } catch {
    return NO_DESK;
  }
}

async function readContent(
  content: string | Uint8Array<ArrayBuffer> | File,
  isText: boolean,
): Promise<string | ArrayBuffer> {
  if (typeof content === 'string') return content;
  if (content instanceof Uint8Array) return content.slice().buffer;
  return isText ? content.text() : content.arrayBuffer();
}

function binaryTitle(bytes: number): string {
  return `binary, ${bytes} bytes`;
}

function hexOf(bytes: Uint8Array): string {
  const hex = formatHex(bytes.subarray(0, MAX_LOG_BYTES));
  return bytes.length <= MAX_LOG_BYTES ? hex : `${hex} …`;
}

function clip(text: string): string {
  if (text.length <= MAX_LOG_CHARACTERS) return text;
  return `${text.slice(0, MAX_LOG_CHARACTERS)}… (${text.length} characters)`;
}
