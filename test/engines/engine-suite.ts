/**
 * The promises of an engine (src/engines/engine.ts), each as a test that any engine has to pass, whatever stands behind it.
 * `engines.length` engines share one log, as so many processes would.
 */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine, Presence, Retention, Subscriber } from '../../src/engines/engine.ts';
import type { Position } from '../../src/realtime-protocol/index.ts';
import { engineRuns } from './engine-runs.ts';
import { type Engines, Recorder } from './engines.ts';
import { type Promised, until } from './promised.ts';
import { SIBLING_PROMISES } from './sibling-promises.ts';

export type MakeEngines = (count: number) => Promise<Engines>;

export const HOUR: Retention = { messages: 100, bytes: 1 << 20, ageMs: 3_600_000 };

/** Numbers that nobody else has, as JSON. */
function numbers(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i));
}

async function publishAll(engine: Engine, channel: string, data: readonly string[], retention?: Retention) {
  for (const text of data) await engine.publish({ channel, data: text, retention, key: undefined });
}

const read = (engine: Engine, channel: string, more: { after?: Position; last?: number; retention?: Retention } = {}) =>
  engine.read({ channel, retention: HOUR, maxEntries: 1000, maxBytes: 1 << 20, ...more });

const one = ({ engines }: Engines): Engine => engines[0]!;
const two = ({ engines }: Engines): [Engine, Engine] => [engines[0]!, engines[1]!];

