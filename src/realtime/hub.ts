/** The hub: what an application says about its channels and calls, and asks of them. */

import { memory } from '../engines/memory.ts';
import {
  COUNT_OR_NONE,
  checkOptions,
  type Door,
  HOOK,
  NUMBER,
  OBJECT,
  type OptionKinds,
  PATH,
  TEXT,
} from '../options/option-check.ts';
import { buildClosePayload } from '../protocol/index.ts';
import { RealtimeCloseCode } from '../realtime-protocol/close-codes.ts';
import type {
  CallName,
  CallReturn,
  ChannelName,
  Member,
  MemberDataOf,
  MessageInput,
  MessageOf,
  Pattern,
  Protocol,
} from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import type { OutputOf } from '../realtime-protocol/standard-schema.ts';
import type { DrainCounts, DrainOptions } from '../server/drain.ts';
import type { WebSocketServer } from '../server/websocket-server.ts';
import { TypedEmitter } from '../socket/emitter.ts';
import type { EventHandler } from '../sse/serve-events.ts';
import { warnOfError } from '../transport/errors.ts';
import { callHandlers } from './calling.ts';
import { type CallContext, type CallHandler, Calls } from './calls.ts';
import { type ChannelEventsOptions, channelEvents, type EventsOpening } from './channel-events.ts';
import { Core } from './core.ts';
import { derivedKey } from './derived-key.ts';
import type { AttachableServer } from './doors.ts';
import { Entrance } from './entrance.ts';
import { ADMISSION_KINDS, type AdmissionOptions, Gate } from './gate.ts';
import { HubDrain } from './hub-drain.ts';
import { channelHandlers } from './joining.ts';
import { CORE_KINDS, type CoreOptions, settingsOf } from './options.ts';
import type { AnyRules, ChannelRules, HubUser } from './rules.ts';
import { type DisconnectOptions, Siblings } from './siblings.ts';
import { type HubStatus, statusOf } from './status.ts';
import { tokenHandlers } from './tokens.ts';

export interface HubOptions<User extends HubUser = HubUser> extends CoreOptions, AdmissionOptions<User> {}

const HUB_DOOR: Door = {
  name: 'createHub()',
  isLenient: false,
  kinds: { ...CORE_KINDS, ...ADMISSION_KINDS } satisfies OptionKinds<HubOptions>,
  elsewhere: {
    server: 'use hub.attach(server)',
    port: 'use hub.attach(server)',
    path: 'use hub.attach(server, { path })',
    authorize: 'use authenticate, which says who it is, and the rules of channels',
    verifyClient: 'use authenticate, which says who it is, and the rules of channels',
    history: "it stands in the protocol, at the channel's pattern",
    maxPayload: 'use limits: { maxMessageBytes }',
  },
};

/** What a call's schema makes of its input. */
type CallArgument<P extends Protocol, Name extends CallName<P>> = OutputOf<P['calls'][Name]['input']>;

export interface ReadOptions {
  /** What came behind this position. */
  readonly after?: Position | undefined;
  /** Without `after`: the newest so many. Default: all. */
  readonly last?: number | undefined;
}

/** What is kept of a channel. */
export interface ReadResult<Data> {
  readonly entries: readonly { readonly data: Data; readonly position: Position }[];
  /** Where it ends: read on behind it. */
  readonly position: Position;
  /** What followed `after` is not kept any more. */
  readonly isGap: boolean;
}

export interface HubEvents {
  /** What rules, handlers or the engine failed with. Without a listener it is a process warning. */
  error: [error: unknown, where: string];
}

export interface AttachOptions {
  readonly path?: string | undefined;
}

const RULE_KINDS: OptionKinds<AnyRules> = { join: HOOK, publish: HOOK, member: HOOK };
const ATTACH_DOOR = { name: 'hub.attach()', kinds: { path: PATH }, isLenient: false };
const PUBLISH_DOOR = { name: 'hub.publish()', kinds: { key: TEXT }, isLenient: false };
const READ_DOOR = { name: 'hub.read()', kinds: { after: OBJECT, last: COUNT_OR_NONE }, isLenient: false };
const DISCONNECT_KINDS: OptionKinds<DisconnectOptions> = { code: NUMBER, reason: TEXT, except: TEXT };
const DISCONNECT_DOOR = { name: 'hub.disconnect()', kinds: DISCONNECT_KINDS, isLenient: false };

