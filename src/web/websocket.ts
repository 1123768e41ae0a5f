/**
 * The WebSocket of browsers, by the WebSockets Standard. It stands on the client's opening handshake and the transport, and
 * has the global EventTarget and Event in place of Node's emitter. Refuses to know ws.
 */

import { setMaxListeners } from 'node:events';
import type { Address } from '../client/address.ts';
import { type DialedConnection, type DialHandler, dial } from '../client/dial.ts';
import { planDial } from '../client/options.ts';
import { deflateSettings } from '../deflate/agreement.ts';
import { viewOfChunk } from '../memory/view.ts';
import { noteAllocation } from '../memory/young-collection.ts';
import { resolveWsSettings } from '../options/connection-options.ts';
import { type Chunk, CloseCode, type ConnectionHandler, type ViolationId } from '../protocol/index.ts';
import { decodeText } from '../socket/payload.ts';
import { violationError } from '../transport/errors.ts';
import { type Payload, payloadLength } from '../transport/send-order.ts';
import { SocketTransport } from '../transport/socket-transport.ts';
import { CloseEvent } from './close-event.ts';
import { EventHandlers } from './event-handlers.ts';
import { TaskQueue } from './task-queue.ts';
import { isBadPort, locationOfProgram, originOf, parseUrlRecord } from './url-record.ts';
import { checkCloseArguments, checkSubprotocols } from './web-arguments.ts';
import {
  defineInterface,
  isIterable,
  toBytes,
  toClampedUnsignedShort,
  toDictionary,
  toDomString,
  toStringSequence,
  toUsvString,
} from './web-idl.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

type ReadyState = typeof CONNECTING | typeof OPEN | typeof CLOSING | typeof CLOSED;
type BinaryType = 'blob' | 'arraybuffer';

/** What browsers offer and Node's clients of ours do: permessage-deflate; no cookies, no Origin. */
const DEFLATE = deflateSettings(true, 'client', 'ws');

/** The standard has no options for any of it. */
const SETTINGS = resolveWsSettings('WebSocket', {});

/** As events that do not come from the program are. */
const TRUSTED: PropertyDescriptor = { value: true, enumerable: true };

export class WebSocket extends EventTarget {
  readonly #address: Address;
  readonly #origin: string;
  #readyState: ReadyState = CONNECTING;
  #extensions = '';
  #protocol = '';
  #binaryType: BinaryType = 'blob';
  readonly #handlers = new EventHandlers(this);
  readonly #tasks = new TaskQueue();

  readonly #dialing = new AbortController();
  /** Once the opening handshake is done. */
  #transport: SocketTransport | undefined;
  /** Why the connection has been failed (§7.1.7). */
  #failure: Error | undefined;

  #bufferedAmount = 0;
  /** Of these, bytes that the network has taken in this turn of the event loop: they count until its end. */
  #takenBytes = 0;

  /**
   * @throws {DOMException} SyntaxError for a bad URL, and a subprotocol that is no token or stands there twice
   * @throws {TypeError} for arguments that are missing or cannot be converted
   */
  constructor(url: string | URL, protocols: unknown = []) {
    super();
    // biome-ignore lint/complexity/noArguments: undefined counts as an argument
    if (arguments.length === 0) throw new TypeError('WebSocket needs a URL');
    const urlText = toUsvString(url);
    const subprotocols = listProtocols(protocols);
    const base = locationOfProgram();
    this.#address = parseUrlRecord(urlText, base);
    this.#origin = new URL(this.#address.url).origin;
    checkSubprotocols(subprotocols);
    setMaxListeners(0, this);
    if (isBadPort(this.#address)) {
      this.#fail(new Error(`Port ${this.#address.port} is blocked, as in browsers: it is another service's`));
      return;
    }
    const plan = planDial({ origin: originOf(base) }, subprotocols, DEFLATE, undefined);
    dial(this.#address, plan, this.#dialHandler(), this.#dialing.signal);
  }

  get url(): string {
    return this.#address.url;
  }

  get readyState(): ReadyState {
    return this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  get extensions(): string {
    return this.#extensions;
  }

  get protocol(): string {
    return this.#protocol;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    const text = toDomString(value);
    this.#binaryType = text === 'blob' || text === 'arraybuffer' ? text : this.#binaryType;
  }

  get onopen(): unknown {
    return this.#handlers.get('open');
  }

  set onopen(value: unknown) {
    this.#handlers.set('open', value);
  }

  get onmessage(): unknown {
    return this.#handlers.get('message');
  }

  set onmessage(value: unknown) {
    this.#handlers.set('message', value);
  }

  get onerror(): unknown {
    return this.#handlers.get('error');
  }

  set onerror(value: unknown) {
    this.#handlers.set('error', value);
  }

  get onclose(): unknown {
    return this.#handlers.get('close');
  }

  set onclose(value: unknown) {
    this.#handlers.set('close', value);
  }

  /**
   * @throws {DOMException} InvalidStateError while CONNECTING
   * @throws {TypeError} for memory that is shared between threads or resizable
   */
  send(data: unknown): void {
    // biome-ignore lint/complexity/noArguments: undefined counts as an argument
    if (arguments.length === 0) throw new TypeError('send needs data');
    const payload = toPayload(data);
    if (this.#readyState === CONNECTING) {
      throw new DOMException('Still CONNECTING: send once the open event has come', 'InvalidStateError');
    }
    const lengthBytes = payloadLength(payload);
    // What comes too late to be sent is counted as well, for good.
    this.#bufferedAmount += lengthBytes;
    const isBinary = typeof payload !== 'string';
    this.#transport?.sendMessage(payload, isBinary, true, true, (error) => {
      if (!error) this.#taken(lengthBytes);
    });
  }

  /**
   * @throws {DOMException} InvalidAccessError for other codes than 1000 and 3000–4999, SyntaxError for a reason of more than
   *   123 bytes of UTF-8
   */
  close(...[code, reason]: [code?: number, reason?: string]): void {
    // Looked at first, so that it is thrown at what is no WebSocket.
    const readyState = this.#readyState;
    const close = checkCloseArguments(
      code === undefined ? undefined : toClampedUnsignedShort(code),
      reason === undefined ? '' : toUsvString(reason),
    );
    if (readyState === CLOSING || readyState === CLOSED) return;
    this.#readyState = CLOSING;
    if (this.#transport !== undefined) {
      this.#transport.close(close.code, close.code === undefined ? undefined : close.reason);
    } else {
      this.#dialing.abort();
      this.#fail(new Error('The WebSocket was closed before the connection was established'));
    }
  }

  // ---- The opening handshake ---------------------------------------------------------------------------------------

  #dialHandler(): DialHandler {
    let extensions = '';
    return {
      upgrade: (response) => {
        extensions = response.headers['sec-websocket-extensions'] ?? '';
      },
      redirect() {},
      isRedirectWatched: () => false,
      unexpectedResponse: () => false,
      opened: (connection) => this.#opened(connection, extensions),
      failed: (error) => this.#fail(error),
    };
  }

