/**
 * Deadlines that count only the time in which this process could run. A pause of the machine must not count against the
 * testee, and neither must a burst of work in which sockets had to wait. What has arrived when time is up is read first.
 */

const TICK_MS = 20;
/** A tick that is no later than this is on time. */
const TOLERATED_MS = 5;

/** Ticks while somebody waits, and adds up by how much the ticks come late. */
class LostTime {
  private waiting = 0;
  private lostMs = 0;
  private lastTickAt = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Milliseconds lost so far; differences count, the sum has no meaning. */
  get totalMs(): number {
    return this.lostMs + this.lateness();
  }

  start(): void {
    if (this.waiting++ > 0) return;
    this.lastTickAt = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    if (--this.waiting === 0) clearInterval(this.timer);
  }

  private tick(): void {
    this.lostMs += this.lateness();
    this.lastTickAt = performance.now();
  }

  private lateness(): number {
    const lateMs = performance.now() - this.lastTickAt - TICK_MS;
    return lateMs > TOLERATED_MS ? lateMs : 0;
  }
}

const lostTime = new LostTime();

/** Acts once, so many milliseconds from now, not counting those that were lost. */
export class Deadline {
  private readonly act: () => void;
  private timer: NodeJS.Timeout | undefined;
  private lastTurn: NodeJS.Immediate | undefined;
  private isOver = false;

  constructor(delayMs: number, act: () => void) {
    this.act = act;
    lostTime.start();
    this.wait(delayMs);
  }

  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    lostTime.stop();
    clearTimeout(this.timer);
    clearImmediate(this.lastTurn);
  }

  private wait(delayMs: number): void {
    const lostBeforeMs = lostTime.totalMs;
    this.timer = setTimeout(() => {
      const lostMs = lostTime.totalMs - lostBeforeMs;
      if (lostMs > 0) this.wait(lostMs);
      else this.lastTurn = setImmediate(() => this.end());
    }, delayMs);
  }

  private end(): void {
    this.cancel();
    this.act();
  }
}
