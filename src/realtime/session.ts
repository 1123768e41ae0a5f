/**
 * One connection of a client: what it has joined and asked for. What it asks is answered as fast as it reads the answers;
 * while it does not, nothing more of it is read.
 */

import { RealtimeCloseCode } from '../realtime-protocol/close-codes.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import {
  CLIENT_MESSAGES,
  type ClientMessage,
  type ClientMessageType,
  type Refused,
  readFrame,
  type ServerMessage,
} from '../realtime-protocol/wire.ts';
import type { OpenCalls } from './calls.ts';
import type { Channel } from './channel.ts';
import { Lanes } from './lanes.ts';
import type { Membership } from './membership.ts';
import { toText } from './messages.ts';
import type { Outlet } from './outlet.ts';
import { isRealtimeError } from './reply.ts';
import type { HubUser } from './rules.ts';

type MessageOf<Type extends ClientMessageType> = Extract<ClientMessage, { readonly type: Type }>;

/** What is done about each message; a promise is settled when the session may be given more in its place, and never rejected. */
export type Handlers = {
  readonly [Type in ClientMessageType]: (session: Session, message: MessageOf<Type>) => void | Promise<void>;
};

/** What a session needs of its hub. */
export interface SessionHost {
  readonly handlers: Handlers;
  /** Messages that may be under way at once. */
  readonly maxUnderWay: number;
  report(error: unknown, where: string): void;
  /** The session has ended. */
  ended(session: Session): void;
}

/** Of a Close frame's reason. */
const MAX_REASON_BYTES = 123;

export class Session {
  /** Names the connection. */
  readonly id: string;
  readonly outlet: Outlet;
  user: HubUser;
  readonly beganAt = Date.now();
  readonly #host: SessionHost;
  readonly memberships = new Map<Channel, Membership>();
  /** Those that wait for their answers. */
  calls: OpenCalls<HubUser> | undefined;
  /** Per channel, what has to wait for the one before. */
  #lanes: Lanes | undefined;
  /** Messages that wait for those under way, or for the client to read its answers. */
  #inbox: readonly (ClientMessage | Refused)[] = [];
  #underWay = 0;
  #isPaused = false;
  isClosing = false;
  /** Channels that are being joined. */
  opening = 0;
  /** About to be closed for good: it takes no calls, which are sent again elsewhere. */
  isRetired = false;
  hasEnded = false;

  constructor(id: string, user: HubUser, outlet: Outlet, host: SessionHost) {
    this.id = id;
    this.user = user;
    this.outlet = outlet;
    this.#host = host;
  }

  // ---- What comes in --------------------------------------------------------------------------------------------

  /** A text message. */
  receive(text: string): void {
    if (this.hasEnded || this.isClosing) return;
    let messages: (ClientMessage | Refused)[];
    try {
      messages = readFrame(text, CLIENT_MESSAGES);
    } catch (error) {
      this.#refuse(error as SyntaxError);
      return;
    }
    if (messages.length > 1) this.outlet.charge?.(messages.length - 1);
    this.#inbox = this.#inbox.length === 0 ? messages : [...this.#inbox, ...messages];
    this.#work();
  }

  #refuse({ message }: SyntaxError): void {
    // What came may be quoted in it.
    this.close(RealtimeCloseCode.NotThisProtocol, message.replace(/[^ -~]/g, '?').slice(0, MAX_REASON_BYTES));
  }

  /** Takes from the inbox what may be taken now. */
  #work(): void {
    const inbox = this.#inbox;
    let count = 0;
    while (count < inbox.length && this.#underWay < this.#host.maxUnderWay && this.outlet.isWritable) {
      this.#handle(inbox[count++]!);
    }
    this.#inbox = count === inbox.length ? [] : inbox.slice(count);
    this.#pauseWhile(this.#inbox.length > 0 || !this.outlet.isWritable);
  }

  #pauseWhile(isBusy: boolean): void {
    if (isBusy === this.#isPaused) return;
    this.#isPaused = isBusy;
    if (isBusy) this.outlet.pause();
    else this.outlet.resume();
  }

  #handle(message: ClientMessage | Refused): void {
    if (message.type === 'refused') {
      this.answerError(message.id, new RealtimeError(message.code, message.message));
      return;
    }
    const done = this.#host.handlers[message.type](this, message as never);
    if (done === undefined) return;
    this.#underWay += 1;
    void done.then(() => {
      this.#underWay -= 1;
      if (this.#inbox.length > 0) this.#work();
    });
  }

  /** Does things about one channel in the order in which they came. @param task never rejects */
  inLane(channel: string, task: () => Promise<void>): Promise<void> {
    this.#lanes ??= new Lanes();
    const lanes = this.#lanes;
    return lanes.run(channel, task).then(() => {
      if (lanes.size === 0 && this.#lanes === lanes) this.#lanes = undefined;
    });
  }

  // ---- What goes out --------------------------------------------------------------------------------------------

  tell(message: ServerMessage): void {
    this.outlet.send(toText(message));
  }

  /** @param output JSON */
  answer(id: number, output?: unknown): void {
    this.tell({ type: 'result', id, output });
  }

  /** Of an error that is nobody's, the client learns INTERNAL only. It is for the caller to report it. */
  answerError(id: number | undefined, error: unknown): void {
    const known = isRealtimeError(error) ? error : new RealtimeError('INTERNAL', 'The server has failed');
    const { code, message, issues, data } = known;
    this.tell({ type: 'error', id, code, message, issues, data });
  }

  /** The client takes more. */
  drained(): void {
    if (this.hasEnded) return;
    for (const [channel, membership] of this.memberships) channel.drained(membership);
    this.#work();
  }

  // ---- How it ends ----------------------------------------------------------------------------------------------

  /** Ends the connection. @param reason at most 123 bytes of UTF-8 */
  close(code: number, reason: string): void {
    this.isClosing = true;
    this.#inbox = [];
    this.outlet.close(code, reason);
  }

  /** The connection is gone. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#inbox = [];
    for (const [channel, membership] of this.memberships) endMembership(channel, membership, true);
    this.memberships.clear();
    this.calls?.disconnected();
    this.#host.ended(this);
  }

  /** @returns whether it was there */
  leave(channel: Channel): boolean {
    const membership = this.memberships.get(channel);
    if (membership === undefined) return false;
    this.memberships.delete(channel);
    endMembership(channel, membership, false);
    return true;
  }
}

function endMembership(channel: Channel, membership: Membership, isLost: boolean): void {
  channel.end(membership);
  if (membership.isPresent) channel.exit(membership.user, isLost);
  channel.release();
}
