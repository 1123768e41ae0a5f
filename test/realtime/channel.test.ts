/** One channel between an engine and connections that do what the test says: every order in which things can come. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Channel, type ChannelHost, type ChannelKind, type Start } from '../../src/realtime/channel.ts';
import { Membership } from '../../src/realtime/membership.ts';
import type { Outlet } from '../../src/realtime/outlet.ts';
import type { Position } from '../../src/realtime-protocol/position.ts';
import { RealtimeError } from '../../src/realtime-protocol/realtime-error.ts';
import type { PreparedMessage } from '../../src/socket/prepared-message.ts';
import { ScriptedEngine } from './scripted-engine.ts';

type Told = Readonly<Record<string, unknown>>;

const HISTORY = { messages: 1000, bytes: 1_000_000, ageMs: Number.POSITIVE_INFINITY };
const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const LOGGED: ChannelKind = { definition: { message: schema }, retention: HISTORY };
const PASSING: ChannelKind = { definition: { message: schema, latestBy: 'by' }, retention: undefined };

class Reader implements Outlet {
  isWritable = true;
  readonly told: Told[] = [];
  readonly frames: PreparedMessage[] = [];
  onSent: () => void = () => {};
  sendPrepared(frame: PreparedMessage): boolean {
    this.frames.push(frame);
    this.send(frame.payload as string);
    return true;
  }
  send(text: string): void {
    expect(this.isWritable).toBe(true);
    this.told.push(JSON.parse(text));
    this.onSent();
  }
  close(): void {}
  terminate(): void {}
  readonly bufferedAmount = 0;
  pause(): void {}
  resume(): void {}

  /** The numbers of the entries that it was told. */
  get numbers(): unknown[] {
    return this.told.flatMap(({ type, data }) => (type === 'entries' ? (data as unknown[]) : []));
  }

  /** What it was told, in short. */
  get words(): string[] {
    return this.told.map(({ type, ...rest }) => [type, ...Object.values(rest).slice(1)].map(String).join(' '));
  }
}

let engine: ScriptedEngine;
let reported: unknown[];
let scheduled: Channel[];
let forgotten: Channel[];
let host: ChannelHost;

beforeEach(() => {
  engine = new ScriptedEngine();
  reported = [];
  scheduled = [];
  forgotten = [];
  host = {
    engine,
    presenceGraceMs: 1000,
    frameBytes: 100,
    schedule: (channel) => void scheduled.push(channel),
    forget: (channel) => void forgotten.push(channel),
    report: (error) => void reported.push(error),
  };
});
afterEach(() => {
  expect(reported).toEqual([]);
});

/** The end of a tick, and what follows from it. */
async function tick(): Promise<void> {
  for (const channel of scheduled.splice(0)) channel.flush();
  await settled();
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await null;
}

async function open(kind = LOGGED): Promise<Channel> {
  const channel = new Channel('a', kind, host);
  channel.retain();
  await channel.opened;
  return channel;
}

interface Joined {
  readonly reader: Reader;
  readonly member: Membership;
  /** Settled when it has begun. */
  readonly begun: Promise<void>;
}

function join(channel: Channel, start: Partial<Start> = {}): Joined {
  const reader = new Reader();
  const member = new Membership(reader, 'ann');
  const joined = (position: Position | undefined, isGap: boolean) =>
    reader.send(JSON.stringify({ type: isGap ? 'joined behind a gap' : 'joined', channel: 'a', ...position }));
  channel.retain();
  return { reader, member, begun: channel.begin(member, { after: undefined, last: undefined, ...start }, joined) };
}

/** Publishes numbers that follow each other. */
async function publish(...numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    await engine.publish({ channel: 'a', data: String(number), retention: HISTORY, key: undefined });
  }
}

/** Tells an entry, as it is in the log or is not. */
function tell(channel: Channel, offset: number, epoch = 'e1'): void {
  channel.entry({ data: String(offset), position: { epoch, offset } });
}

const at = (offset: number, epoch = 'e1') => ({ after: { epoch, offset } });

