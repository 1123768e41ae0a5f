/** The users of a channel in one process, in virtual time. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Attendance } from '../../src/realtime/attendance.ts';

let told: string[];
let emptied: number;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  emptied = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

function attendance(graceMs = 1000): Attendance {
  return new Attendance(
    graceMs,
    ({ user, data, connections }) => told.push(`${user} ${data} ${connections}`),
    () => {
      emptied += 1;
    },
  );
}

/** What has been told since it was asked last. */
const news = () => told.splice(0);

it('counts the connections of each user', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.enter('bob', '2');
  all.enter('ann', '1');
  expect(news()).toEqual(['ann 1 1', 'bob 2 1', 'ann 1 2']);
  all.leave('ann', false);
  expect(news()).toEqual(['ann 1 1']);
  all.leave('ann', false);
  expect(news()).toEqual(['ann 1 0']);
  expect(emptied).toBe(0);
  all.leave('bob', false);
  expect(news()).toEqual(['bob 2 0']);
  expect(emptied).toBe(1);
  expect(all.isEmpty).toBe(true);
});

it('a connection that is lost and comes back is silent', () => {
  const all = attendance();
  all.enter('ann', '1');
  news();
  for (let i = 0; i < 5; i++) {
    all.leave('ann', true);
    vi.advanceTimersByTime(900);
    all.enter('ann', '1');
    vi.advanceTimersByTime(5000);
  }
  expect(news()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('one that does not come back is told when the time is up', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.leave('ann', true);
  vi.advanceTimersByTime(999);
  expect(news()).toEqual(['ann 1 1']);
  expect(emptied).toBe(0);
  vi.advanceTimersByTime(1);
  expect(news()).toEqual(['ann 1 0']);
  expect(emptied).toBe(1);
});

it('of two, the time counts from the last that was lost', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.enter('ann', '1');
  all.leave('ann', true);
  vi.advanceTimersByTime(900);
  all.leave('ann', true);
  vi.advanceTimersByTime(999);
  expect(news()).toEqual(['ann 1 1', 'ann 1 2']);
  vi.advanceTimersByTime(1);
  expect(news()).toEqual(['ann 1 0']);
});

it('who leaves is gone at once, but not those that were lost', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.enter('ann', '1');
  all.leave('ann', true);
  news();
  all.leave('ann', false);
  expect(news()).toEqual(['ann 1 1']);
  vi.advanceTimersByTime(1000);
  expect(news()).toEqual(['ann 1 0']);
});

it('comes back with data of its own', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.enter('ann', '1');
  all.leave('ann', true);
  all.leave('ann', true);
  news();
  all.enter('ann', '2');
  expect(news()).toEqual(['ann 2 2']);
  vi.advanceTimersByTime(1000);
  expect(news()).toEqual(['ann 2 1']);
  all.renew('ann', '2');
  all.renew('ann', '3');
  expect(news()).toEqual(['ann 3 1']);
});

it('without grace a loss is told at once', () => {
  const all = attendance(0);
  all.enter('ann', '1');
  all.leave('ann', true);
  expect(news()).toEqual(['ann 1 1', 'ann 1 0']);
  expect(vi.getTimerCount()).toBe(0);
});

it('tells all again, and ends all waiting', () => {
  const all = attendance();
  all.enter('ann', '1');
  all.enter('bob', '2');
  all.leave('ann', true);
  news();
  all.repeat();
  expect(news()).toEqual(['ann 1 1', 'bob 2 1']);
  all.end();
  expect(news()).toEqual(['ann 1 0']);
  expect(vi.getTimerCount()).toBe(0);
});
