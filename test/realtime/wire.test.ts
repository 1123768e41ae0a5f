/** What spec-notes/realtime-wire.md says, step by step, with a bare WebSocket and with fetch: nothing here is ours but the server. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { z } from 'zod';
import { createHub, defineProtocol } from '../../src/realtime/index.ts';
import { interruptible } from '../engines/interruptible.ts';
import { KINDS, type Message, serve, WireClient } from './wire-client.ts';

const text = z.object({ text: z.string() });
const protocol = defineProtocol({
  channels: {
    'room:{room}': { message: text, member: z.object({ name: z.string() }), history: { messages: 3 } },
    'typing:{room}': { message: text },
  },
  calls: { say: { input: z.object({ room: z.string(), text: z.string() }), output: z.object({ offset: z.number() }) } },
});
const SUBPROTOCOL = 'framewright.realtime.1';
const EXPIRES = 4_102_444_800_000;

/** Users are who their token says, and may be in rooms that are not called 'secret'. */
async function start(kind: (typeof KINDS)[number]) {
  const {
    engines: [engine],
    cut,
    restore,
  } = interruptible(1);
  const hub = createHub(protocol, {
    engine: engine!,
    presenceGraceMs: 0,
    authenticate: ({ token, refuse }) => ({ id: token ?? refuse(401), expires: EXPIRES }),
  });
  hub.channel('room:{room}', {
    join: ({ params }) => params.room !== 'secret',
    publish: () => true,
    member: ({ user }) => ({ name: user.id.toUpperCase() }),
  });
  hub.channel('typing:{room}', { join: () => true, publish: () => true });
  hub.call('say', async (input) => {
    const position = await hub.publish(`room:${input.room}`, { text: input.text });
    return { offset: position!.offset };
  });
  const { origin } = await serve(kind, hub);
  /** A client after its welcome. */
  const come = async (user: string) => {
    const client = new WireClient(origin, { subprotocols: [SUBPROTOCOL, `bearer.${user}`] });
    return { client, welcome: await client.next() };
  };
  const publish = (...texts: string[]) => Promise.all(texts.map((word) => hub.publish('room:a', { text: word })));
  return { hub, origin, come, publish, cut, restore };
}

const item = (word: string) => ({ text: word });