describe('what comes within a tick', () => {
  it('goes to all as one frame, encoded once', async () => {
    const channel = await open();
    const [ann, bob] = [join(channel), join(channel)];
    await Promise.all([ann.begun, bob.begun]);
    await publish(1, 2, 3);
    await tick();
    expect(ann.reader.words).toEqual(['joined e1 0', 'entries 1 1,2,3']);
    expect(bob.reader.frames).toEqual(ann.reader.frames);
    expect(bob.reader.frames[0]).toBe(ann.reader.frames[0]);
  });

  it('goes as several when it is much', async () => {
    const channel = await open(PASSING);
    const { reader, begun } = join(channel);
    await begun;
    const text = (by: string) => JSON.stringify({ by, text: 'x'.repeat(40) });
    for (const by of ['a', 'b', 'c']) channel.entry({ data: text(by), position: undefined });
    channel.entry({ data: JSON.stringify('y'.repeat(200)), position: undefined });
    await tick();
    expect(reader.told.map(({ data }) => (data as unknown[] | undefined)?.length)).toEqual([undefined, 1, 1, 1, 1]);
  });

  it('without history, what came before the join is not told', async () => {
    const channel = await open(PASSING);
    channel.entry({ data: '1', position: undefined });
    const { reader, begun } = join(channel);
    await begun;
    channel.entry({ data: '2', position: undefined });
    await tick();
    expect(reader.words).toEqual(['joined', 'entries 2']);
  });

  it('without history, a position is a gap', async () => {
    const { reader, begun } = join(await open(PASSING), at(3));
    await begun;
    expect(reader.words).toEqual(['joined behind a gap']);
  });

  it.each([0, 1, 2])('is told once each, though member %i is gone while the frame is sent', async (gone) => {
    const channel = await open();
    const all = [join(channel), join(channel), join(channel)];
    await Promise.all(all.map(({ begun }) => begun));
    all[1]!.reader.onSent = () => {
      all[1]!.reader.onSent = () => {};
      channel.end(all[gone]!.member);
    };
    await publish(1);
    await tick();
    await publish(2);
    await tick();
    const whole = [1, 2];
    expect(all.map(({ reader }) => reader.numbers)).toEqual(
      [0, 1, 2].map((i) => (i !== gone ? whole : i === 2 ? [] : [1])),
    );
    expect(channel.memberCount).toBe(2);
  });

  it('counts from the join, though somebody leaves and joins in it', async () => {
    const channel = await open();
    const first = join(channel);
    await first.begun;
    await publish(1);
    channel.end(first.member);
    const second = join(channel, at(0));
    await second.begun;
    await publish(2);
    await tick();
    expect(first.reader.numbers).toEqual([]);
    expect(second.reader.numbers).toEqual([1, 2]);
  });
});

