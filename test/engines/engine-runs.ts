/** Runs of requests to engines that share one log, each held against a plain model: an array for each channel. */

import fc from 'fast-check';
import { expect } from 'vitest';
import type { Presence, Published, Retention, Subscription } from '../../src/engines/engine.ts';
import type { Position } from '../../src/realtime-protocol/index.ts';
import { type Engines, Recorder } from './engines.ts';

/** Ages lie between two multiples of the waits, so that no entry is just about too old. */
const WAIT_MS = 100;
const AGE_MS = 450;
const LOGS: readonly (Retention | undefined)[] = [
  { messages: 4, bytes: 40, ageMs: AGE_MS },
  { messages: 3, bytes: 1000, ageMs: Infinity },
  undefined,
];
const USERS = ['u', 'v'];

const engine = fc.nat({ max: 2 });
const channel = fc.nat({ max: LOGS.length - 1 });

const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      engine,
      channel,
      text: fc.constantFrom('', 'x', 'ü', 'xxxxxxxxxxxxxxxx', 'x'.repeat(50)),
      key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined, freq: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('read' as const),
      engine,
      channel,
      /** Of the positions seen so far, counted from the newest. */
      after: fc.option(fc.nat({ max: 8 }), { nil: undefined }),
      shift: fc.constantFrom(0, 0, 0, -1, 1),
      isForeign: fc.constantFrom(false, false, false, true),
      last: fc.nat({ max: 6 }),
      maxEntries: fc.integer({ min: 1, max: 6 }),
      maxBytes: fc.integer({ min: 1, max: 60 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('subscribe' as const), engine, channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), engine, channel }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('present' as const),
      engine,
      channel,
      user: fc.nat({ max: USERS.length - 1 }),
      connections: fc.nat({ max: 2 }),
      data: fc.constantFrom('1', '2'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait' as const), times: fc.integer({ min: 1, max: 5 }) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;
type StepOf<Type> = Extract<Step, { readonly type: Type }>;

/** What the log of a channel has to be, and what everybody has to be told of it. */
class Model {
  readonly name: string;
  readonly retention: Retention | undefined;
  readonly positions: Position[] = [];
  readonly keys = new Map<string, { readonly position: Position | undefined; readonly at: number }>();
  readonly subscribed = new Map<number, { recorder: Recorder; subscription: Subscription; told: unknown[][] }>();
  readonly present = new Map<string, Map<number, Presence>>();
  #kept: { readonly data: string; readonly at: number }[] = [];
  #head = 0;
  #epoch: string | undefined;
  readonly #epochs = new Set<string>();
  /** Of subscribers, so that its epoch stays. */
  #isHeld = false;

  constructor(name: string, retention: Retention | undefined) {
    this.name = name;
    this.retention = retention;
  }

  trim(now: number): void {
    const { messages, bytes, ageMs } = this.retention!;
    const size = () => this.#kept.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
    while (this.#kept.length > 0) {
      if (this.#kept.length <= messages && size() <= bytes && now - this.#kept[0]!.at < ageMs) return;
      this.#kept.shift();
    }
  }

  /** A log that has nothing, and that nobody has been told of, may give way to another one. */
  see(epoch: string): void {
    if (epoch !== this.#epoch) {
      expect([this.#kept, this.#isHeld, this.#epochs.has(epoch)], 'another epoch').toEqual([[], false, false]);
      this.#epochs.add(epoch);
      this.#epoch = epoch;
      this.#head = 0;
    }
    this.#isHeld = this.subscribed.size > 0;
  }

  /** After somebody has subscribed, or has left. */
  hold(now: number): void {
    if (this.retention !== undefined) this.trim(now);
    this.#isHeld = this.subscribed.size > 0 && (this.#isHeld || this.#kept.length > 0);
  }

  published({ position, isRepeat }: Published, data: string, key: string | undefined, now: number): void {
    const { retention } = this;
    if (retention !== undefined) {
      this.trim(now);
      expect(isRepeat).toBe(false);
      this.see(position!.epoch);
      this.#head++;
      this.#kept.push({ data, at: now });
      this.trim(now);
    }
    const expected = retention === undefined ? undefined : { epoch: this.#epoch!, offset: this.#head };
    expect({ position, isRepeat }).toEqual({ position: expected, isRepeat: false });
    if (position !== undefined) this.positions.push(position);
    if (key !== undefined) this.keys.set(key, { position, at: now });
    for (const { told } of this.subscribed.values()) told.push([data, position]);
  }

  page(after: Position | undefined, { last, maxEntries, maxBytes }: StepOf<'read'>) {
    const tail = this.#head - this.#kept.length;
    const isGap =
      after !== undefined && !(after.epoch === this.#epoch && after.offset >= tail && after.offset <= this.#head);
    const from = after === undefined ? Math.max(tail, this.#head - last) : isGap ? tail : after.offset;
    const data: string[] = [];
    for (const entry of this.#kept.slice(from - tail)) {
      if (data.length > 0 && (data.length >= maxEntries || Buffer.byteLength(data.join('')) >= maxBytes)) break;
      data.push(entry.data);
    }
    return { from: { epoch: this.#epoch!, offset: from }, data, head: this.#head, isGap };
  }

  member(user: string): Presence {
    const all = [...(this.present.get(user)?.values() ?? [])];
    const connections = all.reduce((sum, presence) => sum + presence.connections, 0);
    return { user, connections, data: connections === 0 ? '' : all.at(-1)!.data };
  }
}

let runs = 0;

class Run {
  readonly #all: Engines;
  readonly #steps: readonly Step[];
  readonly #models: readonly Model[];
  #now = 0;

  constructor(all: Engines, steps: readonly Step[]) {
    const name = `run ${runs++}`;
    this.#all = all;
    this.#steps = steps;
    this.#models = LOGS.map((retention, i) => {
      const ageMs = all.isTimeVirtual ? retention?.ageMs : Infinity;
      return new Model(`${name}: ${i}`, retention && { ...retention, ageMs: ageMs! });
    });
  }

  async go(): Promise<void> {
    let number = 0;
    for (const step of this.#steps) {
      if (step.type === 'wait') await this.#wait(step.times * WAIT_MS);
      else if (step.type === 'publish') await this.#publish(step, JSON.stringify(`${number++}${step.text}`));
      else if (step.type === 'read') await this.#read(step);
      else if (step.type === 'present') await this.#present(step);
      else await this.#subscribe(step);
    }
    await this.#compare();
    for (const { subscribed } of this.#models) for (const { subscription } of subscribed.values()) subscription.close();
  }

  async #wait(ms: number): Promise<void> {
    await this.#all.wait(this.#all.isTimeVirtual ? ms : 1);
    if (this.#all.isTimeVirtual) this.#now += ms;
  }

  async #publish({ engine, channel, key }: StepOf<'publish'>, data: string): Promise<void> {
    const model = this.#models[channel]!;
    const { name, retention } = model;
    const published = await this.#all.engines[engine]!.publish({ channel: name, data, retention, key });
    const known = key === undefined ? undefined : model.keys.get(key);
    if (known !== undefined && this.#now - known.at < this.#all.keyWindowMs) {
      expect(published).toEqual({ position: known.position, isRepeat: true });
    } else {
      model.published(published, data, key, this.#now);
    }
  }

  async #read(step: StepOf<'read'>): Promise<void> {
    const model = this.#models[step.channel]!;
    const { name, retention, positions } = model;
    if (retention === undefined) return;
    const known = step.after === undefined ? undefined : positions.at(-1 - step.after);
    const after = known && {
      epoch: step.isForeign ? `${known.epoch}x` : known.epoch,
      offset: Math.max(0, known.offset + step.shift),
    };
    const { last, maxEntries, maxBytes } = step;
    const request = { channel: name, retention, after, last, maxEntries, maxBytes };
    const page = await this.#all.engines[step.engine]!.read(request);
    model.trim(this.#now);
    model.see(page.from.epoch);
    expect(page).toEqual(model.page(after, step));
    positions.push(page.from);
  }

  async #subscribe({ type, engine, channel }: StepOf<'subscribe' | 'unsubscribe'>): Promise<void> {
    const model = this.#models[channel]!;
    const { name, retention, subscribed } = model;
    const current = subscribed.get(engine);
    if (type === 'subscribe' && current === undefined) {
      const recorder = new Recorder();
      const subscription = await this.#all.engines[engine]!.subscribe(name, retention, recorder);
      subscribed.set(engine, { recorder, subscription, told: [] });
    } else if (type === 'unsubscribe' && current !== undefined) {
      await this.#compare();
      current.subscription.close();
      subscribed.delete(engine);
    }
    model.hold(this.#now);
  }

  async #present({ engine, channel, user: index, connections, data }: StepOf<'present'>): Promise<void> {
    const model = this.#models[channel]!;
    const user = USERS[index]!;
    const before = model.member(user);
    await this.#all.engines[engine]!.setPresence(model.name, { user, data, connections });
    const engines = model.present.get(user) ?? new Map<number, Presence>();
    model.present.set(user, engines);
    engines.delete(engine);
    if (connections > 0) engines.set(engine, { user, data, connections });
    const now = model.member(user);
    if (now.connections === before.connections && now.data === before.data) return;
    for (const { told } of model.subscribed.values()) told.push([user, now.connections, now.data]);
  }

  /** All have been told what they had to be, and nothing else. */
  async #compare(): Promise<void> {
    for (const model of this.#models) {
      for (const { recorder, told } of model.subscribed.values()) {
        const entries = told.filter((event) => event.length === 2);
        const changes = told.filter((event) => event.length === 3);
        const isThere = () => recorder.entries.length >= entries.length && recorder.changes.length >= changes.length;
        for (let turn = 0; turn < 1000 && !isThere(); turn++) await this.#wait(WAIT_MS);
        expect(recorder.entries.map(({ data, position }) => [data, position])).toEqual(entries);
        expect(
          recorder.changes.map(({ user, connections, data }) => [user, connections, connections === 0 ? '' : data]),
        ).toEqual(changes);
      }
      const members = USERS.map((user) => model.member(user)).filter(({ connections }) => connections > 0);
      const found = await this.#all.engines[0]!.members(model.name);
      expect([...found].sort((a, b) => (a.user < b.user ? -1 : 1))).toEqual(members);
    }
  }
}

export function engineRuns(all: Engines): fc.Arbitrary<Run> {
  const steps = fc.array(anyStep, { maxLength: 40 });
  return steps.map((list) => Object.assign(new Run(all, list), { toString: () => JSON.stringify(list, null, 1) }));
}
