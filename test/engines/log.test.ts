/** The log of a channel, against an array. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Log } from '../../src/engines/log.ts';

const ALL = { messages: 1e6, bytes: 1e9, ageMs: Infinity };

const anyAct = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('add' as const), times: fc.integer({ min: 1, max: 20 }) }) },
  fc.record({
    type: fc.constant('trim' as const),
    messages: fc.integer({ min: 1, max: 60 }),
    bytes: fc.integer({ min: 1, max: 200 }),
    ageMs: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({ type: fc.constant('clear' as const) }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.nat({ max: 20 }) }),
);

describe('Log', () => {
  it('keeps what an array would', () => {
    fc.assert(
      fc.property(fc.array(anyAct, { maxLength: 15 }), (acts) => {
        const log = new Log('e');
        let kept: { data: string; at: number }[] = [];
        let head = 0;
        let now = 0;
        const size = () => kept.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
        for (const act of acts) {
          if (act.type === 'wait') now += act.ms;
          else if (act.type === 'clear') {
            log.clear();
            kept = [];
          } else if (act.type === 'trim') {
            log.trim(act, now);
            while (kept.length > act.messages || size() > act.bytes) kept.shift();
            kept = kept.filter(({ at }) => now - at < act.ageMs);
          } else {
            for (let i = 0; i < act.times; i++) {
              const data = JSON.stringify(`${'ü'.repeat(head % 3)}${++head}`);
              log.add(data, now);
              kept.push({ data, at: now });
            }
          }
          const tail = head - kept.length;
          expect([log.head, log.length, log.tail, log.bytes]).toEqual([head, kept.length, tail, size()]);
          expect(log.read(tail, Infinity, Infinity)).toEqual(kept.map(({ data }) => data));
          expect(log.read(head, 5, 5)).toEqual([]);
        }
      }),
    );
  });

  it('counts bytes of UTF-8, of short text and long', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.array(fc.constantFrom('a', 'ü', '€', '😀', '\ud83d', '\ude00')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const log = new Log('e');
        log.add(text, 0);
        expect(log.bytes).toBe(Buffer.byteLength(text));
      }),
    );
    const log = new Log('e');
    log.add('€'.repeat(512), 0);
    log.add('€'.repeat(513), 0);
    expect(log.bytes).toBe(3 * 1025);
  });

  it('costs the same to add to, however much it keeps', () => {
    const log = new Log('e');
    for (let i = 0; i < 20_000; i++) log.add('1', 0);
    for (let i = 0; i < 20_000; i++) {
      log.add('2', 0);
      log.trim({ ...ALL, messages: 20_000 }, 0);
    }
    expect([log.tail, log.head, log.bytes]).toEqual([20_000, 40_000, 20_000]);
    expect(log.read(20_000, 2, 100)).toEqual(['2', '2']);
  });
});
