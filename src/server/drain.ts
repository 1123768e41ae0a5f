/**
 * How a server goes away without loss: it takes no more connections, says goodbye to those that it has (§7.4.1), spread
 * over time so that a fleet does not come back at once, and cuts what is left at a deadline. Both servers drain by it; what
 * differs between them is a `Draining`.
 */

import type { Rejection } from '../admission/rejection.ts';
import { checkTimeout } from '../options/connection-options.ts';
import { checkOptions, type Door, NUMBER, TEXT } from '../options/option-check.ts';
import { buildClosePayload, CloseCode } from '../protocol/index.ts';
import { internals, WebSocket } from '../socket/websocket.ts';
import { warnOfError } from '../transport/errors.ts';

export interface DrainOptions {
  /**
   * How long it may take in all, `spreadMs` included, in milliseconds; then connections that are left are terminated.
   * Default 10 000.
   */
  readonly timeoutMs?: number | undefined;
  /** What the Close frames say (§7.4.1): 1001, the server goes away, or 1012, it restarts. Default 1001. */
  readonly code?: 1001 | 1012 | undefined;
  /** The reason in the Close frames. Default ''. */
  readonly reason?: string | undefined;
  /** Over how long the Close frames are spread, evenly, in milliseconds; at most `timeoutMs`. Default 0: all at once. */
  readonly spreadMs?: number | undefined;
  /**
   * When clients may come back, in milliseconds: said in the Retry-After field of refusals, in whole seconds, and behind the
   * reason of Close frames, as `retry-after-ms=3000`. Default: in Retry-After what is left of `timeoutMs`, and nothing in
   * Close frames.
   */
  readonly retryAfterMs?: number | undefined;
}

/** How a drain went. */
export interface DrainCounts {
  /** Connections that ended in time: by the closing handshake, or because the peer was gone. */
  readonly closed: number;
  /** Connections that were still there at the deadline, and were cut. */
  readonly terminated: number;
  /** Requests for a WebSocket that were answered with 503 meanwhile. */
  readonly refused: number;
}

/** What a server drains. */
export interface Draining {
  /** Its connections. Those that end are taken out before `Drain.ended` is called. */
  readonly sockets: Set<WebSocket>;
  /** Refuses each handshake that waits for the application. */
  readonly undecided: ReadonlySet<(rejection: Rejection) => void>;
  /** Called when the last connection has gone: stops listening. @returns settled when all else is gone as well */
  stop(): Promise<unknown>;
  /** The deadline, behind `stop`: ends all else. @returns whether `stop` is still to be waited for */
  cut(): boolean;
}

/** What a server says that takes no more connections. */
export const SHUTTING_DOWN: Rejection = { reason: 'shuttingDown', status: 503 };

const DEFAULT_TIMEOUT_MS = 10_000;
const SERVICE_RESTART = 1012;

/** Its options, wherever they are given. */
export const DRAIN: Door = {
  name: 'drain()',
  isLenient: false,
  kinds: {
    timeoutMs: NUMBER,
    code: { expected: '1001 or 1012', fits: (value) => value === CloseCode.GoingAway || value === SERVICE_RESTART },
    reason: TEXT,
    spreadMs: NUMBER,
    retryAfterMs: NUMBER,
  },
};

