/** Tickets and the comparison of secrets. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isSameSecret } from '../../src/admission/same-secret.ts';
import { createTickets } from '../../src/admission/tickets.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { SERVER_KINDS } from '../support/servers.ts';
import { startWith, statusOf } from './support.ts';

describe('A15 isSameSecret', () => {
  it.each([
    ['secret', 'secret', true],
    ['secret', 'Secret', false],
    ['secre', 'secret', false],
    ['secret!', 'secret', false],
    ['', 'secret', false],
    [undefined, 'secret', false],
    ['ключ', 'ключ', true],
    ['x'.repeat(100_000), 'x'.repeat(100_000), true],
  ])('%s and %s: %s', (shown, expected, isSame) => expect(isSameSecret(shown, expected)).toBe(isSame));

  it.each([undefined, '', null, 5])('%j is no secret to compare with', (expected) => {
    expect(() => isSameSecret('x', expected as never)).toThrow('needs a secret to compare with');
  });
});

describe('createTickets', () => {
  it('a ticket is good once', () => {
    const tickets = createTickets<{ id: number }>();
    const [one, two] = [tickets.issue({ id: 1 }), tickets.issue({ id: 2 })];
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(one).not.toBe(two);
    expect(tickets.redeem(one)).toEqual({ id: 1 });
    expect(tickets.redeem(one)).toBeUndefined();
    expect(tickets.redeem(two)).toEqual({ id: 2 });
    for (const none of [undefined, '', 'x', '__proto__']) expect(tickets.redeem(none)).toBeUndefined();
  });

  it('and for its time only', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const tickets = createTickets({ ttlMs: 1000 });
    const [one, two] = [tickets.issue({}), tickets.issue({})];
    vi.advanceTimersByTime(999);
    expect(tickets.redeem(one)).toEqual({});
    vi.advanceTimersByTime(1);
    expect(tickets.redeem(two)).toBeUndefined();
  });

  it('no more than max are kept, and the newest of them', () => {
    const tickets = createTickets<number>({ max: 2 });
    const issued = [1, 2, 3].map((user) => tickets.issue(user));
    expect(issued.map((ticket) => tickets.redeem(ticket))).toEqual([undefined, 2, 3]);
  });

  it.each([{ ttlMs: 0 }, { ttlMs: 1.5 }, { ttlMs: 2 ** 31 }, { max: 0 }])('%o is out of range', (options) => {
    expect(() => createTickets(options)).toThrow(RangeError);
  });

  it('a name that is not known, or a value of another kind, is a TypeError', () => {
    const make = (options: object) => () => createTickets(options);
    expect(make({ ttlMS: 5 })).toThrow(new TypeError('createTickets() has no option "ttlMS": did you mean "ttlMs"?'));
    expect(make({ max: '5' })).toThrow(new TypeError('createTickets(): max must be a number; got the string "5"'));
  });

  it.each(SERVER_KINDS)('opens one WebSocket, of the user it was issued for (%s)', async (kind) => {
    const tickets = createTickets<{ id: string }>();
    const server = await startWith(kind, {
      tokens: { ticket: 'ticket' },
      authenticate: ({ token, refuse }) => tickets.redeem(token) ?? refuse(401),
    });
    const target = `/?ticket=${tickets.issue({ id: 'bob' })}`;
    expect(await statusOf(server, {}, target)).toBe(101);
    expect(server.connections[0]!.user).toEqual({ id: 'bob' });
    expect(await statusOf(server, {}, target)).toBe(401);
    await expect(RawPeer.open(server)).rejects.toThrow('401');
  });
});
