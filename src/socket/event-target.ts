/**
 * The browser's event interface on top of Node's: `addEventListener` and the `on…` properties, with the event objects
 * that the WebSocket interface of the HTML standard has.
 */

import type { EventEmitter } from 'node:events';
import type { RawData } from './payload.ts';

/** What a message may hold, as `MessageEvent.data` has it; see `RawData` of Blobs. */
export type Data = string | RawData;

export class Event<Target> {
  readonly #type: string;
  readonly #target: Target;

  constructor(type: string, target: Target) {
    this.#type = type;
    this.#target = target;
  }

  get type(): string {
    return this.#type;
  }
  get target(): Target {
    return this.#target;
  }
}

export class MessageEvent<Target> extends Event<Target> {
  readonly #data: Data;

  constructor(target: Target, data: Data) {
    super('message', target);
    this.#data = data;
  }

  /** A string for text; Buffer, ArrayBuffer, Buffer[] or Blob for binary, as `binaryType` says. */
  get data(): Data {
    return this.#data;
  }
}

export class CloseEvent<Target> extends Event<Target> {
  readonly #code: number;
  readonly #reason: string;

  constructor(target: Target, code: number, reason: string) {
    super('close', target);
    this.#code = code;
    this.#reason = reason;
  }

  get code(): number {
    return this.#code;
  }
  get reason(): string {
    return this.#reason;
  }
  /** Whether a Close frame came from the peer, §7.1.4. */
  get wasClean(): boolean {
    return this.#code !== 1006;
  }
}

export class ErrorEvent<Target> extends Event<Target> {
  readonly #error: Error;

  constructor(target: Target, error: Error) {
    super('error', target);
    this.#error = error;
  }

  get error(): Error {
    return this.#error;
  }
  get message(): string {
    return this.#error.message;
  }
}

for (const [EventClass, names] of [
  [Event, ['type', 'target']],
  [MessageEvent, ['data']],
  [CloseEvent, ['code', 'reason', 'wasClean']],
  [ErrorEvent, ['error', 'message']],
] as const) {
  for (const name of names) Object.defineProperty(EventClass.prototype, name, { enumerable: true });
}

/** Which arguments Node's event has, and what the browser's event makes of them. */
const EVENT_BUILDERS = {
  open: (target: unknown) => new Event('open', target),
  message: (target: unknown, data: unknown, isBinary: unknown) =>
    new MessageEvent(target, isBinary === true ? (data as Data) : String(data)),
  close: (target: unknown, code: unknown, reason: unknown) => new CloseEvent(target, Number(code), String(reason)),
  error: (target: unknown, error: unknown) => new ErrorEvent(target, error as Error),
} as const;

type EventType = keyof typeof EVENT_BUILDERS;

// biome-ignore lint/suspicious/noExplicitAny: the events differ by type; the public signatures say which is which
export type EventHandler = ((event: any) => unknown) | { handleEvent(event: any): unknown };

/** A Node listener, with the handler that it was made for, and whether a property holds it. */
interface WrappedListener {
  (...args: unknown[]): unknown;
  handler: EventHandler;
  isProperty: boolean;
}

function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENT_BUILDERS, type);
}

function findWrapped(
  emitter: EventEmitter,
  type: string,
  matches: (wrapped: WrappedListener) => boolean,
): WrappedListener | undefined {
  // `listeners` gives what is inside a `once` wrapper: the function with our fields.
  const all = emitter.listeners(type) as Partial<WrappedListener>[];
  return all.find((listener) => listener.handler !== undefined && matches(listener as WrappedListener)) as
    | WrappedListener
    | undefined;
}

function wrap(emitter: EventEmitter, type: EventType, handler: EventHandler, isProperty: boolean): WrappedListener {
  const build = EVENT_BUILDERS[type] as (target: unknown, ...args: unknown[]) => Event<unknown>;
  const listener = (...args: unknown[]): unknown => {
    const event = build(emitter, ...args);
    // The emitter sees what a handler returns, such as the promise of an async one.
    return typeof handler === 'function' ? handler.call(emitter, event) : handler.handleEvent(event);
  };
  return Object.assign(listener, { handler, isProperty });
}

/** Adds a listener once per handler; types other than open, message, close and error are ignored. */
export function addHandler(
  emitter: EventEmitter,
  type: string,
  handler: EventHandler,
  options: { readonly once?: boolean } = {},
): void {
  if (!isEventType(type)) return;
  if (findWrapped(emitter, type, (wrapped) => wrapped.handler === handler && !wrapped.isProperty)) return;
  const listener = wrap(emitter, type, handler, false);
  if (options.once === true) emitter.once(type, listener);
  else emitter.on(type, listener);
}

/** Removes what `addEventListener` added, and nothing else. */
export function removeHandler(emitter: EventEmitter, type: string, handler: EventHandler): void {
  const listener = findWrapped(emitter, type, (wrapped) => wrapped.handler === handler && !wrapped.isProperty);
  if (listener !== undefined) emitter.removeListener(type, listener);
}

function getEventProperty(emitter: EventEmitter, type: EventType): EventHandler | null {
  return findWrapped(emitter, type, (wrapped) => wrapped.isProperty)?.handler ?? null;
}

/** Sets an `on…` property, which has one handler; anything but a function clears it. */
function setEventProperty(emitter: EventEmitter, type: EventType, handler: unknown): void {
  const previous = findWrapped(emitter, type, (wrapped) => wrapped.isProperty);
  if (previous !== undefined) emitter.removeListener(type, previous);
  if (typeof handler === 'function') emitter.on(type, wrap(emitter, type, handler as EventHandler, true));
}

/** Gives a prototype the `on…` properties of its own, as the browser's WebSocket and ws's have them. */
export function defineEventProperties(prototype: EventEmitter): void {
  for (const type of Object.keys(EVENT_BUILDERS) as EventType[]) {
    Object.defineProperty(prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      get(this: EventEmitter) {
        return getEventProperty(this, type);
      },
      set(this: EventEmitter, handler: unknown) {
        setEventProperty(this, type, handler);
      },
    });
  }
}
