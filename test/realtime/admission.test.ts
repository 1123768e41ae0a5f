/** Who is let in, how much he may bring, and how his stay is prolonged. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { createHub, defineProtocol, type HubOptions, type HubUser } from '../../src/realtime/index.ts';
import { enter, KINDS, serve, WireClient } from './wire-client.ts';

const protocol = defineProtocol({
  channels: { room: { message: z.string() } },
  calls: { who: { input: z.unknown(), output: z.unknown() } },
});
const OFFER = 'framewright.realtime.1';
const as = (token: string) => ({ subprotocols: [OFFER, `bearer.${token}`] });

function hubOf(options: HubOptions = {}) {
  const hub = createHub(protocol, options);
  hub.call('who', (_input, { user }) => user);
  return hub;
}

describe.each(KINDS)('on %s', (kind) => {
  it.each<[what: string, options: HubOptions, origin: string | undefined, isLetIn: boolean]>([
    ['a page of its own origin', {}, 'own', true],
    ['a page of another one', {}, 'https://evil.example', false],
    ['a page of a listed one', { origins: ['https://app.example'] }, 'https://app.example', true],
    ['its own, where others are listed', { origins: ['https://app.example'] }, 'own', false],
    ['a program', {}, undefined, false],
    ['a program, where the option says so', { requiresOrigin: false }, undefined, true],
    ['a program, where users are known', { authenticate: () => ({ id: 'ann' }) }, undefined, true],
    ['a program, where both are', { authenticate: () => ({ id: 'ann' }), requiresOrigin: true }, undefined, false],
  ])('%s', async (_what, options, given, isLetIn) => {
    const { origin } = await serve(kind, hubOf(options));
    const client = new WireClient(origin, { origin: given === 'own' ? origin : given } as object);
    if (isLetIn) expect(await client.next()).toMatchObject({ type: 'welcome' });
    else expect(await client.refused).toBe(403);
  });

  it('a user is who his token says, from wherever it comes', async () => {
    const { origin } = await serve(
      kind,
      hubOf({
        tokens: { cookie: 'session' },
        authenticate: ({ token, tokenSource, request }) =>
          ({ id: `${token}`, tokenSource, url: request.url }) as HubUser,
      }),
    );
    const who = async (setup: object) =>
      (await (await enter(origin, setup)).client.ask({ type: 'call', id: 1, call: 'who' })).output;
    expect(await who(as('ann'))).toEqual({ id: 'ann', tokenSource: 'subprotocol', url: '/live' });
    expect(await who({ headers: { authorization: 'Bearer bob' } })).toMatchObject({ id: 'bob', tokenSource: 'bearer' });
    expect(await who({ headers: { cookie: 'session=cid' } })).toMatchObject({ id: 'cid', tokenSource: 'cookie' });
  });
});

describe('authenticate', () => {
  it.each<[what: string, answer: unknown, message: string]>([
    ['no id', {}, 'authenticate() returned a user whose id is undefined: give a string of 1 to 256 characters'],
    ['a number', { id: 5 }, 'authenticate() returned a user whose id is the number 5'],
    ['nothing at all', undefined, 'authenticate() returned undefined'],
    ['seconds', { id: 'ann', expires: 1_700_000_000 }, 'so multiply seconds by 1000'],
  ])('that returns %s is a 500, and told', async (_what, answer, message) => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(String((warning as { detail?: string }).detail));
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const { origin } = await serve('node:http', hubOf({ authenticate: () => answer as HubUser }));
    expect(await new WireClient(origin).refused).toBe(500);
    await vi.waitFor(() => expect(warnings.join()).toContain(message));
  });

  it('refuses in its own way', async () => {
    const { origin } = await serve('node:http', hubOf({ authenticate: ({ refuse }) => refuse(402) }));
    expect(await new WireClient(origin).refused).toBe(402);
  });
});

describe('limits', () => {
  it('take maxConnections and maxConnectionsPerAddress', async () => {
    for (const [options, status] of [
      [{ maxConnections: 1 }, 503],
      [{ maxConnectionsPerAddress: 1 }, 429],
    ] as const) {
      const { origin } = await serve('node:http', hubOf(options));
      await enter(origin);
      expect(await new WireClient(origin).refused).toBe(status);
    }
  });

  it('count the messages of a user over all his connections, also one after another', async () => {
    const { origin } = await serve(
      'node:http',
      hubOf({
        authenticate: ({ token }) => ({ id: token! }),
        messageRate: { perSecond: 0.001, burst: 2, onExcess: 'close' },
      }),
    );
    const ping = { type: 'ping' };
    const first = await enter(origin, as('ann'));
    first.client.send(ping);
    expect(await first.client.next()).toEqual({ type: 'pong' });
    first.client.socket.close();
    await first.client.closed;
    const second = await enter(origin, as('ann'));
    second.client.send(ping);
    expect(await second.client.next()).toEqual({ type: 'pong' });
    second.client.send(ping);
    expect((await second.client.closed)[0]).toBe(1008);
    const other = await enter(origin, as('bob'));
    other.client.send(ping);
    expect(await other.client.next()).toEqual({ type: 'pong' });
  });

  it.each([
    [{}, 65_536],
    [{ limits: { maxMessageBytes: 1000 } }, 1000],
  ])('end with 1009 a message that is too long: %j', async (options, most) => {
    const { origin } = await serve('node:http', hubOf(options));
    const { client } = await enter(origin);
    const frame = (length: number) => `{"type":"ping","x":"${'x'.repeat(length - 22)}"}`;
    client.socket.send(frame(most));
    expect(await client.next()).toEqual({ type: 'pong' });
    client.socket.send(frame(most + 1));
    expect((await client.closed)[0]).toBe(1009);
  });
});

describe('a new token', () => {
  /** Tokens are `name`, `name:milliseconds to live` and `bad`. */
  function setUp(more: HubOptions = {}) {
    const asked: unknown[] = [];
    const hub = hubOf({
      authenticate: ({ token = '', tokenSource, refuse, request, address }) => {
        asked.push([token, tokenSource, request.url, address]);
        const [id, livesMs] = token.split(':');
        if (id === 'bad') refuse(401);
        if (id === 'broken') throw new Error('the database is away');
        return { id: id!, ...(livesMs && { expires: Date.now() + Number(livesMs) }) };
      },
      ...more,
    });
    const reported: string[] = [];
    hub.on('error', (error, where) => reported.push(`${where}: ${(error as Error).message}`));
    return { hub, asked, reported };
  }

  it('moves the end of the stay', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { hub, asked } = setUp();
    const { origin } = await serve('node:http', hub);
    // An offer of subprotocols has no colon in it.
    const { client, welcome } = await enter(origin, { headers: { authorization: 'Bearer ann' } });
    expect(welcome).not.toHaveProperty('expires');
    const expires = Date.now() + 60_000;
    expect(await client.ask({ type: 'token', id: 1, token: 'ann:60000' })).toEqual({
      type: 'result',
      id: 1,
      output: { expires },
    });
    expect(asked).toEqual([
      ['ann', 'bearer', '/live', '127.0.0.1'],
      ['ann:60000', 'bearer', '/live', '127.0.0.1'],
    ]);
    vi.advanceTimersByTime(59_000);
    await client.ask({ type: 'token', id: 2, token: 'ann:60000' });
    vi.advanceTimersByTime(59_000);
    expect(await client.ask({ type: 'call', id: 3, call: 'who' })).toMatchObject({
      output: { id: 'ann', expires: expires + 59_000 },
    });
    vi.advanceTimersByTime(1000);
    expect(await client.closed).toEqual([4401, 'The authentication has expired']);
  });

  it.each([
    ['that is none', 'bad', 'NOT_ALLOWED', 'The token was refused', []],
    ['of somebody else', 'bob', 'NOT_ALLOWED', "The token is another user's", []],
    ['that cannot be looked at', 'broken', 'INTERNAL', 'The server has failed', ['authenticate: the database is away']],
  ])('%s changes nothing', async (_what, token, code, message, expected) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { hub, reported } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    await client.ask({ type: 'token', id: 1, token: 'ann:5000' });
    expect(await client.ask({ type: 'token', id: 2, token })).toEqual({ type: 'error', id: 2, code, message });
    expect(reported).toEqual(expected);
    expect(await client.ask({ type: 'call', id: 3, call: 'who' })).toMatchObject({ output: { id: 'ann' } });
    vi.advanceTimersByTime(5000);
    expect((await client.closed)[0]).toBe(4401);
  });

  it('is looked at one at a time', async () => {
    let answer!: (user: HubUser) => void;
    const hub = hubOf({
      authenticate: ({ token }) =>
        token === 'slow'
          ? new Promise<HubUser>((resolve) => {
              answer = resolve;
            })
          : { id: 'ann' },
    });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send({ type: 'token', id: 1, token: 'slow' });
    expect(await client.ask({ type: 'token', id: 2, token: 'quick' })).toMatchObject({ code: 'TOO_MANY' });
    answer({ id: 'ann' });
    expect(await client.answer(1)).toEqual({ type: 'result', id: 1, output: {} });
  });

  it('means nothing where nobody is asked', async () => {
    const { origin } = await serve('node:http', hubOf());
    const { client } = await enter(origin);
    expect(await client.ask({ type: 'token', id: 1, token: 'x' })).toMatchObject({ code: 'NOT_ALLOWED' });
  });
});