  #opened({ socket, rest, subprotocol = '', deflate }: DialedConnection, extensions: string): void {
    this.#transport = new SocketTransport(socket, rest, this.#connectionHandler(), {
      ...SETTINGS,
      role: 'client',
      deflate,
    });
    this.#tasks.add(() => {
      if (this.#readyState !== CONNECTING) return;
      this.#readyState = OPEN;
      this.#extensions = extensions;
      this.#protocol = subprotocol;
      this.#fire(new Event('open'));
    });
  }

  // ---- The connection ----------------------------------------------------------------------------------------------

  #connectionHandler(): ConnectionHandler {
    return {
      message: (chunk, start, end, isBinary) => {
        const data = isBinary ? copyOf(chunk, start, end) : decodeText(chunk, start, end);
        this.#tasks.add(() => this.#receive(data));
      },
      ping() {},
      pong() {},
      closeReceived: () =>
        this.#tasks.add(() => {
          this.#readyState = CLOSING;
        }),
      failed: (id: ViolationId, detail: number, cause: unknown) => {
        this.#failure ??= violationError(id, detail, cause);
      },
      closed: () => this.#tasks.add(() => this.#closed()),
    };
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#readyState !== OPEN) return;
    const isBlob = typeof data !== 'string' && this.#binaryType === 'blob';
    const init = { data: isBlob ? new Blob([data]) : data, origin: this.#origin };
    this.#fire(new MessageEvent('message', init));
  }

  /** What is taken within a turn of the event loop stays counted until its end, though the network has it already. */
  #taken(lengthBytes: number): void {
    if (this.#takenBytes === 0) {
      setImmediate(() => {
        this.#bufferedAmount -= this.#takenBytes;
        this.#takenBytes = 0;
      });
    }
    this.#takenBytes += lengthBytes;
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  /** Before there is a connection that could be closed. */
  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#tasks.add(() => this.#closed());
  }

  #closed(): void {
    const { closeCode = CloseCode.AbnormalClosure, closeReason } = this.#transport?.connection ?? {};
    if (closeCode === CloseCode.AbnormalClosure)
      this.#failure ??= new Error('The connection ended without a Close frame');
    const failure = this.#failure;
    this.#readyState = CLOSED;
    if (failure === undefined) {
      this.#fire(
        new CloseEvent('close', { wasClean: true, code: closeCode, reason: String(Buffer.from(closeReason!)) }),
      );
      return;
    }
    // Beyond the standard, which tells programs nothing: in Node.js there is nobody to keep it from.
    this.#fire(Object.defineProperty(new Event('error'), 'error', { value: failure }));
    this.#fire(new CloseEvent('close', { wasClean: false, code: CloseCode.AbnormalClosure, reason: '' }));
  }

  #fire(event: Event): void {
    // Where a runtime does not let anybody else decide (Bun), the event is as good without.
    Reflect.defineProperty(event, 'isTrusted', TRUSTED);
    super.dispatchEvent(event);
  }
}

/**
 * As `(DOMString or sequence<DOMString>)`, or a dictionary that has it as `protocols`. An object with anything else is
 * another class's options and must not be passed over: as in browsers it is made a string, which is no subprotocol.
 */
function listProtocols(value: unknown): readonly string[] {
  if (typeof value === 'object' || typeof value === 'function' || value === undefined) {
    if (isIterable(value)) return toStringSequence(value, 'protocols');
    const isDictionary = Object.keys(value ?? {}).every((name) => name === 'protocols');
    if (!isDictionary) return [toDomString(value)];
    const { protocols } = toDictionary(value, 'protocols');
    if (protocols === undefined) return [];
    return isIterable(protocols) ? toStringSequence(protocols, 'protocols') : [toDomString(protocols)];
  }
  return [toDomString(value)];
}

/** As `(BufferSource or Blob or USVString)`. */
function toPayload(data: unknown): Payload {
  if (typeof data === 'string') return data;
  return toBytes(data) ?? (data instanceof Blob ? data : toDomString(data));
}

/** Memory of its own, as long as the message. */
function copyOf(chunk: Chunk, start: number, end: number): ArrayBuffer {
  noteAllocation(end - start);
  const copy = new ArrayBuffer(end - start);
  new Uint8Array(copy).set(viewOfChunk(chunk, start, end));
  return copy;
}

for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
  for (const target of [WebSocket, WebSocket.prototype])
    Object.defineProperty(target, name, { value, enumerable: true });
}
defineInterface('WebSocket', WebSocket);
