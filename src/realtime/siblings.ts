/**
 * What the processes of a hub tell each other by its engine: whom to disconnect, what a user has spent of its rate, and how many
 * connections an address has. Where the engine is away, each process goes by what it knows itself.
 */

import { createHash, randomUUID } from 'node:crypto';
// Fake timers replace the global one.
import { setImmediate } from 'node:timers';
import type { Occupancy } from '../admission/occupancy.ts';
import type { Entry, Presence, Retention, Subscriber } from '../engines/engine.ts';
import { isAtEnd, isUnavailable } from './channel.ts';
import type { Core } from './core.ts';
import type { Gate } from './gate.ts';

export interface DisconnectOptions {
  /** Default 4403, behind which clients do not come back. */
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
  /** A connection that stays, by its id, such as that of a call which comes in place of the others. */
  readonly except?: string | undefined;
}

interface Order {
  readonly user: string;
  readonly code: number;
  readonly reason: string;
  readonly except: string | undefined;
}

interface SentOrder extends Order {
  readonly by: string;
  /** Which one of that process. */
  readonly number: number;
  /** The time of day. */
  readonly at: number;
}

/** By whom, and then key, messages, bytes of each. */
type Spent = readonly [by: string, ...(readonly [key: string, messages: number, bytes: number])[]];

/** So long a process may be away, and do what was ordered meanwhile. */
const ORDERS: Retention = { messages: 1000, bytes: 262_144, ageMs: 3_600_000 };
const RETRY_MS = 1000;
const WHERE = 'what processes tell each other';

interface Followed extends Partial<Pick<Subscriber, 'entry' | 'presence'>> {
  /** The engine is there, or there again. */
  readonly live?: () => Promise<void>;
  readonly stale?: () => void;
}

const ignore = () => {};

export class Siblings {
  readonly #core: Core;
  readonly #gate: Gate;
  readonly #id = randomUUID();
  readonly #orders: string;
  readonly #rates: string;
  readonly #addresses: string;
  #hasBegun = false;
  #ordered = 0;
  /** By which one, orders in favour of a connection of this process that the log has not brought back yet. */
  readonly #unheard = new Map<number, Order>();
  /** Not told yet. */
  #spent = new Map<string, [messages: number, bytes: number]>();
  #isTelling = false;

  constructor(core: Core, gate: Gate) {
    this.#core = core;
    this.#gate = gate;
    const { channels, calls } = core.protocol;
    const protocol = JSON.stringify([Object.keys(channels), Object.keys(calls)]);
    // No channel of a protocol has such a name, and other hubs with the same engine have another one.
    const name = `::${createHash('sha256').update(protocol).digest('base64url')}`;
    this.#orders = `${name}:orders`;
    this.#rates = `${name}:rates`;
    this.#addresses = `${name}:addresses`;
    const { rates, admission } = gate;
    if (rates !== undefined) rates.tellSpent = (...spent) => this.#spend(...spent);
    const occupancy = admission?.occupancy;
    if (occupancy !== undefined) {
      occupancy.tellCount = (user, connections) => {
        this.#try(core.engine.setPresence(this.#addresses, { user, data: 'null', connections }));
      };
    }
  }

