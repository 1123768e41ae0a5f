/** Token buckets under a clock of the test's: whatever comes when, by whichever connections. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clock, RateTable } from '../../src/admission/message-rate.ts';
import { NO_LIMIT, type Rate } from '../../src/admission/token-bucket.ts';
import type { MessageMeter } from '../../src/options/connection-settings.ts';

/** Time passes when the test says so; whoever waits is woken at his time. */
class VirtualClock implements Clock {
  ms = 1000;
  #alarms: { at: number; action: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  wake(afterMs: number, action: () => void): () => void {
    const alarm = { at: this.ms + afterMs, action };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  get alarms(): number {
    return this.#alarms.length;
  }

  /** @param untilMs most that may pass. @returns whether somebody was woken */
  next(untilMs = Number.POSITIVE_INFINITY): boolean {
    this.#alarms.sort((a, b) => a.at - b.at);
    const [first] = this.#alarms;
    if (first === undefined || first.at > untilMs) return false;
    this.#alarms.shift();
    this.ms = first.at;
    first.action();
    return true;
  }

  pass(ms: number): void {
    const until = this.ms + ms;
    while (this.next(until));
    this.ms = until;
  }
}

interface Handed {
  readonly atMs: number;
  readonly bytes: number;
}

/** A connection as the core is one: what was put off stands in front, and the rest behind it. */
class Line {
  readonly waiting: number[] = [];
  readonly #meter: MessageMeter;
  readonly #clock: VirtualClock;
  readonly #handed: Handed[];
  #isHeld = false;
  handedOut = 0;
  /** Whether its socket has gone: it ends with the last message. */
  isGone = false;

  constructor(table: RateTable, key: string, clock: VirtualClock, handed: Handed[]) {
    this.#clock = clock;
    this.#handed = handed;
    this.#meter = table.meter(key);
    this.#meter.opened(() => {
      this.#isHeld = false;
      this.#run();
    });
  }

  receive(bytes: number): void {
    this.waiting.push(bytes);
    this.#run();
  }

  close(): void {
    this.waiting.length = 0;
    this.#meter.closed();
  }

  #run(): void {
    while (this.waiting.length > 0 && !this.#isHeld) {
      const bytes = this.waiting[0]!;
      if (this.#meter.admit(bytes) !== 'now') this.#isHeld = true;
      else {
        this.waiting.shift();
        this.handedOut++;
        this.#handed.push({ atMs: this.#clock.ms, bytes });
      }
    }
    if (this.isGone && this.waiting.length === 0) this.#meter.closed();
  }
}

const rates = fc.record({
  messages: fc.record({ perMs: fc.constantFrom(0.001, 0.01, 0.5, 3), burst: fc.integer({ min: 1, max: 20 }) }),
  bytes: fc.oneof(
    fc.constant(NO_LIMIT),
    fc.record({ perMs: fc.constantFrom(0.1, 1, 100), burst: fc.integer({ min: 1, max: 2000 }) }),
  ),
});

