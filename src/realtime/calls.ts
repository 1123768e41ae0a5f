/**
 * Calls: a request with one answer. A handler gets a value that its schema has passed, and runs against a deadline. A call with
 * a key is done once: whoever sends the key again, on whichever connection of the user, waits for the same run or gets the
 * same answer.
 */

import type { CallDefinition, Protocol } from '../realtime-protocol/define-protocol.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { AnswerWindow } from './answer-window.ts';
import { type Caller, CallRun } from './call-run.ts';
import { runWithKeys } from './derived-key.ts';
import type { Hint } from './hint.ts';
import { errorMembers, isRealtimeError, replyTo, resultMembers } from './reply.ts';
import { validate } from './validate.ts';

/** What a handler gets beside its input. */
export interface CallContext<User> {
  readonly user: User;
  /** The caller's name for this call, by which it is done once; undefined for one that is not sent again. */
  readonly key: string | undefined;
  /**
   * Aborted when nobody waits any more: at the deadline, when the caller cancels, and when the connection of a call without
   * key goes. A call with a key outlives its connection, since its caller comes back and asks again.
   */
  readonly signal: AbortSignal;
  /** The connection's id. */
  readonly connection: string;
}

export type CallHandler<User> = (input: never, context: CallContext<User>) => unknown;

/** As it has come. */
export interface CallRequest {
  readonly id: number;
  readonly call: string;
  readonly input?: unknown;
  readonly key?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

interface CallSettings {
  /** How long a caller may wait. */
  readonly timeoutMs: number;
  /** How many calls may be open on one connection; as many of a user may run for which no connection waits. */
  readonly maxOpen: number;
  /** Whether a user comes back under the same id. Otherwise the key alone has to tell that a call is the same. */
  readonly knowsUsers: boolean;
}

interface Handled<User> {
  readonly name: string;
  readonly definition: CallDefinition;
  readonly handler: CallHandler<User>;
}

interface Outcome {
  readonly members: string;
  /** Whether who asks again gets the same answer. */
  readonly isLasting: boolean;
  /** What is the handler's own affair. */
  readonly fault?: unknown;
}

/** Most runs in all for which no connection waits: past them, those end with their connections. */
const MAX_UNATTENDED = 10_000;
/** Codes of answers that are worth asking again for, or cost nothing to find again. */
const PASSING = ['UNAVAILABLE', 'INVALID'];
const INTERNAL = errorMembers(new RealtimeError('INTERNAL', 'The server could not do this'));
const TIMEOUT = new RealtimeError('TIMEOUT', 'The call took too long');
const CANCELLED = new RealtimeError('CANCELLED', 'The caller waits no more');
const DISCONNECTED = new RealtimeError('DISCONNECTED', "The caller's connection has gone");

interface Teller {
  readonly report: (error: unknown, where: string) => void;
  readonly hint: Hint;
}

// ---- Of the hub -----------------------------------------------------------------------------------------------------

export class Calls<User extends { readonly id: string }> {
  readonly settings: CallSettings;
  readonly #protocol: Protocol;
  readonly #report: (error: unknown, where: string) => void;
  readonly #hint: Hint;
  readonly #handled = new Map<string, Handled<User>>();
  /** Those that run and have a key, by user, call and key. */
  readonly #runs = new Map<string, CallRun>();
  readonly #answers = new AnswerWindow();
  /** How many runs users have for which no connection waits. */
  readonly #unattended = new Map<string, number>();
  #allUnattended = 0;
  #running = 0;
  /** Called whenever no handler runs any more. */
  onIdle: (() => void) | undefined;

  constructor(protocol: Protocol, settings: CallSettings, { report, hint }: Teller) {
    this.settings = settings;
    this.#protocol = protocol;
    this.#report = report;
    this.#hint = hint;
  }

  /** Handlers that have not come to their end. */
  get running(): number {
    return this.#running;
  }

