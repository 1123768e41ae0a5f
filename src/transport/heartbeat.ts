/**
 * The heartbeat: connections are pinged (§5.5.2), and those that stay silent are given up. Connections with the same
 * times share one timer. Each has its place in a ring of slots, one of which is served at every tick, so that no tick has to
 * ping many of them.
 *
 * Time is counted in ticks, and a tick counts once however late it comes: while this process stands still, it cannot hear
 * anybody, and nobody is to blame for that.
 */

// Fake timers replace the global one; what it waits for here is real input.
import { setImmediate } from 'node:timers';
import { outsideAnyContext } from '../deflate/async-context.ts';
import type { HeartbeatSettings } from '../options/connection-settings.ts';
import { FIN, Opcode } from '../protocol/index.ts';
import { heartbeatAnswered } from './diagnostics.ts';
import { nextMaskingKey } from './masking-key.ts';

/** What is asked of a connection that has a heartbeat. */
export interface BeatingTransport {
  /** For those who watch: whose connection it is. */
  readonly owner: object;
  readonly isOpen: boolean;
  /** Whether it is not read from, so that whatever the peer sends is not heard. */
  readonly isDeaf: boolean;
  /** Counts bytes that the network has taken. */
  readonly takenBytes: number;
  /**
   * Sends a ping, unless there are bytes before it that the network does not take.
   * @param frame the whole frame, not masked, which stays as it is
   * @returns whether it has left
   */
  sendPing(frame: Uint8Array): boolean;
  /** Gives the connection up. */
  lose(error: Error): void;
}

/** At most so much of the connections is served in one tick. */
const TICKS_PER_INTERVAL = 16;
/** A deadline is never fewer ticks away. */
const TICKS_PER_TIMEOUT = 4;
/** However short the timeout is beside the interval. */
const MAX_SLOTS = 4096;
/** In so many turns of the event loop, an answer that has arrived is read, also that of a peer in this very process. */
const GRACE_TURNS = 3;

const NEVER = -1;
/** Times are kept in this part of a millisecond, as whole numbers that need no memory of their own. */
const PARTS_PER_MS = 64;

/** The payload of our pings is a mark, and the tick: applications hear of the pongs to pings of their own only. */
const HEADER_BYTES = 2;
const MARK_BYTES = 4;
const PAYLOAD_BYTES = MARK_BYTES + 4;

function pingFrame(mark: number, tick: number): Uint8Array {
  const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + PAYLOAD_BYTES);
  frame[0] = FIN | Opcode.Ping;
  frame[1] = PAYLOAD_BYTES;
  frame.writeInt32BE(mark, HEADER_BYTES);
  frame.writeInt32BE(tick | 0, HEADER_BYTES + MARK_BYTES);
  return frame;
}

function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function nowInParts(): number {
  return (performance.now() * PARTS_PER_MS) | 0;
}

/** The heartbeat of one connection. */
export class Pulse {
  readonly #heartbeat: Heartbeat;
  /** Undefined in the ring's own links. */
  readonly transport: BeatingTransport | undefined;
  previous: Pulse = this;
  next: Pulse = this;
  /** The ticks in which a byte came last, and the last ping was due. */
  heardAt: number;
  askedAt = NEVER;
  /** What the network had taken by then, where the ping could not leave. */
  takenBytes = NEVER;
  sentAt = 0;
  #latency = NEVER;

  constructor(heartbeat: Heartbeat, transport: BeatingTransport | undefined) {
    this.#heartbeat = heartbeat;
    this.transport = transport;
    this.heardAt = heartbeat.tick;
  }

  /** From the last ping of ours that was answered until its pong came; undefined before that. */
  get latencyMs(): number | undefined {
    return this.#latency === NEVER ? undefined : this.#latency / PARTS_PER_MS;
  }

  /** A byte has come, or silence begins to count anew. */
  heard(): void {
    this.heardAt = this.#heartbeat.tick;
  }

  /** @returns whether it answers a ping of ours, so that nobody else waits for it */
  takePong(payload: Uint8Array): boolean {
    if (payload.length !== PAYLOAD_BYTES || readInt32(payload, 0) !== this.#heartbeat.mark) return false;
    // The answer to an older one says nothing of now.
    if (readInt32(payload, MARK_BYTES) === (this.askedAt | 0)) {
      this.#latency = (nowInParts() - this.sentAt) & 0x7fff_ffff;
      const latencyMs = this.#latency / PARTS_PER_MS;
      if (heartbeatAnswered.hasSubscribers) heartbeatAnswered.publish({ socket: this.transport!.owner, latencyMs });
    }
    return true;
  }

  /** The connection is over. */
  stop(): void {
    if (this.next === this) return;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
    this.#heartbeat.left();
  }
}

/** All connections with the same times. */
class Heartbeat {
  tick = 0;
  readonly mark = nextMaskingKey() | 0;
  readonly #tickMs: number;
  readonly #timeoutTicks: number;
  /** Rings of pulses, each closed by a link of its own. */
  readonly #slots: readonly Pulse[];
  #count = 0;
  #nextSlot = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #stopped: () => void;

