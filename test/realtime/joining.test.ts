/** Joining, leaving and publishing on real sockets, as a client sees it that knows nothing but the wire. */

import { afterEach, describe, expect, it } from 'vitest';
import { memory, RealtimeError } from '../../src/realtime/index.ts';
import { watchProcess } from '../support/servers.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { as, chatHub, deferred } from './support.ts';
import { enter, KINDS, type Message, serve } from './wire-client.ts';

const unavailable = () => new RealtimeError('UNAVAILABLE', 'The log is away');
const NOT_ALLOWED = { type: 'error', code: 'NOT_ALLOWED' };

let expected: unknown[] = [];
let reports: [unknown, string][] = [];

/** What is reported has to be said by the test. */
afterEach(() => {
  expect(reports.map(([error]) => error)).toEqual(expected);
  expected = [];
  reports = [];
});

async function start(kind: (typeof KINDS)[number], ...setup: Parameters<typeof chatHub>) {
  const { hub, reported } = chatHub(...setup);
  reports = reported;
  const { origin } = await serve(kind, hub);
  const come = async (user = 'ann') => (await enter(origin, as(user))).client;
  return { hub, come, ann: await come() };
}

const join = (id: number, channel: string, more: Message = {}) => ({ type: 'join', id, channel, ...more });
const publish = (id: number, channel: string, n: number, more: Message = {}) => ({
  type: 'publish',
  id,
  channel,
  data: { n },
  ...more,
});