  /** With the first connection: whoever has none has nothing to be told. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#follow(this.#orders, ORDERS, { entry: this.#hear, live: () => this.#readOrders() });
    const { rates, admission } = this.#gate;
    const occupancy = admission?.occupancy;
    if (rates !== undefined) {
      this.#follow(this.#rates, undefined, {
        entry: ({ data }) => {
          const [by, ...all] = JSON.parse(data) as Spent;
          if (by !== this.#id) for (const spent of all) rates.spend(...spent);
        },
      });
    }
    if (occupancy !== undefined) this.#followAddresses(occupancy);
  }

  // ---- Whom to disconnect ---------------------------------------------------------------------------------------

  /** @returns how many there were in this process */
  disconnect(order: Order): Promise<number> {
    const favoured = [...this.#core.sessions].find(({ id }) => id === order.except);
    // Another has taken its place.
    if (favoured?.isClosing) return Promise.resolve(0);
    const count = this.#carryOut(order, Number.POSITIVE_INFINITY);
    const number = this.#ordered++;
    if (favoured !== undefined) this.#unheard.set(number, order);
    const sent: SentOrder = { ...order, by: this.#id, number, at: Date.now() };
    const told = this.#core.engine
      .publish({ channel: this.#orders, data: JSON.stringify(sent), retention: ORDERS, key: undefined })
      .then(() => count);
    // Whoever does not wait for it learns it all the same, and goes on.
    told.catch((error: unknown) => {
      this.#unheard.delete(number);
      this.#core.report(error, `hub.disconnect('${order.user}')`);
    });
    return told;
  }

  readonly #hear = ({ data }: Entry): void => {
    this.#take(JSON.parse(data) as SentOrder, Number.POSITIVE_INFINITY);
  };

  #take(order: SentOrder, before: number): void {
    if (order.by === this.#id) this.#unheard.delete(order.number);
    else this.#carryOut(order, before);
  }

  /** What was ordered while this process heard nothing is for those who were connected then. */
  async #readOrders(): Promise<void> {
    const { messages: last, bytes: maxBytes } = ORDERS;
    const request = { channel: this.#orders, retention: ORDERS, last, maxEntries: last, maxBytes };
    for (const text of (await this.#core.engine.read(request)).data) {
      const order = JSON.parse(text) as SentOrder;
      this.#take(order, order.at);
    }
  }

  /** Whom an order favours that comes later in the log stays: so one of two stays that take each other's place at once. */
  #carryOut({ user, code, reason, except }: Order, before: number): number {
    const staying = new Set([except, ...[...this.#unheard.values()].map((order) => order.except)]);
    const sessions = [...this.#core.sessions].filter(
      (session) => session.user.id === user && !staying.has(session.id) && session.beganAt < before,
    );
    for (const session of sessions) session.close(code, reason);
    return sessions.length;
  }

  // ---- What users have spent ------------------------------------------------------------------------------------

  #spend(key: string, messages: number, bytes: number): void {
    const [before, bytesBefore] = this.#spent.get(key) ?? [0, 0];
    this.#spent.set(key, [before + messages, bytesBefore + bytes]);
    if (!this.#isTelling) void this.#tellSpent();
  }

  /** Together what a turn brings, and then what has come while that was on its way. */
  async #tellSpent(): Promise<void> {
    this.#isTelling = true;
    await new Promise(setImmediate);
    const spent: Spent = [this.#id, ...[...this.#spent].map(([key, both]) => [key, ...both] as const)];
    this.#spent = new Map();
    const { engine } = this.#core;
    const request = { channel: this.#rates, data: JSON.stringify(spent), retention: undefined, key: undefined };
    await engine.publish(request).catch(() => {});
    this.#isTelling = false;
    if (this.#spent.size > 0) void this.#tellSpent();
  }

  // ---- How many an address has ----------------------------------------------------------------------------------

  #followAddresses(occupancy: Occupancy): void {
    /** Addresses of which more was told than what is being read. */
    let told: Set<string> | undefined;
    const take = ({ user, connections }: Presence) => occupancy.setTotal(user, connections);
    this.#follow(this.#addresses, undefined, {
      presence(change) {
        told?.add(change.user);
        take(change);
      },
      stale: () => occupancy.forgetOthers(),
      live: async () => {
        const mine = new Set<string>();
        told = mine;
        const members = await this.#core.engine.members(this.#addresses);
        if (told !== mine) return;
        told = undefined;
        for (const member of members) if (!mine.has(member.user)) take(member);
      },
    });
  }

  // ---- The engine -----------------------------------------------------------------------------------------------

  #follow(
    channel: string,
    retention: Retention | undefined,
    { entry = ignore, presence = ignore, live = async () => {}, stale = ignore }: Followed,
  ): void {
    const { engine, report } = this.#core;
    const state: Subscriber['state'] = (now) => (now === 'live' ? this.#try(live()) : stale());
    const follow = (): void => {
      engine.subscribe(channel, retention, { entry, presence, state }).then(
        () => this.#try(live()),
        (error: unknown) => {
          if (isAtEnd(error)) return;
          if (!isUnavailable(error)) report(error, WHERE);
          setTimeout(follow, RETRY_MS).unref();
        },
      );
    };
    follow();
  }

  /** What the engine is away for is done when it is back. */
  #try(done: Promise<void>): void {
    done.catch((error: unknown) => {
      if (!isUnavailable(error)) this.#core.report(error, WHERE);
    });
  }
}
