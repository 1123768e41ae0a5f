/** What hubs of several processes tell each other by their engines, as a test that any engine has to pass. */

import { expect } from 'vitest';
import { RateTable } from '../../src/admission/message-rate.ts';
import { Occupancy } from '../../src/admission/occupancy.ts';
import type { Engine } from '../../src/engines/engine.ts';
import { Core } from '../../src/realtime/core.ts';
import type { Gate } from '../../src/realtime/gate.ts';
import { settingsOf } from '../../src/realtime/options.ts';
import type { Outlet } from '../../src/realtime/outlet.ts';
import { Session } from '../../src/realtime/session.ts';
import { Siblings } from '../../src/realtime/siblings.ts';
import type { Engines } from './engines.ts';
import { type Promised, until } from './promised.ts';

const RULE = {
  messages: { perMs: 2 ** -22, burst: 8 },
  bytes: { perMs: Number.POSITIVE_INFINITY, burst: Number.MAX_VALUE },
  onExcess: 'close',
} as const;
const ORDER = { code: 4403, reason: '', except: undefined };

/** What a hub has of all this, without sockets. */
export class Process {
  readonly reported: unknown[] = [];
  readonly core: Core;
  readonly occupancy = new Occupancy(Number.POSITIVE_INFINITY, 3);
  readonly rates = new RateTable(RULE);
  readonly siblings: Siblings;

  constructor(engine: Engine, channel = 'a') {
    const protocol = { channels: { [channel]: {} }, calls: {} } as never;
    this.core = new Core(protocol, settingsOf({}, engine, true), (error) => this.reported.push(error));
    const gate = { rates: this.rates, admission: { occupancy: this.occupancy } } as unknown as Gate;
    this.siblings = new Siblings(this.core, gate);
    this.core.sessionBegan = () => this.siblings.begin();
  }

  /** @returns the codes with which it was closed */
  connect(user: string, id = user): number[] {
    const codes: number[] = [];
    const outlet = { close: (code: number) => codes.push(code) } as unknown as Outlet;
    this.core.begin(new Session(id, { id: user }, outlet, this.core));
    return codes;
  }

  /** @returns how many of so many messages may come */
  send(key: string, count: number): number {
    const meter = this.rates.meter(key);
    meter.opened(() => {});
    let taken = 0;
    while (taken < count && meter.admit(10) === 'now') taken++;
    meter.closed();
    return taken;
  }
}

const start = ({ engines }: Engines, channel?: string) => engines.map((engine) => new Process(engine, channel));

export const SIBLING_PROMISES: readonly Promised[] = [
  {
    name: 'who is disconnected in one process is disconnected in all, and in no hub of another protocol',
    count: 3,
    async check(all) {
      const [here, there, third] = start(all) as [Process, Process, Process];
      const [foreign] = start(all, 'b') as [Process];
      const codes = [here, there, third, foreign].map((process) => process.connect('ann'));
      const others = [here, there].map((process) => process.connect('bob'));
      const kept = third.connect('ann', 'kept');
      // Whoever is told of the second one has been told of the first.
      await until(all, async () => {
        await here.siblings.disconnect({ ...ORDER, user: 'ann', except: 'kept' });
        return codes.slice(0, 3).every(({ length }) => length > 0);
      }, 'the order'); // biome-ignore format: one line
      expect(codes[0]![0]).toBe(4403);
      expect([codes[3], ...others, kept]).toEqual([[], [], [], []]);
    },
  },
  {
    name: 'a process that comes late does what was ordered, to those who were connected then',
    count: 2,
    async check(all) {
      const [here, there] = start(all) as [Process, Process];
      const begin = there.core.sessionBegan;
      there.core.sessionBegan = () => {};
      const before = there.connect('ann');
      await all.wait(5);
      expect(await here.siblings.disconnect({ ...ORDER, user: 'ann' })).toBe(0);
      await all.wait(5);
      const after = there.connect('ann', 'again');
      begin();
      await until(all, () => before.length > 0, 'the order of before');
      expect([before, after]).toEqual([[4403], []]);
    },
  },
  {
    name: 'what is spent of a rate in one process is spent in all',
    count: 3,
    async check(all) {
      const processes = start(all) as [Process, Process, Process];
      const [here, there, third] = processes;
      for (const process of processes) process.connect('ann');
      await until(all, () => {
        here.rates.tellSpent!('probe', 1, 1);
        return [there, third].every(({ rates }) => rates.size === 1);
      }, 'that they hear each other'); // biome-ignore format: one line
      // Four of them in lots, and the rest when the connection ends.
      for (const user of ['eve', 'ann']) expect(here.send(user, 5)).toBe(5);
      await until(all, () => [there, third].every(({ rates }) => rates.size === 3), 'what ann has spent');
      expect(there.send('ann', 100)).toBe(3);
      expect(third.send('bob', 100)).toBe(8);
      // What it is told of itself it knows.
      expect(here.send('eve', 100)).toBe(3);
    },
  },
  {
    name: 'connections of an address are counted together, until they end',
    count: 2,
    async check(all) {
      const [here, there] = start(all) as [Process, Process];
      const leave = here.occupancy.take('x');
      for (const process of [here, there]) process.connect('ann');
      here.occupancy.take('x');
      there.occupancy.take('x');
      await until(all, () => [here, there].every(({ occupancy }) => occupancy.faultWith('x')), 'the third connection');
      expect(there.occupancy.faultWith('y')).toBeUndefined();
      leave();
      await until(all, () => [here, there].every(({ occupancy }) => !occupancy.faultWith('x')), 'that one has gone');
      expect(there.reported).toEqual([]);
    },
  },
  {
    name: 'while it is away each process goes by what it knows itself',
    count: 2,
    needs: 'interruption',
    async check(all) {
      const [here, there] = start(all) as [Process, Process];
      const codes = [here, there].map((process) => process.connect('ann'));
      for (let i = 0; i < 3; i++) here.occupancy.take('x');
      await until(all, () => there.occupancy.faultWith('x'), 'the third connection');
      await all.interruption!.cut();
      await until(all, () => !there.occupancy.faultWith('x'), 'that nothing is known of others');
      expect(here.occupancy.faultWith('x')).toBeDefined();
      await expect(here.siblings.disconnect({ ...ORDER, user: 'ann' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect([codes, here.reported.length]).toEqual([[[4403], []], 1]);
      expect([here.send('ann', 100), there.send('ann', 100)]).toEqual([8, 8]);
      await all.interruption!.restore();
      await until(all, () => there.occupancy.faultWith('x'), 'that it is known again');
    },
  },
];
