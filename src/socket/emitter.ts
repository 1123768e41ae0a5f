/** Node's EventEmitter, with what it leaves out: types of its events, and what its listeners return. */

import { EventEmitter } from 'node:events';

type EventName = string | symbol;
type Arguments<Events> = Record<keyof Events, unknown[]>;
// biome-ignore-start lint/suspicious/noExplicitAny: what programs add to events is their own affair
/** TypeScript compares parameters of methods in both directions: narrower ones fit, and wider ones. */
type Listener<Target, Args extends unknown[]> = { listen(this: Target, ...args: [...Args, ...any[]]): void }['listen'];
/** It compares those of functions in one: others fit that take what usually comes, such as `Buffer | string`. */
type UsualListener<Target, Args extends unknown[]> = (this: Target, ...args: [...Usual<Args>, ...any[]]) => void;
type Usual<Args extends unknown[]> = { [I in keyof Args]: Buffer extends Args[I] ? Buffer : Args[I] };
type OtherListener<Target> = (this: Target, ...args: any[]) => void;
/** A name that is none of `Events`. */
type Other<Name, Events> = Name & (Name extends keyof Events ? never : Name);

/**
 * An emitter typed by a table of events, as programs for ws expect it: `this` is the emitter, and a listener may declare
 * a narrower type than it might be given (`(data: Buffer) => …`), but not an unrelated one, or more parameters than there
 * are. Events of other names are the program's own. Node's own generic type has none of that, and older versions of its
 * types do not have it at all.
 */
export interface TypedEmitter<Events extends Arguments<Events>> extends EventEmitter {
  addListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  addListener<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  addListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  on<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  on<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  on<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  once<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  once<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  once<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  prependListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  prependListener<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  prependListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  prependOnceListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  prependOnceListener<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  prependOnceListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  off<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  off<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  off<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  removeListener<Name extends keyof Events>(event: Name, listener: UsualListener<this, Events[Name]>): this;
  removeListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
}
// biome-ignore-end lint/suspicious/noExplicitAny: see above

interface TypedEmitterClass extends Pick<typeof EventEmitter, keyof typeof EventEmitter> {
  new <Events extends Arguments<Events>>(options?: { captureRejections?: boolean | undefined }): TypedEmitter<Events>;
}

/** Whoever has put another in its place means to hear of every event. */
const plainEmit = EventEmitter.prototype.emit;

/** The one that looks after promises, for emitters with `captureRejections`: Node's only one, another in Bun. */
const nodeEmit = new EventEmitter({ captureRejections: true }).emit;

/**
 * Bun gives such emitters that one as a property of their own, where it hides any `emit` of their class. Here it is the
 * class that has it.
 */
function withEmitInClass(): typeof EventEmitter {
  class ClassEmitter extends EventEmitter {
    constructor(options?: { captureRejections?: boolean }) {
      super(options);
      delete (this as Partial<EventEmitter>).emit;
    }
  }
  Object.defineProperty(ClassEmitter.prototype, 'emit', { value: nodeEmit, writable: true, configurable: true });
  return ClassEmitter as unknown as typeof EventEmitter;
}

/** Node's class itself, under another type. */
export const TypedEmitter = (nodeEmit === plainEmit ? EventEmitter : withEmitInClass()) as unknown as TypedEmitterClass;

/** Where Node keeps the listeners: one by itself, several in an array. */
interface WithListeners {
  readonly _events?: { readonly message?: unknown; readonly text?: unknown };
}

/**
 * The one listener of an event, to be called without `emit`: Node's gathers the arguments in an array, for any event.
 * @returns undefined when there is none or several, or when somebody else means to hear of every event
 */
export function soleListener(
  emitter: EventEmitter,
  name: 'message' | 'text',
): ((...args: unknown[]) => unknown) | undefined {
  const listener = (emitter as WithListeners)._events?.[name];
  return typeof listener === 'function' && emitter.emit === nodeEmit
    ? (listener as (...args: unknown[]) => unknown)
    : undefined;
}

/** Whether this emitter has another `emit` than Node's: whoever has put it there means to hear of every event. */
export function hasOwnEmit(emitter: EventEmitter): boolean {
  return emitter.emit !== nodeEmit;
}

/** Whether a listener has returned a promise. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  );
}

/**
 * Emits an event as Node's `emit` does.
 * @returns the promises that listeners have returned; Node's does not tell. One that is rejected comes to
 *   `Symbol(nodejs.rejection)`, as with Node's
 */
export function emitForPromises(
  emitter: EventEmitter,
  name: string,
  ...args: readonly unknown[]
): readonly PromiseLike<unknown>[] {
  if (emitter.listenerCount(name) === 0) return NO_PROMISES;
  let promises = NO_PROMISES;
  for (const listener of emitter.rawListeners(name)) {
    const result: unknown = listener.apply(emitter, args);
    if (!isThenable(result)) continue;
    promises = [...promises, result];
    const reject = (emitter as WithRejection)[REJECTION];
    if (reject !== undefined) result.then(undefined, (error) => reject.call(emitter, error, name, ...args));
  }
  return promises;
}

const NO_PROMISES: readonly PromiseLike<unknown>[] = [];
const REJECTION = Symbol.for('nodejs.rejection');
interface WithRejection {
  readonly [REJECTION]?: (error: unknown, name: string, ...args: readonly unknown[]) => void;
}

/** Whether somebody has replaced Node's `emit` for all emitters of this process. */
export function isEmitReplaced(): boolean {
  return EventEmitter.prototype.emit !== plainEmit;
}

/** Calls a function for each listener for these events, in whatever way it is added. */
export function watchListeners<Emitter extends EventEmitter>(
  prototype: Emitter,
  names: readonly string[],
  added: (emitter: Emitter) => void,
): void {
  // `once` and `prependOnceListener` call these.
  for (const method of ['on', 'addListener', 'prependListener'] as const) {
    const add = EventEmitter.prototype[method] as (...args: unknown[]) => unknown;
    const value = function (this: Emitter, ...args: unknown[]): unknown {
      add.apply(this, args);
      if (names.includes(args[0] as string)) added(this);
      return this;
    };
    Object.defineProperty(value, 'name', { value: method });
    Object.defineProperty(prototype, method, { value, writable: true, configurable: true });
  }
}
