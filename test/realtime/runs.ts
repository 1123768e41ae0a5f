/** Runs of things that happen in a small world, and what every handle on a channel has to be told in all of them. */

import fc from 'fast-check';
import { expect } from 'vitest';
import { type Channel, defineProtocol, type Live, type Message, type Position } from '../../src/live/index.ts';
import type { StandardSchemaV1 } from '../../src/realtime-protocol/index.ts';
import { type Delays, World, type WorldOptions } from './world.ts';

interface Item {
  /** Nobody else has it. */
  readonly n: number;
  readonly k: string;
  readonly pad: string;
}

const item: StandardSchemaV1<Item> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Item }) },
};
const nothing: StandardSchemaV1<null> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ value: null }) },
};
const MESSAGES = 6;
const CLIENTS = 2;
const SERVERS = 2;
const CHANNELS = ['log', 'plain', 'latest'] as const;
export const protocol = defineProtocol({
  channels: {
    log: { message: item, member: nothing, history: { messages: MESSAGES } },
    plain: { message: item },
    latest: { message: item, latestBy: 'k' },
  },
});

// ---- What can happen ------------------------------------------------------------------------------------------------

const client = fc.nat({ max: CLIENTS - 1 });
const server = fc.nat({ max: SERVERS - 1 });
const channel = fc.constantFrom('log', 'log', 'log', 'plain', 'plain', 'latest');
const step = <Type extends string, Fields extends object>(
  weight: number,
  type: Type,
  fields: { readonly [N in keyof Fields]: fc.Arbitrary<Fields[N]> },
): fc.WeightedArbitrary<{ readonly type: Type } & Fields> => ({
  weight,
  arbitrary: fc.record(fields).map((values) => ({ type, ...(values as Fields) })),
});

const anyStep = fc.oneof(
  step(6, 'wait', { ms: fc.constantFrom(1, 2, 5, 20, 100, 2000) }),
  step(5, 'publish', { server, channel, count: fc.constantFrom(1, 1, 1, 2, 3, 8), isLong: fc.boolean() }),
  step(2, 'say', { client, channel }),
  step(4, 'join', { client, channel, last: fc.nat({ max: 4 }) }),
  step(1, 'leave', { client, channel }),
  step(3, 'cut', { client, serverAfterMs: fc.constantFrom(0, 5, 3000), isSilent: fc.constantFrom(false, false, true) }),
  step(2, 'stop reading', { client }),
  step(2, 'read', { client }),
  step(1, 'kill', { server, isReplaced: fc.boolean() }),
  step(1, 'start', { server }),
  step(1, 'cut the logs', {}),
  step(1, 'restore the logs', { areLost: fc.boolean() }),
);
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;

export interface Story {
  readonly delays: Delays;
  /** All clients are in all channels when it begins. */
  readonly isJoined: boolean;
  /** Of what chance decides. Without it all goes well, and takes as long each time. */
  readonly seed?: number | undefined;
  readonly steps: readonly Step[];
}

const delay = fc.constantFrom(0, 0, 1, 3, 10);

export const anyStory: fc.Arbitrary<Story> = fc.record({
  delays: fc.record({ network: delay, engine: delay, telling: delay }),
  isJoined: fc.boolean(),
  seed: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.integer() }),
  steps: fc.array(anyStep, { maxLength: 50, size: 'max' }),
});

// ---- What has to be so ----------------------------------------------------------------------------------------------

/** One handle, and all that it has been told. */
class Reader {
  readonly name: string;
  readonly handle: Channel;
  readonly #world: World;
  /** Behind this, the next message has to come: where there is history a position, else the newest message's number. */
  #at: Position | undefined;
  #index = -1;
  #mayMiss = true;
  readonly faults: string[] = [];
  received = 0;
  readonly #seen = new Set<number>();

