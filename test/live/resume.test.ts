/** Memberships over losses, several handles on one, and what is told of gaps: message by message, against a server that a test plays. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Channel, connect, type JoinOptions, type Live } from '../../src/live/index.ts';
import { FakeSocket, settle } from './fakes.ts';

let live: Live;
beforeEach(async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  FakeSocket.all.length = 0;
  live = connect('ws://host/live', { WebSocket: FakeSocket, fallback: false });
  await settle();
});
afterEach(() => {
  live.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What a handle is told, in words. */
function watch(room: Channel): string[] {
  const told: string[] = [];
  room.on('message', ({ data, position, isAfterGap }) =>
    told.push(`${position?.offset ?? '-'} ${data}${isAfterGap ? ' after a gap' : ''}`),
  );
  room.on('gap', (position) => told.push(position ? `gap ${position.epoch}:${position.offset}` : 'gap'));
  return told;
}

const socket = () => FakeSocket.last;
const take = async () => {
  await settle();
  return socket().take();
};
/** The `join` that has come, answered from a position on. */
async function answer(epoch?: string, offset?: number): Promise<object> {
  const { id, type, ...join } = (await take()).at(-1)!;
  expect(type).toBe('join');
  socket().tell({ type: 'joined', id, channel: join.channel, epoch, offset });
  return join;
}
const entries = (offset: number | undefined, ...data: string[]) =>
  socket().tell({ type: 'entries', channel: 'a', offset, data });

async function reconnect(): Promise<void> {
  socket().end();
  await settle();
  socket().welcome();
}

it('a listener that comes late gets what waits before what comes', async () => {
  socket().welcome();
  const room = live.join('a' as never);
  await answer('e', 0);
  entries(1, 'a', 'b');
  const told: unknown[] = [];
  const off = room.on('message', () => {});
  off();
  await settle();
  room.on('message', ({ data }) => told.push(data));
  entries(3, 'c');
  await settle();
  entries(4, 'd');
  expect(told).toEqual(['a', 'b', 'c', 'd']);
});