  /** @throws {TypeError} a call that the protocol does not have or that has a handler, or what is no handler */
  handle(name: string, handler: CallHandler<User>): void {
    const { calls } = this.#protocol;
    const definition = Object.hasOwn(calls, name) ? calls[name] : undefined;
    if (definition === undefined) {
      const known = Object.keys(calls).join(', ') || 'none';
      throw new TypeError(`hub.call(): the protocol has no call '${name}'; it has ${known}`);
    }
    if (typeof handler !== 'function') throw new TypeError(`hub.call(): the handler of '${name}' has to be a function`);
    if (this.#handled.has(name)) throw new TypeError(`hub.call(): '${name}' has a handler already`);
    this.#handled.set(name, { name, definition, handler });
  }

  /** What a request waits for, or the answer that there is at once. */
  take({ call, input, key }: CallRequest, user: User, connection: string): CallRun | string {
    const handled = this.#handled.get(call);
    if (handled === undefined) {
      if (Object.hasOwn(this.#protocol.calls, call)) {
        this.#hint(`call ${call}`, `A client's call '${call}' has no handler: give it one with hub.call('${call}', …)`);
      }
      return errorMembers(new RealtimeError('UNKNOWN', `There is no call '${call.slice(0, 64)}'`));
    }
    const scope = this.settings.knowsUsers ? user.id : '';
    const id = key === undefined ? undefined : JSON.stringify([scope, call, key]);
    const known = id === undefined ? undefined : (this.#runs.get(id) ?? this.#answers.get(id));
    if (known !== undefined) return known;
    if ((this.#unattended.get(user.id) ?? 0) >= this.settings.maxOpen) {
      return errorMembers(new RealtimeError('TOO_MANY', 'Too many calls of yours run that nobody waits for'));
    }
    const run = new CallRun((change) => this.#countUnattended(user.id, change));
    const context: CallContext<User> = {
      user,
      key,
      connection,
      get signal() {
        return run.signal;
      },
    };
    this.#running += 1;
    if (id !== undefined) this.#runs.set(id, run);
    const outcome = runWithKeys(id, () => perform(handled, input, context, run));
    outcome.then(({ members, isLasting, fault }) => {
      this.#running -= 1;
      if (id !== undefined) {
        this.#runs.delete(id);
        if (isLasting) this.#answers.add(id, members);
      }
      if (fault !== undefined) this.#report(fault, `the handler of the call '${call}'`);
      run.end(members);
      if (this.#running === 0) this.onIdle?.();
    });
    return run;
  }

  /** Whether a call may go on for which no connection waits. */
  get mayOutlive(): boolean {
    return this.#allUnattended < MAX_UNATTENDED;
  }

  #countUnattended(user: string, change: 1 | -1): void {
    this.#allUnattended += change;
    const count = (this.#unattended.get(user) ?? 0) + change;
    if (count === 0) this.#unattended.delete(user);
    else this.#unattended.set(user, count);
  }
}

/** From the input to the answer. Never rejected. */
async function perform<User>(
  { name, definition, handler }: Handled<User>,
  input: unknown,
  context: CallContext<User>,
  run: CallRun,
): Promise<Outcome> {
  try {
    const value = await validate(definition.input, input, `The input of '${name}'`);
    const returned = await handler(value as never, context);
    return { members: resultMembers(await checkedOutput(name, definition, returned)), isLasting: true };
  } catch (error) {
    return outcomeOf(error, run.abortReason);
  }
}

/** What is wrong with an output is no affair of the caller's. */
async function checkedOutput(name: string, { output }: CallDefinition, returned: unknown): Promise<unknown> {
  try {
    return await validate(output, returned, `What the handler of '${name}' returned`);
  } catch (error) {
    throw new TypeError((error as Error).message, { cause: error });
  }
}

function outcomeOf(error: unknown, abortReason: RealtimeError | undefined): Outcome {
  // What was told to end has not failed.
  const isAbort = error === abortReason || (error instanceof Error && error.name === 'AbortError');
  if (abortReason !== undefined && isAbort) return { members: errorMembers(abortReason), isLasting: false };
  if (!isRealtimeError(error)) return { members: INTERNAL, isLasting: true, fault: error };
  try {
    return { members: errorMembers(error), isLasting: !PASSING.includes(error.code) };
  } catch (fault) {
    // Its `data` is no JSON.
    return { members: INTERNAL, isLasting: true, fault };
  }
}

// ---- Of one connection ----------------------------------------------------------------------------------------------

interface Waiting extends Caller {
  readonly run: CallRun;
  readonly hasKey: boolean;
  timer: NodeJS.Timeout | undefined;
}

export class OpenCalls<User extends { readonly id: string }> {
  readonly #calls: Calls<User>;
  readonly #connection: string;
  readonly #waiting = new Map<number, Waiting>();
  /** Called whenever no call waits any more. */
  onIdle: (() => void) | undefined;

  /** @param connection its id */
  constructor(calls: Calls<User>, connection: string) {
    this.#calls = calls;
    this.#connection = connection;
  }

  /** How many wait for their answers. */
  get size(): number {
    return this.#waiting.size;
  }

  /** @param send takes the answer, as JSON text; not called for a call that was cancelled, nor when the connection has gone */
  start(request: CallRequest, user: User, send: (text: string) => void): void {
    const { id, key } = request;
    const { timeoutMs, maxOpen } = this.#calls.settings;
    const fault =
      this.#waiting.size >= maxOpen
        ? new RealtimeError('TOO_MANY', `A connection may have ${maxOpen} calls open`)
        : this.#waiting.has(id)
          ? new RealtimeError('INVALID', `The call ${id} is open: give each an id of its own`)
          : undefined;
    const taken = fault === undefined ? this.#calls.take(request, user, this.#connection) : errorMembers(fault);
    if (typeof taken === 'string') {
      send(replyTo(id, taken));
      return;
    }
    const waiting: Waiting = {
      run: taken,
      hasKey: key !== undefined,
      isPresent: true,
      timer: undefined,
      answer: (members) => {
        clearTimeout(waiting.timer);
        if (!waiting.isPresent) return;
        send(replyTo(id, members));
        this.#remove(id);
      },
    };
    const limitMs = Math.min(request.timeoutMs ?? timeoutMs, timeoutMs);
    waiting.timer = setTimeout(() => {
      const { isPresent } = waiting;
      taken.leave(waiting, TIMEOUT);
      if (!isPresent) return;
      send(replyTo(id, errorMembers(TIMEOUT)));
      this.#remove(id);
    }, limitMs);
    // Connections keep the process up while they are there, and nobody else waits.
    waiting.timer.unref();
    this.#waiting.set(id, waiting);
    taken.join(waiting);
  }

  /** The caller waits no more; it gets no answer. */
  cancel(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    giveUp(waiting, CANCELLED);
    this.#remove(id);
  }

  /** The connection has gone. Calls with a key go on until their deadlines. */
  disconnected(): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.hasKey && this.#calls.mayOutlive) waiting.run.miss(waiting);
      else giveUp(waiting, DISCONNECTED);
    }
    this.#waiting.clear();
    this.onIdle?.();
  }

  #remove(id: number): void {
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.onIdle?.();
  }
}

function giveUp(waiting: Waiting, reason: RealtimeError): void {
  clearTimeout(waiting.timer);
  waiting.run.leave(waiting, reason);
}
