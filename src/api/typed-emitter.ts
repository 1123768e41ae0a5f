/**
 * Node's EventEmitter, typed by a table of events as programs for ws expect it: `this` is the emitter, a listener may
 * declare a narrower type than it might be given (`(data: Buffer) => …`), but not an unrelated one, and events of other
 * names are the program's own. Node's own generic type has neither, and is missing from older versions of its types.
 */

import { EventEmitter } from 'node:events';

type EventName = string | symbol;
type Arguments<Events> = Record<keyof Events, unknown[]>;
/** Parameters of methods are compared in both directions, those of functions in one. */
type Listener<Target, Args extends unknown[]> = { listen(this: Target, ...args: Args): void }['listen'];
// biome-ignore lint/suspicious/noExplicitAny: what the program's own events carry is its own affair
type OtherListener<Target> = (this: Target, ...args: any[]) => void;
/** A name that is none of `Events`. */
type Other<Name, Events> = Name & (Name extends keyof Events ? never : Name);

type Typed =
  | 'addListener'
  | 'on'
  | 'once'
  | 'prependListener'
  | 'prependOnceListener'
  | 'off'
  | 'removeListener'
  | 'emit';

export interface TypedEmitter<Events extends Arguments<Events>> extends Omit<EventEmitter, Typed> {
  addListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  addListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  on<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  on<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  once<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  once<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  prependListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  prependListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  prependOnceListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  prependOnceListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  off<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  off<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  removeListener<Name extends EventName>(event: Other<Name, Events>, listener: OtherListener<this>): this;
  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): boolean;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  emit<Name extends EventName>(event: Other<Name, Events>, ...args: any[]): boolean;
}

interface TypedEmitterClass extends Pick<typeof EventEmitter, keyof typeof EventEmitter> {
  new <Events extends Arguments<Events>>(options?: { captureRejections?: boolean | undefined }): TypedEmitter<Events>;
}

/** The class itself, under another type. */
export const TypedEmitter = EventEmitter as unknown as TypedEmitterClass;
