/** The suite of engines notices faults: each engine here breaks the contract in one way, and one promise at least says so. */

import { afterEach, expect, it, vi } from 'vitest';
import type { Engine, Page, Presence, PublishRequest, ReadRequest, Subscriber } from '../../src/engines/engine.ts';
import type { MemoryEngine } from '../../src/engines/memory.ts';
import type { Position } from '../../src/realtime-protocol/index.ts';
import { MAX_COUNT, type MakeEngines, PROMISES } from './engine-suite.ts';
import { type InterruptibleEngine, interruptible } from './interruptible.ts';
import { inVirtualTime, KEY_WINDOW_MS, shared } from './virtual-time.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** The first promise that is not kept. */
async function findBroken(makeEngines: MakeEngines): Promise<string | undefined> {
  for (const { name, needs, check } of PROMISES) {
    const all = await makeEngines(MAX_COUNT);
    try {
      if (needs === undefined || all[needs] !== undefined) await check(all);
    } catch {
      return name;
    } finally {
      await all.end();
    }
  }
  return undefined;
}

/** An engine with some of its methods in place of another's. */
function instead(engine: Engine, methods: Partial<Engine>): Engine {
  return {
    subscribe: (...args) => engine.subscribe(...args),
    publish: (request) => engine.publish(request),
    read: (request) => engine.read(request),
    setPresence: (...args) => engine.setPresence(...args),
    members: (channel) => engine.members(channel),
    status: () => engine.status(),
    close: () => engine.close(),
    ...methods,
  };
}

const tellsWrong = (change: (subscriber: Subscriber) => Partial<Subscriber>) => (engine: Engine) =>
  instead(engine, {
    subscribe(channel, retention, subscriber) {
      const right: Subscriber = {
        entry: (entry) => subscriber.entry(entry),
        presence: (presence) => subscriber.presence(presence),
        state: (state) => subscriber.state(state),
      };
      return engine.subscribe(channel, retention, { ...right, ...change(subscriber) });
    },
  });
const readsWrong = (change: (page: Page, request: ReadRequest) => Partial<Page>) => (engine: Engine) =>
  instead(engine, {
    async read(request) {
      const page = await engine.read(request);
      return { ...page, ...change(page, request) };
    },
  });
const asksWrong = (change: Partial<ReadRequest>) => (engine: Engine) =>
  instead(engine, { read: (request) => engine.read({ ...request, ...change }) });
const publishesWrong = (change: (request: PublishRequest) => Partial<PublishRequest>) => (engine: Engine) =>
  instead(engine, { publish: (request) => engine.publish({ ...request, ...change(request) }) });
const keeps = (bound: 'messages' | 'bytes' | 'ageMs') => (engine: Engine) =>
  instead(engine, {
    publish: (request) =>
      engine.publish({ ...request, retention: request.retention && { ...request.retention, [bound]: Infinity } }),
    read: (request) => engine.read({ ...request, retention: { ...request.retention, [bound]: Infinity } }),
  });

/** One entry is put off behind the next one. */
function swapped(subscriber: Subscriber): Partial<Subscriber> {
  let told = 0;
  let late: Parameters<Subscriber['entry']>[0] | undefined;
  return {
    entry(entry) {
      told++;
      if (told % 5 === 3) {
        late = entry;
        return;
      }
      subscriber.entry(entry);
      if (late !== undefined) subscriber.entry(late);
      late = undefined;
    },
  };
}

function counting(subscriber: Subscriber, isTold: (count: number) => number): Partial<Subscriber> {
  let count = 0;
  return {
    entry(entry) {
      count++;
      for (let times = isTold(count); times > 0; times--) subscriber.entry(entry);
    },
  };
}

/** What a process sets is known in that process only. */
function ownPresence(engine: Engine): Engine {
  const own = new Map<string, Presence>();
  return instead(engine, {
    async setPresence(channel, presence) {
      await engine.setPresence(channel, presence);
      if (presence.connections === 0) own.delete(presence.user);
      else own.set(presence.user, presence);
    },
    members: async () => [...own.values()],
  });
}

