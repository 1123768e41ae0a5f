/** The client of a hub: memberships that are taken up again after each loss, and requests that are answered once. */

import { MAX_TIMER_MS } from '../protocol/whole-number.ts';
import type { Member, Protocol } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type { ServerMessage } from '../realtime-protocol/wire.ts';
import { type Connection, keepConnected, type LinkEvents } from './connection.ts';
import { Handle } from './handle.ts';
import type { LiveLink } from './link.ts';
import { Listeners } from './listeners.ts';
import { Membership } from './membership.ts';
import { addressOf, currentToken, socketClass } from './options.ts';
import { type RequestHead, Requests, toError } from './requests.ts';
import { socketLink } from './socket-link.ts';
import { streamLink } from './stream-link.ts';
import type { ConnectOptions, JoinOptions, Live, LiveEvents, RequestOptions } from './types.ts';

/** A token is asked for so long before its end, in milliseconds; earlier where its whole time is short. */
const REFRESH_MS = 60_000;
/** After so many attempts that opened nothing, every second one goes over HTTP. */
const MAX_FAILURES = 2;
/** The close code of a server for a message that is longer than it takes. */
const TOO_LONG = 1009;
/** Why a channel cannot be joined just now. */
const PASSING = ['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'];

/**
 * Connects to a hub. The connection comes back by itself, until `close`.
 *
 * @param protocol for its type only: `connect<typeof chat>(url)` does without it
 * @throws {TypeError} a bad URL, or no WebSocket in this runtime and in `options`
 * @throws {RangeError} a time that no timer can wait
 */