export const PROMISES: readonly Promised[] = [
  {
    name: 'a log counts its entries from 1, in one epoch, and read and publish agree',
    async check(all) {
      const engine = one(all);
      const before = await read(engine, 'a');
      expect(before).toMatchObject({ from: { offset: 0 }, data: [], head: 0, isGap: false });
      const { epoch } = before.from;
      for (const [i, data] of ['"x"', '{"y":1}', '"ü"'].entries()) {
        const published = await engine.publish({ channel: 'a', data, retention: HOUR, key: undefined });
        expect(published).toEqual({ position: { epoch, offset: i + 1 }, isRepeat: false });
      }
      expect(await read(engine, 'a', { last: 100 })).toEqual({
        from: { epoch, offset: 0 },
        data: ['"x"', '{"y":1}', '"ü"'],
        head: 3,
        isGap: false,
      });
      expect((await read(engine, 'b')).head).toBe(0);
    },
  },
  {
    name: 'an epoch is a word that can stand before a colon',
    async check(all) {
      expect((await read(one(all), 'a')).from.epoch).toMatch(/^[^:\s]{1,256}$/);
    },
  },
  {
    name: 'channels with any name are their own',
    async check(all) {
      const engine = one(all);
      const odd = ['\0', '}{', '%7d', '%7D', '}', '\ufffd', '\ud800', '\ud801', '*', '[a]', '"'];
      const names = ['a', 'a:', ':a', 'a\n', '{a}', 'A', 'ä', '__proto__', 'constructor', ' ', ...odd];
      const recorders = names.map(() => new Recorder());
      await Promise.all(names.map((channel, i) => engine.subscribe(channel, HOUR, recorders[i]!)));
      for (const channel of names) await publishAll(engine, channel, [JSON.stringify(channel)], HOUR);
      await until(all, () => recorders.every(({ entries }) => entries.length > 0), 'what each was told');
      expect(recorders.map(({ data }) => data)).toEqual(names.map((channel) => [JSON.stringify(channel)]));
      for (const channel of names) {
        expect(await read(engine, channel, { last: 10 })).toMatchObject({ data: [JSON.stringify(channel)], head: 1 });
      }
    },
  },
  {
    name: 'every subscriber of every process is told each entry once, in the order of the log',
    count: 3,
    async check(all) {
      const recorders = all.engines.map(() => new Recorder());
      await Promise.all(all.engines.map((engine, i) => engine.subscribe('a', HOUR, recorders[i]!)));
      await Promise.all(all.engines.map((engine, i) => publishAll(engine, 'a', numbers(20, i * 100), HOUR)));
      await until(all, () => recorders.every(({ entries }) => entries.length >= 60), 'the last entry');
      const { data } = await read(one(all), 'a', { last: 100 });
      for (const recorder of recorders) {
        expect(recorder.data).toEqual(data);
        expect(recorder.offsets).toEqual(numbers(60).map(Number));
      }
      for (const i of all.engines.keys()) {
        expect(data.filter((text) => Math.floor(Number(text) / 100) === i)).toEqual(numbers(20, i * 100));
      }
    },
  },
  {
    name: 'what is published once subscribe has resolved is told, and nothing of other channels',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await publishAll(there, 'a', ['"before"'], HOUR);
      await here.subscribe('a', HOUR, recorder);
      await publishAll(there, 'b', ['"other"'], HOUR);
      await publishAll(there, 'a', ['"after"'], HOUR);
      await until(all, () => recorder.data.includes('"after"'), 'the entry after subscribe');
      expect(recorder.entries.map(({ data, position }) => [data, position!.offset])).toEqual([['"after"', 2]]);
    },
  },
  {
    name: 'a position that was read before the first entry stays good',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await here.subscribe('a', HOUR, recorder);
      const { from } = await read(here, 'a');
      await publishAll(there, 'z', ['0'], { ...HOUR, ageMs: 500 });
      await all.wait(2000);
      await publishAll(there, 'a', ['1'], HOUR);
      await until(all, () => recorder.entries.length > 0, 'the first entry');
      expect(recorder.entries[0]!.position).toEqual({ epoch: from.epoch, offset: 1 });
      expect(await read(here, 'a', { after: from })).toEqual({ from, data: ['1'], head: 1, isGap: false });
    },
  },
  {
    name: 'a closed subscription is told nothing more, and another one of the process goes on',
    async check(all) {
      const engine = one(all);
      const [first, second] = [new Recorder(), new Recorder()];
      const subscription = await engine.subscribe('a', HOUR, first);
      await engine.subscribe('a', HOUR, second);
      await publishAll(engine, 'a', ['1'], HOUR);
      await until(all, () => first.entries.length + second.entries.length === 2, 'the first entry');
      subscription.close();
      subscription.close();
      await publishAll(engine, 'a', ['2'], HOUR);
      await engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
      await until(all, () => second.entries.length + second.changes.length === 3, 'what came after close');
      expect([first.data, first.changes]).toEqual([['1'], []]);
    },
  },
  {
    name: 'what is asked about a channel is done in the order in which it was asked, though nobody waits for answers',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const [first, second] = [new Recorder(), new Recorder()];
      (await here.subscribe('a', HOUR, first)).close();
      const subscribed = here.subscribe('a', HOUR, second);
      const present = [1, 0, 2, 0, 3].map((connections) =>
        here.setPresence('a', { user: 'u', data: '1', connections }),
      );
      await Promise.all([subscribed, ...present]);
      const data = numbers(50);
      await Promise.all(data.map((text) => publishAll(here, 'a', [text], HOUR)));
      await until(all, () => second.data.length === 50, 'the last entry');
      expect([first.data, second.data]).toEqual([[], data]);
      expect(await there.members('a')).toMatchObject([{ user: 'u', connections: 3 }]);
    },
  },
  {
    name: 'pages hold so many entries and bytes, the first one always, and join without a hole',
    async check(all) {
      const engine = one(all);
      const data = ['"aaaaaaaa"', '"üü"', '"b"', '"cccccccccccccccccccc"', '"d"', '"e"'];
      await publishAll(engine, 'a', data, HOUR);
      const pages = async (maxEntries: number, maxBytes: number): Promise<string[][]> => {
        const found: string[][] = [];
        let after: Position = { ...(await read(engine, 'a')).from, offset: 0 };
        for (;;) {
          const page = await engine.read({ channel: 'a', retention: HOUR, after, maxEntries, maxBytes });
          expect(page).toMatchObject({ from: after, head: 6, isGap: false });
          if (page.data.length === 0) return found;
          found.push([...page.data]);
          after = { epoch: after.epoch, offset: after.offset + page.data.length };
        }
      };
      expect(await pages(4, 1000)).toEqual([data.slice(0, 4), data.slice(4)]);
      expect(await pages(1, 1000)).toEqual(data.map((text) => [text]));
      expect(await pages(1000, 1)).toEqual(data.map((text) => [text]));
      // 10 bytes, 6, 3, 22, 3, 3: a page is full once it has 16.
      expect(await pages(1000, 16)).toEqual([data.slice(0, 2), data.slice(2, 4), data.slice(4)]);
      expect(await pages(1000, 17)).toEqual([data.slice(0, 3), data.slice(3, 4), data.slice(4)]);
    },
  },
  {
    name: 'the newest so many, oldest first; none of them unless asked',
    async check(all) {
      const engine = one(all);
      await publishAll(engine, 'a', numbers(5), HOUR);
      const at = async (last?: number) => {
        const { from, data, head, isGap } = await read(engine, 'a', last === undefined ? {} : { last });
        return [from.offset, data, head, isGap];
      };
      expect(await at()).toEqual([5, [], 5, false]);
      expect(await at(0)).toEqual([5, [], 5, false]);
      expect(await at(2)).toEqual([3, ['4', '5'], 5, false]);
      expect(await at(9)).toEqual([0, numbers(5), 5, false]);
    },
  },
  {
    name: 'count and bytes are bounds, the oldest goes first, and offsets go on',
    async check(all) {
      const engine = one(all);
      const rows: [string, Partial<Retention>, string[], number, string[]][] = [
        ['count', { messages: 3 }, numbers(10), 7, ['8', '9', '10']],
        ['bytes', { bytes: 20 }, numbers(12, 101), 6, numbers(6, 107)],
        ['bytes of UTF-8', { bytes: 8 }, ['"a"', '"ü"', '"ö"'], 1, ['"ü"', '"ö"']],
        ['one', { messages: 1 }, numbers(3), 2, ['3']],
        ['an entry longer than all of it', { bytes: 4 }, ['1', '"long"'], 2, []],
      ];
      for (const [channel, bound, data, tail, kept] of rows) {
        const retention = { ...HOUR, ...bound };
        await publishAll(engine, channel, data, retention);
        const page = await read(engine, channel, { last: 1000, retention });
        expect([channel, page.from.offset, page.data]).toEqual([channel, tail, kept]);
      }
    },
  },
  {
    name: 'what is too old is not there',
    async check(all) {
      const engine = one(all);
      const retention = { ...HOUR, ageMs: 1000 };
      const { position } = await engine.publish({ channel: 'a', data: '1', retention, key: undefined });
      await all.wait(600);
      await publishAll(engine, 'a', ['2'], retention);
      await all.wait(600);
      const page = await read(engine, 'a', { after: { ...position!, offset: 0 }, retention });
      if (all.isTimeVirtual)
        expect(page).toMatchObject({ from: { ...position!, offset: 1 }, data: ['2'], isGap: true });
      expect(page.data).not.toContain('1');
    },
  },
  {
    name: 'who stood at the end of a log is told no gap when its entries have aged while others were subscribed',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const retention = { ...HOUR, ageMs: 500 };
      const recorder = new Recorder();
      await here.subscribe('a', retention, recorder);
      const { position } = await there.publish({ channel: 'a', data: '1', retention, key: undefined });
      await all.wait(1800);
      expect(await read(there, 'a', { after: position!, retention })).toEqual({
        from: position,
        data: [],
        head: 1,
        isGap: false,
      });
      await publishAll(there, 'a', ['2'], retention);
      await until(all, () => recorder.entries.length === 2, 'the entry after the pause');
      expect(recorder.entries[1]!.position).toEqual({ ...position!, offset: 2 });
    },
  },
  {
    name: 'a position whose next entry is gone, of another epoch, or past the end is a gap, told before the oldest entry',
    async check(all) {
      const engine = one(all);
      const retention = { ...HOUR, messages: 3 };
      await publishAll(engine, 'a', numbers(10), retention);
      const { epoch } = (await read(engine, 'a', { retention })).from;
      const at = async (after: Position) => {
        const { from, data, head, isGap } = await read(engine, 'a', { after, retention });
        return [from.epoch === epoch, from.offset, data, head, isGap];
      };
      const kept = ['8', '9', '10'];
      expect(await at({ epoch, offset: 6 })).toEqual([true, 7, kept, 10, true]);
      expect(await at({ epoch, offset: 0 })).toEqual([true, 7, kept, 10, true]);
      expect(await at({ epoch, offset: 11 })).toEqual([true, 7, kept, 10, true]);
      expect(await at({ epoch: `${epoch}0`, offset: 8 })).toEqual([true, 7, kept, 10, true]);
      expect(await at({ epoch, offset: 7 })).toEqual([true, 7, kept, 10, false]);
      expect(await at({ epoch, offset: 9 })).toEqual([true, 9, ['10'], 10, false]);
      expect(await at({ epoch, offset: 10 })).toEqual([true, 10, [], 10, false]);
      expect(await read(engine, 'none', { after: { epoch: 'x', offset: 3 } })).toMatchObject({
        from: { offset: 0 },
        data: [],
        head: 0,
        isGap: true,
      });
    },
  },
  {
    name: 'a key that was there answers with the first position, whoever sends it again, and nothing is told twice',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await here.subscribe('a', HOUR, recorder);
      const first = await here.publish({ channel: 'a', data: '1', retention: HOUR, key: 'k' });
      await publishAll(there, 'a', ['2'], HOUR);
      const again = await there.publish({ channel: 'a', data: '3', retention: HOUR, key: 'k' });
      expect(again).toEqual({ position: first.position, isRepeat: true });
      const other = await there.publish({ channel: 'a', data: '4', retention: HOUR, key: 'l' });
      expect(other).toEqual({ position: { ...first.position!, offset: 3 }, isRepeat: false });
      await until(all, () => recorder.data.includes('4'), 'the last entry');
      expect(recorder.data).toEqual(['1', '2', '4']);
    },
  },
  {
    name: 'keys are of one channel, and of channels without history too',
    async check(all) {
      const engine = one(all);
      const recorder = new Recorder();
      await engine.subscribe('n', undefined, recorder);
      const rows: [string, string, Retention | undefined, boolean][] = [
        ['n', 'k', undefined, false],
        ['n', 'k', undefined, true],
        ['m', 'k', undefined, false],
        ['h', 'k', HOUR, false],
        ['h', 'k', HOUR, true],
        ['nk', 'k', undefined, false],
        ['n', 'kk', undefined, false],
      ];
      for (const [channel, key, retention, isRepeat] of rows) {
        const made = await engine.publish({ channel, data: JSON.stringify(key), retention, key });
        expect([channel, key, made.isRepeat]).toEqual([channel, key, isRepeat]);
        if (retention === undefined) expect(made.position).toBeUndefined();
      }
      await until(all, () => recorder.data.includes('"kk"'), 'the last entry');
      expect(recorder.data).toEqual(['"k"', '"kk"']);
    },
  },
  {
    name: 'a key is forgotten after its window',
    async check(all) {
      const engine = one(all);
      const publish = () => engine.publish({ channel: 'a', data: '1', retention: HOUR, key: 'k' });
      await publish();
      if (all.isTimeVirtual) {
        await all.wait(all.keyWindowMs - 100);
        expect((await publish()).isRepeat).toBe(true);
      }
      // A repeat does not make it last longer.
      await all.wait(all.isTimeVirtual ? 200 : all.keyWindowMs + 1000);
      expect(await publish()).toMatchObject({ position: { offset: 2 }, isRepeat: false });
    },
  },
  {
    name: 'without history entries have no position, and come in the order of their publisher',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorders = [new Recorder(), new Recorder()];
      await here.subscribe('n', undefined, recorders[0]!);
      await there.subscribe('n', undefined, recorders[1]!);
      await Promise.all([publishAll(here, 'n', numbers(20)), publishAll(there, 'n', numbers(20, 101))]);
      await until(all, () => recorders.every(({ entries }) => entries.length >= 40), 'the last entry');
      for (const { data, offsets } of recorders) {
        expect(data.filter((text) => Number(text) < 100)).toEqual(numbers(20));
        expect(data.filter((text) => Number(text) > 100)).toEqual(numbers(20, 101));
        expect(offsets).toEqual(new Array(40).fill(undefined));
      }
      const published = await here.publish({ channel: 'n', data: '0', retention: undefined, key: undefined });
      expect(published).toEqual({ position: undefined, isRepeat: false });
    },
  },
  {
    name: 'presence counts connections of all processes, and has what was said last',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await there.subscribe('a', undefined, recorder);
      const steps: [Engine, string, string, number][] = [
        [here, 'u', '"one"', 1],
        [there, 'v', '"v"', 1],
        [there, 'u', '"two"', 2],
        [here, 'u', '"three"', 2],
        [there, 'u', 'null', 0],
        [there, 'v', 'null', 0],
        [here, 'u', 'null', 0],
      ];
      const told: [string, string, number][] = [
        ['u', '"one"', 1],
        ['v', '"v"', 1],
        ['u', '"two"', 3],
        ['u', '"three"', 4],
        ['u', '"three"', 2],
        ['v', '', 0],
        ['u', '', 0],
      ];
      const brief = ({ user, data, connections }: Presence) => [user, connections === 0 ? '' : data, connections];
      const members: Record<string, unknown> = {};
      for (const [i, [engine, user, data, connections]] of steps.entries()) {
        await engine.setPresence('a', { user, data, connections });
        await until(all, () => recorder.changes.length > i, `change ${i + 1}`);
        expect(recorder.changes.map(brief)).toEqual(told.slice(0, i + 1));
        const [name, ...rest] = told[i]!;
        if (rest[1] === 0) delete members[name];
        else members[name] = rest;
        for (const reader of [here, there]) {
          const found = (await reader.members('a')).map(brief);
          expect(Object.fromEntries(found.map(([key, ...value]) => [key, value]))).toEqual(members);
        }
      }
      expect(await here.members('b')).toEqual([]);
    },
  },
  {
    name: 'presence that changes nothing is not told',
    async check(all) {
      const engine = one(all);
      const recorder = new Recorder();
      await engine.subscribe('a', undefined, recorder);
      const rows: [string, string, number][] = [
        ['nobody', 'null', 0],
        ['u', '1', 1],
        ['u', '1', 1],
        ['u', '2', 1],
        ['u', 'null', 0],
        ['u', 'null', 0],
        ['end', '1', 1],
      ];
      for (const [user, data, connections] of rows) await engine.setPresence('a', { user, data, connections });
      await until(all, () => recorder.changes.some(({ user }) => user === 'end'), 'the last change');
      expect(recorder.changes.map(({ user, connections }) => [user, connections])).toEqual([
        ['u', 1],
        ['u', 1],
        ['u', 0],
        ['end', 1],
      ]);
    },
  },
  {
    name: 'what a process has set goes when its engine is closed; the others and the logs stay',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await there.subscribe('a', HOUR, recorder);
      await here.subscribe('a', HOUR, new Recorder());
      await here.setPresence('a', { user: 'u', data: '1', connections: 2 });
      await here.setPresence('a', { user: 'v', data: '1', connections: 1 });
      await there.setPresence('a', { user: 'u', data: '2', connections: 1 });
      const { position } = await here.publish({ channel: 'a', data: '1', retention: HOUR, key: undefined });
      await here.close();
      await until(all, async () => (await there.members('a')).length === 1, 'that the user of the closed one goes');
      expect(await there.members('a')).toEqual([{ user: 'u', data: '2', connections: 1 }]);
      await until(all, () => recorder.changes.length >= 5, 'both changes');
      const last = new Map(recorder.changes.map(({ user, connections }) => [user, connections]));
      expect(last).toEqual(
        new Map([
          ['u', 1],
          ['v', 0],
        ]),
      );
      expect(await read(there, 'a', { last: 1 })).toMatchObject({ from: { epoch: position!.epoch }, data: ['1'] });
    },
  },
  {
    name: 'a closed engine tells nothing and does nothing; closing again is no fault',
    count: 2,
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      const marker = new Recorder();
      const subscription = await here.subscribe('a', HOUR, recorder);
      await there.subscribe('a', HOUR, marker);
      await here.close();
      await here.close();
      subscription.close();
      const asks: (() => Promise<unknown>)[] = [
        () => here.publish({ channel: 'a', data: '"no"', retention: HOUR, key: undefined }),
        () => here.publish({ channel: 'n', data: '"no"', retention: undefined, key: undefined }),
        () => read(here, 'a'),
        () => here.subscribe('a', HOUR, recorder),
        () => here.setPresence('a', { user: 'u', data: '1', connections: 1 }),
        () => here.members('a'),
      ];
      for (const ask of asks) await expect(ask()).rejects.toMatchObject({ name: 'RealtimeError', code: 'CLOSED' });
      await publishAll(there, 'a', ['"yes"'], HOUR);
      await until(all, () => marker.entries.length > 0, 'the entry of the other engine');
      expect(marker.data).toEqual(['"yes"']);
      expect([recorder.entries, recorder.changes]).toEqual([[], []]);
      expect(await there.members('a')).toEqual([]);
    },
  },
  {
    name: 'a subscriber that publishes while it is told disturbs no order',
    async check(all) {
      const engine = one(all);
      const [first, second] = [new Recorder(), new Recorder()];
      const published: Promise<unknown>[] = [];
      const echo: Subscriber = {
        entry(entry) {
          first.entry(entry);
          if (Number(entry.data) < 100) {
            const data = String(Number(entry.data) + 100);
            published.push(engine.publish({ channel: 'a', data, retention: HOUR, key: undefined }));
          }
        },
        presence() {},
        state() {},
      };
      await engine.subscribe('a', HOUR, echo);
      await engine.subscribe('a', HOUR, second);
      await publishAll(engine, 'a', ['1', '2', '3'], HOUR);
      await until(all, () => first.entries.length === 6 && second.entries.length === 6, 'the echoes');
      await Promise.all(published);
      for (const { offsets } of [first, second]) expect(offsets).toEqual([1, 2, 3, 4, 5, 6]);
      expect(second.data).toEqual(first.data);
    },
  },
  {
    name: 'its status has a name and a state',
    async check(all) {
      expect(one(all).status()).toMatchObject({ name: expect.stringMatching(/./), state: 'live' });
    },
  },
  {
    name: 'while it is away subscribers know, and all that is asked is rejected and never done',
    needs: 'interruption',
    async check(all) {
      const engine = one(all);
      const recorder = new Recorder();
      await engine.subscribe('a', HOUR, recorder);
      await publishAll(engine, 'a', ['1'], HOUR);
      await until(all, () => recorder.entries.length === 1, 'the first entry');
      await all.interruption!.cut();
      await until(all, () => recorder.states.at(-1) === 'stale', 'stale');
      expect(engine.status().state).toBe('stale');
      const asks: (() => Promise<unknown>)[] = [
        () => engine.publish({ channel: 'a', data: '"lost"', retention: HOUR, key: undefined }),
        () => engine.publish({ channel: 'a', data: '"keyed"', retention: HOUR, key: 'k' }),
        () => read(engine, 'a'),
        () => engine.subscribe('b', HOUR, recorder),
        () => engine.members('a'),
      ];
      const answers = asks.map((ask) => ask().then(() => 'done', (error) => error.code)); // biome-ignore format: one line
      let settled = false;
      const settling = Promise.all(answers).finally(() => {
        settled = true;
      });
      await until(all, () => settled, 'an answer within the deadline');
      expect(await settling).toEqual(asks.map(() => 'UNAVAILABLE'));
      await all.interruption!.restore();
      await until(all, () => recorder.states.at(-1) === 'live', 'live');
      expect(engine.status().state).toBe('live');
      await all.wait(100);
      const again = await engine.publish({ channel: 'a', data: '"keyed"', retention: HOUR, key: 'k' });
      expect(again).toMatchObject({ position: { offset: 2 }, isRepeat: false });
      await until(all, () => recorder.entries.length >= 2, 'the entry after it is back');
      expect(recorder.data).toEqual(['1', '"keyed"']);
      expect((await read(engine, 'a', { last: 10 })).data).toEqual(['1', '"keyed"']);
      expect(await engine.members('a')).toEqual([]);
    },
  },
  {
    name: 'while it is away channels without history go on in their process',
    needs: 'interruption',
    async check(all) {
      const engine = one(all);
      const recorder = new Recorder();
      await engine.subscribe('n', undefined, recorder);
      await all.interruption!.cut();
      await until(all, () => recorder.states.at(-1) === 'stale', 'stale');
      await publishAll(engine, 'n', ['1', '2']);
      await all.interruption!.restore();
      await until(all, () => recorder.states.at(-1) === 'live', 'live');
      await publishAll(engine, 'n', ['3']);
      await until(all, () => recorder.data.includes('3'), 'the last entry');
      expect(recorder.data).toEqual(['1', '2', '3']);
    },
  },
  {
    name: 'once it is back the positions from before are good, and presence is there again',
    count: 2,
    needs: 'interruption',
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await here.subscribe('a', HOUR, recorder);
      await here.setPresence('a', { user: 'u', data: '1', connections: 1 });
      await publishAll(there, 'a', ['1', '2'], HOUR);
      await until(all, () => recorder.entries.length === 2, 'the second entry');
      await all.interruption!.cut();
      await until(all, () => recorder.states.at(-1) === 'stale', 'stale');
      await all.interruption!.restore();
      await until(all, () => recorder.states.at(-1) === 'live', 'live');
      await publishAll(there, 'a', ['3'], HOUR);
      const after = recorder.entries[1]!.position!;
      expect(await read(there, 'a', { after })).toMatchObject({ from: after, data: ['3'], isGap: false });
      await until(all, async () => (await there.members('a')).length === 1, 'the user');
    },
  },
  {
    name: 'presence that is set while it is away holds when it is back',
    count: 2,
    needs: 'interruption',
    async check(all) {
      const [here, there] = two(all);
      const recorder = new Recorder();
      await here.subscribe('a', HOUR, recorder);
      for (const user of ['goes', 'stays', 'changes']) await here.setPresence('a', { user, data: '1', connections: 1 });
      await all.interruption!.cut();
      await until(all, () => recorder.states.at(-1) === 'stale', 'stale');
      await here.setPresence('a', { user: 'comes', data: '2', connections: 1 });
      await here.setPresence('a', { user: 'goes', data: 'null', connections: 0 });
      await here.setPresence('a', { user: 'changes', data: '2', connections: 3 });
      await all.interruption!.restore();
      await until(all, () => recorder.states.at(-1) === 'live', 'live');
      await until(all, async () => (await there.members('a')).length === 3, 'the users');
      const found = (await there.members('a')).map(({ user, data, connections }) => [user, data, connections]);
      expect(found.sort()).toEqual([
        ['changes', '2', 3],
        ['comes', '2', 1],
        ['stays', '1', 1],
      ]);
    },
  },
  {
    name: 'when the logs were lost meanwhile, their positions are a gap',
    needs: 'interruption',
    async check(all) {
      const engine = one(all);
      const recorder = new Recorder();
      await engine.subscribe('a', HOUR, recorder);
      await publishAll(engine, 'a', ['1', '2'], HOUR);
      await until(all, () => recorder.entries.length === 2, 'the second entry');
      const after = recorder.entries[1]!.position!;
      await all.interruption!.cut();
      await all.interruption!.lose();
      await all.interruption!.restore();
      await until(all, () => recorder.states.at(-1) === 'live', 'live');
      await publishAll(engine, 'a', ['3', '4', '5'], HOUR);
      const page = await read(engine, 'a', { after });
      expect(page).toMatchObject({ data: ['3', '4', '5'], isGap: true });
      expect(page.from.epoch).not.toBe(after.epoch);
      await until(all, () => recorder.entries.length === 5, 'the entries of the new log');
      expect(recorder.entries[2]!.position).toEqual({ epoch: page.from.epoch, offset: 1 });
    },
  },
  ...SIBLING_PROMISES,
  {
    name: 'any run of requests goes as it would with an array',
    count: 3,
    check: (all) =>
      fc.assert(
        fc.asyncProperty(engineRuns(all), (run) => run.go()),
        { numRuns: all.isTimeVirtual ? 150 : 20 },
      ),
  },
];

export const MAX_COUNT = Math.max(...PROMISES.map(({ count = 1 }) => count));

/** Holds engines to the contract. */
export function engineSuite(name: string, makeEngines: MakeEngines, { canBeAway = false } = {}): void {
  describe(`${name} as an engine`, () => {
    let all: Engines;
    beforeEach(async () => {
      all = await makeEngines(MAX_COUNT);
    });
    afterEach(() => all.end());
    for (const { name, needs, check } of PROMISES) {
      if (needs === undefined || canBeAway) it(name, () => check(all));
    }
  });
}