describe('options', () => {
  it.each<[what: string, options: unknown, message: string]>([
    ['a misnamed one', { origin: 'https://a.example' }, 'createHub() has no option "origin": did you mean "origins"?'],
    ['one of attach', { path: '/live' }, 'createHub() has no option "path": use hub.attach(server, { path })'],
    ['one of the protocol', { history: {} }, "it stands in the protocol, at the channel's pattern"],
    [
      'a wrong kind',
      { origins: ['example.com'] },
      'createHub(): origins must be a list of origins as browsers send them',
    ],
    [
      'a wrong kind inside',
      { limits: { maxMessageByte: 5 } },
      'createHub() has no option "limits.maxMessageByte": did you mean "limits.maxMessageBytes"?',
    ],
    ['no engine', { engine: {} }, 'createHub(): engine must be an engine, such as memory() gives; got an object'],
    [
      'no whole number',
      { queueBytes: 1.5 },
      'createHub(): queueBytes must be a whole number from 1 on; got the number 1.5',
    ],
    [
      'a negative time',
      { presenceGraceMs: -1 },
      'createHub(): presenceGraceMs must be whole milliseconds from 0 to 2147483647',
    ],
    ['no time for calls', { callTimeoutMs: 0 }, 'createHub(): callTimeoutMs must be whole milliseconds from 1'],
    ['no calls', { maxCalls: 0 }, 'createHub(): maxCalls must be'],
    ['no channels', { maxChannels: '5' }, 'createHub(): maxChannels must be'],
    ['tokens for nobody', { tokens: { cookie: 'sid' } }, 'give authenticate as well'],
    ['a rate without numbers', { messageRate: {} }, 'messageRate takes perSecond, bytesPerSecond or both'],
    ['no options', 5, 'createHub() takes an object of options, not the number 5'],
  ])('%s is refused', (_what, options, message) => {
    expect(() => createHub(protocol, options as HubOptions)).toThrow(message);
  });
});
