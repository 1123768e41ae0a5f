/** Single-use tickets: a page asks for one over HTTP, where it is known, and shows it when it opens its WebSocket. */

import { checkTimeout } from '../options/connection-options.ts';
import { checkOptions, NUMBER, type OptionKinds } from '../options/option-check.ts';
import { checkWholeNumber } from '../protocol/whole-number.ts';

export interface TicketOptions {
  /** How long a ticket is good, in milliseconds, from 1 to 2 147 483 647. Default 30 000. */
  readonly ttlMs?: number | undefined;
  /** How many may be open at once, from 1 on; for one more, the oldest is given up. Default 10 000. */
  readonly max?: number | undefined;
}

export interface Tickets<User> {
  /** @returns a ticket for this user: letters, digits, - and _, which nobody can guess */
  issue(user: User): string;
  /** Takes a ticket, once. @returns its user; undefined when it is none, too old or used before */
  redeem(ticket: string | undefined): User | undefined;
}

const DOOR = {
  name: 'createTickets()',
  kinds: { ttlMs: NUMBER, max: NUMBER } satisfies OptionKinds<TicketOptions>,
  isLenient: false,
};

/** 256 bits. */
const TICKET_BYTES = 32;

/**
 * Makes tickets, kept in the memory of this process.
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function createTickets<User>(options: TicketOptions = {}): Tickets<User> {
  checkOptions(DOOR, options);
  const { ttlMs = 30_000, max = 10_000 } = options;
  checkTimeout('ttlMs', ttlMs, 1);
  checkWholeNumber('max', max, 1);
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  /** In the order in which they were issued, which is that of their ends. */
  const open = new Map<string, { readonly user: User; readonly endMs: number }>();
  return {
    issue(user) {
      const nowMs = performance.now();
      for (const [ticket, { endMs }] of open) {
        if (endMs > nowMs && open.size < max) break;
        open.delete(ticket);
      }
      const ticket = randomBytes(TICKET_BYTES).toString('base64url');
      open.set(ticket, { user, endMs: nowMs + ttlMs });
      return ticket;
    },
    redeem(ticket = '') {
      const found = open.get(ticket);
      open.delete(ticket);
      return found !== undefined && found.endMs > performance.now() ? found.user : undefined;
    },
  };
}
