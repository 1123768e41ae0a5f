/** How many connections there may be, in all and from one address, on both servers: counted from the request to the end. */

import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Occupancy } from '../../src/admission/occupancy.ts';
import { RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { eventOf, SERVER_KINDS, type StartedServer, unixSocketPath, watchProcess } from '../support/servers.ts';
import { ask, type Given, startWith, statusOf } from './support.ts';

/** The status of the answer to a request from an address of the loopback network; the connection stays. */
async function statusFrom(localAddress: string, { endpoint }: StartedServer): Promise<number> {
  const socket = connect({ ...(endpoint as { host: string; port: number }), localAddress });
  onTestFinished(() => void socket.destroy());
  socket.write(upgradeRequest());
  const [head] = (await eventOf(socket, 'data')) as [Buffer];
  return Number(head.toString('latin1', 9, 12));
}

describe.each(SERVER_KINDS)('maxConnections (%s)', (kind) => {
  it('one more gets 503 with Retry-After, and a place is free again behind the end of a connection', async () => {
    const reasons: string[] = [];
    const server = await startWith(kind, { maxConnections: 2 });
    if (kind === 'node:net') (server.server as NodeJS.EventEmitter).on('refused', ({ reason }) => reasons.push(reason));
    const [first] = [await RawPeer.open(server), await RawPeer.open(server)];
    const peer = await ask(server);
    const answer = await peer.rest();
    expect(answer).toContain('HTTP/1.1 503 Service Unavailable\r\n');
    expect(answer).toContain('\r\nRetry-After: 5\r\n');
    expect(reasons).toEqual(kind === 'node:net' ? ['maxConnections'] : []);
    const end = eventOf(server.connections[0]!, 'close');
    first!.reset();
    await end;
    expect(await statusOf(server)).toBe(101);
    expect(await statusOf(server)).toBe(503);
  });

  it('counts who is being asked: many at once do not run past the limit', async () => {
    const waiting: (() => void)[] = [];
    const server = await startWith(kind, {
      maxConnections: 3,
      authenticate: () => new Promise((resolve) => waiting.push(() => resolve({}))),
    });
    const statuses: number[] = [];
    const answers = Array.from({ length: 8 }, async () => statuses.push(await statusOf(server)));
    await vi.waitUntil(() => statuses.length === 5);
    expect(statuses).toEqual([503, 503, 503, 503, 503]);
    expect(waiting.length).toBe(3);
    for (const letIn of waiting) letIn();
    await Promise.all(answers);
    expect(statuses.slice(5)).toEqual([101, 101, 101]);
  });

  it.each<[what: string, given: object, status: number]>([
    ['authenticate refuses', { authenticate: ({ refuse }: { refuse(status: number): never }) => refuse(401) }, 401],
    ['authorize refuses', { authorize: () => false }, 403],
    ['a hook throws', { authenticate: () => Promise.reject(new Error('no')) }, 500],
    ['it answers too late', { authenticate: () => new Promise(() => {}), handshakeTimeoutMs: 500 }, 503],
  ])('holds no place for a request when %s', async (_what, given, status) => {
    const { warnings } = watchProcess();
    const server = await startWith(kind, { ...given, maxConnections: 1 });
    const seen: string[] = [];
    // The second would be told that there is no room, in words of its own.
    for (let i = 0; i < 2; i++) {
      // It does not close its side, so that the server lingers.
      const peer = await RawPeer.connect(server, true);
      peer.send(upgradeRequest());
      seen.push((await peer.head()) + (await peer.rest()));
      expect(peer.socket.destroyed).toBe(false);
    }
    for (const answer of seen) {
      expect(answer).toContain(`HTTP/1.1 ${status} `);
      expect(answer).not.toContain('as many connections');
    }
    expect(warnings.length).toBe(status === 500 ? 2 : 0);
  });

  it.each(['resetAndDestroy', 'end'] as const)(
    'holds no place for a client that goes while it waits: %s',
    async (go) => {
      let asked = 0;
      const server = await startWith(kind, {
        maxConnections: 1,
        authenticate: ({ signal }) => {
          asked += 1;
          return asked > 1
            ? {}
            : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
      });
      const peer = await ask(server);
      await vi.waitUntil(() => asked === 1);
      expect(await statusOf(server)).toBe(503);
      peer.socket[go]();
      await vi.waitUntil(async () => (await statusOf(server)) === 101);
    },
  );

  it('counts a connection whose socket has gone for as long as messages of it wait', async () => {
    const given = { maxConnections: 1, messageRate: { perSecond: 0.001, burst: 1 } };
    const server = await startWith(kind, given as Given);
    const peer = await ask(server);
    await peer.head();
    const [connection] = server.connections;
    const first = eventOf(connection!, 'message');
    peer.send(text('a'), text('b'));
    await first;
    const stream = connection!._socket!;
    const hasGone = eventOf(stream, 'close');
    stream.destroy();
    await hasGone;
    expect(await statusOf(server)).toBe(503);
    connection!.terminate();
    await vi.waitUntil(async () => (await statusOf(server)) === 101);
  });

  it('counts on a unix socket, and without the set of clients', async () => {
    const http = { maxConnections: 1, clientTracking: false };
    const given = kind === 'node:http' ? http : { maxConnections: 1, maxConnectionsPerAddress: 1 };
    const server = await startWith(kind, given, { socketPath: await unixSocketPath() });
    expect(await statusOf(server)).toBe(101);
    expect(await statusOf(server)).toBe(503);
  });
});

describe.each(SERVER_KINDS)('maxConnectionsPerAddress (%s)', (kind) => {
  it('one more from an address gets 429, others get in', async () => {
    const server = await startWith(kind, { maxConnectionsPerAddress: 1 });
    expect(await statusFrom('127.0.0.1', server)).toBe(101);
    expect(await statusFrom('127.0.0.2', server)).toBe(101);
    expect(await statusFrom('127.0.0.1', server)).toBe(429);
    const end = eventOf(server.connections[1]!, 'close');
    server.connections[1]!.terminate();
    await end;
    expect(await statusFrom('127.0.0.2', server)).toBe(101);
    expect(await statusFrom('127.0.0.2', server)).toBe(429);
  });

  it('without an address, on a unix socket, it does not count', async () => {
    const server = await startWith(kind, { maxConnectionsPerAddress: 1 }, { socketPath: await unixSocketPath() });
    expect(await statusOf(server)).toBe(101);
    expect(await statusOf(server)).toBe(101);
  });

  const FROM_OUTSIDE = { 'X-Forwarded-For': '198.51.100.9' };
  it.each<[what: string, hops: number, requests: (string | Record<string, string | string[]>)[], last: 101 | 429]>([
    // Each row: requests of which the last is let in or not, behind those before it.
    ['without trustProxy nothing is believed', 0, ['192.0.2.1', '192.0.2.2'], 429],
    ['another client behind the proxy', 1, ['192.0.2.1', '192.0.2.2'], 101],
    ['the same client', 1, ['192.0.2.1', '192.0.2.1'], 429],
    ['A19 a forged entry at the left', 1, ['192.0.2.1', '203.0.113.5, 192.0.2.1'], 429],
    ['A19 many forged entries', 1, ['192.0.2.1', '1.1.1.1, 2.2.2.2,,3.3.3.3, 192.0.2.1'], 429],
    ['A19 a forged field of its own', 1, ['192.0.2.1', { 'X-Forwarded-For': ['203.0.113.5', '192.0.2.1'] }], 429],
    ['two proxies', 2, ['192.0.2.1, 10.0.0.1', '192.0.2.1, 10.0.0.2'], 429],
    ['A19 forged before two proxies', 2, ['192.0.2.1, 10.0.0.1', '203.0.113.5, 192.0.2.1, 10.0.0.1'], 429],
    ['fewer entries than proxies', 2, ['192.0.2.1', '192.0.2.1'], 429],
    ['fewer entries than proxies, of others', 2, ['192.0.2.1', '192.0.2.2'], 101],
    ['the same address in another form', 1, ['192.0.2.1', '::ffff:192.0.2.1'], 429],
    ['with a port', 1, ['192.0.2.1:81', '192.0.2.1:82'], 429],
    ['one /64', 1, ['2001:db8::1', '[2001:db8::2]:443'], 429],
    ['another /64', 1, ['2001:db8::1', '2001:db8:0:1::1'], 101],
    ['Forwarded', 1, [{ Forwarded: 'for=192.0.2.1' }, { Forwarded: 'For="192.0.2.1:81";proto=http' }], 429],
    ['Forwarded, quoted IPv6', 1, [{ Forwarded: 'for="[2001:db8::1]"' }, { Forwarded: 'for="[2001:db8::2]:80"' }], 429],
    ['Forwarded, hidden names', 1, [{ Forwarded: 'for=_a' }, { Forwarded: 'for=_b' }], 101],
    ['Forwarded, the same hidden name', 1, [{ Forwarded: 'for=_a' }, { Forwarded: 'for=_A' }], 429],
    [
      'A19 Forwarded, forged at the left',
      1,
      [{ Forwarded: 'for=192.0.2.1' }, { Forwarded: 'for=1.1.1.1, for=192.0.2.1' }],
      429,
    ],
    [
      'A19 a quotation that is left open swallows no entry: all such are the proxy itself',
      1,
      [{ Forwarded: 'for="1.1.1.1, for=192.0.2.1' }, { Forwarded: 'for="2.2.2.2, for=192.0.2.1' }],
      429,
    ],
    [
      'A19 a quotation that is left open behind a forged entry, too',
      1,
      [{ Forwarded: 'for=1.1.1.1, for="x, for=192.0.2.1' }, { Forwarded: 'for=2.2.2.2, for="x, for=192.0.2.1' }],
      429,
    ],
    [
      'A19 Forwarded against what the proxy says: all such are the proxy itself',
      1,
      [
        { ...FROM_OUTSIDE, Forwarded: 'for=1.1.1.1' },
        { ...FROM_OUTSIDE, Forwarded: 'for=2.2.2.2' },
      ],
      429,
    ],
    [
      'A19 X-Forwarded-For against what the proxy says in Forwarded',
      1,
      [
        { 'X-Forwarded-For': '1.1.1.1', Forwarded: 'for=192.0.2.1' },
        { 'X-Forwarded-For': '2.2.2.2', Forwarded: 'for=192.0.2.1' },
      ],
      429,
    ],
    ['both, saying the same', 1, [FROM_OUTSIDE, { ...FROM_OUTSIDE, Forwarded: 'for="198.51.100.9"' }], 429],
    ['no entry at all: the proxy itself', 1, [{}, {}], 429],
  ])('§10.4 %s', async (_what, trustProxy, requests, last) => {
    const server = await startWith(kind, { maxConnectionsPerAddress: 1, ...(trustProxy && { trustProxy }) });
    const statuses: number[] = [];
    for (const request of requests) {
      statuses.push(await statusOf(server, typeof request === 'string' ? { 'X-Forwarded-For': request } : request));
    }
    expect(statuses).toEqual([101, last]);
  });

  it('A34 an address that comes again and again is counted by what it has open', async () => {
    const server = await startWith(kind, { maxConnectionsPerAddress: 2 });
    const held = await RawPeer.open(server);
    for (let i = 0; i < 5; i++) {
      await RawPeer.open(server);
      expect(await statusOf(server)).toBe(429);
      const last = server.connections.at(-1)!;
      const end = eventOf(last, 'close');
      last.terminate();
      await end;
    }
    expect(held.error).toBeUndefined();
  });
});

describe('Occupancy', () => {
  it('keeps nothing of an address whose connections have ended', () => {
    const maps: Map<unknown, unknown>[] = [];
    class SeenMap extends Map {
      constructor() {
        super();
        maps.push(this);
      }
    }
    vi.stubGlobal('Map', SeenMap);
    const occupancy = new Occupancy(10, 1);
    vi.unstubAllGlobals();
    for (let i = 0; i < 100; i++) {
      const leave = occupancy.take('192.0.2.1');
      expect(occupancy.faultWith('192.0.2.1')?.status).toBe(429);
      leave();
      leave();
    }
    expect(occupancy.faultWith('192.0.2.1')).toBeUndefined();
    const leaves = Array.from({ length: 10 }, (_, i) => occupancy.take(`${i}`));
    expect(occupancy.faultWith('x')?.status).toBe(503);
    const kept = () => maps.reduce((sum, { size }) => sum + size, 0);
    expect(kept()).toBe(10);
    for (const leave of leaves) leave();
    expect(kept()).toBe(0);
  });

  it('tells of an address in eighths of its limit, and counts what it is told of others', () => {
    const occupancy = new Occupancy(Infinity, 16);
    const told: unknown[] = [];
    occupancy.tellCount = (...one) => told.push(one);
    const leaves = Array.from({ length: 5 }, () => occupancy.take('x'));
    for (const leave of leaves) leave();
    expect(told).toEqual([2, 4, 2, 0].map((count) => ['x', count]));
    const [leave] = [occupancy.take('x'), occupancy.take('x'), occupancy.take('x')];
    // Of the total, two are those that it has told itself.
    occupancy.setTotal('x', 14);
    expect(occupancy.faultWith('x')).toBeUndefined();
    occupancy.setTotal('x', 15);
    expect(occupancy.faultWith('x')?.status).toBe(429);
    leave!();
    expect(occupancy.faultWith('x')).toBeUndefined();
    occupancy.setTotal('x', 100);
    occupancy.forgetOthers();
    expect(occupancy.faultWith('x')).toBeUndefined();
  });
});
