/** The heartbeat without sockets: whom it pings when, and whom it gives up. Time is faked, turns of the event loop are real. */

import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BeatingTransport, type Pulse, startPulse } from '../../src/transport/heartbeat.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] }));
const started: Pulse[] = [];
afterEach(() => {
  for (const pulse of started.splice(0)) pulse.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

class Peer implements BeatingTransport {
  readonly owner = {};
  isOpen = true;
  isDeaf = false;
  takenBytes = 0;
  takesPings = true;
  readonly pings: Uint8Array[] = [];
  readonly errors: (Error & { readonly code?: string })[] = [];
  readonly pulse: Pulse;
  onPing: () => void = () => {};

  constructor(settings = { intervalMs: 3200, timeoutMs: 1000 }) {
    this.pulse = startPulse(settings, this);
    started.push(this.pulse);
  }

  sendPing(frame: Uint8Array): boolean {
    if (!this.takesPings) return false;
    this.pings.push(frame);
    this.onPing();
    return true;
  }

  lose(error: Error): void {
    this.errors.push(error);
  }

  /** Answers a ping. */
  pong(ping = this.pings.at(-1)!): boolean {
    this.pulse.heard();
    return this.pulse.takePong(ping.subarray(2));
  }
}

/** Lets time pass and then, in turns of the event loop, what waits for input. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

describe('a heartbeat every 3200 ms, with 1000 ms to answer', () => {
  it('§5.5.2: pings a silent connection, and gives it up when it stays silent', async () => {
    const peer = new Peer();
    await pass(3100);
    expect(peer.pings).toEqual([]);
    await pass(100);
    expect(peer.pings.length).toBe(1);
    expect([...peer.pings[0]!.subarray(0, 2)]).toEqual([0x89, 8]);
    await pass(900);
    expect(peer.errors).toEqual([]);
    await pass(100);
    expect(peer.errors.map(({ message, code }) => [message, code])).toEqual([
      ['No byte has come from the peer for 4200 ms', 'WS_ERR_HEARTBEAT_TIMEOUT'],
    ]);
  });

  it('takes any byte for life', async () => {
    const peer = new Peer();
    await pass(3200);
    await pass(900);
    peer.pulse.heard();
    await pass(2000);
    expect([peer.pings.length, peer.errors.length]).toEqual([1, 0]);
  });

  it('pings a busy connection once in each interval too, so that its latency is known', async () => {
    const peer = new Peer();
    for (let i = 0; i < 64; i++) {
      await pass(100);
      peer.pulse.heard();
    }
    expect([peer.pings.length, peer.errors.length]).toEqual([2, 0]);
    expect(peer.pulse.latencyMs).toBe(undefined);
    await pass(100);
    expect(peer.pong()).toBe(true);
    expect(peer.pulse.latencyMs).toBe(100);
  });

  it('pings one that answers once in each interval', async () => {
    const peer = new Peer();
    peer.onPing = () => void peer.pong();
    await pass(32_000);
    expect([peer.pings.length, peer.errors.length]).toEqual([10, 0]);
  });

  it('has a new payload in every ping, and the same frame for all of one tick', async () => {
    const peers = Array.from({ length: 64 }, () => new Peer());
    for (const peer of peers) peer.onPing = () => void peer.pong();
    await pass(9600);
    const [one, , , , , , other] = peers;
    expect(new Set(one!.pings.map(String)).size).toBe(one!.pings.length);
    expect(peers[32]!.pings.every((frame, i) => frame === one!.pings[i])).toBe(true);
    expect(other!.pings).not.toEqual(one!.pings);
  });

  it('does not ping one that is closing', async () => {
    const peer = Object.assign(new Peer(), { isOpen: false });
    await pass(10_000);
    expect([peer.pings.length, peer.errors.length]).toEqual([0, 0]);
  });

  it('ends nobody who is not read from, but pings on: proxies on the way count as well', async () => {
    const peer = Object.assign(new Peer(), { isDeaf: true });
    for (let i = 0; i < 10; i++) {
      await pass(1000);
      await pass(2200);
    }
    expect([peer.pings.length, peer.errors.length]).toEqual([10, 0]);
    peer.isDeaf = false;
    await pass(1000);
    expect(peer.errors.length).toBe(1);
  });

  it('does not end one that has been asked and closes since', async () => {
    const peer = new Peer();
    await pass(3200);
    peer.isOpen = false;
    await pass(5000);
    expect(peer.errors).toEqual([]);
  });

  it.each([
    ['does not leave, and nothing before it does', false, false, 1],
    ['does not leave, but what stands before it does', false, true, 0],
    ['leaves, and so does what is sent behind it', true, true, 1],
  ])('a ping %s', async (_, takesPings, takesMore, errors) => {
    const peer = Object.assign(new Peer(), { takesPings });
    await pass(3200);
    if (takesMore) peer.takenBytes = 1000;
    await pass(1000);
    expect(peer.errors.length).toBe(errors);
  });

  it('waits for input that has arrived: a tick may come before it is read', async () => {
    const peer = new Peer();
    await pass(4100);
    vi.advanceTimersByTime(100);
    await setImmediate();
    await setImmediate();
    peer.pulse.heard();
    await pass(100);
    expect(peer.errors).toEqual([]);
  });
});

describe('time in which this process stands still', () => {
  it('is one tick, however long it was', async () => {
    const tick = vi.spyOn(globalThis, 'setInterval');
    const peer = new Peer({ intervalMs: 3201, timeoutMs: 1001 });
    const [beat] = tick.mock.calls[0] as [() => void];
    while (peer.pings.length === 0) beat();
    vi.setSystemTime(Date.now() + 86_400_000);
    beat();
    await pass(0);
    expect(peer.errors).toEqual([]);
    for (let i = 0; i < 20; i++) beat();
    await pass(0);
    expect(peer.errors.length).toBe(1);
    tick.mockRestore();
  });
});

describe('latencyMs', () => {
  it('is the time from a ping to its pong', async () => {
    const peer = new Peer();
    expect(peer.pulse.latencyMs).toBeUndefined();
    await pass(3200);
    vi.advanceTimersByTime(40);
    expect(peer.pong()).toBe(true);
    expect(peer.pulse.latencyMs).toBe(40);
  });

  it('is not that of an older ping', async () => {
    const peer = new Peer();
    await pass(3200);
    peer.pulse.heard();
    await pass(3200);
    expect(peer.pings.length).toBe(2);
    expect(peer.pong(peer.pings[0])).toBe(true);
    expect(peer.pulse.latencyMs).toBeUndefined();
    peer.pong();
    expect(peer.pulse.latencyMs).toBe(0);
  });

  it.each([
    ['empty', () => new Uint8Array()],
    ['of that length', () => new Uint8Array(8)],
    ['longer', (ping: Uint8Array) => Uint8Array.from([...ping.subarray(2), 0])],
    ['of another mark', (ping: Uint8Array) => ping.slice(2).fill(ping[2]! ^ 1, 0, 1)],
  ])('has nothing to do with a pong to a ping of the program: %s', async (_, payloadOf) => {
    const peer = new Peer();
    await pass(3200);
    expect(peer.pulse.takePong(payloadOf(peer.pings[0]!))).toBe(false);
    expect(peer.pulse.latencyMs).toBeUndefined();
  });
});

describe('many connections', () => {
  it('share one timer, which does not keep the process running and ends with the last of them', () => {
    const peers = Array.from({ length: 100 }, () => new Peer());
    const other = new Peer({ intervalMs: 3200, timeoutMs: 2000 });
    expect(vi.getTimerCount()).toBe(2);
    other.pulse.stop();
    for (const { pulse } of [...peers.slice(1), ...peers.slice(1)]) pulse.stop();
    expect(vi.getTimerCount()).toBe(1);
    peers[0]!.pulse.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has a timer that is unref’ed', () => {
    const intervals = vi.spyOn(globalThis, 'setInterval');
    new Peer({ intervalMs: 3333, timeoutMs: 1000 });
    expect((intervals.mock.results[0]!.value as NodeJS.Timeout).hasRef()).toBe(false);
    intervals.mockRestore();
  });

  it('are pinged a few at a time, though they came all at once', () => {
    let pings = 0;
    const perTick: number[] = [];
    for (let i = 0; i < 320; i++) {
      const peer = new Peer();
      peer.onPing = () => {
        pings++;
        peer.pong();
      };
    }
    for (let tick = 0; tick < 96; tick++) {
      const before = pings;
      vi.advanceTimersByTime(100);
      perTick.push(pings - before);
    }
    expect(Math.max(...perTick)).toBe(20);
    expect(pings).toBe(960);
  });

  it('goes on with the others when serving one ends some of them', async () => {
    const peers = Array.from({ length: 96 }, () => new Peer());
    peers[0]!.onPing = () => {
      for (const peer of [peers[0]!, peers[32]!]) {
        peer.isOpen = false;
        peer.pulse.stop();
      }
    };
    await pass(3200);
    expect([peers[32]!.pings.length, peers[64]!.pings.length]).toEqual([0, 1]);
  });
});

describe('all kinds of times', () => {
  it.each([
    [1, 1],
    [5, 100],
    [40, 10],
    [1000, 5000],
    [30_000, 15_000],
    [30_000, 100],
    [3_600_000, 10],
    [100, 20_000],
  ])('an interval of %d ms, a timeout of %d ms', async (intervalMs, timeoutMs) => {
    const peer = new Peer({ intervalMs, timeoutMs });
    const begin = performance.now();
    const until = async (isTrue: () => boolean) => {
      while (!isTrue()) {
        vi.advanceTimersToNextTimer();
        for (let turn = 0; turn < 4; turn++) await setImmediate();
      }
      return performance.now() - begin;
    };
    const tickMs = Math.max(1, Math.min(intervalMs / 16, timeoutMs / 4), intervalMs / 4096) + 1;
    const pingedMs = await until(() => peer.pings.length > 0);
    expect(pingedMs).toBeGreaterThanOrEqual(intervalMs / 2);
    expect(pingedMs).toBeLessThanOrEqual(1.5 * intervalMs + tickMs);
    const lostMs = (await until(() => peer.errors.length > 0)) - pingedMs;
    expect(peer.pings.length).toBe(1);
    expect(lostMs).toBeGreaterThanOrEqual(timeoutMs);
    expect(lostMs).toBeLessThanOrEqual(timeoutMs + tickMs);
  });
});