describe('a membership', () => {
  it.each<[JoinOptions | undefined, object]>([
    [undefined, { channel: 'a' }],
    [{ last: 0 }, { channel: 'a' }],
    [
      { last: 50, members: true },
      { channel: 'a', last: 50, members: true },
    ],
    [
      { after: { epoch: 'e', offset: 7 }, last: 50 },
      { channel: 'a', epoch: 'e', offset: 7 },
    ],
  ])('starts as asked: %o', async (options, join) => {
    socket().welcome();
    const room = live.join('a', options);
    expect(room.state).toBe('joining');
    expect(await answer('e', 7)).toEqual(join);
    expect(room).toMatchObject({ state: 'live', position: { epoch: 'e', offset: 7 } });
  });

  it('that was joined before the connection was open is joined then', async () => {
    const room = live.join('a', { last: 2 });
    expect(room.state).toBe('joining');
    socket().welcome();
    expect(await answer('e', 1)).toEqual({ channel: 'a', last: 2 });
  });

  it('goes on behind the newest message after each loss, and tells each once', async () => {
    const room = live.join('a', { last: 2 });
    const told = watch(room);
    const states: string[] = [];
    room.on('state', (state) => states.push(state));
    socket().welcome();
    await answer('e', 1);
    entries(2, 'two', 'three');
    await reconnect();
    await reconnect();
    expect(await answer('e', 3)).toEqual({ channel: 'a', epoch: 'e', offset: 3 });
    entries(4, 'four');
    expect(told).toEqual(['2 two', '3 three', '4 four']);
    expect(room.position).toEqual({ epoch: 'e', offset: 4 });
    expect(states).toEqual(['live', 'offline', 'joining', 'offline', 'joining', 'live']);
  });

  it('asks the same again when the answer was lost', async () => {
    const told = watch(live.join('a', { last: 2 }));
    socket().welcome();
    await take();
    await reconnect();
    expect(await answer('e', 5)).toEqual({ channel: 'a', last: 2 });
    expect(told).toEqual([]);
  });

  it.each<[string, epoch: string | undefined, offset: number | undefined, gap: string]>([
    ['what followed is gone', 'e', 9, 'gap e:9'],
    ['another log', 'f', 1, 'gap f:1'],
    ['a log that has lost its end', 'e', 1, 'gap e:1'],
    ['no history', undefined, undefined, 'gap'],
  ])('tells a gap: %s', async (_, epoch, offset, gap) => {
    const room = live.join('a');
    const told = watch(room);
    socket().welcome();
    await answer('e', 2);
    entries(3, 'three');
    await reconnect();
    await answer(epoch, offset);
    entries(offset && offset + 1, 'next', 'after next');
    expect(told.slice(0, 2)).toEqual(['3 three', gap]);
    expect(told.slice(2)).toEqual([
      `${offset ? offset + 1 : '-'} next after a gap`,
      `${offset ? offset + 2 : '-'} after next`,
    ]);
    expect(room.position).toEqual(epoch && { epoch, offset: offset! + 2 });
  });

  it('tells the gap that the server tells, once', async () => {
    const told = watch(live.join('a'));
    socket().welcome();
    await answer('e', 2);
    socket().tell({ type: 'gap', channel: 'a', epoch: 'e', offset: 5 });
    entries(6, 'six');
    await reconnect();
    await answer('f', 3);
    socket().tell({ type: 'gap', channel: 'a', epoch: 'f', offset: 3 });
    entries(4, 'four');
    expect(told).toEqual(['gap e:5', '6 six after a gap', 'gap f:3', '4 four after a gap']);
  });

  it('has a gap after each loss without history, and none in the beginning', async () => {
    const told = watch(live.join('a'));
    socket().welcome();
    await answer();
    entries(undefined, 'x');
    await reconnect();
    await answer();
    socket().tell({ type: 'gap', channel: 'a' });
    entries(undefined, 'y');
    expect(told).toEqual(['- x', 'gap', 'gap', '- y after a gap']);
  });

  it('drops what it has had, and takes a hole that nobody spoke of for a gap', async () => {
    const told = watch(live.join('a'));
    socket().welcome();
    await answer('e', 0);
    entries(1, 'one', 'two');
    entries(2, 'two', 'three');
    entries(7, 'seven');
    expect(told).toEqual(['1 one', '2 two', '3 three', 'gap e:6', '7 seven after a gap']);
  });

  it('knows when the log is away', async () => {
    const room = live.join('a');
    socket().welcome();
    await answer('e', 0);
    socket().tell({ type: 'state', channel: 'a', state: 'stale' });
    expect(room.state).toBe('stale');
    socket().tell({ type: 'state', channel: 'a', state: 'live' });
    expect(room.state).toBe('live');
  });

  it.each(['error', 'left'])('ends with the reason that the server gives: %s', async (type) => {
    const room = live.join('a');
    const errors: unknown[] = [];
    room.on('error', (error) => errors.push(error));
    socket().welcome();
    const [join] = await take();
    if (type === 'left') socket().tell({ type: 'joined', id: join!.id, channel: 'a', epoch: 'e', offset: 0 });
    entries(1, 'one');
    socket().tell({ type, id: join!.id, channel: 'a', code: 'NOT_ALLOWED', message: 'not you' });
    expect(room).toMatchObject({ state: 'left', error: { code: 'NOT_ALLOWED', message: 'not you' } });
    expect(errors).toEqual([room.error]);
    const read = async () => {
      const texts: unknown[] = [];
      for await (const { data } of room) texts.push(data);
      return texts;
    };
    await expect(read()).rejects.toBe(room.error);
    // It is over: another one begins anew, and a loss does not bring it back.
    await reconnect();
    expect(await take()).toEqual([]);
    live.join('a');
    expect(await take()).toMatchObject([{ type: 'join', channel: 'a' }]);
  });

  it('is not asked for when the connection is lost before it is tried again', async () => {
    vi.mocked(Math.random).mockReturnValue(1);
    live.join('a');
    socket().welcome();
    const [join] = await take();
    socket().tell({ type: 'error', id: join!.id, code: 'UNAVAILABLE', message: 'later' });
    socket().end();
    await vi.advanceTimersByTimeAsync(500);
    socket().welcome();
    expect(await take()).toMatchObject([{ type: 'join', channel: 'a' }]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await take()).toEqual([]);
  });

  it.each(['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'])('is tried again when it failed with %s', async (code) => {
    const room = live.join('a', { last: 3 });
    socket().welcome();
    const [join] = await take();
    socket().tell({ type: 'error', id: join!.id, code, message: 'later' });
    expect(room.state).toBe('stale');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await answer('e', 0)).toEqual({ channel: 'a', last: 3 });
    expect(room.state).toBe('live');
  });
});