/**
 * Options of a drain, with what holds where nothing is given.
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function checkDrainOptions(
  given: DrainOptions = {},
  door = DRAIN,
  defaults: Pick<DrainOptions, 'code' | 'retryAfterMs'> = {},
) {
  checkOptions(door, given);
  const timeoutMs = checkTimeout('timeoutMs', given.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const spreadMs = checkTimeout('spreadMs', given.spreadMs ?? 0);
  if (spreadMs > timeoutMs) {
    throw new RangeError(`${door.name}: spreadMs (${spreadMs}) must be at most timeoutMs (${timeoutMs})`);
  }
  const { code = defaults.code ?? CloseCode.GoingAway, retryAfterMs = defaults.retryAfterMs } = given;
  if (retryAfterMs !== undefined) checkTimeout('retryAfterMs', retryAfterMs);
  const hint = retryAfterMs === undefined ? '' : `retry-after-ms=${retryAfterMs}`;
  const reason = [given.reason ?? '', hint].filter((part) => part !== '').join(' ');
  buildClosePayload(code, reason);
  return { timeoutMs, code: code as number, reason, spreadMs, retryAfterMs };
}

export type DrainSettings = ReturnType<typeof checkDrainOptions>;

export class Drain {
  readonly #server: Draining;
  #settings: DrainSettings | undefined;
  #beganMs = 0;
  #deadlineMs = 0;
  /** In the order in which they get their Close frames. */
  #toClose: readonly WebSocket[] = [];
  #asked = 0;
  #spreadTimer: NodeJS.Timeout | undefined;
  /** Keeps the process up until all has gone. */
  #deadline: NodeJS.Timeout | undefined;
  #state: 'idle' | 'closing' | 'stopping' | 'done' = 'idle';
  #isOverdue = false;
  #closed = 0;
  #terminated = 0;
  #refused = 0;
  readonly #done: Promise<DrainCounts>;
  #finish: (counts: DrainCounts) => void = () => {};

  constructor(server: Draining) {
    this.#server = server;
    this.#done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /**
   * Begins; or, when it has begun, takes the deadline if it is shorter: no Close frame comes behind it.
   * @returns settled when all has gone; never rejected
   */
  begin(settings: DrainSettings): Promise<DrainCounts> {
    const { timeoutMs } = settings;
    const nowMs = performance.now();
    if (this.#settings === undefined) {
      this.#settings = settings;
      this.#state = 'closing';
      this.#beganMs = nowMs;
      this.#setDeadline(nowMs, timeoutMs);
      this.#toClose = [...this.#server.sockets];
      for (const refuse of this.#server.undecided) refuse(this.#turnAway());
      this.#closeThoseDue();
      this.#stopIfEmpty();
    } else if (this.#state !== 'done' && nowMs + timeoutMs < this.#deadlineMs) {
      this.#setDeadline(nowMs, timeoutMs);
      if (this.#beganMs + this.#settings.spreadMs > this.#deadlineMs) this.#closeNow();
    }
    return this.#done;
  }

  #setDeadline(nowMs: number, timeoutMs: number): void {
    this.#deadlineMs = nowMs + timeoutMs;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#cut(), timeoutMs);
  }

  get hasBegun(): boolean {
    return this.#settings !== undefined;
  }

  /** What a request for a WebSocket is refused with once this has begun; each is counted. */
  obstacle(): Rejection | undefined {
    return this.hasBegun ? this.#turnAway() : undefined;
  }

  #turnAway(): Rejection {
    this.#refused += 1;
    const retryAfterMs = this.#settings?.retryAfterMs ?? this.#deadlineMs - performance.now();
    const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
    return { ...SHUTTING_DOWN, headers: [['Retry-After', String(seconds)]] };
  }

  /** A connection has ended. */
  ended(): void {
    if (this.#state !== 'closing') return;
    if (!this.#isOverdue) this.#closed += 1;
    this.#stopIfEmpty();
  }

  /** Sends the Close frames that have not left. */
  #closeNow(): void {
    clearTimeout(this.#spreadTimer);
    while (this.#asked < this.#toClose.length) this.#closeNext();
  }

  /** The first at once, and each of the others after an equal part of the time. */
  #closeThoseDue(): void {
    const { spreadMs } = this.#settings!;
    const count = this.#toClose.length;
    const dueMs = () => (this.#asked / count) * spreadMs - (performance.now() - this.#beganMs);
    while (this.#asked < count && dueMs() <= 0) this.#closeNext();
    if (this.#asked === count) return;
    this.#spreadTimer = setTimeout(() => this.#closeThoseDue(), dueMs());
    this.#spreadTimer.unref();
  }

  #closeNext(): void {
    const socket = this.#toClose[this.#asked]!;
    this.#asked += 1;
    const close = () => {
      try {
        if (this.#isOverdue) terminate(socket);
        else socket.close(this.#settings!.code, this.#settings!.reason);
      } catch (error) {
        // Thrown by a method of a subclass.
        warnOfError(error, 'the close() of a WebSocket');
      }
    };
    // Or a subclass opens it later.
    if (internals.transportOf(socket) !== undefined) close();
    else internals.observe(socket, { opened: close });
  }

  #cut(): void {
    this.#isOverdue = true;
    clearTimeout(this.#spreadTimer);
    if (this.#state === 'stopping') {
      this.#cutBelow();
      return;
    }
    const { sockets } = this.#server;
    for (const socket of [...sockets]) {
      this.#terminated += 1;
      terminate(socket);
      // Nothing is known of one that has not been opened, nor whether it will be.
      if (internals.transportOf(socket) === undefined) sockets.delete(socket);
    }
    this.#stopIfEmpty();
  }

  #stopIfEmpty(): void {
    if (this.#state !== 'closing' || this.#server.sockets.size > 0) return;
    this.#state = 'stopping';
    this.#server
      .stop()
      .catch((error: unknown) => warnOfError(error, 'the close() of a server'))
      .then(() => this.#end());
    if (this.#isOverdue) this.#cutBelow();
  }

  #cutBelow(): void {
    if (!this.#server.cut()) this.#end();
  }

  #end(): void {
    this.#state = 'done';
    this.#toClose = [];
    clearTimeout(this.#deadline);
    clearTimeout(this.#spreadTimer);
    this.#finish({ closed: this.#closed, terminated: this.#terminated, refused: this.#refused });
  }
}

/** Whatever a subclass has made of it: what is terminated is gone. */
function terminate(socket: WebSocket): void {
  WebSocket.prototype.terminate.call(socket);
}
