import { inspect } from 'node:util';
import { getHeapSpaceStatistics } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemberSet } from '../../src/memory/member-set.ts';
import { collect, collectYoung } from '../support/memory.ts';

const people = Array.from({ length: 60 }, (_, id) => ({ id }));
type Person = (typeof people)[number];

const steps = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant('add' as const) },
      { weight: 3, arbitrary: fc.constant('delete' as const) },
      { weight: 1, arbitrary: fc.constant('has' as const) },
    ),
    fc.constantFrom(...people),
  ),
  { maxLength: 500 },
);

function stateOf(set: ReadonlySet<Person>) {
  const visited: Person[] = [];
  set.forEach((member, same, whole) => {
    if (member === same && whole === set) visited.push(member);
  });
  return {
    size: set.size,
    values: [...set],
    visited,
    keys: [...set.keys()],
    entries: [...set.entries()],
    shown: inspect(set),
  };
}

it('does what a Set does, whoever comes and goes, and to which other sets as well', () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const sets = [new MemberSet<Person>(), new Set<Person>()] as const;
      const others = [new MemberSet<Person>(), new Set<Person>()] as const;
      const take = ([ours, plain]: readonly [Set<Person>, Set<Person>], [what, person]: (typeof before)[number]) =>
        expect(ours[what](person) === true).toBe(plain[what](person) === true);
      for (const [i, one] of before.entries()) {
        take(sets, one);
        if (after[i] !== undefined) take(others, after[i]);
      }
      for (const [ours, plain] of [sets, others]) expect(stateOf(ours)).toEqual(stateOf(plain));
      for (const set of sets) set.clear();
      for (const one of after) take(sets, one);
      expect(stateOf(sets[0])).toEqual(stateOf(sets[1]));
    }),
  );
});

describe('a loop', () => {
  const [one, two, three, four] = people as [Person, Person, Person, Person];

  it('leaves out who has gone before their turn', () => {
    const set = new MemberSet<Person>().add(one).add(two).add(three);
    const visited: Person[] = [];
    for (const person of set) {
      visited.push(person);
      set.delete(two);
    }
    expect(visited).toEqual([one, three]);
  });

  it('visits all once, though gaps are closed meanwhile', () => {
    const set = new MemberSet<Person>();
    for (const person of people) set.add(person);
    const visited: Person[] = [];
    for (const person of set) {
      visited.push(person);
      set.delete(person);
      set.add({ id: -1 });
    }
    expect(visited).toEqual(people);
    expect(set.size).toBe(people.length);
  });

  it('ends, though somebody comes at each turn', () => {
    const set = new MemberSet<Person>().add(one);
    for (const _ of set) set.add({ id: 0 });
    expect(set.size).toBe(2);
  });

  it('has the receiver of forEach', () => {
    const receivers: unknown[] = [];
    new MemberSet<Person>().add(four).forEach(function (this: unknown) {
      receivers.push(this);
    }, four);
    expect(receivers).toEqual([four]);
  });
});

it('is a Set, also to the methods of ES2025 where there are any', () => {
  const set = new MemberSet<Person>();
  for (const person of people) set.add(person);
  expect(set).toBeInstanceOf(Set);
  expect(new Set(set)).toEqual(new Set(people));
  const half = new Set(people.slice(30));
  const methods = [
    'difference',
    'intersection',
    'symmetricDifference',
    'union',
    'isSubsetOf',
    'isSupersetOf',
    'isDisjointFrom',
  ];
  for (const name of methods) {
    const call = (receiver: object, other: object) =>
      (Reflect.get(receiver, name) as (other: object) => unknown).call(receiver, other);
    if (!(name in Set.prototype)) continue;
    expect(call(set, half)).toEqual(call(new Set(people), half));
    expect(call(half, set)).toEqual(call(half, new Set(people)));
  }
});

it('compares with a Set, and is copied to one', () => {
  const [one, two] = people as [Person, Person, ...Person[]];
  const set = new MemberSet<Person>().add(one);
  expect(set).toEqual(new Set([one]));
  expect(new Set([one])).toEqual(set);
  expect(set).not.toEqual(new Set([two]));
  expect(set).not.toEqual(new Set());
  const Class = set.constructor as SetConstructor;
  expect([...new Class(set)]).toEqual([one]);
});

it('moves few members for each that comes, however many there are', () => {
  const set = new MemberSet<object>();
  const probe = {};
  set.add(probe).delete(probe);
  const [place] = Object.getOwnPropertySymbols(probe) as [symbol];
  let moves = 0;
  class Counted {
    #place: unknown;
    get [place]() {
      return this.#place;
    }
    set [place](value: unknown) {
      moves++;
      this.#place = value;
    }
  }
  const members = Array.from({ length: 2000 }, () => new Counted());
  for (const member of members) set.add(member);
  moves = 0;
  for (const [i, member] of members.entries()) {
    set.delete(member);
    members[i] = new Counted();
    set.add(members[i]);
  }
  expect(set.size).toBe(2000);
  expect(moves).toBeLessThan(12 * 2000);
});

it('lets go of who has gone, with the next collection of what is young', async () => {
  const oldBytes = () => getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')!.space_used_size;
  const set = new MemberSet<object>();
  const present: object[] = [];
  const takeTurns = (count: number) => {
    for (let i = 0; i < count; i++) {
      const member = new Array(50).fill(i);
      set.add(member);
      present[i % 40] = member;
      const leaving = present[(i + 1) % 40];
      if (leaving !== undefined) set.delete(leaving);
      if (i % 500 === 0) collectYoung();
    }
  };
  takeTurns(1000);
  await collect();
  const before = oldBytes();
  takeTurns(30_000);
  // Of more than 12 MB that have come and gone. A Set of V8's leaves most of them.
  expect(oldBytes() - before).toBeLessThan(1_000_000);
});