describe('handles', () => {
  it('leave with the last one', async () => {
    const one = live.join('a');
    const two = live.join('a');
    socket().welcome();
    await answer('e', 0);
    one.leave();
    expect(await take()).toEqual([]);
    expect(one.state).toBe('left');
    two.leave();
    two.leave();
    expect(await take()).toEqual([{ type: 'leave', id: expect.any(Number), channel: 'a' }]);
  });

  it('share one membership, and what is there already needs no other join', async () => {
    const one = live.join('a');
    const toldOne = watch(one);
    socket().welcome();
    await answer('e', 4);
    const two = live.join('a');
    const toldTwo = watch(two);
    expect(await take()).toEqual([]);
    expect(two).toMatchObject({ state: 'live', position: { epoch: 'e', offset: 4 } });
    entries(5, 'five');
    expect([toldOne, toldTwo]).toEqual([['5 five'], ['5 five']]);
  });

  it('each get what they have not had: the second one joins again from an older position', async () => {
    const toldOne = watch(live.join('a'));
    socket().welcome();
    await answer('e', 4);
    entries(5, 'five');
    const two = live.join('a', { last: 3 });
    const toldTwo = watch(two);
    expect(two.state).toBe('joining');
    // For the one that is there, what comes comes on.
    entries(6, 'six');
    expect(await answer('e', 2)).toEqual({ channel: 'a', epoch: 'e', offset: 2 });
    entries(3, 'three', 'four', 'five', 'six', 'seven');
    expect(toldOne).toEqual(['5 five', '6 six', '7 seven']);
    expect(toldTwo).toEqual(['3 three', '4 four', '5 five', '6 six', '7 seven']);
  });

  it('that want different beginnings in one turn get theirs', async () => {
    const told = [{ last: 1 }, { last: 3 }, {}].map((options) => watch(live.join('a', options)));
    socket().welcome();
    expect(await answer('e', 2)).toEqual({ channel: 'a', last: 3 });
    entries(3, 'three', 'four', 'five');
    expect(told[1]).toEqual(['3 three', '4 four', '5 five']);
  });

  it('may want more than there ever was', async () => {
    live.join('a');
    socket().welcome();
    await answer('e', 2);
    live.join('a', { last: 50 });
    expect(await answer('e', 0)).toEqual({ channel: 'a', epoch: 'e', offset: 0 });
  });

  it('begin with the answer to the newest join, in whichever order they came', async () => {
    socket().welcome();
    const toldOne = watch(live.join('a'));
    const [first] = await take();
    const toldTwo = watch(live.join('a', { last: 3 }));
    socket().tell({ type: 'joined', id: first!.id, channel: 'a', epoch: 'e', offset: 10 });
    entries(11, 'eleven');
    await answer('e', 8);
    entries(9, 'nine', 'ten', 'eleven');
    expect(toldTwo).toEqual(['9 nine', '10 ten', '11 eleven']);
    expect(toldOne.at(-1)).toBe('11 eleven');
  });

  it('that come while the channel waits to be tried again have it tried at once, and once', async () => {
    vi.mocked(Math.random).mockReturnValue(1);
    live.join('a');
    socket().welcome();
    const [join] = await take();
    socket().tell({ type: 'error', id: join!.id, code: 'UNAVAILABLE', message: 'later' });
    live.join('a');
    await answer('e', 0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await take()).toEqual([]);
  });

  it('with an older beginning than is kept hear no gap, and the others none either', async () => {
    const toldOne = watch(live.join('a'));
    socket().welcome();
    await answer('e', 100);
    const toldTwo = watch(live.join('a', { last: 50 }));
    await answer('e', 90);
    socket().tell({ type: 'gap', channel: 'a', epoch: 'e', offset: 90 });
    expect([toldOne, toldTwo]).toEqual([[], []]);
  });

  it('are joined again from the oldest position that one of them needs', async () => {
    const toldOne = watch(live.join('a', { after: { epoch: 'e', offset: 3 } }));
    const toldTwo = watch(live.join('a', { after: { epoch: 'e', offset: 1 } }));
    socket().welcome();
    expect(await answer('e', 1)).toEqual({ channel: 'a', epoch: 'e', offset: 1 });
    entries(2, 'two', 'three', 'four');
    expect([toldOne, toldTwo]).toEqual([['4 four'], ['2 two', '3 three', '4 four']]);
  });

  it('of an older log hear a gap, and those of the new one none', async () => {
    const toldOne = watch(live.join('a', { after: { epoch: 'old', offset: 3 } }));
    const toldTwo = watch(live.join('a', { after: { epoch: 'new', offset: 8 } }));
    socket().welcome();
    await answer('new', 7);
    socket().tell({ type: 'gap', channel: 'a', epoch: 'new', offset: 7 });
    entries(8, 'eight', 'nine');
    expect(toldOne).toEqual(['gap new:7', '8 eight after a gap', '9 nine']);
    expect(toldTwo).toEqual(['9 nine']);
  });

  it('that left and came back in one turn start anew, whatever was on its way', async () => {
    const one = live.join('a');
    socket().welcome();
    await answer('e', 4);
    one.leave();
    const two = live.join('a', { after: { epoch: 'e', offset: 2 } });
    const told = watch(two);
    const [leave, join] = await take();
    expect([leave!.type, join!.type]).toEqual(['leave', 'join']);
    entries(5, 'five');
    socket().tell({ type: 'result', id: leave!.id });
    socket().tell({ type: 'joined', id: join!.id, channel: 'a', epoch: 'e', offset: 2 });
    entries(3, 'three');
    expect(told).toEqual(['3 three']);
  });

  it('joined at a time go in one frame, in front of what comes behind them', async () => {
    socket().welcome();
    for (const name of ['a', 'b', 'c']) live.join(name);
    const published = live.publish('a', 1);
    await settle();
    expect(socket().sent).toHaveLength(1);
    const messages = socket().take();
    expect(messages.map(({ type, channel }) => `${type} ${channel}`)).toEqual([
      'join a',
      'join b',
      'join c',
      'publish a',
    ]);
    socket().tell({ type: 'result', id: messages[3]!.id });
    await published;
    await reconnect();
    await settle();
    expect(socket().sent).toHaveLength(1);
  });
});

