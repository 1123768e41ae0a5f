/**
 * Hub and client together, in virtual time: whatever happens, each handle is told every entry once, in order, or a gap where some
 * are missing. FRAMEWRIGHT_STORIES makes it play more of them.
 */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine, Page, ReadRequest } from '../../src/engines/engine.ts';
import type { ServerMessage } from '../../src/realtime-protocol/wire.ts';
import { anyStory, play, type Story } from './runs.ts';
import type { WorldOptions } from './world.ts';

const STORIES = Number(process.env.FRAMEWRIGHT_STORIES ?? 100);

/** What brought faults to light. */
const FOUND: [Story][] = [
  [
    // An entry of the log that was lost comes after its end has been read.
    {
      delays: { network: 0, engine: 0, telling: 10 },
      isJoined: false,
      steps: [
        { type: 'join', client: 0, channel: 'log', last: 0 },
        { type: 'wait', ms: 2000 },
        { type: 'publish', server: 0, channel: 'log', count: 1, isLong: false },
        { type: 'cut the logs' },
        { type: 'restore the logs', areLost: true },
        { type: 'join', client: 0, channel: 'log', last: 1 },
      ],
    },
  ],
  [
    // A handle is made while the log is away.
    {
      delays: { network: 0, engine: 0, telling: 0 },
      isJoined: false,
      steps: [
        { type: 'join', client: 0, channel: 'log', last: 0 },
        { type: 'wait', ms: 100 },
        { type: 'join', client: 0, channel: 'log', last: 1 },
        { type: 'cut the logs' },
      ],
    },
  ],
];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('every entry once, in order, or a gap', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, (story) => play(story)),
    { numRuns: STORIES, examples: FOUND },
  );
}, 1e9);

describe('faults that are noticed', () => {
  type Change<Type> = (message: Extract<ServerMessage, { type: Type }>) => readonly ServerMessage[];
  const messages = <Type extends ServerMessage['type']>(type: Type, change: Change<Type>): Partial<WorldOptions> => ({
    breakMessage: (message) => (message.type === type ? change(message as never) : [message]),
  });
  const reads = (change: (page: Page, request: ReadRequest) => Partial<Page>): Partial<WorldOptions> => ({
    breakEngine: (engine: Engine) => ({
      subscribe: (...args) => engine.subscribe(...args),
      publish: (request) => engine.publish(request),
      setPresence: (...args) => engine.setPresence(...args),
      members: (name) => engine.members(name),
      status: () => engine.status(),
      close: () => engine.close(),
      async read(request) {
        const page = await engine.read(request);
        return { ...page, ...change(page, request) };
      },
    }),
  });
  const faults: [fault: string, faulty: Partial<WorldOptions>][] = [
    ['frames of one entry are lost', messages('entries', (m) => (m.data.length === 1 ? [] : [m]))],
    ['frames come twice', messages('entries', (m) => [m, m])],
    ['entries change places', messages('entries', (m) => [{ ...m, data: [...m.data].reverse() }])],
    ['gaps are not told', messages('gap', () => [])],
    ['joins say too much', messages('joined', ({ offset, ...m }) => [{ ...m, offset: offset && offset + 1 }])],
    ['reading again leaves one out', reads(({ data }, { after }) => ({ data: after ? data.slice(1) : data }))],
    [
      'reading again gives one twice',
      reads(({ data }, { after }) => ({ data: after && data.length > 0 ? [data[0]!, ...data] : data })),
    ],
    ['the engine knows no gap', reads(({ from }, { after }) => ({ isGap: false, from: after ?? from }))],
  ];

  const delays = { network: 1, engine: 0, telling: 0 };
  const wait = { type: 'wait', ms: 100 } as const;
  const join = (channel: 'log' | 'plain') => ({ type: 'join', client: 0, channel, last: 0 }) as const;
  const publish = (channel: 'log' | 'plain', count: 1 | 2 | 8) =>
    ({ type: 'publish', server: 0, channel, count, isLong: true }) as const;
  const cut = { type: 'cut', client: 0, serverAfterMs: 0, isSilent: false } as const;
  const read = (type: 'read' | 'stop reading') => ({ type, client: 0 }) as const;
  const cutAndMiss = (missed: 2 | 8): Story['steps'] => [
    ...[join('log'), wait, publish('log', 1), wait, publish('log', 2), wait],
    ...[cut, publish('log', missed), wait, wait, publish('log', 1), wait],
  ];
  /** Where most of them come to light. */
  const examples = [
    cutAndMiss(2),
    cutAndMiss(8),
    [
      ...[join('plain'), wait, publish('plain', 1), wait, read('stop reading')],
      ...[publish('plain', 8), wait, publish('plain', 8), wait, read('read'), wait, publish('plain', 1)],
    ],
  ].map((steps): [Story] => [{ delays, isJoined: false, steps }]);

  it.each(faults)('%s', async (_fault, faulty) => {
    const { failed } = await fc.check(
      fc.asyncProperty(anyStory, (story) => play(story, faulty)),
      { numRuns: 300, endOnFailure: true, examples },
    );
    expect(failed).toBe(true);
  });
});