export function connect<P extends Protocol>(protocol: P, url: string | URL, options?: ConnectOptions): Live<P>;
export function connect<P extends Protocol>(url: string | URL, options?: ConnectOptions): Live<P>;
export function connect(...args: unknown[]): Live {
  const [url, options = {}] = ((args[0] as Partial<Protocol>).channels ? args.slice(1) : args) as [
    string | URL,
    ConnectOptions?,
  ];
  const address = addressOf(url);
  const Socket = socketClass(options);
  const { token, fetch = globalThis.fetch, fallback = true } = options;
  const listeners = new Listeners<LiveEvents>('state', 'error');
  const memberships = new Map<string, Membership>();
  let user: string | undefined;
  let lastId = 0;
  /** Each message has a frame of its own, since the server takes no longer ones. */
  let isAlone = false;
  let refreshTimer: ReturnType<typeof setTimeout> | undefined;
  const nextId = () => ++lastId;
  const requests = new Requests(() => connection.link, nextId, options.timeoutMs);

  // ---- What is asked -----------------------------------------------------------------------------------------------

  const request = (head: RequestHead, body: readonly [name: string, value: unknown], given?: RequestOptions) => {
    const answer = requests.add(head, body, given);
    if (connection.state === 'closed') requests.end(reason());
    return answer;
  };

  /** Why nothing can be asked any more. */
  const reason = () =>
    (connection.isRefused && connection.error) || new RealtimeError('CLOSED', 'This client is closed');

  const publish = (name: string, data: unknown, given?: RequestOptions) =>
    request({ type: 'publish', channel: name }, ['data', data], given) as Promise<Position | undefined>;

  const join = (name: string, given: JoinOptions = {}): Handle => {
    const handle = new Handle(name, given, {
      publish: (data, requestOptions) => publish(name, data, requestOptions),
      leave: () => leave(handle),
    });
    if (connection.state === 'closed') {
      handle.end(reason());
      return handle;
    }
    const membership = memberships.get(name) ?? new Membership(name);
    memberships.set(name, membership);
    const isServed = membership.welcome(handle);
    membership.handles.add(handle);
    if (isServed) return handle;
    if (connection.link) sendJoin(membership);
    else if (connection.state !== 'connecting') handle.setState('offline');
    return handle;
  };

  const sendJoin = (membership: Membership) => {
    const id = nextId();
    connection.link!.send('join', JSON.stringify(membership.join(id)), id);
  };

  const leave = (handle: Handle) => {
    const { name } = handle;
    const membership = memberships.get(name);
    if (!membership?.handles.delete(handle) || membership.handles.size > 0) return;
    memberships.delete(name);
    membership.end();
    const id = nextId();
    connection.link?.send('leave', JSON.stringify({ type: 'leave', id, channel: name }), id);
  };

  // ---- Tokens ------------------------------------------------------------------------------------------------------

  /** Brings a new token before the old one ends. */
  const refreshBefore = (expires: number | undefined) => {
    clearTimeout(refreshTimer);
    const leftMs = expires! - Date.now();
    // By a clock that is ahead all tokens have ended: then it is the server that says when.
    if (typeof token !== 'function' || !(leftMs > 0)) return;
    const delayMs = Math.max(1000, leftMs * 0.8, leftMs - REFRESH_MS);
    refreshTimer = setTimeout(() => void refresh(expires!), Math.min(delayMs, MAX_TIMER_MS));
  };

  const refresh = async (expires: number) => {
    const { link } = connection;
    const isCurrent = () => link === connection.link;
    let output: unknown;
    try {
      const fresh = await currentToken(options);
      if (isCurrent()) output = await requests.add({ type: 'token' }, ['token', fresh], { retry: false });
    } catch (cause) {
      if (isCurrent()) listeners.emit('error', new RealtimeError('NOT_ALLOWED', `No new token: ${cause}`, { cause }));
    }
    if (isCurrent()) refreshBefore((output as { expires?: number } | undefined)?.expires ?? expires);
  };

  // ---- What comes --------------------------------------------------------------------------------------------------

  const receive = (text: unknown, events: LinkEvents) => {
    try {
      const frame = JSON.parse(String(text)) as ServerMessage | ServerMessage[];
      events.heard();
      for (const message of [frame].flat()) take(message, events);
    } catch (cause) {
      events.lost(4400, 'this is not the realtime protocol', cause);
    }
  };

  const take = (message: ServerMessage, events: LinkEvents) => {
    const membership = 'channel' in message ? memberships.get(message.channel) : undefined;
    switch (message.type) {
      case 'welcome':
        user = message.user;
        refreshBefore(message.expires);
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
        membership?.reached(message.state !== 'stale');
        break;
      case 'left':
        if (membership) ended(membership, toError(message));
        break;
      case 'result':
        requests.answer(message.id, undefined, message.output);
        break;
      case 'error':
        failed(message.id, toError(message));
    }
  };

  const failed = (id: number | undefined, error: RealtimeError) => {
    if (id === undefined) {
      listeners.emit('error', error);
      return;
    }
    const membership = [...memberships.values()].find(({ joinId }) => joinId === id);
    if (membership) ended(membership, error);
    else requests.answer(id, error);
  };

  const ended = (membership: Membership, error: RealtimeError) => {
    if (PASSING.includes(error.code)) {
      membership.cut();
      membership.setState('stale');
      membership.timer = setTimeout(() => sendJoin(membership), connection.delayMs(membership.tries++));
    } else {
      memberships.delete(membership.name);
      membership.end(error);
    }
  };

  // ---- The connection ----------------------------------------------------------------------------------------------

  const connection: Connection<LiveLink> = keepConnected<LiveLink, string | undefined>(
    {
      name: () => address,
      prepare: () => currentToken(options),
      dial(current, events, failures) {
        const own = { ...events, message: (text: unknown) => receive(text, events) };
        if (!(fallback && failures >= MAX_FAILURES && failures % 2 === 0)) {
          return socketLink(Socket, address, current, own, isAlone);
        }
        const link = streamLink(fetch, address, current, {
          ...own,
          joins: () =>
            [...memberships.values()].map((membership) => {
              membership.cut();
              return JSON.stringify(membership.join(nextId()));
            }),
          interrupted: (id) => requests.interrupt(false, link, id),
        });
        return link;
      },
      opened() {
        // A fall-back has brought them when it began.
        if (!connection.link!.isFallback) {
          for (const membership of memberships.values()) {
            membership.cut();
            sendJoin(membership);
          }
        }
        requests.flush();
      },
      lost(error, code) {
        clearTimeout(refreshTimer);
        requests.interrupt(isAlone && code === TOO_LONG);
        isAlone ||= code === TOO_LONG;
        for (const membership of [...memberships.values()]) {
          membership.cut();
          membership.setState('offline');
        }
        listeners.emit('error', error);
      },
      changed() {
        if (connection.state === 'closed') {
          clearTimeout(refreshTimer);
          requests.end(reason());
          const all = [...memberships.values()];
          memberships.clear();
          for (const membership of all) membership.end(connection.isRefused ? connection.error : undefined);
        }
        listeners.emit('state', connection.state);
      },
    },
    options,
  );
  const calls = new Proxy({ __proto__: null } as unknown as Record<string, (...args: never) => unknown>, {
    get(known, name) {
      // What asks whether this is a promise or the like gets no call for an answer.
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
      known[name] ??= (input: unknown, given?: RequestOptions) =>
        request({ type: 'call', call: name }, ['input', input], given);
      return known[name];
    },
  });

  return {
    get state() {
      return connection.state;
    },
    get user() {
      return user;
    },
    get error() {
      return connection.error;
    },
    get retryAt() {
      return connection.retryAt;
    },
    call: calls as Live['call'],
    on: (type, listener) => listeners.on(type, listener),
    join: join as never,
    publish,
    close: connection.close,
  };
}

function positionOf({ epoch, offset }: { readonly epoch?: string | undefined; readonly offset?: number | undefined }) {
  return epoch ? { epoch, offset: offset! } : undefined;
}