describe('reading', () => {
  const read = (room: Channel, count: number) =>
    (async () => {
      const texts: unknown[] = [];
      for await (const { data, isAfterGap } of room) {
        texts.push(isAfterGap ? `${data} after a gap` : data);
        if (texts.length === count) break;
      }
      return texts;
    })();

  it('gets what came before it began, and ends with the membership', async () => {
    const room = live.join('a');
    socket().welcome();
    await answer('e', 0);
    entries(1, 'one', 'two');
    expect(await read(room, 1)).toEqual(['one']);
    const rest = read(room, 10);
    await settle();
    entries(3, 'three');
    await settle();
    room.leave();
    expect(await rest).toEqual(['two', 'three']);
  });

  it('gets what came before the first listener', async () => {
    const room = live.join('a');
    socket().welcome();
    await answer('e', 0);
    entries(1, 'one', 'two');
    const told = watch(room);
    await settle();
    entries(3, 'three');
    expect(told).toEqual(['1 one', '2 two', '3 three']);
    entries(4, 'four');
    room.leave();
    expect(await read(room, 9)).toEqual([]);
  });

  it('beside a listener gets the same', async () => {
    const room = live.join('a');
    socket().welcome();
    await answer('e', 0);
    const told = watch(room);
    const texts = read(room, 2);
    await settle();
    entries(1, 'one', 'two');
    expect(await texts).toEqual(['one', 'two']);
    expect(told).toEqual(['1 one', '2 two']);
  });

  it('not at all is bounded, and then a gap is told', async () => {
    const room = live.join('a');
    const gaps: unknown[] = [];
    room.on('gap', (position) => gaps.push(position?.offset));
    socket().welcome();
    await answer('e', 0);
    const many = Array.from({ length: 2500 }, (_, i) => String(i + 1));
    entries(1, ...many);
    expect(gaps).toEqual([1000, 2000]);
    expect((await read(room, 500))[0]).toBe('2001 after a gap');
  });

  it('ends when the client is closed', async () => {
    const room = live.join('a');
    const all = read(room, 1);
    live.close();
    expect(await all).toEqual([]);
    expect(room).toMatchObject({ state: 'left', error: undefined });
  });
});

describe('members', () => {
  const ann = { user: 'ann', data: { name: 'Ann' }, connections: 1 };
  const bob = { user: 'bob', data: { name: 'Bob' }, connections: 1 };

  it('are known to those who asked, and follow what changes', async () => {
    const quiet = live.join('a');
    socket().welcome();
    await answer('e', 0);
    const room = live.join('a', { members: true });
    const told: number[] = [];
    room.on('members', (members) => told.push(members.length));
    expect(await answer('e', 0)).toMatchObject({ members: true });
    socket().tell({ type: 'members', channel: 'a', members: [ann, bob] });
    const before = room.members;
    expect(before).toEqual([ann, bob]);
    socket().tell({ type: 'presence', channel: 'a', set: [{ ...bob, connections: 2 }], gone: ['ann'] });
    expect(room.members).toEqual([{ ...bob, connections: 2 }]);
    expect(before).toEqual([ann, bob]);
    expect(live.join('a', { members: true }).members).toEqual(room.members);
    expect(quiet.members).toEqual([]);
    socket().tell({ type: 'members', channel: 'a', members: [ann] });
    expect(room.members).toEqual([ann]);
    expect(told).toEqual([2, 1, 1]);
  });
});
