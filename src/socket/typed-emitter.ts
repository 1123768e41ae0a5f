/**
 * Node's EventEmitter, typed by a table of events as programs for ws expect it: `this` is the emitter, a listener may
 * declare a narrower type than it might be given (`(data: Buffer) => …`), but not an unrelated one, or more parameters than
 * there are, and events of other names are the program's own. Node's own generic type has none of that, and is missing from
 * older versions of its types.
 */

import { EventEmitter } from 'node:events';

type EventName = string | symbol;
type Arguments<Events> = Record<keyof Events, unknown[]>;
// biome-ignore-start lint/suspicious/noExplicitAny: what programs add to events is their own affair
/** Parameters of methods are compared in both directions: narrower ones fit, and wider ones. */
type Listener<Target, Args extends unknown[]> = { listen(this: Target, ...args: [...Args, ...any[]]): void }['listen'];
/** Those of functions in one: others fit as well that take what usually comes, such as `Buffer | string`. */
type UsualListener<Target, Args extends unknown[]> = (this: Target, ...args: [...Usual<Args>, ...any[]]) => void;
type Usual<Args extends unknown[]> = { [I in keyof Args]: Buffer extends Args[I] ? Buffer : Args[I] };
type OtherListener<Target> = (this: Target, ...args: any[]) => void;
/** A name that is none of `Events`. */
type Other<Name, Events> = Name & (Name extends keyof Events ? never : Name);

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

/** The class itself, under another type. */
export const TypedEmitter = EventEmitter as unknown as TypedEmitterClass;
