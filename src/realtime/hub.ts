/** The hub: what an application says about its channels and calls, and asks of them. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Authenticate } from '../admission/authenticate.ts';
import { memory } from '../engines/memory.ts';
import { RealtimeCloseCode } from '../realtime-protocol/close-codes.ts';
import type {
  CallInput,
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
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { SUBPROTOCOL, TOKEN_PREFIX } from '../realtime-protocol/wire.ts';
import { WebSocketServer } from '../server/websocket-server.ts';
import { TypedEmitter } from '../socket/emitter.ts';
import type { WebSocket } from '../socket/websocket.ts';
import { warnOfError } from '../transport/errors.ts';
import { Core } from './core.ts';
import { channelHandlers } from './joining.ts';
import { type CoreOptions, settingsOf } from './options.ts';
import type { Outlet } from './outlet.ts';
import type { AnyRules, ChannelRules, HubUser } from './rules.ts';
import { Session } from './session.ts';

export interface HubOptions<User extends HubUser = HubUser> extends CoreOptions {
  readonly authenticate?: Authenticate<IncomingMessage, User> | undefined;
}

export interface CallContext<User> {
  readonly user: User;
  readonly key: string | undefined;
  readonly signal: AbortSignal;
  readonly connection: string;
}

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

/** Until the heartbeat says otherwise. */
const PING_MS = 25_000;
const GONE = 1001;

export class Hub<P extends Protocol, User extends HubUser> extends TypedEmitter<HubEvents> {
  readonly #core: Core;
  readonly #options: HubOptions<User>;

  constructor(protocol: P, options: HubOptions<User>) {
    super();
    this.#options = options;
    const settings = settingsOf(options, options.engine ?? memory(), options.authenticate !== undefined);
    this.#core = new Core(protocol, settings, (error, where) => {
      if (this.listenerCount('error') > 0) this.emit('error', error, where);
      else warnOfError(error, where);
    });
    this.#core.handlers = {
      ...channelHandlers(this.#core),
      call: (session, { id }) => session.answerError(id, new RealtimeError('UNKNOWN', 'no calls yet')),
      cancel: () => {},
      token: (session, { id }) => session.answerError(id, new RealtimeError('UNKNOWN', 'no tokens yet')),
      ping: (session) => session.tell({ type: 'pong' }),
    };
  }

  /**
   * Says who may join and publish to the channels of a pattern. Denied unless a rule allows.
   * @throws {TypeError} a pattern that the protocol does not have or that has rules already, or rules that are none
   */
  channel<Name extends Pattern<P>>(pattern: Name, rules: ChannelRules<P, Name, User>): this {
    const kind = this.#core.kinds.get(pattern);
    if (kind === undefined) throw new TypeError(`hub.channel(): the protocol has no '${String(pattern)}'`);
    if (kind.rules !== undefined) throw new TypeError(`hub.channel(): '${pattern}' has its rules already`);
    kind.rules = rules as AnyRules;
    return this;
  }

  call<Name extends CallName<P>>(
    _name: Name,
    _handler: (
      input: CallInput<P, Name>,
      context: CallContext<User>,
    ) => CallReturn<P, Name> | Promise<CallReturn<P, Name>>,
  ): this {
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
    options: { readonly key?: string | undefined } = {},
  ): Promise<Position | undefined> {
    const { position } = await this.#core.publish(channel, data, options.key);
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
    return (await this.#core.readAll(channel, options)) as ReadResult<MessageOf<P, Name>>;
  }

  /**
   * Closes the connections of a user.
   * @returns how many
   */
  disconnect(userId: string, { code = RealtimeCloseCode.NotAllowed, reason = '' }: DisconnectOptions = {}): number {
    const sessions = [...this.#core.sessions].filter(({ user }) => user.id === userId);
    for (const session of sessions) session.close(code, reason);
    return sessions.length;
  }

  attach(server: Server, { path = '/live' }: { readonly path?: string } = {}): this {
    const { authenticate } = this.#options;
    const sockets = new WebSocketServer({
      server,
      path,
      authenticate,
      tokens: authenticate && { bearer: true, subprotocol: TOKEN_PREFIX },
      subprotocols: [SUBPROTOCOL],
      highWaterMarkBytes: this.#core.settings.highWaterMarkBytes,
    });
    sockets.on('connection', (socket: WebSocket) => {
      const session = this.#open(socket, socket.user as HubUser | undefined);
      socket.on('message', (data, isBinary) => {
        if (isBinary) session.close(RealtimeCloseCode.NotThisProtocol, 'Binary messages have no meaning here');
        else session.receive(String(data));
      });
      socket.on('drain', () => session.drained());
      socket.on('close', () => session.end());
    });
    return this;
  }

  #open(outlet: Outlet, user: HubUser | undefined): Session {
    const id = randomUUID();
    const session = new Session(id, user ?? { id }, outlet, this.#core);
    this.#core.sessions.add(session);
    session.tell({ type: 'welcome', connection: id, user: session.user.id, pingMs: PING_MS, expires: user?.expires });
    return session;
  }

  async drain(_options: { readonly timeoutMs?: number } = {}): Promise<void> {
    for (const session of this.#core.sessions) session.close(GONE, '');
    await this.#core.close();
  }
}

export interface DisconnectOptions {
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
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