  constructor(name: string, handle: Channel, world: World) {
    this.name = name;
    this.handle = handle;
    this.#world = world;
    this.#at = handle.position;
    handle.on('message', (message) => this.#take(message as Message<Item>));
    handle.on('gap', (position) => this.#gap(position));
    handle.on('state', (state) => {
      if (state === 'live') this.#at ??= handle.position;
    });
    handle.on('error', (error) => this.faults.push(`${this.name}: ${error.code}: ${error.message}`));
  }

  #take({ data, position, isAfterGap }: Message<Item>): void {
    this.received++;
    const hasCome = this.#seen.has(data.n);
    this.#seen.add(data.n);
    const is = `message ${data.n} at ${show(position)}`;
    if (this.handle.name === 'log') {
      const at = this.#at;
      if (position === undefined || at === undefined) this.#fault(`${is} behind ${show(at)}`);
      else if (position.epoch !== at.epoch || position.offset !== at.offset + 1)
        this.#fault(`${is} behind ${show(at)}`);
      else if (this.#entry(position)?.n !== data.n) this.#fault(`${is}, where the log has ${this.#entry(position)?.n}`);
      if (isAfterGap !== this.#mayMiss && this.received > 1) this.#fault(`${is} says isAfterGap: ${isAfterGap}`);
      this.#at = position;
    } else {
      const index = this.#texts('').findIndex(({ n }) => n === data.n);
      // While the engine is away, only those of one process hear it.
      if (index < 0 && !hasCome) return;
      if (index <= this.#index) this.#fault(`${is} again or too late`);
      else if (index > this.#index + 1 && !this.#mayMiss) this.#fault(`${is} with others missing before it`);
      this.#index = index;
    }
    this.#mayMiss = false;
  }

  #gap(position: Position | undefined): void {
    const at = this.#at;
    this.#mayMiss = true;
    if (this.handle.name !== 'log') return;
    if (position === undefined) this.#fault('a gap without a position');
    else if (at !== undefined && at.epoch === position.epoch) {
      if (position.offset <= at.offset) this.#fault(`a gap from ${show(at)} back to ${show(position)}`);
      else if (at.offset + 1 > this.#texts(at.epoch).length - MESSAGES) {
        this.#fault(`a gap from ${show(at)} to ${show(position)}, though the log has it all`);
      }
    }
    this.#at = position;
  }

  /** Once all is well again, and nothing more is published. */
  end(): void {
    if (this.handle.state === 'left') return;
    if (this.handle.state !== 'live') this.#fault(`is ${this.handle.state} in the end`);
    const epochs = [...this.#world.logs.get(this.handle.name)!.entries()];
    const [epoch, texts] = epochs.at(-1)!;
    if (this.handle.name !== 'log') {
      if (this.#index !== texts.length - 1) this.#fault(`has ${this.#index} of ${texts.length - 1} in the end`);
    } else if (this.#at?.epoch !== epoch || this.#at.offset !== texts.length) {
      this.#fault(`is at ${show(this.#at)} in the end, and not at ${epoch}:${texts.length}`);
    }
  }

  #fault(what: string): void {
    this.faults.push(`${this.name}: ${what}`);
  }

  #texts(epoch: string): Item[] {
    return (this.#world.logs.get(this.handle.name)!.get(epoch) ?? []).map((text) => JSON.parse(text) as Item);
  }

  #entry({ epoch, offset }: Position): Item | undefined {
    return this.#texts(epoch)[offset - 1];
  }
}

function show(position: Position | undefined): string {
  return position === undefined ? 'none' : `${position.epoch}:${position.offset}`;
}

const PROLOGUE: readonly Step[] = [
  ...CHANNELS.flatMap((channel) => [0, 1].map((client): Step => ({ type: 'join', client, channel, last: 0 }))),
  { type: 'wait', ms: 100 },
];

export class Run {
  readonly #world: World;
  readonly #steps: readonly Step[];
  readonly #lives: Live<typeof protocol>[] = [];
  readonly #readers: Reader[][] = [];
  readonly #all: Reader[] = [];
  readonly #faults: string[] = [];
  #isReading: boolean[] = [];
  #n = 0;

  constructor({ delays, seed, isJoined, steps }: Story, faulty: Partial<WorldOptions> = {}) {
    this.#world = new World({ protocol, delays, seed, servers: SERVERS, queueBytes: 1200, ...faulty }, CHANNELS);
    this.#steps = isJoined ? [...PROLOGUE, ...steps] : steps;
    for (let i = 0; i < CLIENTS; i++) {
      this.#lives.push(this.#world.connect(`client ${i}`, i) as never);
      this.#readers.push([]);
      this.#isReading.push(true);
    }
  }

  /** @returns what must not be, and was */
  async go(): Promise<string[]> {
    for (const happening of this.#steps) await this.#do(happening);
    await this.#comeToRest();
    this.#compareMembers();
    for (const reader of this.#all) {
      reader.end();
      this.#faults.push(...reader.faults);
    }
    for (const [name, epochs] of this.#world.logs) {
      for (const texts of epochs.values()) {
        const numbers = texts.map((text) => (JSON.parse(text) as Item).n);
        if (new Set(numbers).size < numbers.length) this.#faults.push(`${name} has something twice: ${numbers}`);
      }
    }
    for (const live of this.#lives) live.close();
    await Promise.all(this.#world.servers.map((process) => process.kill()));
    return [...this.#faults, ...this.#world.reports];
  }

  /** Each knows all who are in the log, and nobody else. */
  #compareMembers(): void {
    const isIn = this.#readers.map((readers) => readers.some(({ handle }) => handle.name === 'log'));
    const users = this.#lives.filter((_, i) => isIn[i]).map(({ user }) => user);
    const wanted = JSON.stringify(users.sort());
    for (const { name, handle } of this.#readers.flat()) {
      if (handle.name !== 'log') continue;
      const found = JSON.stringify(handle.members.map(({ user }) => user).sort());
      if (found !== wanted) this.#faults.push(`${name} knows the members ${found}, and not ${wanted}`);
    }
  }

  async #do(happening: Step): Promise<void> {
    const world = this.#world;
    switch (happening.type) {
      case 'wait':
        return world.wait(happening.ms);
      case 'publish':
        for (let i = 0; i < happening.count; i++) this.#publish(happening.server, happening.channel, happening.isLong);
        return;
      case 'say':
        return this.#say(happening);
      case 'join':
        return this.#join(happening);
      case 'leave': {
        const readers = this.#readers[happening.client]!;
        const i = readers.findIndex(({ handle }) => handle.name === happening.channel);
        if (i >= 0) readers.splice(i, 1)[0]!.handle.leave();
        return;
      }
      case 'cut': {
        const { client, serverAfterMs, isSilent } = happening;
        const connection = world.connectionOf(`client ${client}`);
        connection?.break({ serverAfterMs, ...(!isSilent && { clientAfterMs: 0 }) });
        return;
      }
      case 'stop reading':
      case 'read':
        return this.#read(happening.client, happening.type === 'read');
      case 'kill':
        if (world.servers[happening.server]!.isUp) await world.servers[happening.server]!.kill();
        if (happening.isReplaced) world.start(happening.server);
        return;
      case 'start':
        if (!world.servers[happening.server]!.isUp) world.start(happening.server);
        return;
      case 'cut the logs':
        return world.cutLogs();
      case 'restore the logs':
        return world.restoreLogs(happening.areLost);
    }
  }

  #item(isLong: boolean): Item {
    const n = this.#n++;
    return { n, k: n % 2 === 0 ? 'even' : 'odd', pad: isLong ? 'x'.repeat(80) : '' };
  }

  #publish(i: number, channel: string, isLong: boolean): void {
    const process = this.#world.servers[i]!;
    // Without history it would be told in its own process only.
    if (!process.isUp || (channel !== 'log' && this.#world.isAway)) return;
    process
      .publish(channel, this.#item(isLong))
      .catch((error: unknown) => this.#expectCode(error, 'UNAVAILABLE', 'CLOSED'));
  }

  #say({ client, channel }: { client: number; channel: string }): void {
    if (channel !== 'log') return;
    const message = this.#item(false);
    this.#lives[client]!.publish('log', message).then(
      (position) => {
        const text = this.#world.logs.get('log')!.get(position!.epoch)?.[position!.offset - 1];
        if (text !== JSON.stringify(message)) this.#faults.push(`message ${message.n} is not at ${show(position)}`);
      },
      (error: unknown) => this.#expectCode(error, 'UNAVAILABLE', 'TIMEOUT'),
    );
  }

  #expectCode(error: unknown, ...codes: string[]): void {
    const { code } = error as { code?: string };
    if (!codes.includes(String(code))) this.#faults.push(`an error with ${code}: ${error}`);
  }

  #join({ client, channel, last }: { client: number; channel: string; last: number }): void {
    const readers = this.#readers[client]!;
    const count = readers.filter(({ handle }) => handle.name === channel).length;
    if (count === 2) return;
    const handle = this.#lives[client]!.join(channel as 'log', { last, members: channel === 'log' });
    const reader = new Reader(
      `reader ${this.#all.length} of client ${client} in ${channel}`,
      handle as never,
      this.#world,
    );
    readers.push(reader);
    this.#all.push(reader);
  }

  #read(i: number, is: boolean): void {
    this.#isReading[i] = is;
    const connection = this.#world.connectionOf(`client ${i}`);
    if (connection !== undefined) connection.isClientReading = is;
  }

  /** All comes back, and something is said everywhere. */
  async #comeToRest(): Promise<void> {
    const world = this.#world;
    if (world.chance !== undefined) world.chance.failures = 0;
    await world.restoreLogs(false);
    for (let i = 0; i < SERVERS; i++) if (!world.servers[i]!.isUp) world.start(i);
    for (let i = 0; i < CLIENTS; i++) this.#read(i, true);
    // A silent loss is noticed by its silence.
    for (let i = 0; i < 3 || this.#lives.some(({ state }) => state !== 'open'); i++) {
      if (i === 20) throw new Error('a client never comes back');
      await world.wait(20_000);
    }
    for (const channel of CHANNELS) this.#publish(0, channel, false);
    await world.wait(20_000);
  }
}

/** @throws when something was not as it has to be */
export async function play(story: Story, faulty?: Partial<WorldOptions>): Promise<void> {
  expect(await new Run(story, faulty).go()).toEqual([]);
}