const steps = fc.array(
  fc.oneof(
    fc.record({
      what: fc.constant('receive' as const),
      line: fc.nat(3),
      bytes: fc.nat(3000),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    fc.record({ what: fc.constant('reconnect' as const), line: fc.nat(3) }),
    fc.record({ what: fc.constant('pass' as const), ms: fc.nat(5000) }),
  ),
  { maxLength: 60 },
);

/** §10.4 in figures: no stretch of time brings more than the burst and what the rate gives in it. */
function checkBound(handed: readonly Handed[], rate: Rate, tokensOf: (message: Handed) => number): void {
  if (rate === NO_LIMIT) return;
  // The worst stretch that ends here, from whichever message on: a queue that drains at the rate, and must not overflow.
  let level = 0;
  let atMs = Number.NEGATIVE_INFINITY;
  for (const message of handed) {
    const tokens = tokensOf(message);
    level = Math.max(0, level - (message.atMs - atMs) * rate.perMs);
    atMs = message.atMs;
    // What is larger than the bucket comes when it is full, and is a debt from there on.
    expect(level + Math.min(tokens, rate.burst)).toBeLessThanOrEqual(rate.burst * (1 + 1e-9) + 1e-6);
    level += tokens;
  }
}

describe('the limit of messages', () => {
  it('§10.4 is the burst and what the rate gives, by whichever connections and however often they come back', () => {
    fc.assert(
      fc.property(rates, steps, (rule, plan) => {
        const clock = new VirtualClock();
        const table = new RateTable({ ...rule, onExcess: 'wait' }, clock);
        const handed: Handed[] = [];
        const open = () => new Line(table, 'key', clock, handed);
        const lines = [open(), open(), open(), open()];
        for (const step of plan) {
          if (step.what === 'pass') clock.pass(step.ms);
          else if (step.what === 'reconnect') {
            lines[step.line]!.close();
            lines[step.line] = open();
          } else for (let i = 0; i < step.count; i++) lines[step.line]!.receive(step.bytes);
        }
        checkBound(handed, rule.messages, () => 1);
        checkBound(handed, rule.bytes, ({ bytes }) => bytes);

        // Nobody waits for ever, whatever the others do, and nothing is left to wake.
        while (clock.next());
        expect(lines.map(({ waiting }) => waiting.length)).toEqual([0, 0, 0, 0]);
        checkBound(handed, rule.messages, () => 1);
        checkBound(handed, rule.bytes, ({ bytes }) => bytes);
        for (const line of lines) line.close();
        expect(clock.alarms).toBe(0);
        clock.pass(1e9);
        open().close();
        expect(table.size).toBe(0);
      }),
    );
  });

  it('is shared fairly: of lines that are always full, each gets its turn', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.constantFrom(0.001, 0.1, 2),
        fc.integer({ min: 1, max: 9 }),
        (count, perMs, burst) => {
          const clock = new VirtualClock();
          const table = new RateTable({ messages: { perMs, burst }, bytes: NO_LIMIT, onExcess: 'wait' }, clock);
          const lines = Array.from({ length: count }, () => new Line(table, 'key', clock, []));
          // The first has taken the burst before the others come.
          for (const line of lines) for (let i = 0; i < 200; i++) line.receive(1);
          const before = lines.map(({ handedOut }) => handedOut);
          clock.pass((20 * count) / perMs);
          const shares = lines.map(({ handedOut }, i) => handedOut - before[i]!);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
          expect(Math.min(...shares)).toBeGreaterThan(0);
        },
      ),
    );
  });
});

it('a long message waits in front of short ones that come later', () => {
  const clock = new VirtualClock();
  const rule = { messages: NO_LIMIT, bytes: { perMs: 1, burst: 100 }, onExcess: 'wait' as const };
  const table = new RateTable(rule, clock);
  const [long, short] = [new Line(table, 'key', clock, []), new Line(table, 'key', clock, [])];
  short.receive(50);
  long.receive(100);
  for (let ms = 0; ms < 49; ms++) {
    clock.ms += 1;
    short.receive(1);
  }
  expect(short.handedOut).toBe(1);
  clock.pass(1);
  expect(long.handedOut).toBe(1);
  clock.pass(49);
  expect(short.handedOut).toBe(50);
});

