/**
 * The users of one channel in this process. A connection that is lost is counted on for a while: whoever comes back in time
 * has not been away.
 */

import type { Presence } from '../engines/engine.ts';

interface Attendee {
  /** JSON text. */
  data: string;
  connections: number;
  /** As everyone has been told; never less than there are. */
  told: number;
  /** When lost connections are not counted any more. */
  timer: NodeJS.Timeout | undefined;
}

export class Attendance {
  readonly #users = new Map<string, Attendee>();
  readonly #graceMs: number;
  readonly #tell: (presence: Presence) => void;
  readonly #emptied: () => void;

  /** @param emptied called when the last user is out */
  constructor(graceMs: number, tell: (presence: Presence) => void, emptied: () => void) {
    this.#graceMs = graceMs;
    this.#tell = tell;
    this.#emptied = emptied;
  }

  get isEmpty(): boolean {
    return this.#users.size === 0;
  }

  has(user: string): boolean {
    return this.#users.has(user);
  }

  enter(user: string, data: string): void {
    let attendee = this.#users.get(user);
    if (attendee === undefined) {
      attendee = { data, connections: 0, told: 0, timer: undefined };
      this.#users.set(user, attendee);
    }
    attendee.connections += 1;
    const isNew = attendee.connections > attendee.told || attendee.data !== data;
    attendee.data = data;
    if (attendee.connections >= attendee.told) this.#settle(user, attendee, isNew);
    else if (isNew) this.#tell({ user, data, connections: attendee.told });
  }

  /** The same connection, with data that may be new. */
  renew(user: string, data: string): void {
    const attendee = this.#users.get(user)!;
    if (attendee.data === data) return;
    attendee.data = data;
    this.#tell({ user, data, connections: attendee.told });
  }

  /** @param isLost the connection has ended: it may come back */
  leave(user: string, isLost: boolean): void {
    const attendee = this.#users.get(user)!;
    attendee.connections -= 1;
    if (!isLost || this.#graceMs === 0) attendee.told -= 1;
    if (attendee.told === attendee.connections) this.#settle(user, attendee, true);
    else if (isLost) {
      clearTimeout(attendee.timer);
      attendee.timer = setTimeout(() => this.#settle(user, attendee, true), this.#graceMs);
      attendee.timer.unref?.();
    } else this.#tell({ user, data: attendee.data, connections: attendee.told });
  }

  /** Tells all again, to an engine that may not know. */
  repeat(): void {
    for (const [user, { data, told }] of this.#users) this.#tell({ user, data, connections: told });
  }

  /** Waits for nobody. */
  end(): void {
    for (const [user, attendee] of this.#users) {
      if (attendee.timer !== undefined) this.#settle(user, attendee, true);
    }
  }

  /** From here on, told is what there is. */
  #settle(user: string, attendee: Attendee, isNew: boolean): void {
    clearTimeout(attendee.timer);
    attendee.timer = undefined;
    attendee.told = attendee.connections;
    const { data, connections } = attendee;
    if (isNew) this.#tell({ user, data, connections });
    if (connections > 0) return;
    this.#users.delete(user);
    if (this.isEmpty) this.#emptied();
  }
}