export class Hub<P extends Protocol, User extends HubUser> extends TypedEmitter<HubEvents> {
  readonly #core: Core;
  readonly #calls: Calls<HubUser>;
  readonly #gate: Gate;
  readonly #entrance: Entrance;
  readonly #drain: HubDrain;
  readonly #siblings: Siblings;

  constructor(protocol: P, options: HubOptions<User>) {
    super();
    const { channels, calls }: Partial<Protocol> = protocol ?? {};
    if (typeof channels !== 'object' || typeof calls !== 'object') {
      throw new TypeError('createHub() takes a protocol, which defineProtocol() makes, and then its options');
    }
    checkOptions(HUB_DOOR, options);
    const settings = settingsOf(options, options.engine ?? memory(), options.authenticate !== undefined);
    this.#gate = new Gate(options as AdmissionOptions<never> as AdmissionOptions, settings.highWaterMarkBytes);
    this.#core = new Core(protocol, settings, (error, where) => this.#report(error, where));
    this.#core.derivedKey = derivedKey;
    const { callTimeoutMs: timeoutMs, maxCalls: maxOpen, knowsUsers } = settings;
    this.#calls = new Calls(protocol, { timeoutMs, maxOpen, knowsUsers }, this.#core);
    this.#core.handlers = {
      ...channelHandlers(this.#core),
      ...callHandlers(this.#calls),
      ...tokenHandlers(this.#gate, this.#core.report),
      ping: (session) => session.tell({ type: 'pong' }),
    };
    this.#drain = new HubDrain({
      sessions: this.#core.sessions,
      running: () => this.#calls.running,
      close: () => {
        this.#entrance.close();
        return this.#core.close();
      },
    });
    this.#siblings = new Siblings(this.#core, this.#gate);
    this.#core.sessionBegan = () => this.#siblings.begin();
    this.#core.sessionEnded = () => this.#drain.sessionEnded();
    this.#calls.onIdle = () => this.#drain.callsEnded();
    this.#entrance = new Entrance(this.#core, this.#gate, this.#drain);
  }

  /**
   * Says who may join and publish to the channels of a pattern. Denied unless a rule allows.
   * @throws {TypeError} a pattern that the protocol does not have or that has rules already, or rules that are none
   */
  channel<Name extends Pattern<P>>(pattern: Name, rules: ChannelRules<P, Name, User>): this {
    const kind = this.#core.kinds.get(pattern);
    if (kind === undefined) {
      const known = [...this.#core.kinds.keys()].join(', ') || 'none';
      throw new TypeError(`hub.channel(): the protocol has no channel '${pattern}'; it has ${known}`);
    }
    const door = { name: `hub.channel('${pattern}')`, kinds: RULE_KINDS, isLenient: false };
    checkOptions(door, rules);
    const { member } = rules as AnyRules;
    if ((kind.definition.member === undefined) !== (member === undefined)) {
      throw new TypeError(
        member === undefined
          ? `${door.name} needs the rule 'member': the protocol says that members are told of each other`
          : `${door.name}: the protocol has no 'member' for this channel`,
      );
    }
    if (kind.rules !== undefined) throw new TypeError(`${door.name} was called before`);
    kind.rules = rules as AnyRules;
    return this;
  }

  /** Whatever listeners do with it, the hub goes on. */
  #report(error: unknown, where: string): void {
    if (this.listenerCount('error') === 0) {
      warnOfError(error, where);
      return;
    }
    try {
      this.emit('error', error, where);
    } catch (thrown) {
      warnOfError(thrown, "a hub's 'error' listener");
    }
  }

  /**
   * Gives a call its handler. What it returns is checked against the output's schema. A RealtimeError that it throws is told
   * to the caller; of all else that it throws the caller learns INTERNAL.
   * @throws {TypeError} a call that the protocol does not have or that has a handler already, or what is no handler
   */
  call<Name extends CallName<P>>(
    name: Name,
    handler: (
      input: CallArgument<P, Name>,
      context: CallContext<User>,
    ) => CallReturn<P, Name> | Promise<CallReturn<P, Name>>,
  ): this {
    this.#calls.handle(name, handler as CallHandler<never> as CallHandler<HubUser>);
    return this;
  }

  /**
   * Publishes a message. Settled when the log has it.
   * @param options `key`: a second publication with it is not made, and gives the position of the first
   * @returns its position; undefined in a channel without history
   * @throws {RealtimeError} INVALID, UNKNOWN, UNAVAILABLE
   */
  async publish<const Name extends ChannelName<P>>(
    channel: Name,
    data: MessageInput<P, Name>,
    options?: { readonly key?: string | undefined },
  ): Promise<Position | undefined> {
    if (options !== undefined) checkOptions(PUBLISH_DOOR, options);
    const { position } = await this.#core.publish(channel, data, options?.key);
    return position;
  }