describe('what is kept of those who have gone', () => {
  const rule = { messages: { perMs: 0.001, burst: 10 }, bytes: NO_LIMIT, onExcess: 'wait' as const };

  it('is bounded, and what goes is what is worth least: A34 nobody gets a fresh bucket for one that he has spent', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 }), (others) => {
        const clock = new VirtualClock();
        const table = new RateTable(rule, clock, 8);
        const spend = (key: string, count: number) => {
          const handed: Handed[] = [];
          const line = new Line(table, key, clock, handed);
          for (let i = 0; i < count; i++) line.receive(1);
          line.close();
          return handed.length;
        };
        expect(spend('mine', 20)).toBe(10);
        // Other keys, as many as there are addresses: none of them has spent as much.
        for (const [i, count] of others.entries()) spend(`other ${i}`, count);
        expect(table.size).toBeLessThanOrEqual(8);
        expect(spend('mine', 20)).toBe(0);
      }),
    );
  });

  it('does not lose those that are connected, and forgets what is full again', () => {
    const clock = new VirtualClock();
    const table = new RateTable(rule, clock, 2);
    const handed: Handed[] = [];
    const lines = Array.from({ length: 5 }, (_, i) => new Line(table, `key ${i}`, clock, handed));
    for (const line of lines) line.receive(1);
    expect(table.size).toBe(5);
    for (const line of lines) line.close();
    expect(table.size).toBe(2);
    clock.pass(1000);
    new Line(table, 'key 5', clock, handed).close();
    expect(table.size).toBe(0);
  });

  it('holds what a connection leaves that ends with the message it has waited for, and the others have their turns', () => {
    const clock = new VirtualClock();
    const table = new RateTable({ ...rule, messages: { perMs: 0.001, burst: 1 } }, clock);
    const handed: Handed[] = [];
    const lines = ['a', 'b', 'c'].map((key) => {
      const line = new Line(table, key, clock, handed);
      for (let i = 0; i < 2; i++) line.receive(1);
      clock.pass(100);
      return line;
    });
    // Its buckets are full before those of the first are.
    const other = new Line(table, 'other', clock, handed);
    other.receive(1);
    other.close();
    lines[0]!.isGone = true;
    clock.pass(1500);
    expect(lines.map(({ handedOut }) => handedOut)).toEqual([2, 2, 2]);
    clock.pass(1000);
    for (const line of lines.slice(1)) line.close();
    clock.pass(2000);
    new Line(table, 'last', clock, handed).close();
    expect([table.size, clock.alarms]).toEqual([0, 0]);
  });

  it('is found by who comes back while others are still there, and a meter that was never opened leaves nothing', () => {
    const clock = new VirtualClock();
    const table = new RateTable(rule, clock);
    const handed: Handed[] = [];
    const [first, second] = [new Line(table, 'key', clock, handed), new Line(table, 'key', clock, handed)];
    for (let i = 0; i < 20; i++) first.receive(1);
    second.receive(1);
    first.close();
    expect(handed.length).toBe(10);
    const third = new Line(table, 'key', clock, handed);
    third.receive(1);
    clock.pass(2000);
    expect([handed.length, second.handedOut, third.handedOut]).toEqual([12, 1, 1]);
    table.meter('other').closed();
    expect(table.size).toBe(1);
  });
});

it('what closes on excess is told so at once', () => {
  const clock = new VirtualClock();
  const table = new RateTable({ messages: { perMs: 1, burst: 2 }, bytes: NO_LIMIT, onExcess: 'close' }, clock);
  const meter = table.meter('key');
  meter.opened(() => {});
  expect([1, 2, 3].map(() => meter.admit(1))).toEqual(['now', 'now', 'never']);
  expect(clock.alarms).toBe(0);
});

it('tables that tell each other are one: at most a burst in each, and then the rate of one', () => {
  const clock = new VirtualClock();
  const rule = { messages: { perMs: 0.01, burst: 20 }, bytes: NO_LIMIT, onExcess: 'close' } as const;
  const tables = Array.from({ length: 4 }, () => new RateTable(rule, clock));
  let told = 0;
  const meters = tables.map((table) => {
    table.tellSpent = (...spent) => {
      told++;
      clock.wake(20, () => {
        for (const other of tables) if (other !== table) other.spend(...spent);
      });
    };
    const meter = table.meter('u');
    meter.opened(() => {});
    return meter;
  });
  let taken = 0;
  const flood = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      for (const meter of meters) while (meter.admit(1) === 'now') taken++;
      clock.pass(10);
    }
  };
  flood(100_000);
  expect(taken).toBeGreaterThanOrEqual(1000);
  expect(taken).toBeLessThanOrEqual(1000 + 4 * 20);
  // In lots, a quarter of a burst each.
  expect(told).toBeLessThanOrEqual(taken / 5);
  for (const meter of meters) meter.closed();
  // Who was told knows nothing more of it when the bucket is full.
  clock.pass(60_000);
  for (const table of tables) table.spend('v', 1, 1);
  clock.pass(60_000);
  for (const table of tables) table.spend('w', 1, 1);
  expect(tables.map(({ size }) => size)).toEqual([1, 1, 1, 1]);
});
