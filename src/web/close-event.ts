/** CloseEvent of the WebSockets Standard: the global one where there is one, which Node.js has from 23 on. */

import { defineInterface, toDictionary, toUsvString } from './web-idl.ts';

export interface CloseEventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
  wasClean?: boolean;
  code?: number;
  reason?: string;
}

export interface CloseEvent extends Event {
  /** Whether Close frames have gone both ways (§7.1.4). */
  readonly wasClean: boolean;
  /** The peer's status code; 1005 when its Close frame had none, 1006 when there was no Close frame. */
  readonly code: number;
  /** The peer's reason, or ''. */
  readonly reason: string;
}

export interface CloseEventConstructor {
  prototype: CloseEvent;
  new (type: string, init?: CloseEventInit): CloseEvent;
}

class OwnCloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: undefined counts as an argument
    if (arguments.length === 0) throw new TypeError('CloseEvent needs a type');
    const { wasClean, code, reason } = toDictionary(init, 'The second argument of CloseEvent') as CloseEventInit;
    super(type, init ?? {});
    this.#wasClean = Boolean(wasClean);
    // As `unsigned short`: what is above 16 bits is dropped.
    this.#code = Number(code ?? 0) & 0xffff;
    this.#reason = reason === undefined ? '' : toUsvString(reason);
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }
  get code(): number {
    return this.#code;
  }
  get reason(): string {
    return this.#reason;
  }
}

defineInterface('CloseEvent', OwnCloseEvent);

export const CloseEvent: CloseEventConstructor =
  (globalThis as { CloseEvent?: CloseEventConstructor }).CloseEvent ?? OwnCloseEvent;
