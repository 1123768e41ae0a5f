/** The option `messageRate`: how it is given, and by which key connections are counted together. */

import type { Duplex } from 'node:stream';
import type { Identity, MessageMeter } from '../options/connection-settings.ts';
import { checkWholeNumber } from '../protocol/whole-number.ts';
import { addressKey, socketBelow } from './address.ts';
import { answerAtOnce } from './at-once.ts';
import { RateTable } from './message-rate.ts';
import { NO_LIMIT, type Rate } from './token-bucket.ts';

/** How fast messages may come, of one user or, where no user is known, from one address. One of the two rates is given. */
export interface MessageRate<Request = unknown> {
  /** Messages a second, in the long run. */
  readonly perSecond?: number | undefined;
  /** Messages that may come at once, by somebody who was silent before. From 1 on. Default: those of one second. */
  readonly burst?: number | undefined;
  /** Bytes of messages a second, in the long run: what the application gets, so that compressed messages count inflated. */
  readonly bytesPerSecond?: number | undefined;
  /**
   * Bytes that may come at once. A longer message is taken when as many are there, and what is missing delays the next. From 1
   * on. Default: those of one second.
   */
  readonly burstBytes?: number | undefined;
  /**
   * Which connections are counted together: those with the same key, also one after another; undefined for one that has no
   * limit. What it throws is answered with 500. Default: the user, which is `authenticate`'s answer or its `id`; else the
   * address, IPv6 by /64.
   * @param user as `authenticate` has returned it
   */
  readonly key?: ((request: Request, user: unknown) => string | undefined) | undefined;
  /**
   * What becomes of a message that comes too soon.
   * - `'wait'`: the connection is read no further until it may be handed out, so that the peer has to wait as well; what stands
   *   behind it, control frames included, waits with it.
   * - `'close'`: the connection ends with 1008; 'error' has code `WS_ERR_RATE_EXCEEDED`.
   *
   * Default 'wait'.
   */
  readonly onExcess?: 'wait' | 'close' | undefined;
}

/** Gives a connection that is about to open its meter, if it has a limit. */
export interface OpenMeter {
  (request: unknown, socket: Duplex, identity: Identity | undefined): MessageMeter | undefined;
  readonly table: RateTable;
}

/**
 * Of a server.
 * @throws {TypeError | RangeError} for a rate without numbers, or with one that is out of its range
 */
export function messageMeters<Request>(
  door: string,
  given: MessageRate<Request> | false | null | undefined,
): OpenMeter | undefined {
  if (!given) return undefined;
  const { onExcess = 'wait' } = given;
  if (given.perSecond === undefined && given.bytesPerSecond === undefined) {
    throw new TypeError(
      `${door}: messageRate takes perSecond, bytesPerSecond or both: without them nothing is limited`,
    );
  }
  const rate = (name: 'perSecond' | 'bytesPerSecond', burstName: 'burst' | 'burstBytes'): Rate => {
    const [tokens, most] = [given[name], given[burstName]];
    if (tokens === undefined) {
      if (most !== undefined) throw new TypeError(`${door}: messageRate.${burstName} needs ${name} beside it`);
      return NO_LIMIT;
    }
    if (!(tokens > 0 && tokens < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${door}: messageRate.${name} must be a number above 0; got ${tokens}`);
    }
    if (most !== undefined) {
      checkWholeNumber(`${door}: messageRate.${burstName}`, most, 1, Number.MAX_SAFE_INTEGER);
    }
    return { perMs: tokens / 1000, burst: most ?? Math.max(1, tokens) };
  };
  const table = new RateTable({
    messages: rate('perSecond', 'burst'),
    bytes: rate('bytesPerSecond', 'burstBytes'),
    onExcess,
  });
  const open = (request: unknown, socket: Duplex, identity: Identity | undefined) => {
    const key = given.key ? ownKey(door, given.key(request as Request, identity?.user)) : keyOf(socket, identity);
    return key === undefined ? undefined : table.meter(key);
  };
  return Object.assign(open, { table });
}

function ownKey(door: string, key: unknown): string | undefined {
  if (answerAtOnce('messageRate.key', key) === undefined || typeof key === 'string') return key as string | undefined;
  throw new TypeError(`${door}: messageRate.key() returned no string but ${typeof key}`);
}

/** Users and addresses are kept apart: a user may be called as he likes. */
function keyOf(socket: Duplex, identity: Identity | undefined): string {
  const user = userKey(identity?.user);
  if (user !== undefined) return `user ${user}`;
  return `address ${identity?.address ?? addressKey(socketBelow(socket).remoteAddress ?? '')}`;
}

/** A user's name or number, which may be all there is of him, or his `id`. */
function userKey(user: unknown): string | undefined {
  const id = typeof user === 'object' && user !== null ? (user as { readonly id?: unknown }).id : user;
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : undefined;
}