  /** Who is in a channel, over all processes. */
  async members<const Name extends ChannelName<P>>(channel: Name): Promise<Member<MemberDataOf<P, Name>>[]> {
    this.#core.find(channel);
    const members = await this.#core.engine.members(channel);
    return members.map(({ user, data, connections }) => ({ user, data: JSON.parse(data), connections }));
  }

  /**
   * What is kept of a channel with history.
   * @throws {TypeError} the channel has none
   */
  async read<const Name extends ChannelName<P>>(
    channel: Name,
    options: ReadOptions = {},
  ): Promise<ReadResult<MessageOf<P, Name>>> {
    checkOptions(READ_DOOR, options);
    return (await this.#core.readAll(channel, options)) as ReadResult<MessageOf<P, Name>>;
  }

  /**
   * Closes the connections of a user, in all processes. Those of this one are closed at once.
   * @returns how many they were in this process. Settled when all processes will know; rejected with UNAVAILABLE while the engine
   *   is away, which is reported as well
   * @throws {TypeError | RangeError} for a code that may not be sent, or a reason of more than 123 bytes
   */
  disconnect(userId: string, options: DisconnectOptions = {}): Promise<number> {
    checkOptions(DISCONNECT_DOOR, options);
    const { code = RealtimeCloseCode.NotAllowed, reason = '', except } = options;
    buildClosePayload(code, reason);
    return this.#siblings.disconnect({ user: userId, code, reason, except });
  }

  /**
   * Answers at a path of a server, by WebSocket and, for clients that cannot have one, by HTTP. All other requests are left
   * to whoever else is there.
   * @param server of node:http, node:https or node:http2, or of `listen()`; whether it listens or not
   * @param options `path`: default '/live'
   * @throws {TypeError} for what is no server, and no path
   * @throws {Error} when a hub answers at this path already
   */
  attach(server: AttachableServer, options: AttachOptions = {}): this {
    checkOptions(ATTACH_DOOR, options);
    this.#entrance.openAt(server, options.path ?? '/live');
    return this;
  }

  /**
   * A channel as Server-Sent Events: each message is an event whose id is its position, so that a client that comes back gets
   * what it has missed, or an event 'gap'. Who reads is let in as for a connection, and by the rule for joining.
   * @param channel its name, or a function that says it of a request and its user
   * @returns a handler for node:http, node:http2, Express and the raw objects of Fastify; `.fetch` for what takes a Response, and
   *   `.answer` for `listen()`
   * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range, and a channel that
   *   the protocol does not have
   */
  events(
    channel: ChannelName<P> | ((opening: EventsOpening<User>) => ChannelName<P>),
    options?: ChannelEventsOptions,
  ): EventHandler {
    const { openOn } = this.#entrance;
    const host = { core: this.#core, gate: this.#gate, drain: this.#drain, openOn };
    return channelEvents(host, channel as string | ((opening: EventsOpening<never>) => string), options);
  }

  /** Of its WebSockets, for `metrics(hub.server)`. */
  get server(): WebSocketServer {
    return this.#gate.server;
  }

  /** What there is at the moment, in numbers. */
  status(): HubStatus {
    return statusOf(this.#core, this.#calls.running, this.isDraining);
  }

  /**
   * Goes away: answers new requests with 503 and Retry-After, has calls that run come to their answers, sends each connection
   * a Close frame that says when to come back, terminates what is left after `timeoutMs`, closes the engine, and leaves the
   * servers. Calls that come meanwhile on a connection that is to be closed are not begun: clients send them again.
   *
   * Called again, it gives the same promise, and the shorter deadline holds.
   * @param options `code`: default 1012; `retryAfterMs`: default 1000
   * @returns how many connections ended in time and how many were cut, and how many requests were refused
   * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
   */
  drain(options?: DrainOptions): Promise<DrainCounts> {
    return this.#drain.begin(options);
  }

  /** Whether it has begun to go away: for health checks, say. */
  get isDraining(): boolean {
    return this.#drain.hasBegun;
  }
}

/**
 * Makes a hub for a protocol.
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function createHub<P extends Protocol, User extends HubUser = HubUser>(
  protocol: P,
  options: HubOptions<User> = {},
): Hub<P, User> {
  return new Hub(protocol, options);
}
