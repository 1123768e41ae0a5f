/**
 * A connection that comes back by itself: when it is tried, how long is waited, when it counts as lost, and when it is at an end.
 * What it is made of and what goes over it is its plan's business.
 */

import { reactionTo, retryHintMs } from '../realtime-protocol/close-codes.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { isOffline, watchEnvironment } from './environment.ts';
import { checkMs } from './options.ts';
import type { Backoff, ConnectionOptions, ConnectionState } from './types.ts';

/** How often a better link is tried while there is one that is only a fall-back, in milliseconds. */
export const PROBE_MS = 60_000;

/** How a connection ended that was cut off: without a Close frame. */
const CUT = 1006;

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

interface Attempt<L> {
  link: L | undefined;
  /** First of its opening, then of the silence. */
  timer: ReturnType<typeof setTimeout> | undefined;
  pingMs: number | undefined;
  openedAt: number | undefined;
}

export class Connection<L extends Link, Prepared = unknown> {
  state: ConnectionState = 'connecting';
  error: RealtimeError | undefined;
  retryAt: number | undefined;
  /** The server has ended it for good. */
  isRefused = false;
  readonly #plan: Plan<L, Prepared>;
  readonly #backoff: { readonly [Name in keyof Backoff]-?: number };
  readonly #connectTimeoutMs: number;
  readonly #hasFixedToken: boolean;
  /** What is open. */
  #current: Attempt<L> | undefined;
  /** What is being made: in place of it, or beside it when that is a fall-back. */
  #trying: Attempt<L> | undefined;
  /** Losses one after another, none after a stable time. */
  #tries = 0;
  #failures = 0;
  /** The server has asked not to come back before. */
  #notBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #unwatch: () => void;

