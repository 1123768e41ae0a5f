/** The client of a hub: memberships that are taken up again after each loss, and requests that are answered once. */

import type { Member, Protocol } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type { ServerMessage } from '../realtime-protocol/wire.ts';
import { Connection, type LinkEvents } from './connection.ts';
import { Handle } from './handle.ts';
import type { LiveLink } from './link.ts';
import { Listeners } from './listeners.ts';
import { Membership } from './membership.ts';
import { addressOf, currentToken, LONGEST_MS, socketClass } from './options.ts';
import { type RequestHead, Requests, toError } from './requests.ts';
import { socketLink } from './socket-link.ts';
import { streamLink } from './stream-link.ts';
import type { ConnectionState, ConnectOptions, JoinOptions, Live, LiveEvents, RequestOptions } from './types.ts';

/**
 * Connects to a hub. The connection comes back by itself, until `close`.
 *
 * @param protocol for its type only: `connect<typeof chat>(url)` does without it
 * @throws {TypeError} a bad URL, or no WebSocket in this runtime and in `options`
 */
export function connect<P extends Protocol>(protocol: P, url: string | URL, options?: ConnectOptions): Live<P>;
export function connect<P extends Protocol>(url: string | URL, options?: ConnectOptions): Live<P>;
export function connect(...args: unknown[]): Live {
  const rest = (args[0] as Partial<Protocol>).channels ? args.slice(1) : args;
  const [url, options = {}] = rest as [string | URL, ConnectOptions?];
  return new LiveClient(url, options) as unknown as Live;
}

type Call = (input: unknown, options?: RequestOptions) => Promise<never>;

/** A token is asked for so long before its end, in milliseconds; earlier where its whole time is short. */
const REFRESH_MS = 60_000;
/** After so many attempts that opened nothing, every second one goes over HTTP. */
const MAX_FAILURES = 2;

/** Why a channel cannot be joined just now. */
const PASSING = ['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'];

