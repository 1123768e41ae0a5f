/** The WebSocket of browsers, coming back by itself. */

import type { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { type Connection, CUT, keepConnected, type Link, type Plan } from './connection.ts';
import { addressOf, currentToken, socketClass } from './options.ts';
import { offer, openSocket } from './socket-link.ts';
import type {
  ConnectionState,
  ReconnectingEventMap,
  ReconnectingOptions,
  ReconnectingSocket,
  SocketLike,
} from './types.ts';

type Address = string | URL;

/**
 * Connects, and connects again after each loss, until `close`.
 *
 * @param url a function is asked for each attempt, so that it can bring a ticket
 * @throws {TypeError} a bad URL, or no WebSocket in this runtime and in `options`
 */
export function reconnecting(
  url: Address | (() => Address | Promise<Address>),
  options: ReconnectingOptions = {},
): ReconnectingSocket {
  return new Reconnecting(url, options);
}

const TYPES = ['open', 'message', 'error', 'close', 'statechange'] as const;

class Reconnecting extends EventTarget implements ReconnectingSocket {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  url = '';
  onopen: ReconnectingSocket['onopen'] = null;
  onmessage: ReconnectingSocket['onmessage'] = null;
  onerror: ReconnectingSocket['onerror'] = null;
  onclose: ReconnectingSocket['onclose'] = null;
  onstatechange: ReconnectingSocket['onstatechange'] = null;
  readonly #connection: Connection<Link>;
  /** The newest one. */
  #socket: SocketLike | undefined;
  #binaryType: ReconnectingSocket['binaryType'] = 'blob';
  /** What `close` was called with. */
  #closing: [code?: number, reason?: string] | undefined;
  #hasClosed = false;

  constructor(url: Address | (() => Address | Promise<Address>), options: ReconnectingOptions) {
    super();
    const { protocols = [], ping, pingMs = 25_000 } = options;
    const Socket = socketClass(options);
    if (typeof url !== 'function') this.url = addressOf(url);
    for (const type of TYPES) this.addEventListener(type, (event: Event) => this[`on${type}`]?.(event as never));
    const plan: Plan<Link, [url: string, token: string | undefined]> = {
      name: () => this.url,
      prepare: async () => [typeof url === 'function' ? addressOf(await url()) : this.url, await currentToken(options)],
      dial: ([address, token], events) => {
        this.url = address;
        const socket = openSocket(Socket, address, offer([protocols].flat(), token), {
          lost: (code, reason, cause) => {
            events.lost(code, reason, cause);
            if (this.#closing) this.#end(code, reason);
          },
        });
        this.#socket = socket;
        socket.binaryType = this.#binaryType;
        socket.onopen = () => events.opened(ping ? pingMs : 0);
        socket.onmessage = ({ data }: { data: unknown }) => {
          events.heard();
          this.dispatchEvent(new MessageEvent('message', { data, origin: new URL(address).origin }));
        };
        return {
          ping() {
            if (ping) socket.send(ping);
          },
          close: () => {
            socket.onmessage = null;
            socket.close(...(this.#closing ?? []));
          },
        };
      },
      opened: () => this.#tell('open'),
      lost: (error, code, reason) => this.#tellLoss(code, reason, error),
      changed: () => this.#tell('statechange'),
    };
    this.#connection = keepConnected(plan, options);
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get error(): RealtimeError | undefined {
    return this.#connection.error;
  }

  get retryAt(): number | undefined {
    return this.#connection.retryAt;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#closing) return this.#hasClosed ? 3 : 2;
    if (this.state === 'closed') return 3;
    return this.state === 'open' ? 1 : 0;
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  get extensions(): string {
    return this.#socket?.extensions ?? '';
  }

  get binaryType(): ReconnectingSocket['binaryType'] {
    return this.#binaryType;
  }

  set binaryType(type: ReconnectingSocket['binaryType']) {
    if (type !== 'blob' && type !== 'arraybuffer') return;
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  send(data: unknown): void {
    const { readyState } = this;
    if (readyState === 0) {
      throw new DOMException(
        `There is no connection: it is ${this.state}, and nothing is kept for later`,
        'InvalidStateError',
      );
    }
    // What comes too late is dropped, as in browsers.
    if (readyState === 1) this.#socket!.send(data);
  }

  close(code?: number, reason = ''): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(`A program may close with 1000 and 3000 to 4999, not ${code}`, 'InvalidAccessError');
    }
    if (new TextEncoder().encode(reason).length > 123) {
      throw new DOMException('A reason has at most 123 bytes of UTF-8', 'SyntaxError');
    }
    const { readyState } = this;
    if (readyState > 1) return;
    this.#closing = code === undefined ? [] : [code, reason];
    this.#connection.close();
    if (readyState === 0) queueMicrotask(() => this.#end(CUT, ''));
  }

  #end(code: number, reason: string): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    this.#tellLoss(code, reason);
  }

  #tellLoss(code: number, reason: string, error?: RealtimeError): void {
    if (error && code === CUT) this.#tell('error', { error });
    this.#tell('close', { code, reason, wasClean: code !== CUT });
  }

  #tell(type: keyof ReconnectingEventMap, members?: object): void {
    this.dispatchEvent(Object.assign(new Event(type), members));
  }
}
