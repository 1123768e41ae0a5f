/** `useLive`: components share one connection to a hub. */

import { useInsertionEffect, useMemo, useSyncExternalStore } from 'react';
import { connect } from '../live/live.ts';
import type { ConnectOptions, Live } from '../live/types.ts';
import type { Protocol } from '../realtime-protocol/define-protocol.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { CommonOptions } from './common-options.ts';
import { Shared } from './shared.ts';
import { Store } from './store.ts';

/** Of components that share a connection, the one rendered last that has a `token` gives it. */
export interface UseLiveOptions extends ConnectOptions {
  /** Another key is another connection: the user's id, where users change without a new page. */
  readonly key?: string | undefined;
}

const connections = new Shared<Live>(
  (live) => live.close(),
  ({ state }) => state === 'closed',
);

const commonOptions = new CommonOptions<ConnectOptions>();

const protocolIds = new WeakMap<Protocol, number>();
let nextProtocolId = 1;

function idOf(protocol: Protocol | undefined): number {
  if (protocol === undefined) return 0;
  const id = protocolIds.get(protocol) ?? nextProtocolId++;
  protocolIds.set(protocol, id);
  return id;
}

/** By what components have from `useLive`. */
const stores = new WeakMap<object, LiveStore<Protocol>>();

/** The connection itself, which stays for as long as it is held. */
export function hold<P extends Protocol>(live: Live<P>): { readonly live: Live<P>; readonly release: () => void } {
  const store = stores.get(live) as unknown as LiveStore<P> | undefined;
  return store === undefined ? { live, release: () => {} } : store.hold();
}

/** The same for all that `useLive` returns in one component. */
export function identityOf<P extends Protocol>(live: Live<P>): Live<P> {
  return (stores.get(live)?.live as Live<P> | undefined) ?? live;
}

class LiveStore<P extends Protocol> extends Store<object> {
  /** What the component has: it connects when it is used first, and when a component that has it is shown. */
  readonly live: Live<P>;
  readonly #key: string;
  readonly #protocol: P | undefined;
  readonly #url: string;
  #fault: RealtimeError | undefined;
  #ends: (() => void)[] = [];

  constructor(key: string, protocol: P | undefined, url: string) {
    super();
    this.#key = key;
    this.#protocol = protocol;
    this.#url = url;
    this.live = this.#createLive();
    stores.set(this.live, this as unknown as LiveStore<Protocol>);
  }

  protected override view(): object {
    return {};
  }

  protected override start(): void {
    try {
      const { live, release } = this.hold();
      const changed = () => this.changed();
      this.#ends = [live.on('state', changed), live.on('error', changed), release];
    } catch {
      this.changed();
    }
  }

  protected override stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  /** As a component is shown, and with each of its renders. @returns what is done when it goes */
  give({ key: _, ...options }: UseLiveOptions): () => void {
    return commonOptions.give(this.#key, this, options);
  }

  /** @throws {RealtimeError} no connection can ever be made so */
  hold(): { readonly live: Live<P>; readonly release: () => void } {
    try {
      const { thing, release } = connections.hold(this.#key, () => this.#connect());
      this.#fault = undefined;
      return { live: thing as unknown as Live<P>, release };
    } catch (error) {
      this.#fault = new RealtimeError('INVALID', (error as Error).message, { cause: error });
      throw this.#fault;
    }
  }

  #connect(): Live {
    const options = commonOptions.take(this.#key);
    return this.#protocol === undefined
      ? connect(this.#url, options)
      : connect<Protocol>(this.#protocol, this.#url, options);
  }

  /** As it was on the server, while a page that came from there is hydrated. */
  initial(): Live<P> {
    if (this.live.state === 'connecting') return this.live;
    const values = { state: 'connecting', user: undefined, error: undefined, retryAt: undefined };
    const live = Object.create(
      this.live,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
    ) as Live<P>;
    stores.set(live, this as unknown as LiveStore<Protocol>);
    return live;
  }

  #createLive(): Live<P> {
    const store = this;
    const current = () => connections.find(store.#key) as unknown as Live<P> | undefined;
    /** What asks for an answer keeps the connection until it is there. */
    const during = async <Result>(work: (live: Live<P>) => Promise<Result>): Promise<Result> => {
      const { live, release } = store.hold();
      try {
        return await work(live);
      } finally {
        release();
      }
    };
    type Call = (input: unknown, options: unknown) => Promise<unknown>;
    const calls = (live: Live<P>) => live.call as unknown as Record<string, Call>;
    return {
      get state() {
        return store.#fault === undefined ? (current()?.state ?? 'connecting') : 'closed';
      },
      get user() {
        return current()?.user;
      },
      get error() {
        return store.#fault ?? current()?.error;
      },
      get retryAt() {
        return current()?.retryAt;
      },
      call: new Proxy({} as Live<P>['call'], {
        // What asks whether this is a promise or the like gets no call for an answer.
        get: (_, name): Call | undefined =>
          typeof name === 'string' && name !== 'then' && name !== 'toJSON'
            ? (input, options) => during((live) => calls(live)[name]!(input, options))
            : undefined,
      }),
      on(type, listener) {
        try {
          const { live, release } = store.hold();
          const off = live.on(type, listener);
          return () => {
            off();
            release();
          };
        } catch {
          // `error` says why; effects throw nothing.
          return () => {};
        }
      },
      join(name, options) {
        const { live, release } = store.hold();
        const channel = live.join(name, options);
        channel.on('state', (state) => {
          if (state === 'left') release();
        });
        return channel;
      },
      publish: (name, data, options) => during((live) => live.publish(name, data, options)),
      close: () => current()?.close(),
    };
  }
}

/**
 * The connection to a hub that the components with this address and protocol share. It is made when the first of them is shown and
 * ends a second after the last of them. What it returns stays the same; the component renders again when its `state`, `user`,
 * `error` or `retryAt` change. As with `connect`, `useLive<typeof chat>(url)` needs nothing of the protocol at run time.
 */
export function useLive<P extends Protocol>(protocol: P, url: string | URL, options?: UseLiveOptions): Live<P>;
export function useLive<P extends Protocol>(url: string | URL, options?: UseLiveOptions): Live<P>;
export function useLive<P extends Protocol>(
  first: P | string | URL,
  second: string | URL | UseLiveOptions = {},
  third: UseLiveOptions = {},
): Live<P> {
  const isWithout = typeof first === 'string' || first instanceof URL;
  const protocol = isWithout ? undefined : first;
  const url = String(isWithout ? first : second);
  const options = isWithout ? (second as UseLiveOptions) : third;
  const { key = '' } = options;
  const store = useMemo(
    () => new LiveStore<P>(JSON.stringify([idOf(protocol), url, key]), protocol, url),
    [protocol, url, key],
  );
  useInsertionEffect(() => store.give(options));
  const seen = useSyncExternalStore(store.subscribe, store.snapshot, onServer);
  return seen === SERVER ? store.initial() : store.live;
}

const SERVER = {};
const onServer = () => SERVER;
