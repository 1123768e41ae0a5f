/**
 * How a hub goes away without loss: it lets nobody in, lets calls that run come to their answers, says to each client when to
 * come back, and closes its engine when the last has gone. At the deadline it cuts what is left.
 */

import type { Rejection } from '../admission/rejection.ts';
import { checkDrainOptions, DRAIN, type DrainCounts, type DrainOptions, SHUTTING_DOWN } from '../server/drain.ts';
import { warnOfError } from '../transport/errors.ts';
import type { Session } from './session.ts';

/** What a hub drains. */
interface Draining {
  /** Those that end are taken out before `sessionEnded` is called. */
  readonly sessions: ReadonlySet<Session>;
  /** How many handlers of calls run, also those for which no connection waits. */
  readonly running: () => number;
  /** Called when the last of both has gone, or the time is up. */
  close(): Promise<void>;
}

const DOOR = { ...DRAIN, name: 'hub.drain()' };
/** It restarts. */
const DEFAULTS: DrainOptions = { code: 1012, retryAfterMs: 1000 };
/** What is kept of the time for the closing handshakes of those whose calls take it all. */
const CLOSING_MS = 1000;

export class HubDrain {
  readonly #hub: Draining;
  #settings = checkDrainOptions({}, DOOR, DEFAULTS);
  #deadlineMs = 0;
  #timers: NodeJS.Timeout[] = [];
  #isOverdue = false;
  #isClosing = false;
  #closed = 0;
  #terminated = 0;
  #refused = 0;
  #done: Promise<DrainCounts> | undefined;
  #finish: () => void = () => {};

  constructor(hub: Draining) {
    this.#hub = hub;
  }

  get hasBegun(): boolean {
    return this.#done !== undefined;
  }

  /** @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range */
  begin(given: DrainOptions = {}): Promise<DrainCounts> {
    const settings = checkDrainOptions(given, DOOR, DEFAULTS);
    const { timeoutMs, spreadMs } = settings;
    const nowMs = performance.now();
    if (this.#done === undefined) {
      this.#settings = settings;
      this.#done = new Promise((resolve) => {
        this.#finish = () => resolve({ closed: this.#closed, terminated: this.#terminated, refused: this.#refused });
      });
      const sessions = [...this.#hub.sessions];
      for (const [place, session] of sessions.entries()) {
        const afterMs = (place / sessions.length) * spreadMs;
        if (afterMs === 0) this.#retire(session);
        else this.#timers.push(setTimeout(() => this.#retire(session), afterMs));
      }
      this.#closeIfEmpty();
      this.#setDeadline(nowMs, timeoutMs);
    } else if (nowMs + timeoutMs < this.#deadlineMs) this.#setDeadline(nowMs, timeoutMs);
    return this.#done;
  }

  #setDeadline(nowMs: number, timeoutMs: number): void {
    // Nobody is left that it could be for.
    if (this.#isClosing) return;
    this.#deadlineMs = nowMs + timeoutMs;
    if (timeoutMs === 0) {
      this.#cut();
      return;
    }
    this.#timers.push(
      setTimeout(() => this.#closeAll(), timeoutMs - Math.min(CLOSING_MS, timeoutMs / 2)),
      setTimeout(() => this.#cut(), timeoutMs),
    );
  }

  /** What a request is refused with once this has begun; each is counted. */
  obstacle(): Rejection | undefined {
    if (!this.hasBegun) return undefined;
    this.#refused += 1;
    return {
      ...SHUTTING_DOWN,
      headers: [['Retry-After', String(Math.max(1, Math.ceil(this.#settings.retryAfterMs! / 1000)))]],
    };
  }

  /** Closes it, unless calls are open on it: then, behind their answers. */
  #retire(session: Session): void {
    session.isRetired = true;
    const { calls } = session;
    if (calls === undefined || calls.size === 0) this.farewell(session);
    else calls.onIdle = () => this.farewell(session);
  }

  /** Tells a client to come back. */
  farewell({ outlet }: Pick<Session, 'outlet'>): void {
    outlet.close(this.#settings.code, this.#settings.reason);
  }

  #closeAll(): void {
    for (const session of this.#hub.sessions) this.farewell(session);
  }

  #cut(): void {
    this.#isOverdue = true;
    for (const { outlet } of [...this.#hub.sessions]) outlet.terminate();
    this.#closeIfEmpty();
  }

  /** A session is over. */
  sessionEnded(): void {
    if (!this.hasBegun) return;
    if (this.#isOverdue) this.#terminated += 1;
    else this.#closed += 1;
    this.#closeIfEmpty();
  }

  /** No handler of a call runs any more. */
  callsEnded(): void {
    if (this.hasBegun) this.#closeIfEmpty();
  }

  /** Nobody is there any more, and nothing runs, unless it has had its time. */
  #closeIfEmpty(): void {
    const isBusy = this.#hub.running() > 0 && !this.#isOverdue;
    if (this.#isClosing || isBusy || this.#hub.sessions.size > 0) return;
    this.#isClosing = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#hub
      .close()
      .catch((error: unknown) => warnOfError(error, 'the close() of an engine'))
      .then(this.#finish);
  }
}