describe.each(KINDS)('on %s', (kind) => {
  it('a client joins, is told what comes, and leaves', async () => {
    const { hub, ann } = await start(kind);
    await hub.publish('log:a', { n: 1 });
    const joined = await ann.ask(join(1, 'log:a', { last: 5 }));
    expect(joined).toEqual({ type: 'joined', id: 1, channel: 'log:a', epoch: expect.any(String), offset: 0 });
    expect(await ann.next()).toEqual({ type: 'entries', channel: 'log:a', offset: 1, data: [{ n: 1 }] });
    const position = await hub.publish('log:a', { n: 2 });
    expect(position).toEqual({ epoch: joined.epoch, offset: 2 });
    expect(await ann.next()).toEqual({ type: 'entries', channel: 'log:a', offset: 2, data: [{ n: 2 }] });
    expect(await ann.ask({ type: 'leave', id: 2, channel: 'log:a' })).toEqual({ type: 'result', id: 2 });
    await hub.publish('log:a', { n: 3 });
    ann.send({ type: 'ping' });
    expect(await ann.next()).toEqual({ type: 'pong' });
  });

  it('what a client publishes gets to all, in its order', async () => {
    const { ann, come } = await start(kind);
    const bob = await come('bob');
    await ann.ask(join(1, 'log:a'));
    await bob.ask(join(1, 'log:a'));
    ann.send(publish(2, 'log:a', 1), publish(3, 'log:a', 2), publish(4, 'log:a', 3));
    expect(await bob.next()).toMatchObject({ type: 'entries', offset: 1, data: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    const answers = [await ann.next(), await ann.next(), await ann.next(), await ann.next()];
    expect(answers.filter(({ type }) => type === 'result').map(({ id, output }) => [id, output])).toEqual(
      [1, 2, 3].map((offset) => [offset + 1, { epoch: expect.any(String), offset }]),
    );
  });

  it('a client whose position is of another log is told of a gap', async () => {
    const { hub, ann } = await start(kind);
    await hub.publish('log:a', { n: 1 });
    expect(await ann.ask(join(1, 'log:a', { epoch: 'x', offset: 7 }))).toMatchObject({ type: 'joined', offset: 0 });
    expect(await ann.next()).toMatchObject({ type: 'gap', channel: 'log:a', offset: 0 });
    expect(await ann.next()).toMatchObject({ type: 'entries', offset: 1 });
  });
});

const kind = 'node:http';

describe('who may join', () => {
  it('nobody where no rule says so', async () => {
    watchProcess();
    const { ann } = await start(kind);
    expect(await ann.ask(join(1, 'closed:a'))).toMatchObject({ ...NOT_ALLOWED, id: 1 });
    expect(await ann.ask(publish(2, 'closed:a', 1))).toMatchObject({ ...NOT_ALLOWED, id: 2 });
  });

  it.each([
    ['false', () => false],
    ['a promise of false', async () => false],
    ['nothing', () => undefined],
    ['what is only true-ish', () => 'yes'],
    ['a promise of that', async () => ({})],
  ])('not with %s', async (_words, rule) => {
    const { ann } = await start(kind, {}, { join: rule as never });
    expect(await ann.ask(join(1, 'room:a'))).toMatchObject(NOT_ALLOWED);
  });

  it('who the rule lets: it is told the user, the channel and its parameters', async () => {
    const asked: unknown[] = [];
    const { ann } = await start(
      kind,
      {},
      {
        join: async (context) => {
          asked.push(context);
          return context.params.room === 'a b.c';
        },
      },
    );
    expect(await ann.ask(join(1, 'room:a b.c'))).toMatchObject({ type: 'joined' });
    expect(await ann.ask(join(2, 'room:d'))).toMatchObject(NOT_ALLOWED);
    const user = { id: 'ann', name: 'the ann' };
    expect(asked).toEqual([
      { user, channel: 'room:a b.c', params: { room: 'a b.c' } },
      { user, channel: 'room:d', params: { room: 'd' } },
    ]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('the stack of secrets'))],
    ['throws at once', () => throwIt(new Error('the stack of secrets'))],
  ])('not when the rule %s: that is reported, and the client learns nothing of it', async (_words, rule) => {
    const { ann } = await start(kind, {}, { join: rule });
    const answer = await ann.ask(join(1, 'room:a'));
    expect(answer).toMatchObject(NOT_ALLOWED);
    expect(JSON.stringify(answer)).not.toMatch(/secret|stack|\.ts/);
    expected = [expect.objectContaining({ message: 'the stack of secrets' })];
  });

  it('a rule may say why not', async () => {
    const rule = () => throwIt(new RealtimeError('BANNED', 'until tomorrow', { data: { hours: 9 } }));
    const { ann } = await start(kind, {}, { join: rule });
    expect(await ann.ask(join(1, 'room:a'))).toEqual({
      type: 'error',
      id: 1,
      code: 'BANNED',
      message: 'until tomorrow',
      data: { hours: 9 },
    });
  });

  it('not when the rule never answers', async () => {
    const { ann } = await start(kind, { callTimeoutMs: 10 }, { join: () => new Promise(() => {}) });
    expect(await ann.ask(join(1, 'room:a'))).toMatchObject({ type: 'error', code: 'TIMEOUT' });
    expected = [expect.objectContaining({ code: 'TIMEOUT' })];
  });

  it('is decided anew with each join: then a membership that there was is over', async () => {
    let isAllowed = true;
    const { hub, ann } = await start(kind, {}, { join: () => isAllowed });
    await ann.ask(join(1, 'room:a'));
    isAllowed = false;
    ann.send(join(2, 'room:a'));
    expect(await ann.next()).toMatchObject({ type: 'left', channel: 'room:a', code: 'NOT_ALLOWED' });
    expect(await ann.next()).toMatchObject({ ...NOT_ALLOWED, id: 2 });
    await hub.publish('room:a', { n: 1 });
    ann.send({ type: 'ping' });
    expect(await ann.next()).toEqual({ type: 'pong' });
  });

  it('the rule is asked for each, also when many come at once, and each is answered', async () => {
    const { ann } = await start(kind, {}, { join: ({ params }) => Number(params.room) % 2 === 0 });
    ann.send(...Array.from({ length: 100 }, (_, i) => join(i, `room:${i}`)));
    const answers = [];
    for (let i = 0; i < 100; i++) answers.push(await ann.next());
    expect(answers.map(({ id }) => id).sort((a, b) => Number(a) - Number(b))).toEqual([...Array(100).keys()]);
    for (const { id, type } of answers) expect(type).toBe(Number(id) % 2 === 0 ? 'joined' : 'error');
  });

  it('what one says of members has to be as the protocol wants', async () => {
    const { ann } = await start(kind, {}, { member: () => ({ name: 5 }) as never });
    expect(await ann.ask(join(1, 'room:a'))).toMatchObject({ type: 'error', code: 'INTERNAL' });
    expected = [expect.objectContaining({ code: 'INVALID', issues: [expect.objectContaining({ path: ['name'] })] })];
  });

  it('no channel that the protocol does not have', async () => {
    const { ann } = await start(kind);
    for (const name of ['room:', 'room:a:b', 'lobby', '__proto__', 'toString']) {
      const answer = await ann.ask(join(1, name));
      expect(answer).toMatchObject({ type: 'error', code: 'UNKNOWN' });
      for (const type of ['leave', 'publish']) {
        expect(await ann.ask({ type, id: 2, channel: name, data: 1 })).toMatchObject({ code: 'UNKNOWN' });
      }
    }
  });

  it('no more channels at once than one may be in', async () => {
    const { ann } = await start(kind, { maxChannels: 3 });
    ann.send(...Array.from({ length: 5 }, (_, i) => join(i, `log:${i}`)));
    const answers = [await ann.next(), await ann.next(), await ann.next(), await ann.next(), await ann.next()];
    expect(answers.filter(({ code }) => code === 'TOO_MANY')).toHaveLength(2);
    const [first] = answers.filter(({ type }) => type === 'joined');
    // Again is no more.
    expect(await ann.ask(join(6, first!.channel as string))).toMatchObject({ type: 'joined' });
    expect(await ann.ask(join(7, 'log:x'))).toMatchObject({ code: 'TOO_MANY' });
    await ann.ask({ type: 'leave', id: 8, channel: first!.channel });
    expect(await ann.ask(join(9, 'log:x'))).toMatchObject({ type: 'joined' });
  });
});

function throwIt(error: unknown): never {
  throw error;
}

describe('joining', () => {
  it('again begins again from there', async () => {
    const { hub, ann } = await start(kind);
    await ann.ask(join(1, 'log:a'));
    for (const n of [1, 2, 3]) await hub.publish('log:a', { n });
    const entries = await ann.next();
    const { epoch } = await ann.ask(join(2, 'log:a', { last: 2 }));
    expect(await ann.next()).toMatchObject({ type: 'entries', offset: 2, data: [{ n: 2 }, { n: 3 }] });
    await ann.ask(join(3, 'log:a', { epoch, offset: 3 }));
    await hub.publish('log:a', { n: 4 });
    expect(entries).toMatchObject({ offset: 1, data: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    expect(await ann.next()).toMatchObject({ type: 'entries', offset: 4, data: [{ n: 4 }] });
  });

  it('and leaving again is answered in order, though the rule takes its time', async () => {
    const answer = deferred<boolean>();
    const { hub, ann } = await start(kind, {}, { join: () => answer.promise });
    ann.send(join(1, 'room:a'), { type: 'leave', id: 2, channel: 'room:a' }, join(3, 'log:b'));
    expect(await ann.next()).toMatchObject({ type: 'joined', id: 3 });
    answer.resolve(true);
    expect(await ann.next()).toMatchObject({ type: 'joined', id: 1 });
    expect(await ann.next()).toEqual({ type: 'result', id: 2 });
    await hub.publish('room:a', { n: 1 });
    ann.send({ type: 'ping' });
    expect(await ann.next()).toEqual({ type: 'pong' });
  });

  it('a position has both of its parts', async () => {
    const { ann } = await start(kind);
    expect(await ann.ask(join(1, 'log:a', { epoch: 'e' }))).toMatchObject({ code: 'INVALID' });
    expect(await ann.ask(join(2, 'log:a', { offset: 1 }))).toMatchObject({ code: 'INVALID' });
  });

  it('while the log is away is answered so, and leaves nothing', async () => {
    const engine = new ScriptedEngine();
    const { ann } = await start(kind, { engine });
    engine.fail('subscribe', unavailable());
    expect(await ann.ask(join(1, 'log:a'))).toMatchObject({ code: 'UNAVAILABLE' });
    engine.fail('subscribe', undefined);
    engine.fail('read', unavailable());
    expect(await ann.ask(join(2, 'log:a'))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(engine.subscribers.size).toBe(0);
    engine.fail('read', undefined);
    expect(await ann.ask(join(3, 'log:a'))).toMatchObject({ type: 'joined' });
  });

  it('an engine that breaks is reported, and the client learns nothing of it', async () => {
    const engine = new ScriptedEngine();
    const { ann } = await start(kind, { engine });
    engine.fail('read', new Error('password=secret'));
    const answer = await ann.ask(join(1, 'log:a'));
    expect(answer).toMatchObject({ code: 'INTERNAL' });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expected = [expect.objectContaining({ message: 'password=secret' })];
  });

  it.each(['rule', 'subscribe', 'read'] as const)('is nothing when the connection ends during the %s', async (step) => {
    const engine = new ScriptedEngine();
    const answer = deferred<boolean>();
    const asked = deferred();
    const { hub, ann, come } = await start(
      kind,
      { engine },
      {
        join: ({ user }) => {
          if (user.id !== 'ann') return true;
          asked.resolve();
          return step === 'rule' ? answer.promise : true;
        },
      },
    );
    if (step !== 'rule') engine.hold(step);
    const isAsked = step === 'rule' ? asked.promise : engine.asked();
    ann.send(join(1, 'room:a', { members: true }));
    await isAsked;
    ann.socket.terminate();
    while ((await hub.disconnect('ann')) > 0) await new Promise(setImmediate);
    if (step === 'rule') answer.resolve(true);
    else engine.release(step);
    await new Promise(setImmediate);
    expect(engine.subscribers.size).toBe(0);
    expect(engine.presence).toEqual([]);
    const bob = await come('bob');
    expect(await bob.ask(join(1, 'room:a'))).toMatchObject({ type: 'joined' });
  });
});

describe('a channel that nobody is in', () => {
  it('is gone: a hundred joins and leaves leave nothing, however they end', async () => {
    const engine = new ScriptedEngine();
    const { hub, ann, come } = await start(kind, { engine });
    for (let i = 0; i < 50; i++) {
      await ann.ask(join(1, `room:${i}`, { members: true }));
      expect(engine.subscribers.size).toBe(1);
      await ann.ask({ type: 'leave', id: 2, channel: `room:${i}` });
      expect(engine.subscribers.size).toBe(0);
    }
    const bob = await come('bob');
    bob.send(...Array.from({ length: 50 }, (_, i) => join(i, `room:${i}`)));
    for (let i = 0; i < 50; i++) await bob.next();
    expect(engine.subscribers.size).toBe(50);
    bob.socket.terminate();
    while ((await hub.disconnect('bob')) > 0) await new Promise(setImmediate);
    expect(engine.subscribers.size).toBe(0);
  });

  it('is there again for the next, with what was kept', async () => {
    const { hub, ann } = await start(kind, { engine: memory() });
    await ann.ask(join(1, 'log:a'));
    await ann.ask({ type: 'leave', id: 2, channel: 'log:a' });
    await hub.publish('log:a', { n: 1 });
    await ann.ask(join(3, 'log:a', { last: 1 }));
    expect(await ann.next()).toMatchObject({ type: 'entries', offset: 1 });
  });
});

describe('publishing', () => {
  it('is refused with the path of what is wrong, and the rule is not asked', async () => {
    const asked: unknown[] = [];
    const { ann } = await start(kind, {}, { publish: (context) => asked.push(context) > 0 });
    expect(await ann.ask({ type: 'publish', id: 1, channel: 'room:a', data: { n: 'x' } })).toMatchObject({
      type: 'error',
      code: 'INVALID',
      message: expect.stringContaining("'room:a'"),
      issues: [{ path: ['n'], message: expect.any(String) }],
    });
    expect(asked).toEqual([]);
    await ann.ask({ type: 'publish', id: 2, channel: 'room:a', data: { n: 1, more: 2 } });
    expect(asked).toEqual([
      { user: { id: 'ann', name: 'the ann' }, channel: 'room:a', params: { room: 'a' }, data: { n: 1 } },
    ]);
  });

  it('of one client keeps its order, though schemas and rules take their time', async () => {
    const { hub, ann } = await start(kind, {}, {});
    await ann.ask(join(1, 'slow:a'));
    ann.send(...Array.from({ length: 40 }, (_, i) => publish(i + 10, 'slow:a', i)));
    const got: unknown[] = [];
    while (got.length < 40) {
      const { type, data } = await ann.next();
      if (type === 'entries') got.push(...(data as { n: number }[]).map(({ n }) => n));
    }
    expect(got).toEqual([...Array(40).keys()]);
    await expect(hub.read('slow:a')).resolves.toMatchObject({ position: { offset: 40 } });
  });

  it('keeps its order over rules, and one that is refused is no hindrance', async () => {
    const first = deferred<boolean>();
    const { hub, ann } = await start(kind, {}, { publish: ({ data: { n } }) => (n === 1 ? first.promise : n !== 2) });
    ann.send(publish(1, 'room:a', 1), publish(2, 'room:a', 2), publish(3, 'room:a', 3), publish(4, 'room:b', 4));
    expect(await ann.next()).toMatchObject({ type: 'result', id: 4 });
    first.resolve(true);
    const answers = [await ann.next(), await ann.next(), await ann.next()];
    expect(answers.map(({ id, type }) => `${id} ${type}`).sort()).toEqual(['1 result', '2 error', '3 result']);
    const { entries } = await hub.read('room:a');
    expect(entries.map(({ data }) => data.n)).toEqual([1, 3]);
  });

  it('again with its key is done once; keys of others are others', async () => {
    const { hub, ann, come } = await start(kind);
    const bob = await come('bob');
    const { output } = await ann.ask(publish(1, 'log:a', 1, { key: 'k' }));
    expect(await ann.ask(publish(2, 'log:a', 2, { key: 'k' }))).toEqual({ type: 'result', id: 2, output });
    const again = await come('ann');
    expect(await again.ask(publish(3, 'log:a', 3, { key: 'k' }))).toMatchObject({ output });
    expect(await bob.ask(publish(4, 'log:a', 4, { key: 'k' }))).toMatchObject({ output: { offset: 2 } });
    await hub.publish('log:a', { n: 5 }, { key: 'k' });
    const { entries } = await hub.read('log:a');
    expect(entries.map(({ data }) => data.n)).toEqual([1, 4, 5]);
  });

  it('keys of others are others, also where their names begin alike', async () => {
    const { hub, ann, come } = await start(kind, {
      authenticate: ({ token }) => ({ id: token === 'ann-b' ? 'ann b' : String(token), name: '' }),
    });
    const other = await come('ann-b');
    await ann.ask(publish(1, 'log:a', 1, { key: 'b k' }));
    await other.ask(publish(2, 'log:a', 2, { key: 'k' }));
    // What a client can make of his name and key is none of the application's keys.
    await hub.publish('log:a', { n: 3 }, { key: '3 annb k' });
    const { entries } = await hub.read('log:a');
    expect(entries.map(({ data }) => data.n)).toEqual([1, 2, 3]);
  });

  it.each([
    ['away', unavailable(), 'UNAVAILABLE', false],
    ['broken', new Error('at engine.ts:7'), 'INTERNAL', true],
  ])('to a log that is %s is answered so', async (_words, error, code, isReported) => {
    const engine = new ScriptedEngine();
    const { ann } = await start(kind, { engine });
    engine.fail('publish', error);
    const answer = await ann.ask(publish(1, 'log:a', 1));
    expect(answer).toMatchObject({ type: 'error', code });
    expect(JSON.stringify(answer)).not.toContain('engine.ts');
    expected = isReported ? [error] : [];
  });

  it('has no answer when the connection has ended, and that is all', async () => {
    const engine = new ScriptedEngine();
    const { hub, ann } = await start(kind, { engine });
    engine.hold('publish');
    const asked = engine.asked();
    ann.send(publish(1, 'log:a', 1));
    await asked;
    ann.socket.terminate();
    while ((await hub.disconnect('ann')) > 0) await new Promise(setImmediate);
    engine.release('publish');
    await new Promise(setImmediate);
  });

  it('no more at once than is done: the rest waits, and is done then', async () => {
    const gate = deferred();
    let asked = 0;
    const { hub, ann } = await start(
      kind,
      {},
      {
        publish: async () => {
          asked += 1;
          await gate.promise;
          return true;
        },
      },
    );
    for (let i = 0; i < 6; i++) {
      ann.send(...Array.from({ length: 50 }, (_, j) => publish(50 * i + j, `room:${50 * i + j}`, 1)));
    }
    // What comes behind them on the same connection is not read; what others do is.
    while (asked < 100) await new Promise(setImmediate);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(asked).toBe(100);
    gate.resolve();
    for (let i = 0; i < 300; i++) expect(await ann.next()).toMatchObject({ type: 'result' });
    expect(asked).toBe(300);
    expect((await hub.read('room:299')).entries).toHaveLength(1);
  });
});

describe('what is not this protocol', () => {
  it('a message that is wrong is refused, and the others of its frame are done', async () => {
    const { ann } = await start(kind);
    ann.send(
      { type: 'dance', id: 1 },
      { type: 'join', id: 2 },
      { type: 'leave', id: 'x', channel: 'log:a' },
      { id: 3 },
      join(4, 'log:a', { unknown: true }),
    );
    expect(await ann.next()).toMatchObject({ type: 'error', id: 1, code: 'UNKNOWN' });
    expect(await ann.next()).toMatchObject({ type: 'error', id: 2, code: 'INVALID' });
    const refused = await ann.next();
    expect(refused).toMatchObject({ type: 'error', code: 'INVALID' });
    expect(refused).not.toHaveProperty('id');
    expect(await ann.next()).toMatchObject({ type: 'error', id: 3, code: 'INVALID' });
    expect(await ann.next()).toMatchObject({ type: 'joined', id: 4 });
  });

  it.each([
    ['no JSON', 'hello'],
    ['no JSON, quoted in no reason that would be too long', `{"ö": ${'é'.repeat(200)}`],
    ['no object', '5'],
    ['an array of something else', '[1]'],
    ['bytes', Buffer.from('{}')],
  ])('%s: the connection is closed with 4400', async (_words, data) => {
    const { ann } = await start(kind);
    ann.socket.send(data);
    ann.socket.send(JSON.stringify(join(1, 'log:a')));
    const [code] = await ann.closed;
    expect(code).toBe(4400);
    await expect(ann.next()).rejects.toThrow();
  });
});