  constructor(plan: Plan<L, Prepared>, { backoff = {}, connectTimeoutMs = 10_000, token }: ConnectionOptions) {
    const { minMs = 500, maxMs = 30_000, stableMs = 10_000 } = backoff;
    this.#plan = plan;
    this.#backoff = { minMs, maxMs, stableMs };
    checkMs({ ...this.#backoff, connectTimeoutMs });
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#hasFixedToken = typeof token === 'string';
    this.#unwatch = watchEnvironment(
      () => this.#wake(),
      () => this.#sleep(),
    );
    this.#try();
  }

  get link(): L | undefined {
    return this.#current?.link;
  }

  /** How long to wait after so many failures one after another: full jitter. */
  delayMs(tries: number): number {
    const { minMs, maxMs } = this.#backoff;
    return Math.random() * Math.min(maxMs, minMs * 2 ** tries);
  }

  close(): void {
    if (this.state === 'closed') return;
    this.#unwatch();
    clearTimeout(this.#timer);
    this.#let(this.#trying);
    this.#let(this.#current);
    this.#trying = this.#current = undefined;
    this.#set('closed');
  }

  // ---- Attempts ----------------------------------------------------------------------------------------------------

  #try(): void {
    clearTimeout(this.#timer);
    const attempt: Attempt<L> = { link: undefined, timer: undefined, pingMs: undefined, openedAt: undefined };
    const lost = (reason: string, cause?: unknown) => this.#lost(attempt, CUT, reason, cause);
    attempt.timer = setTimeout(
      () => lost(`it did not open within ${this.#connectTimeoutMs} ms`),
      this.#connectTimeoutMs,
    );
    this.#trying = attempt;
    const events: LinkEvents = {
      opened: (pingMs) => this.#opened(attempt, pingMs),
      heard: () => this.#heard(attempt),
      lost: (code, reason, cause) => this.#lost(attempt, code, reason, cause),
    };
    const isWanted = () => this.#trying === attempt;
    // Later, so that what is closed at once has begun nothing.
    Promise.resolve()
      .then(async () => {
        if (!isWanted()) return;
        const prepared = await this.#plan.prepare();
        if (isWanted()) attempt.link = this.#plan.dial(prepared, events, this.#current ? 0 : this.#failures);
      })
      .catch((cause) => lost('', cause));
    if (!this.#current) this.#set('connecting');
  }

  #opened(attempt: Attempt<L>, pingMs: number | undefined): void {
    if (attempt !== this.#trying) return;
    this.#let(this.#current);
    this.#trying = undefined;
    this.#current = attempt;
    attempt.pingMs = pingMs;
    attempt.openedAt = Date.now();
    this.#heard(attempt);
    this.error = undefined;
    this.#notBefore = 0;
    if (attempt.link!.isFallback) this.#probeLater();
    else this.#failures = 0;
    const isNews = this.state !== 'open';
    this.state = 'open';
    this.#plan.opened();
    // Listeners may have closed it.
    if (isNews && attempt === this.#current) this.#plan.changed();
  }

  #probeLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), PROBE_MS);
  }

  #lost(attempt: Attempt<L>, code: number, reason = '', cause?: unknown, isAway = isOffline()): void {
    if (attempt !== this.#trying && attempt !== this.#current) return;
    this.#let(attempt);
    if (attempt === this.#trying) this.#trying = undefined;
    else this.#current = undefined;
    if (this.#current) {
      // There is still what the probe was to take the place of.
      this.#probeLater();
      return;
    }
    const { openedAt } = attempt;
    if (openedAt === undefined) this.#failures += isAway ? 0 : 1;
    else if (Date.now() - openedAt >= this.#backoff.stableMs) this.#tries = 0;
    const reaction = reactionTo(code);
    this.isRefused = reaction === 'stop' || (reaction === 'token' && this.#hasFixedToken);
    const words = reason || (cause instanceof Error ? cause.message : `close code ${code}`);
    const error = new RealtimeError(
      this.isRefused ? 'NOT_ALLOWED' : 'DISCONNECTED',
      `The connection to ${this.#plan.name()} ${openedAt !== undefined ? 'was lost' : 'could not be made'}: ${words}`,
      { cause, data: { code, reason } },
    );
    this.error = error;
    const hintMs = reaction === 'later' ? (retryHintMs(reason) ?? 0) : 0;
    this.#notBefore = Date.now() + hintMs;
    if (this.isRefused) this.close();
    // A probe was on its way: it goes on in place of what it should have followed.
    else if (this.#trying) this.#set('connecting');
    else if (isAway) this.#set('offline');
    else this.#wait(hintMs + this.delayMs(this.#tries++));
    this.#plan.lost(error, code, reason);
  }

  #wait(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), delayMs);
    this.#set('waiting', Date.now() + delayMs);
  }

  // ---- Life --------------------------------------------------------------------------------------------------------

  #heard(attempt: Attempt<L>): void {
    if (attempt !== this.#current) return;
    clearTimeout(attempt.timer);
    if (attempt.pingMs) attempt.timer = setTimeout(() => this.#ask(attempt), attempt.pingMs);
  }

  #ask(attempt: Attempt<L>): void {
    if (!attempt.pingMs) return;
    clearTimeout(attempt.timer);
    const waitMs = Math.min(attempt.pingMs, this.#connectTimeoutMs);
    attempt.timer = setTimeout(() => this.#lost(attempt, CUT, `no sign of life within ${waitMs} ms`), waitMs);
    attempt.link!.ping();
  }

  #wake(): void {
    if (this.#current) this.#ask(this.#current);
    else if (!this.#trying) {
      const delayMs = this.#notBefore - Date.now();
      if (delayMs > 0) this.#wait(delayMs);
      else this.#try();
    }
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    if (this.#current) {
      this.#let(this.#trying);
      this.#trying = undefined;
    }
    const attempt = this.#current ?? this.#trying;
    if (attempt) this.#lost(attempt, CUT, 'the network is gone', undefined, true);
    else this.#set('offline');
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  #let(attempt: Attempt<L> | undefined): void {
    clearTimeout(attempt?.timer);
    attempt?.link?.close();
  }

  #set(state: ConnectionState, retryAt?: number): void {
    if (state === this.state && retryAt === this.retryAt) return;
    this.state = state;
    this.retryAt = retryAt;
    this.#plan.changed();
  }
}
