import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { areFields, fieldEntries } from '../../src/options/given-fields.ts';

describe('fields as programs give them', () => {
  it.each([
    [{ a: '1' }],
    [Object.assign(Object.create(null), { a: '1' })],
    [new Headers({ a: '1' })],
    [new Map([['a', '1']])],
    [runInNewContext("({ a: '1' })")],
  ])('%o', (fields) => {
    expect(areFields(fields)).toBe(true);
    expect(fieldEntries(fields)).toEqual([['a', '1']]);
  });

  it.each([[null], [5], ['a'], [() => {}], [[]], [new Set()], [Object.create({ a: '1' })], [new Date(0)]])(
    '%o is none',
    (value) => {
      expect(areFields(value)).toBe(false);
    },
  );
});