class LiveClient implements Omit<Live, 'join'> {
  user: string | undefined;
  readonly #options: ConnectOptions;
  readonly #listeners = new Listeners<LiveEvents>();
  readonly #memberships = new Map<string, Membership>();
  readonly #connection: Connection<LiveLink, string | undefined>;
  readonly #requests: Requests;
  readonly #calls: Live['call'];
  #lastId = 0;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string | URL, options: ConnectOptions) {
    const address = addressOf(url);
    const Socket = socketClass(options);
    this.#options = options;
    this.#connection = new Connection<LiveLink, string | undefined>(
      {
        name: () => address,
        prepare: () => currentToken(options),
        dial: (token, events, failures) => {
          const own = { ...events, message: (text: unknown) => this.#receive(text, events) };
          const { fetch = globalThis.fetch, fallback = true } = options;
          if (!(fallback && typeof fetch === 'function' && failures >= MAX_FAILURES && failures % 2 === 0)) {
            return socketLink(Socket, address, token, own);
          }
          return streamLink(fetch, address, token, {
            ...own,
            joins: () =>
              [...this.#memberships.values()].map((membership) => {
                membership.cut();
                return JSON.stringify(membership.join(++this.#lastId));
              }),
            interrupted: (id) => {
              this.#requests.interrupt([id]);
              this.#requests.flush();
            },
          });
        },
        opened: () => this.#opened(),
        lost: (error) => this.#lost(error),
        changed: () => this.#changed(),
      },
      options,
    );
    this.#requests = new Requests(
      () => this.#connection.link,
      () => ++this.#lastId,
      options.timeoutMs,
    );
    this.#calls = new Proxy({} as Record<string, Call>, {
      get: (known, name) => {
        // What asks whether this is a promise or the like gets no call for an answer.
        if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
        known[name] ??= (input, requestOptions) =>
          this.#request({ type: 'call', call: name }, ['input', input], requestOptions) as Promise<never>;
        return known[name];
      },
    }) as Live['call'];
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

  get call(): Live['call'] {
    return this.#calls;
  }

  on<Type extends keyof LiveEvents>(type: Type, listener: (value: LiveEvents[Type]) => void): () => void {
    return this.#listeners.on(type, listener);
  }

  join(name: string, options: JoinOptions = {}): Handle {
    const handle = new Handle(name, options, {
      publish: (data, requestOptions) => this.publish(name, data, requestOptions),
      leave: () => this.#leave(handle),
    });
    if (this.state === 'closed') {
      handle.end(this.#reason());
      return handle;
    }
    const membership = this.#memberships.get(name) ?? new Membership(name);
    this.#memberships.set(name, membership);
    const isServed = membership.welcome(handle);
    membership.handles.add(handle);
    if (isServed) return handle;
    if (this.#connection.link) this.#join(membership);
    else if (this.state !== 'connecting') handle.setState('offline');
    return handle;
  }

  async publish(name: string, data: unknown, options?: RequestOptions): Promise<Position | undefined> {
    return (await this.#request({ type: 'publish', channel: name }, ['data', data], options)) as Position | undefined;
  }

  close(): void {
    this.#connection.close();
  }

  // ---- What is asked -----------------------------------------------------------------------------------------------

  #request(
    head: RequestHead,
    body: readonly [name: string, value: unknown],
    options?: RequestOptions,
  ): Promise<unknown> {
    const answer = this.#requests.add(head, body, options);
    if (this.state === 'closed') this.#requests.end(this.#reason());
    return answer;
  }

  #join(membership: Membership): void {
    const id = ++this.#lastId;
    this.#connection.link!.send('join', JSON.stringify(membership.join(id)), id);
  }

  #leave(handle: Handle): void {
    const { name } = handle;
    const membership = this.#memberships.get(name);
    if (!membership?.handles.delete(handle) || membership.handles.size > 0) return;
    this.#memberships.delete(name);
    membership.end();
    const id = ++this.#lastId;
    this.#connection.link?.send('leave', JSON.stringify({ type: 'leave', id, channel: name }), id);
  }

  // ---- The connection ----------------------------------------------------------------------------------------------

  #opened(): void {
    // A fall-back has brought them when it began.
    if (!this.#connection.link!.isFallback) {
      for (const membership of this.#memberships.values()) {
        membership.cut();
        this.#join(membership);
      }
    }
    this.#requests.flush();
  }

  #lost(error: RealtimeError): void {
    clearTimeout(this.#refreshTimer);
    this.#requests.interrupt();
    for (const membership of [...this.#memberships.values()]) {
      membership.cut();
      membership.setState('offline');
    }
    this.#listeners.emit('error', error);
  }

  #changed(): void {
    if (this.state === 'closed') {
      clearTimeout(this.#refreshTimer);
      this.#requests.end(this.#reason());
      const memberships = [...this.#memberships.values()];
      this.#memberships.clear();
      for (const membership of memberships) membership.end(this.#connection.isRefused ? this.error : undefined);
    }
    this.#listeners.emit('state', this.state);
  }

  /** Why nothing can be asked any more. */
  #reason(): RealtimeError {
    return (
      (this.#connection.isRefused ? this.error : undefined) ?? new RealtimeError('CLOSED', 'This client is closed')
    );
  }

  /** Brings a new token before the old one ends. */
  #refreshBefore(expires: number | undefined): void {
    clearTimeout(this.#refreshTimer);
    const { token } = this.#options;
    if (typeof token !== 'function' || expires === undefined) return;
    const leftMs = expires - Date.now();
    const delayMs = Math.max(1000, leftMs * 0.8, leftMs - REFRESH_MS);
    this.#refreshTimer = setTimeout(() => void this.#refresh(expires), Math.min(delayMs, LONGEST_MS));
  }

  async #refresh(expires: number): Promise<void> {
    const { link } = this.#connection;
    let next = expires;
    try {
      const token = await currentToken(this.#options);
      if (link !== this.#connection.link) return;
      const output = await this.#requests.add({ type: 'token' }, ['token', token], { retry: false });
      next = (output as { expires?: number } | undefined)?.expires ?? expires;
    } catch (cause) {
      if (link !== this.#connection.link) return;
      this.#listeners.emit('error', toError({ code: 'NOT_ALLOWED', message: `The token was not renewed: ${cause}` }));
    }
    if (link === this.#connection.link) this.#refreshBefore(next);
  }

  // ---- What comes --------------------------------------------------------------------------------------------------

  #receive(text: unknown, events: LinkEvents): void {
    try {
      const frame = JSON.parse(String(text)) as ServerMessage | ServerMessage[];
      events.heard();
      for (const message of [frame].flat()) this.#take(message, events);
    } catch (cause) {
      events.lost(4400, 'what came is not the realtime protocol', cause);
    }
  }

  #take(message: ServerMessage, events: LinkEvents): void {
    const membership = 'channel' in message ? this.#memberships.get(message.channel) : undefined;
    switch (message.type) {
      case 'welcome':
        this.user = message.user;
        this.#refreshBefore(message.expires);
        events.opened(message.pingMs);
        break;
      case 'joined':
        membership?.joined(message.id, positionOf(message));
        break;
      case 'entries':
        membership?.entries(message.offset, message.data);
        break;
      case 'gap':
        membership?.gap(positionOf(message));
        break;
      case 'members':
        membership?.presence(message.members as Member<never>[]);
        break;
      case 'presence':
        membership?.presence(message.set as Member<never>[], message.gone as string[]);
        break;
      case 'state':
        membership?.setState(message.state === 'stale' ? 'stale' : 'live');
        break;
      case 'left':
        if (membership) this.#ended(membership, toError(message));
        break;
      case 'result':
        this.#requests.answer(message.id, undefined, message.output);
        break;
      case 'error':
        this.#failed(message.id, toError(message));
    }
  }

  #failed(id: number | undefined, error: RealtimeError): void {
    if (id === undefined) {
      this.#listeners.emit('error', error);
      return;
    }
    const membership = [...this.#memberships.values()].find(({ joinId }) => joinId === id);
    if (membership) this.#ended(membership, error);
    else this.#requests.answer(id, error);
  }

  #ended(membership: Membership, error: RealtimeError): void {
    if (PASSING.includes(error.code)) {
      membership.cut();
      membership.setState('stale');
      membership.timer = setTimeout(() => this.#join(membership), this.#connection.delayMs(membership.tries++));
    } else {
      this.#memberships.delete(membership.name);
      membership.end(error);
    }
  }
}

function positionOf({ epoch, offset }: { readonly epoch?: string | undefined; readonly offset?: number | undefined }) {
  return epoch === undefined || offset === undefined ? undefined : { epoch, offset };
}
