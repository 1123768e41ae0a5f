/** Attacks on who gets in, on both servers. The rows are those of spec-notes/attacks.md. */

import crypto from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { isSameSecret } from '../../src/admission/same-secret.ts';
import { echoed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { echo, eventOf, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';

describe('A15 secrets are compared in constant time', () => {
  it.each([
    ['right', 'right', true],
    ['r', 'right', false],
    ['wrong', 'right', false],
    ['righter than right', 'right', false],
  ])('%s beside %s: %s, by bytes of one length', (shown, expected, isSame) => {
    const compare = vi.spyOn(crypto, 'timingSafeEqual');
    expect(isSameSecret(shown, expected)).toBe(isSame);
    expect(compare.mock.calls.map((sides) => sides.map((side) => side.byteLength))).toEqual([[32, 32]]);
    compare.mockRestore();
  });
});

describe.each(SERVER_KINDS)('%s', (kind) => {
  const statusOf = async (server: Awaited<ReturnType<typeof startServer>>, fields: Record<string, string>) => {
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(fields));
    return (await peer.head()).slice(9, 12);
  };

  it('A16 a page of another site gets 403 where only those of the server itself may connect', async () => {
    const given = { origins: 'same-origin' };
    const server = await startServer(kind, { http: given, net: given });
    for (const origin of [
      'http://evil.example',
      'http://server.example.evil.example',
      'null',
      'http://server.example:8080',
    ]) {
      expect(await statusOf(server, { Origin: origin }), origin).toBe('403');
    }
    expect(await statusOf(server, { Origin: 'http://server.example' })).toBe('101');
  });

  it('A19 a forged entry at the left of X-Forwarded-For escapes no limit', async () => {
    const given = { maxConnectionsPerAddress: 1, trustProxy: 1 };
    const server = await startServer(kind, { http: given, net: given });
    expect(await statusOf(server, { 'X-Forwarded-For': '192.0.2.1' })).toBe('101');
    for (let i = 0; i < 5; i++) {
      expect(await statusOf(server, { 'X-Forwarded-For': `203.0.113.${i}, 192.0.2.1` })).toBe('429');
    }
    expect(await statusOf(server, { 'X-Forwarded-For': '192.0.2.2' })).toBe('101');
  });

  it('A20 the refusal of authenticate is flushed before the socket ends, and a reset before it does no harm', async () => {
    const { uncaught, warnings } = watchProcess();
    const answers: (() => void)[] = [];
    const given = {
      authenticate: async ({ refuse }: { refuse: (status: number, answer: { body: string }) => never }) => {
        await new Promise<void>((resolve) => answers.push(resolve));
        return refuse(401, { body: 'no' });
      },
    };
    const server = await startServer(kind, { http: given, net: given });
    const [gone, peer] = [await RawPeer.connect(server), await RawPeer.connect(server)];
    gone.send(upgradeRequest(), text('eager'));
    peer.send(upgradeRequest(), Buffer.alloc(100_000, 'unread'));
    await vi.waitUntil(() => answers.length === 2);
    gone.reset();
    await eventOf(gone.socket, 'close');
    for (const answer of answers) answer();
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n[\s\S]*no$/);
    expect(peer.error).toBeUndefined();
    expect(server.connections).toEqual([]);
    expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
  });

  it('A34 who comes back has no more messages than who stays, and no more connections', async () => {
    const messageRate = { perSecond: 0.001, burst: 2, onExcess: 'close' } as const;
    const given = { maxConnectionsPerAddress: 2, messageRate };
    const server = await startServer(kind, { http: given, net: given }, echo);
    const first = await RawPeer.open(server);
    first.send(text('1'), text('2'));
    expect(await first.frames(2)).toEqual([echoed('1'), echoed('2')]);
    const end = eventOf(server.connections[0]!, 'close');
    first.reset();
    await end;
    const second = await RawPeer.open(server);
    second.send(text('3'));
    expect(await second.frame()).toContain('88 03 f0');
  });

  it('A34 requests that come all at once do not run past a limit', async () => {
    const authenticate = () => new Promise<object>((resolve) => setImmediate(resolve, {}));
    const given = { maxConnectionsPerAddress: 2, authenticate };
    const server = await startServer(kind, { http: given, net: given });
    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(server, {})));
    expect(statuses.sort()).toEqual(['101', '101', '429', '429', '429', '429', '429', '429']);
  });
});
