/**
 * A connection that comes back by itself: when it is tried, how long is waited, when it counts as lost, and when it is at an end.
 * What it is made of and what goes over it is its plan's business. Here and in `live.ts`, what pages load has functions in place of
 * classes, since their names can be made short.
 */

import { reactionTo, retryHintMs } from '../realtime-protocol/close-codes.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { isOffline, watchEnvironment } from './environment.ts';
import { checkMs } from './options.ts';
import type { ConnectionOptions, ConnectionState } from './types.ts';

/** How often a better link is tried while there is one that is only a fall-back, in milliseconds. */
const PROBE_MS = 60_000;

/** How a connection ended that was cut off: without a Close frame. */
export const CUT = 1006;

export interface Link {
  /** Stands in for a better one. */
  readonly isFallback?: boolean;
  /** Asks the server for a sign of life. */
  ping(): void;
  close(): void;
}

/** What a link tells. After `lost`, and once the connection has let go of it, it is not heard any more. */
export interface LinkEvents {
  /** @param pingMs after such a silence the server is asked whether it is there; without it never */
  opened(pingMs?: number): void;
  /** Something has come. */
  heard(): void;
  lost(code: number, reason?: string, cause?: unknown): void;
}

export interface Plan<L extends Link, Prepared> {
  /** Names what it connects to. */
  name(): string;
  /** Gets what an attempt needs first. */
  prepare(): Promise<Prepared>;
  /** Begins a link. @param failures how many attempts have opened nothing since the newest one that was no fall-back */
  dial(prepared: Prepared, events: LinkEvents, failures: number): L;
  /** Called again without `lost` when a link takes a fall-back's place. */
  opened(): void;
  /** What was open is lost, or an attempt has failed. */
  lost(error: RealtimeError, code: number, reason: string): void;
  changed(): void;
}

type Timer = ReturnType<typeof setTimeout> | undefined;

interface Attempt<L> {
  link?: L;
  /** First of its opening, then of the silence. */
  timer?: Timer;
  pingMs?: number | undefined;
  openedAt?: number;
}

/** What is told of it, and what can be asked of it. */
export interface Connection<L extends Link> {
  readonly state: ConnectionState;
  readonly error: RealtimeError | undefined;
  readonly retryAt: number | undefined;
  /** The server has ended it for good. */
  readonly isRefused: boolean;
  /** What is open. */
  readonly link: L | undefined;
  /** How long to wait after so many failures one after another: full jitter. */
  delayMs(tries: number): number;
  close(): void;
}