describe('a join', () => {
  it.each([
    ['nothing', {}, 'joined e1 5', []],
    ['the last two', { last: 2 }, 'joined e1 3', [4, 5]],
    ['more than there are', { last: 100 }, 'joined e1 0', [1, 2, 3, 4, 5]],
    ['what came behind a position', at(3), 'joined e1 3', [4, 5]],
    ['what came behind the newest', at(5), 'joined e1 5', []],
    ['another log', at(3, 'e0'), 'joined behind a gap e1 0', [1, 2, 3, 4, 5]],
    ['what is to come', at(6), 'joined behind a gap e1 0', [1, 2, 3, 4, 5]],
  ] as const)('asks for %s', async (_words, start, joined, numbers) => {
    await publish(1, 2, 3, 4, 5);
    const channel = await open();
    const { reader, begun } = join(channel, start);
    await begun;
    await publish(6);
    await tick();
    expect(reader.words[0]).toBe(joined);
    expect(reader.numbers).toEqual([...numbers, 6]);
  });

  it('gets what comes while its page is on its way', async () => {
    await publish(1, 2, 3);
    const channel = await open();
    engine.hold('read');
    const { reader, begun } = join(channel, at(0));
    await publish(4);
    await tick();
    await publish(5);
    engine.release('read');
    await begun;
    await tick();
    expect(reader.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(engine.reads).toHaveLength(1);
  });

  it('reads again when more has come meanwhile than is kept at hand', async () => {
    const channel = await open();
    engine.hold('read');
    const { reader, begun } = join(channel, at(0));
    for (let number = 1; number <= 200; number++) {
      await publish(number);
      if (number % 7 === 0) await tick();
    }
    engine.release('read');
    await begun;
    await settled();
    await tick();
    expect(reader.numbers).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(engine.reads.length).toBeGreaterThan(2);
  });

  it('shares its page with those who join in the same tick, and with nobody later', async () => {
    await publish(1, 2);
    const channel = await open();
    const all = [join(channel, at(0)), join(channel, { last: 2 })];
    await Promise.all(all.map(({ begun }) => begun));
    await tick();
    const later = join(channel, at(0));
    await later.begun;
    const [one, two, three] = [...all, later].map(({ reader }) => reader.frames[0]);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
    expect(three).toEqual(one);
  });

  it('drops what its page had already', async () => {
    await publish(1, 2);
    const channel = await open();
    // Told late, as over another connection than the page's.
    engine.tells = false;
    await publish(3, 4);
    const { reader, begun } = join(channel, at(0));
    await begun;
    for (const offset of [2, 3, 4]) tell(channel, offset);
    engine.tells = true;
    await publish(5);
    await tick();
    expect(reader.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(engine.reads).toHaveLength(1);
  });

  it('waits where its page is ahead of what the others have been told', async () => {
    const channel = await open();
    const before = join(channel);
    await before.begun;
    await publish(1);
    engine.tells = false;
    await publish(2, 3);
    const { reader, begun } = join(channel, at(0));
    await begun;
    tell(channel, 2);
    await tick();
    expect(reader.numbers).toEqual([1, 2, 3]);
    expect(before.reader.numbers).toEqual([1, 2]);
    tell(channel, 3);
    engine.tells = true;
    await publish(4);
    await tick();
    expect(reader.numbers).toEqual([1, 2, 3, 4]);
    expect(before.reader.numbers).toEqual([1, 2, 3, 4]);
  });

  it('fails when its page cannot be read, and leaves nothing', async () => {
    const channel = await open();
    engine.fail('read', new RealtimeError('UNAVAILABLE', 'away'));
    const { begun } = join(channel, at(0));
    await expect(begun).rejects.toThrow('away');
    expect(channel.memberCount).toBe(0);
  });

  it('is over when it is ended while its page is on its way', async () => {
    await publish(1);
    const channel = await open();
    engine.hold('read');
    const { reader, member, begun } = join(channel, at(0));
    channel.end(member);
    engine.release('read');
    await begun;
    await publish(2);
    await tick();
    expect(reader.told).toEqual([]);
    expect(channel.memberCount).toBe(0);
  });
});

describe('what the engine does not tell in order', () => {
  it('a hole: what is missing is read, once for all', async () => {
    const channel = await open();
    const all = [join(channel), join(channel)];
    await Promise.all(all.map(({ begun }) => begun));
    await publish(1);
    await tick();
    const before = engine.reads.length;
    engine.tells = false;
    await publish(2, 3, 4);
    engine.hold('read');
    tell(channel, 3);
    await publish(5);
    tell(channel, 4);
    tell(channel, 5);
    engine.release('read');
    await settled();
    await tick();
    for (const { reader } of all) expect(reader.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(engine.reads.length - before).toBe(1);
    expect(all[0]!.reader.frames).toEqual(all[1]!.reader.frames);
  });

  it('much that is told while it reads: that is read as well', async () => {
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    tell(channel, 1);
    engine.log.push('1');
    engine.tells = false;
    engine.hold('read');
    await publish(2, 3);
    tell(channel, 3);
    for (let number = 4; number <= 2500; number++) {
      await publish(number);
      tell(channel, number);
    }
    engine.release('read');
    await settled();
    for (let i = 0; i < 200 && reader.numbers.length < 2500; i++) await tick();
    expect(reader.numbers).toEqual(Array.from({ length: 2500 }, (_, i) => i + 1));
    expect(engine.reads.length).toBeGreaterThan(3);
  });

  it('an entry again: it is dropped', async () => {
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    await publish(1, 2);
    tell(channel, 1);
    tell(channel, 2);
    await tick();
    tell(channel, 2);
    await publish(3);
    await tick();
    expect(reader.numbers).toEqual([1, 2, 3]);
    expect(engine.reads).toHaveLength(1);
  });

  it('another log: all are told of a gap', async () => {
    await publish(1, 2, 3);
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    engine.epoch = 'e2';
    engine.log.length = 0;
    await publish(1, 2);
    await settled();
    await publish(3);
    await tick();
    expect(reader.words.slice(0, 2)).toEqual(['joined e1 3', 'gap e2 0']);
    expect(reader.numbers).toEqual([1, 2, 3]);
  });

  it('another log, of which a page tells before the engine does', async () => {
    await publish(1);
    const channel = await open();
    const before = join(channel);
    await before.begun;
    engine.epoch = 'e2';
    engine.log.length = 0;
    engine.tells = false;
    await publish(7);
    const after = join(channel, at(1));
    await after.begun;
    await settled();
    expect(after.reader.words).toEqual(['joined behind a gap e2 0', 'entries 1 7']);
    expect(before.reader.words).toEqual(['joined e1 1', 'gap e2 0', 'entries 1 7']);
    engine.tells = true;
    await publish(8);
    await tick();
    for (const { reader } of [before, after]) expect(reader.numbers).toEqual([7, 8]);
  });

  it('a page of the log that was, which comes late', async () => {
    await publish(1, 2);
    const channel = await open();
    const before = join(channel);
    await before.begun;
    engine.hold('read');
    const late = join(channel, at(0));
    engine.epoch = 'e2';
    engine.log.length = 0;
    await publish(7);
    engine.release('read');
    await late.begun;
    await settled();
    await tick();
    expect(late.reader.words).toEqual(['joined e1 0', 'entries 1 1,2', 'gap e2 0', 'entries 1 7']);
    expect(before.reader.words).toEqual(['joined e1 2', 'gap e2 0', 'entries 1 7']);
  });

  it('the log while it is read: it is tried again', async () => {
    vi.useFakeTimers();
    try {
      const channel = await open();
      const { reader, begun } = join(channel);
      await begun;
      engine.tells = false;
      await publish(1, 2);
      const fault = new Error('no connection');
      engine.fail('read', fault);
      tell(channel, 2);
      await settled();
      expect(reported.splice(0)).toEqual([fault]);
      engine.fail('read', undefined);
      await vi.advanceTimersByTimeAsync(1000);
      await tick();
      expect(reader.numbers).toEqual([1, 2]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('an engine that is away', () => {
  it('members are told; when it is back they get what they have missed', async () => {
    await publish(1);
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    channel.state('stale');
    engine.tells = false;
    await publish(2, 3);
    channel.state('live');
    await settled();
    engine.tells = true;
    await publish(4);
    await tick();
    expect(reader.words).toEqual(['joined e1 1', 'state stale', 'state live', 'entries 2 2,3', 'entries 4 4']);
  });

  it('that is back while the log is read since it was back before: it is read again', async () => {
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    channel.state('stale');
    engine.hold('read');
    channel.state('live');
    channel.state('stale');
    engine.tells = false;
    await publish(1);
    channel.state('live');
    engine.release('read');
    await settled();
    expect(reader.numbers).toEqual([1]);
  });

  it('that is back while the log is read, with one who reads the log that was: it is read again, once', async () => {
    await publish(1);
    const channel = await open();
    const before = join(channel);
    await before.begun;
    engine.hold('read');
    const late = join(channel, at(0));
    engine.epoch = 'e2';
    engine.log.length = 0;
    await publish(7);
    await publish(8);
    channel.state('stale');
    channel.state('live');
    engine.release('read');
    await late.begun;
    const readsOf = (epoch: string) => engine.reads.filter(({ after }) => after?.epoch === epoch);
    await settled();
    await tick();
    expect(before.reader.words).toEqual([
      'joined e1 1',
      'state stale',
      'state live',
      'gap e2 0',
      'entries 1 7',
      'entries 2 8',
    ]);
    expect(late.reader.words).toEqual(['joined e1 0', 'entries 1 1', 'gap e2 0', 'entries 1 7,8']);
    expect(readsOf('e2')).toHaveLength(1);
    await publish(9);
    await tick();
    for (const { reader } of [before, late]) expect(reader.numbers.slice(-3)).toEqual([7, 8, 9]);
  });

  it('a log that was lost is a gap', async () => {
    await publish(1);
    const channel = await open();
    const { reader, begun } = join(channel);
    await begun;
    channel.state('stale');
    engine.epoch = 'e2';
    engine.log.length = 0;
    channel.state('live');
    await settled();
    await publish(9);
    await tick();
    expect(reader.words).toEqual(['joined e1 1', 'state stale', 'state live', 'gap e2 0', 'entries 1 9']);
  });

  it('without history it is a gap', async () => {
    const channel = await open(PASSING);
    const { reader, begun } = join(channel);
    await begun;
    channel.state('stale');
    channel.entry({ data: '1', position: undefined });
    channel.state('live');
    channel.entry({ data: '2', position: undefined });
    await tick();
    expect(reader.words).toEqual(['joined', 'state stale', 'state live', 'entries 1', 'gap', 'entries 2']);
  });

  it('a member that was reading goes on when it is back, also when it comes and goes meanwhile', async () => {
    await publish(...Array.from({ length: 90 }, (_, i) => i + 1));
    const channel = await open();
    const away = new RealtimeError('UNAVAILABLE', 'away');
    engine.hold('read');
    const { reader, begun } = join(channel, at(0));
    engine.release('read');
    engine.fail('read', away);
    await begun;
    channel.state('stale');
    await settled();
    channel.state('live');
    await settled();
    channel.state('stale');
    engine.fail('read', undefined);
    channel.state('live');
    await settled();
    for (let i = 0; i < 9; i++) await tick();
    expect(reader.numbers).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
  });

  it('who joins a channel without history meanwhile is told', async () => {
    const channel = await open(PASSING);
    channel.state('stale');
    const { reader, begun } = join(channel);
    await begun;
    channel.state('live');
    expect(reader.words).toEqual(['joined', 'state stale', 'state live', 'gap']);
  });

  it('who is coming in is told of it when he is in', async () => {
    await publish(1);
    const channel = await open();
    engine.hold('read');
    const { reader, begun } = join(channel, { last: 1 });
    channel.state('stale');
    expect(reader.words).toEqual([]);
    engine.release('read');
    await begun;
    expect(reader.words).toEqual(['joined e1 0', 'entries 1 1', 'state stale']);
  });

  it('who could not be told in time is told when he reads again', async () => {
    const channel = await open();
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    channel.state('stale');
    reader.isWritable = true;
    channel.drained(member);
    expect(reader.words).toEqual(['joined e1 0', 'state stale']);
  });
});

describe('a slow reader', () => {
  it('is sent nothing while it does not read, and all when it does', async () => {
    const channel = await open();
    const [slow, fast] = [join(channel), join(channel)];
    await Promise.all([slow.begun, fast.begun]);
    await publish(1);
    await tick();
    slow.reader.isWritable = false;
    await publish(2, 3);
    await tick();
    await publish(4);
    await tick();
    expect(slow.reader.numbers).toEqual([1]);
    expect(fast.reader.numbers).toEqual([1, 2, 3, 4]);
    slow.reader.isWritable = true;
    channel.drained(slow.member);
    await settled();
    await publish(5);
    await tick();
    expect(slow.reader.numbers).toEqual([1, 2, 3, 4, 5]);
    expect(fast.reader.numbers).toEqual([1, 2, 3, 4, 5]);
  });

  it('is sent no further page while it does not read', async () => {
    await publish(...Array.from({ length: 300 }, (_, i) => i + 1));
    const channel = await open();
    const { reader, member, begun } = join(channel, at(0));
    reader.onSent = () => {
      reader.isWritable = reader.told.length % 2 === 1;
    };
    await begun;
    for (let i = 0; i < 20; i++) {
      await settled();
      const { length } = reader.told;
      await settled();
      expect(reader.told).toHaveLength(length);
      reader.isWritable = true;
      channel.drained(member);
    }
    await settled();
    expect(reader.numbers).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  });

  it('is not sent the page of its join either', async () => {
    await publish(1, 2);
    const channel = await open();
    const { reader, member, begun } = join(channel, at(0));
    reader.onSent = () => {
      reader.isWritable = false;
    };
    await begun;
    expect(reader.words).toEqual(['joined e1 0']);
    reader.onSent = () => {};
    reader.isWritable = true;
    channel.drained(member);
    await settled();
    expect(reader.numbers).toEqual([1, 2]);
  });

  it('is not sent what came while its page was on its way either', async () => {
    await publish(1);
    const channel = await open();
    engine.hold('read');
    const { reader, member, begun } = join(channel, at(0));
    await publish(2);
    await tick();
    reader.onSent = () => {
      reader.isWritable = reader.told.length < 2;
    };
    engine.release('read');
    await begun;
    expect(reader.numbers).toEqual([1]);
    reader.isWritable = true;
    channel.drained(member);
    await settled();
    expect(reader.numbers).toEqual([1, 2]);
  });

  it('is told who is there, all of them, when it reads again', async () => {
    const channel = await open();
    const [slow, fast] = [join(channel), join(channel)];
    await Promise.all([slow.begun, fast.begun]);
    for (const { member } of [slow, fast]) channel.watch(member);
    channel.enter('ann', '1');
    await settled();
    await tick();
    slow.reader.isWritable = false;
    channel.enter('bob', '2');
    await tick();
    expect(fast.reader.told.at(-1)).toMatchObject({ type: 'presence', set: [{ user: 'bob' }] });
    channel.enter('cat', '3');
    slow.reader.isWritable = true;
    channel.drained(slow.member);
    await tick();
    expect(slow.reader.told.slice(2)).toMatchObject([
      { type: 'members', members: [{ user: 'ann' }, { user: 'bob' }, { user: 'cat' }] },
    ]);
    expect(fast.reader.told.at(-1)).toMatchObject({ type: 'presence', set: [{ user: 'cat' }] });
    channel.exit('cat', false);
    await tick();
    for (const { reader } of [slow, fast])
      expect(reader.told.at(-1)).toMatchObject({ type: 'presence', gone: ['cat'] });
  });

  it('who is behind knows the members again when it is told them all', async () => {
    const channel = await open();
    const { reader, member, begun } = join(channel);
    await begun;
    channel.watch(member);
    await settled();
    await tick();
    reader.isWritable = false;
    await publish(1);
    await tick();
    reader.isWritable = true;
    channel.drained(member);
    await settled();
    await tick();
    expect(reader.told.filter(({ type }) => type === 'members')).toHaveLength(2);
  });

  it('is told of a gap when the log has not kept what it missed', async () => {
    const channel = await open();
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    await publish(1, 2, 3);
    await tick();
    engine.log.splice(0, 2);
    engine.tail = 2;
    reader.isWritable = true;
    channel.drained(member);
    await settled();
    expect(reader.words).toEqual(['joined e1 0', 'gap e1 2', 'entries 3 3']);
  });

  it('goes on, though it is slow again before it has come to the end', async () => {
    const channel = await open();
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    await publish(1);
    await tick();
    reader.isWritable = true;
    engine.hold('read');
    channel.drained(member);
    await publish(2);
    await tick();
    reader.isWritable = false;
    engine.release('read');
    await settled();
    expect(reader.numbers).toEqual([]);
    reader.isWritable = true;
    channel.drained(member);
    await settled();
    expect(reader.numbers).toEqual([1, 2]);
  });

  it('without history gets the newest of each name, behind a gap', async () => {
    host = { ...host, frameBytes: 1000 };
    const channel = await open(PASSING);
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    const tellNews = (by: string, n: number) => channel.entry({ data: JSON.stringify({ by, n }), position: undefined });
    tellNews('ann', 1);
    tellNews('bob', 2);
    await tick();
    tellNews('ann', 3);
    channel.entry({ data: 'null', position: undefined });
    await tick();
    reader.isWritable = true;
    tellNews('bob', 4);
    channel.drained(member);
    tellNews('cat', 5);
    await tick();
    expect(reader.told.slice(1)).toEqual([
      { type: 'gap', channel: 'a' },
      { type: 'entries', channel: 'a', data: [{ by: 'ann', n: 3 }, null, { by: 'bob', n: 4 }] },
      { type: 'entries', channel: 'a', data: [{ by: 'cat', n: 5 }] },
    ]);
  });

  it('of that, no more is kept than fits a frame', async () => {
    const channel = await open(PASSING);
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    for (let i = 0; i < 100; i++) {
      channel.entry({ data: JSON.stringify({ by: `user ${i}` }), position: undefined });
    }
    await tick();
    reader.isWritable = true;
    channel.drained(member);
    expect(reader.told.at(-1)).toMatchObject({ type: 'entries', data: [{ by: 'user 99' }] });
  });

  it('without history and names there is the gap alone', async () => {
    const channel = await open({ definition: { message: schema }, retention: undefined });
    const { reader, member, begun } = join(channel);
    await begun;
    reader.isWritable = false;
    channel.entry({ data: '1', position: undefined });
    await tick();
    reader.isWritable = true;
    channel.drained(member);
    channel.entry({ data: '2', position: undefined });
    await tick();
    expect(reader.words).toEqual(['joined', 'gap', 'entries 2']);
  });
});

describe('presence that the engine does not take', () => {
  const away = new RealtimeError('UNAVAILABLE', 'away');

  it('is told again when it is back, also of those who have gone since', async () => {
    const channel = await open();
    channel.enter('ann', '1');
    channel.enter('bob', '1');
    await settled();
    channel.state('stale');
    engine.fail('setPresence', away);
    channel.exit('ann', false);
    channel.exit('bob', false);
    channel.enter('bob', '2');
    channel.release();
    await settled();
    engine.fail('setPresence', undefined);
    channel.state('live');
    await settled();
    expect(engine.present).toEqual([{ user: 'bob', data: '2', connections: 1 }]);
    expect(forgotten).toEqual([]);
    channel.exit('bob', false);
    await settled();
    expect(engine.present).toEqual([]);
    expect(forgotten).toEqual([channel]);
  });

  it('keeps a channel that nobody is in until the engine knows', async () => {
    vi.useFakeTimers();
    try {
      const channel = await open();
      channel.enter('ann', '1');
      channel.release();
      engine.fail('setPresence', away);
      channel.exit('ann', false);
      await settled();
      expect(forgotten).toEqual([]);
      engine.fail('setPresence', undefined);
      await vi.advanceTimersByTimeAsync(1000);
      await settled();
      expect(engine.present).toEqual([]);
      expect(forgotten).toEqual([channel]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('of an engine that is at its end is of no interest', async () => {
    const channel = await open();
    channel.enter('ann', '1');
    channel.release();
    engine.fail('setPresence', new RealtimeError('CLOSED', 'over'));
    channel.exit('ann', false);
    await settled();
    expect(forgotten).toEqual([channel]);
  });

  it('members that could not be asked for are asked for again', async () => {
    vi.useFakeTimers();
    try {
      const channel = await open();
      const { reader, member, begun } = join(channel);
      await begun;
      engine.fail('members', away);
      channel.watch(member);
      await settled();
      engine.fail('members', undefined);
      await vi.advanceTimersByTimeAsync(1000);
      await settled();
      await tick();
      expect(reader.told.at(-1)).toMatchObject({ type: 'members', members: [] });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a channel that nobody needs', () => {
  it('goes with its subscription', async () => {
    const channel = await open();
    const { member, begun } = join(channel);
    await begun;
    channel.release();
    expect(forgotten).toEqual([]);
    channel.end(member);
    channel.release();
    expect(forgotten).toEqual([channel]);
    expect(engine.subscribers.size).toBe(0);
  });

  it('goes when it is subscribed, though nobody has waited', async () => {
    engine.hold('subscribe');
    const channel = new Channel('a', LOGGED, host);
    channel.retain();
    channel.release();
    expect(forgotten).toEqual([]);
    engine.release('subscribe');
    await channel.opened;
    await settled();
    expect(forgotten).toEqual([channel]);
    expect(engine.subscribers.size).toBe(0);
  });

  it('goes when it cannot be subscribed', async () => {
    engine.fail('subscribe', new RealtimeError('UNAVAILABLE', 'away'));
    const channel = new Channel('a', LOGGED, host);
    channel.retain();
    await expect(channel.opened).rejects.toThrow('away');
    expect(forgotten).toEqual([channel]);
    channel.release();
    expect(forgotten).toEqual([channel]);
  });
});