describe.each(KINDS)('the wire, on %s', (kind) => {
  it('a connection: the subprotocol, the token in either place, and the welcome', async () => {
    const { origin, come } = await start(kind);
    const { client, welcome } = await come('ann');
    expect(client.socket.protocol).toBe(SUBPROTOCOL);
    const about = { type: 'welcome', connection: expect.any(String), pingMs: expect.any(Number), expires: EXPIRES };
    expect(welcome).toEqual({ ...about, user: 'ann' });
    const other = new WireClient(origin, { headers: { authorization: 'Bearer bob' } });
    expect(await other.next()).toEqual({ ...about, user: 'bob' });
    expect(await new WireClient(origin).refused).toBe(401);
    // Nobody has to wait for the welcome.
    const hasty = new Ws(`${origin.replace('http', 'ws')}/live`, [SUBPROTOCOL, 'bearer.cyd'], { origin });
    onTestFinished(() => hasty.terminate());
    hasty.on('open', () => hasty.send('{"type":"ping"}'));
    const answers: string[] = [];
    await new Promise<void>((resolve) => {
      hasty.on('message', (data) => {
        answers.push(...[JSON.parse(String(data))].flat().map(({ type }: Message) => String(type)));
        if (answers.length === 2) resolve();
      });
    });
    expect(answers).toEqual(['welcome', 'pong']);
  });

  it('joining, coming back, and a gap', async () => {
    const { come, publish } = await start(kind);
    await publish('1', '2', '3');
    const { client } = await come('ann');
    client.send({ type: 'join', id: 1, channel: 'room:a', last: 2 });
    const joined = await client.next();
    const { epoch } = joined;
    expect(joined).toEqual({ type: 'joined', id: 1, channel: 'room:a', epoch: expect.any(String), offset: 1 });
    expect(await client.next()).toEqual({
      type: 'entries',
      channel: 'room:a',
      offset: 2,
      data: [item('2'), item('3')],
    });
    await publish('4');
    expect(await client.next()).toEqual({ type: 'entries', channel: 'room:a', offset: 4, data: [item('4')] });
    client.socket.terminate();

    await publish('5', '6');
    const { client: again } = await come('ann');
    again.send({ type: 'join', id: 1, channel: 'room:a', epoch, offset: 4 });
    expect(await again.next()).toEqual({ ...joined, offset: 4 });
    expect(await again.next()).toEqual({ type: 'entries', channel: 'room:a', offset: 5, data: [item('5'), item('6')] });
    again.socket.terminate();

    await publish('7', '8', '9', '10');
    const { client: late } = await come('ann');
    late.send({ type: 'join', id: 7, channel: 'room:a', epoch, offset: 6 });
    expect(await late.next()).toEqual({ ...joined, id: 7, offset: 7 });
    expect(await late.next()).toEqual({ type: 'gap', channel: 'room:a', epoch, offset: 7 });
    expect(await late.next()).toMatchObject({ type: 'entries', offset: 8, data: [item('8'), item('9'), item('10')] });
    late.send({ type: 'join', id: 8, channel: 'room:a', epoch: 'another', offset: 9 });
    expect(await late.next()).toEqual({ ...joined, id: 8, offset: 7 });
    expect(await late.next()).toEqual({ type: 'gap', channel: 'room:a', epoch, offset: 7 });
    expect(await late.next()).toMatchObject({ type: 'entries', offset: 8 });
    late.send({ type: 'leave', id: 9, channel: 'room:a' });
    expect(await late.next()).toEqual({ type: 'result', id: 9 });
  });

  it('a channel without history has no positions', async () => {
    const { come } = await start(kind);
    const { client } = await come('ann');
    client.send(
      { type: 'join', id: 1, channel: 'typing:a' },
      { type: 'publish', id: 2, channel: 'typing:a', data: item('x') },
    );
    expect(await client.next()).toEqual({ type: 'joined', id: 1, channel: 'typing:a' });
    const next = [await client.next(), await client.next()];
    expect(next).toContainEqual({ type: 'result', id: 2 });
    expect(next).toContainEqual({ type: 'entries', channel: 'typing:a', data: [item('x')] });
  });

  it('publications and calls, with keys', async () => {
    const { come } = await start(kind);
    const { client } = await come('ann');
    const publication = { type: 'publish', id: 1, channel: 'room:a', data: item('x'), key: 'k-1' };
    const first = await client.ask(publication);
    expect(first).toEqual({ type: 'result', id: 1, output: { epoch: expect.any(String), offset: 1 } });
    expect(await client.ask({ ...publication, id: 2 })).toEqual({ ...first, id: 2 });
    const call = { type: 'call', id: 3, call: 'say', input: { room: 'a', text: 'y' }, key: 'k-2', timeoutMs: 5000 };
    expect(await client.ask(call)).toEqual({ type: 'result', id: 3, output: { offset: 2 } });
    // Another connection of the same user is no other user.
    client.socket.terminate();
    const { client: again } = await come('ann');
    expect(await again.ask({ ...call, id: 4 })).toEqual({ type: 'result', id: 4, output: { offset: 2 } });
    const { key, ...wrong } = call;
    again.send({ ...wrong, id: 5, input: { room: 5 } }, { type: 'cancel', id: 99 });
    expect(await again.answer(5)).toEqual({
      type: 'error',
      id: 5,
      code: 'INVALID',
      message: expect.any(String),
      issues: expect.arrayContaining([{ message: expect.any(String), path: ['room'] }]),
    });
  });

  it('members, and what changes of them', async () => {
    const { come } = await start(kind);
    const { client: ann } = await come('ann');
    ann.send({ type: 'join', id: 1, channel: 'room:a', members: true });
    expect(await ann.next()).toMatchObject({ type: 'joined' });
    const here: unknown[] = [];
    const member = (user: string) => ({ user, data: { name: user.toUpperCase() }, connections: 1 });
    const until = async (isSo: (message: Message) => boolean) => {
      for (;;) {
        const message = await ann.next();
        here.push(message);
        if (isSo(message)) return message;
      }
    };
    expect(await ann.next()).toMatchObject({ type: 'members', channel: 'room:a' });
    const { client: bob } = await come('bob');
    bob.send({ type: 'join', id: 1, channel: 'room:a' });
    const came = await until(({ set }) => JSON.stringify(set)?.includes('bob') === true);
    expect(came).toMatchObject({ type: 'presence', channel: 'room:a', gone: [] });
    expect(came.set).toContainEqual(member('bob'));
    bob.socket.terminate();
    const went = await until(({ gone }) => JSON.stringify(gone)?.includes('bob') === true);
    expect(went).toEqual({ type: 'presence', channel: 'room:a', set: [], gone: ['bob'] });
  });

  it('what is not allowed, not known, and not right', async () => {
    const { come } = await start(kind);
    const { client } = await come('ann');
    client.send(
      { type: 'join', id: 1, channel: 'room:secret' },
      { type: 'join', id: 2, channel: 'nowhere' },
      { type: 'call', id: 3, call: 'nothing' },
      { type: 'shout', id: 4 },
      { type: 'leave', id: 5 },
      { type: 'ping', loudly: true },
    );
    const codes: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const { type, id, code } = await client.next();
      codes.push([type, id, code]);
    }
    expect(codes.sort()).toEqual([
      ['error', 1, 'NOT_ALLOWED'],
      ['error', 2, 'UNKNOWN'],
      ['error', 3, 'UNKNOWN'],
      ['error', 4, 'UNKNOWN'],
      ['error', 5, 'INVALID'],
      ['pong', undefined, undefined],
    ]);
    for (const frame of ['hello', '[1]', Buffer.from('{"type":"ping"}')]) {
      const { client: other } = await come('ann');
      other.socket.send(frame);
      expect((await other.closed)[0]).toBe(4400);
    }
  });

  it('while the log is away', async () => {
    const { come, cut, restore, publish } = await start(kind);
    const { client } = await come('ann');
    await client.ask({ type: 'join', id: 1, channel: 'room:a' });
    await cut();
    expect(await client.next()).toEqual({ type: 'state', channel: 'room:a', state: 'stale' });
    const failed = await client.ask({ type: 'publish', id: 2, channel: 'room:a', data: item('x'), key: 'k' });
    expect(failed).toMatchObject({ type: 'error', code: 'UNAVAILABLE' });
    expect(await client.ask({ type: 'join', id: 3, channel: 'room:b' })).toMatchObject({ code: 'UNAVAILABLE' });
    await restore();
    expect(await client.next()).toEqual({ type: 'state', channel: 'room:a', state: 'live' });
    await publish('y');
    expect(await client.next()).toMatchObject({ type: 'entries', offset: 1, data: [item('y')] });
  });

  it('a new token, and the end of a stay', async () => {
    const { hub, come } = await start(kind);
    const { client } = await come('ann');
    expect(await client.ask({ type: 'token', id: 1, token: 'ann' })).toEqual({
      type: 'result',
      id: 1,
      output: { expires: EXPIRES },
    });
    expect(await client.ask({ type: 'token', id: 2, token: 'bob' })).toMatchObject({ code: 'NOT_ALLOWED' });
    hub.disconnect('ann');
    expect(await client.closed).toEqual([4403, '']);
  });

  it('over HTTP', async () => {
    const { origin, publish } = await start(kind);
    await publish('1', '2');
    const post = (body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${origin}/live`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer ann', origin, ...headers },
        body: JSON.stringify(body),
      });
    const answer = await post({ type: 'call', id: 1, call: 'say', input: { room: 'a', text: '3' }, key: 'k' });
    expect([answer.status, await answer.json()]).toEqual([200, { type: 'result', id: 1, output: { offset: 3 } }]);
    expect((await post({ type: 'join', id: 1, channel: 'room:a' })).status).toBe(400);
    expect((await post({}, { authorization: '' })).status).toBe(401);
    const stream = await post([{ type: 'join', id: 2, channel: 'room:a', last: 1 }], { accept: 'text/event-stream' });
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const found: Message[] = [];
    let rest = '';
    for await (const piece of stream.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith('data: {')) found.push(JSON.parse(line.slice(6)) as Message);
      if (found.length === 3) break;
    }
    expect(found).toMatchObject([
      { type: 'welcome', user: 'ann' },
      { type: 'joined', id: 2, channel: 'room:a', offset: 2 },
      { type: 'entries', channel: 'room:a', offset: 3, data: [item('3')] },
    ]);
  });
});