const FAULTS: readonly [fault: string, make: (engine: MemoryEngine) => Engine][] = [
  ['an entry is not told', tellsWrong((subscriber) => counting(subscriber, (count) => (count === 4 ? 0 : 1)))],
  ['an entry is told twice', tellsWrong((subscriber) => counting(subscriber, (count) => (count === 4 ? 2 : 1)))],
  ['two entries change places', tellsWrong(swapped)],
  [
    'a position is one too low',
    tellsWrong((subscriber) => ({
      entry: ({ data, position }) =>
        subscriber.entry({ data, position: position && { ...position, offset: position.offset - 1 } }),
    })),
  ],
  [
    'nobody hears who goes',
    tellsWrong((subscriber) => ({ presence: (p) => p.connections > 0 && subscriber.presence(p) })),
  ],
  [
    'who comes is told twice',
    tellsWrong((subscriber) => ({
      presence(change) {
        subscriber.presence(change);
        subscriber.presence(change);
      },
    })),
  ],
  [
    'subscribe resolves too early',
    (engine) =>
      instead(engine, {
        async subscribe(...args) {
          const soon = Promise.resolve().then(() => engine.subscribe(...args));
          return { close: () => void soon.then((subscription) => subscription.close()) };
        },
      }),
  ],
  [
    'subscriptions cannot be closed',
    (engine) =>
      instead(engine, {
        async subscribe(...args) {
          await engine.subscribe(...args);
          return { close() {} };
        },
      }),
  ],
  ['keys are not looked at', publishesWrong(() => ({ key: undefined }))],
  ['keys are those of all channels', publishesWrong(({ key, channel }) => (key ? { channel: `${channel[0]}` } : {}))],
  ['names are folded', publishesWrong(({ channel }) => ({ channel: channel.toLowerCase() }))],
  [
    'all channels have a log',
    publishesWrong(({ retention }) => ({ retention: retention ?? { messages: 9, bytes: 999, ageMs: 9 } })),
  ],
  [
    'a repeat is told apart by nothing',
    (engine) =>
      instead(engine, { publish: async (request) => ({ ...(await engine.publish(request)), isRepeat: false }) }),
  ],
  ['too many are kept', keeps('messages')],
  ['too long ones are kept', keeps('bytes')],
  ['too old ones are kept', keeps('ageMs')],
  ['gaps are not told', readsWrong(() => ({ isGap: false }))],
  ['the next entry is jumped over', readsWrong(({ data }, { after }) => (after ? { data: data.slice(1) } : {}))],
  ['the head is that of the page', readsWrong(({ from, data }) => ({ head: from.offset + data.length }))],
  ['a gap begins where the reader stood', readsWrong((page, { after }) => (page.isGap ? { from: after! } : {}))],
  [
    'every read has another epoch',
    readsWrong(({ from }) => ({ from: { ...from, epoch: `${from.epoch}${Math.random()}` } })),
  ],
  ['pages are as long as they like', asksWrong({ maxEntries: 1000 })],
  ['pages have as many bytes as they like', asksWrong({ maxBytes: 1000 })],
  [
    'one entry more than asked',
    (engine) => instead(engine, { read: (r) => engine.read({ ...r, last: (r.last ?? 0) + 1 }) }),
  ],
  ['presence is that of one process', ownPresence],
  ['close does nothing', (engine) => instead(engine, { close: async () => {} })],
];

it.each(FAULTS)('%s', async (_fault, make) => {
  const broken = await findBroken(async (count) => inVirtualTime(shared(count).map(make)));
  expect(broken).toBeDefined();
});

type Process = InterruptibleEngine;
const FAULTS_OF_ABSENCE: readonly [fault: string, make: (engine: Process) => Engine][] = [
  ['nobody is told that it is away', tellsWrong(() => ({ state() {} }))],
  [
    'what was rejected is done later',
    (engine) =>
      instead(engine, {
        publish: (request) =>
          engine.publish(request).catch((error) => {
            const again = setInterval(() => {
              engine.publish(request).then(
                () => clearInterval(again),
                () => {},
              );
            }, 1);
            throw error;
          }),
      }),
  ],
  [
    'what is asked waits until it is back',
    (engine) =>
      instead(engine, {
        read: (request) =>
          engine.read(request).catch((error) => {
            if (error.code !== 'UNAVAILABLE') throw error;
            return new Promise<Page>(() => {});
          }),
      }),
  ],
  [
    'who goes while it is away stays',
    (engine) =>
      instead(engine, {
        async setPresence(channel, presence) {
          if (engine.status().state === 'live') await engine.setPresence(channel, presence);
        },
      }),
  ],
  [
    'channels without history stand still',
    (engine) =>
      instead(engine, {
        async publish(request) {
          if (engine.status().state === 'stale') await engine.read({ ...request, retention: undefined! } as never);
          return engine.publish(request);
        },
      }),
  ],
  [
    'logs that were lost have the old epoch',
    (engine) => {
      const old = <P extends Position | undefined>(position: P): P => position && { ...position, epoch: 'e' };
      return instead(engine, {
        subscribe: (channel, retention, subscriber) =>
          engine.subscribe(channel, retention, {
            entry: ({ data, position }) => subscriber.entry({ data, position: old(position) }),
            presence: (change) => subscriber.presence(change),
            state: (state) => subscriber.state(state),
          }),
        async publish(request) {
          const { position, isRepeat } = await engine.publish(request);
          return { position: old(position), isRepeat };
        },
        async read(request) {
          const { from } = await engine.read({ ...request, after: undefined });
          const after = request.after?.epoch === 'e' ? { ...request.after, epoch: from.epoch } : request.after;
          const page = await engine.read({ ...request, after });
          return { ...page, from: old(page.from) };
        },
      });
    },
  ],
];

it.each(FAULTS_OF_ABSENCE)('%s', async (_fault, make) => {
  const broken = await findBroken(async (count) => {
    const { engines, ...interruption } = interruptible(count, { keyWindowMs: KEY_WINDOW_MS });
    return inVirtualTime(engines.map(make), { interruption });
  });
  expect(broken).toBeDefined();
});
