import { expect, it } from 'vitest';
import type { Presence } from '../../src/engines/engine.ts';
import { Roster } from '../../src/realtime/roster.ts';
import { deferred } from './support.ts';

const presence = (user: string, connections = 1): Presence => ({ user, data: '1', connections });
const told = (roster: Roster) => JSON.parse(String(roster.takeChanges()?.payload ?? 'null'));

it('asked twice, the later answer counts, whichever comes first', async () => {
  const roster = new Roster('a');
  const [early, late] = [deferred<Presence[]>(), deferred<Presence[]>()];
  const loads = [roster.load(() => early.promise), roster.load(() => late.promise)];
  late.resolve([presence('bob')]);
  await loads[1];
  early.resolve([presence('ann')]);
  await Promise.all(loads);
  expect(told(roster)).toMatchObject({ set: [{ user: 'bob' }], gone: [] });
});

it('asked again, it tells what differs', async () => {
  const roster = new Roster('a');
  await roster.load(async () => [presence('ann'), presence('bob')]);
  expect(told(roster)).toMatchObject({ set: [{ user: 'ann' }, { user: 'bob' }] });
  await roster.load(async () => [presence('bob'), presence('cat')]);
  expect(told(roster)).toMatchObject({ set: [{ user: 'cat' }], gone: ['ann'] });
  expect(told(roster)).toBeNull();
  expect(JSON.parse(String(roster.all.payload))).toMatchObject({ members: [{ user: 'bob' }, { user: 'cat' }] });
});

it('an answer that fails leaves it as it was, to be asked again', async () => {
  const roster = new Roster('a');
  await expect(roster.load(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(roster.state).toBe('none');
  roster.change(presence('ann'));
  expect(roster.hasChanges).toBe(false);
});