/** @throws {RangeError} a time that no timer can wait */
export function keepConnected<L extends Link, Prepared>(
  plan: Plan<L, Prepared>,
  { backoff = {}, connectTimeoutMs = 10_000, token }: ConnectionOptions,
): Connection<L> {
  const { minMs = 500, maxMs = 30_000, stableMs = 10_000 } = backoff;
  checkMs({ minMs, maxMs, stableMs, connectTimeoutMs });
  /** What is open. */
  let current: Attempt<L> | undefined;
  /** What is being made: in place of it, or beside it when that is a fall-back. */
  let trying: Attempt<L> | undefined;
  /** Losses one after another, none after a stable time. */
  let tries = 0;
  let failures = 0;
  /** The server has asked not to come back before. */
  let notBefore = 0;
  let timer: Timer;

  const self: { -readonly [Name in keyof Connection<L>]: Connection<L>[Name] } = {
    state: 'connecting',
    error: undefined,
    retryAt: undefined,
    isRefused: false,
    get link() {
      return current?.link;
    },
    delayMs: (count) => Math.random() * Math.min(maxMs, minMs * 2 ** count),
    close() {
      if (self.state === 'closed') return;
      unwatch();
      clearTimeout(timer);
      letGo(trying);
      letGo(current);
      trying = current = undefined;
      set('closed');
    },
  };

  const set = (state: ConnectionState, retryAt?: number): void => {
    if (state === self.state && retryAt === self.retryAt) return;
    self.state = state;
    self.retryAt = retryAt;
    plan.changed();
  };

  const letGo = (attempt: Attempt<L> | undefined): void => {
    clearTimeout(attempt?.timer);
    attempt?.link?.close();
  };

  // ---- Attempts ----------------------------------------------------------------------------------------------------

  const attempt = (): void => {
    clearTimeout(timer);
    const own: Attempt<L> = {};
    const isWanted = () => trying === own;
    const lost = (reason: string, cause?: unknown) => lose(own, CUT, reason, cause);
    own.timer = setTimeout(() => lost(`it is not open within ${connectTimeoutMs} ms`), connectTimeoutMs);
    trying = own;
    const events: LinkEvents = {
      opened: (pingMs) => open(own, pingMs),
      heard: () => hear(own),
      lost: (code, reason, cause) => lose(own, code, reason, cause),
    };
    // Later, so that what is closed at once has begun nothing.
    Promise.resolve()
      .then(async () => {
        if (!isWanted()) return;
        const prepared = await plan.prepare();
        if (isWanted()) own.link = plan.dial(prepared, events, current ? 0 : failures);
      })
      .catch((cause) => lost('', cause));
    if (!current) set('connecting');
  };

  const open = (own: Attempt<L>, pingMs: number | undefined): void => {
    if (own !== trying) return;
    letGo(current);
    trying = undefined;
    current = own;
    own.pingMs = pingMs;
    own.openedAt = Date.now();
    hear(own);
    self.error = undefined;
    if (own.link!.isFallback) probeLater();
    else failures = 0;
    const isNews = self.state !== 'open';
    self.state = 'open';
    plan.opened();
    // Listeners may have closed it.
    if (isNews && own === current) plan.changed();
  };

  const probeLater = (): void => {
    clearTimeout(timer);
    timer = setTimeout(attempt, PROBE_MS);
  };

  const lose = (own: Attempt<L>, code: number, reason = '', cause?: unknown, isAway = isOffline()): void => {
    if (own !== trying && own !== current) return;
    letGo(own);
    if (own === trying) trying = undefined;
    else current = undefined;
    if (current) {
      // There is still what the probe was to take the place of.
      probeLater();
      return;
    }
    const { openedAt } = own;
    if (openedAt === undefined) failures += isAway ? 0 : 1;
    else if (Date.now() - openedAt >= stableMs) tries = 0;
    const reaction = reactionTo(code);
    self.isRefused = reaction === 'stop' || (reaction === 'token' && typeof token === 'string');
    const words = reason || (cause as Partial<Error> | undefined)?.message || `close code ${code}`;
    const error = new RealtimeError(
      self.isRefused ? 'NOT_ALLOWED' : 'DISCONNECTED',
      `The connection to ${plan.name()} ${openedAt === undefined ? 'could not be made' : 'was lost'}: ${words}`,
      { cause, data: { code, reason } },
    );
    self.error = error;
    const hintMs = reaction === 'later' ? (retryHintMs(reason) ?? 0) : 0;
    notBefore = Date.now() + hintMs;
    if (self.isRefused) self.close();
    // A probe was on its way: it goes on in place of what it should have followed.
    else if (trying) set('connecting');
    else if (isAway) set('offline');
    else wait(hintMs + self.delayMs(tries++));
    plan.lost(error, code, reason);
  };

  const wait = (delayMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(attempt, delayMs);
    set('waiting', Date.now() + delayMs);
  };

  // ---- Life --------------------------------------------------------------------------------------------------------

  const hear = (own: Attempt<L>): void => {
    if (own !== current) return;
    clearTimeout(own.timer);
    if (own.pingMs) own.timer = setTimeout(() => ask(own), own.pingMs);
  };

  const ask = (own: Attempt<L>): void => {
    if (!own.pingMs) return;
    clearTimeout(own.timer);
    const waitMs = Math.min(own.pingMs, connectTimeoutMs);
    own.timer = setTimeout(() => lose(own, CUT, `no sign of life within ${waitMs} ms`), waitMs);
    own.link!.ping();
  };

  const unwatch = watchEnvironment(
    () => {
      const delayMs = notBefore - Date.now();
      if (current) ask(current);
      else if (!trying) {
        if (delayMs > 0) wait(delayMs);
        else attempt();
      }
    },
    () => {
      clearTimeout(timer);
      if (current) {
        letGo(trying);
        trying = undefined;
      }
      const own = current ?? trying;
      if (own) lose(own, CUT, 'the network is gone', undefined, true);
      else set('offline');
    },
  );
  attempt();
  return self;
}