  constructor({ intervalMs, timeoutMs }: HeartbeatSettings, stopped: () => void) {
    const finest = Math.floor(Math.min(intervalMs / TICKS_PER_INTERVAL, timeoutMs / TICKS_PER_TIMEOUT));
    this.#tickMs = Math.max(1, finest, Math.ceil(intervalMs / MAX_SLOTS));
    this.#timeoutTicks = Math.ceil(timeoutMs / this.#tickMs);
    this.#slots = Array.from({ length: Math.round(intervalMs / this.#tickMs) }, () => new Pulse(this, undefined));
    this.#stopped = stopped;
    outsideAnyContext(() => {
      // It is the connections that keep a process running.
      this.#timer = setInterval(() => this.#beat(), this.#tickMs).unref();
    });
  }

  start(transport: BeatingTransport): Pulse {
    const pulse = new Pulse(this, transport);
    const end = this.#slotAt(this.#nextSlot++);
    pulse.previous = end.previous;
    pulse.next = end;
    end.previous.next = pulse;
    end.previous = pulse;
    this.#count++;
    return pulse;
  }

  left(): void {
    if (--this.#count > 0) return;
    clearInterval(this.#timer);
    this.#stopped();
  }

  #slotAt(index: number): Pulse {
    const { length } = this.#slots;
    return this.#slots[((index % length) + length) % length]!;
  }

  #beat(): void {
    this.tick++;
    const overdue = pulsesOf(this.#slotAt(this.tick - this.#timeoutTicks)).filter((pulse) => this.#isOverdue(pulse));
    if (overdue.length > 0) afterTurns(GRACE_TURNS, () => this.#giveUp(overdue));
    const frame = pingFrame(this.mark, this.tick);
    for (const pulse of pulsesOf(this.#slotAt(this.tick))) this.#serve(pulse, frame);
  }

  /**
   * Asks a connection for a sign of life. Busy ones, too: their peer may go a moment later, its own pings tell nothing of how
   * far away it is, and a ping is little beside what they send.
   */
  #serve(pulse: Pulse, frame: Uint8Array): void {
    const transport = pulse.transport!;
    const isAsked = pulse.heardAt < pulse.askedAt;
    if (isAsked || !transport.isOpen) return;
    pulse.askedAt = this.tick;
    pulse.sentAt = nowInParts();
    pulse.takenBytes = transport.sendPing(frame) ? NEVER : transport.takenBytes;
  }

  #isOverdue(pulse: Pulse): boolean {
    const hasAnswered = pulse.heardAt >= pulse.askedAt;
    return !hasAnswered && this.tick - pulse.askedAt >= this.#timeoutTicks && pulse.transport!.isOpen;
  }

  #giveUp(pulses: readonly Pulse[]): void {
    for (const pulse of pulses) {
      const transport = pulse.transport!;
      if (!this.#isOverdue(pulse)) continue;
      // A ping behind bytes that the peer takes slowly comes late: that it takes them is a sign of life as well.
      const isTaking = pulse.takenBytes !== NEVER && transport.takenBytes !== pulse.takenBytes;
      if (transport.isDeaf || isTaking) pulse.heard();
      else transport.lose(silenceError((this.tick - pulse.heardAt) * this.#tickMs));
    }
  }
}

function silenceError(silentMs: number): Error {
  return Object.assign(new Error(`No byte has come from the peer for ${silentMs} ms`), {
    code: 'WS_ERR_HEARTBEAT_TIMEOUT',
  });
}

/** As they are now: what is done with one may end others. */
function pulsesOf(end: Pulse): Pulse[] {
  const pulses: Pulse[] = [];
  for (let pulse = end.next; pulse !== end; pulse = pulse.next) pulses.push(pulse);
  return pulses;
}

function afterTurns(turns: number, action: () => void): void {
  if (turns === 0) action();
  else setImmediate(() => afterTurns(turns - 1, action));
}

/** Those that have connections, by their times. */
const heartbeats = new Map<string, Heartbeat>();

/** Gives a connection a heartbeat. It ends with `stop`. */
export function startPulse(settings: HeartbeatSettings, transport: BeatingTransport): Pulse {
  const key = `${settings.intervalMs} ${settings.timeoutMs}`;
  let heartbeat = heartbeats.get(key);
  if (heartbeat === undefined) {
    heartbeat = new Heartbeat(settings, () => heartbeats.delete(key));
    heartbeats.set(key, heartbeat);
  }
  return heartbeat.start(transport);
}
