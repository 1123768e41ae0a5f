import { describe, expect, it } from 'vitest';
import { Ledger } from '../../bench/load/ledger.ts';
import { MarkReader, markOf } from '../../bench/load/marks.ts';

describe('Ledger', () => {
  function ledgerOf(members: number, publishers: number, publications: number): Ledger {
    const ledger = new Ledger(members, publishers);
    for (let i = 0; i < publications; i++) for (let by = 0; by < publishers; by++) ledger.publish(by, i);
    return ledger;
  }
  const counts = ({ missing, doubled, reordered, completed }: Ledger) => [missing, doubled, reordered, completed];

  it('a publication is complete when all members have it; that is when it was late', () => {
    const ledger = ledgerOf(2, 1, 2);
    expect([ledger.hear(0, 0, 0, 5), ledger.hear(1, 0, 0, 7), ledger.hear(0, 0, 1, 8)]).toEqual([false, true, false]);
    expect(counts(ledger)).toEqual([1, 0, 0, 1]);
    expect(ledger.takeLatencies()).toEqual({ p50: 7, p99: 7 });
    expect(ledger.underWay).toBe(1);
    expect(ledger.takeLatencies().p50).toBeNaN();
  });

  it('counts what is missing, what comes twice, and what comes behind a later one', () => {
    const heard = (...numbers: number[]) => {
      const ledger = ledgerOf(1, 1, 4);
      for (const number of numbers) ledger.hear(0, 0, number, 0);
      return counts(ledger);
    };
    expect(heard(0, 1, 2, 3)).toEqual([0, 0, 0, 4]);
    expect(heard(0, 2, 3)).toEqual([1, 0, 0, 3]);
    expect(heard(0, 1, 1, 2, 0, 3)).toEqual([0, 2, 0, 4]);
    expect(heard(0, 3, 2, 2, 1)).toEqual([0, 1, 2, 4]);
    expect(() => heard(4)).toThrow('more was heard than said');
  });

  it('counts the orders in which members heard the same', () => {
    const orders = (...heard: [member: number, publisher: number][]) => {
      const ledger = ledgerOf(11, 2, 1);
      for (const [member, publisher] of heard) ledger.hear(member, publisher, 0, 0);
      return ledger.orders;
    };
    expect(orders([0, 0], [0, 1], [10, 0], [10, 1])).toBe(1);
    expect(orders([0, 0], [0, 1], [10, 1], [10, 0])).toBe(2);
  });
});

describe('MarkReader', () => {
  const marks = [markOf(0, 0), markOf(12, 3_456_789)];
  const text = `{"text":"${marks[0]} x"}!!a12!{"by":"ada","${marks[1]}!a0`;

  it.each(Array.from({ length: text.length }, (_, at) => at))('finds marks in pieces that end at %d', (at) => {
    const reader = new MarkReader();
    const found: number[][] = [];
    for (const piece of [text.slice(0, at), text.slice(at)]) {
      const bytes = Buffer.from(`..${piece}${markOf(9, 9)}`);
      reader.take(bytes, 2, 2 + piece.length, (...mark) => found.push(mark));
    }
    expect(found).toEqual([
      [0, 0],
      [12, 3_456_789],
    ]);
  });
});
