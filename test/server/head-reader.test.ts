import { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { HeadReader, type HeadResult } from '../../src/server/head-reader.ts';
import { upgradeRequest } from '../support/raw-peer.ts';
import { nextTurn } from '../support/servers.ts';

function openStream(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

function read(socket: Duplex, timeoutMs = 1000, maxHeadBytes = 1000): HeadResult[] {
  const results: HeadResult[] = [];
  new HeadReader({ timeoutMs, maxHeadBytes }, (_socket, result) => results.push(result)).read(socket);
  return results;
}

describe('HeadReader', () => {
  it('§4.2.1 gives the head and the bytes behind it, once, and leaves later ones in the paused socket', async () => {
    const socket = openStream();
    const results: HeadResult[] = [];
    const reader = new HeadReader({ timeoutMs: 1000, maxHeadBytes: 1000 }, (done, result) => {
      results.push(result);
      done.pause();
    });
    reader.read(socket);
    socket.push(upgradeRequest().slice(0, 20));
    socket.push(`${upgradeRequest().slice(20)}first`);
    await nextTurn();
    socket.push('second');
    await nextTurn();
    expect(results).toMatchObject([{ ok: true, head: { method: 'GET', target: '/' } }]);
    expect(results[0]!.ok && Buffer.from(results[0]!.rest).toString()).toBe('first');
    expect(socket.isPaused()).toBe(true);
    expect(String(socket.read())).toBe('second');
    expect(['data', 'end', 'close'].map((name) => socket.listenerCount(name))).toEqual([0, 0, 0]);
  });

  it('fails with the status of what is wrong', async () => {
    const socket = openStream();
    const results = read(socket, 1000, 10);
    socket.push('GET / HTTP/1.1\r\n');
    await nextTurn();
    expect(results).toMatchObject([{ ok: false, status: 431 }]);
  });

  it('408 after the deadline, counted from the start whatever dribbles in', () => {
    vi.useFakeTimers();
    try {
      const socket = openStream();
      const results = read(socket, 500);
      for (let elapsedMs = 0; elapsedMs < 499; elapsedMs++) {
        socket.emit('data', Buffer.from('G'));
        vi.advanceTimersByTime(1);
      }
      expect(results).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(results).toMatchObject([{ ok: false, status: 408, message: 'No complete request within 500 ms' }]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('408 for each socket at its own deadline, with one timer for all', () => {
    vi.useFakeTimers();
    try {
      const late: string[] = [];
      const sockets = new Map<Duplex, string>();
      const reader = new HeadReader({ timeoutMs: 500, maxHeadBytes: 1000 }, (socket, result) => {
        late.push(`${sockets.get(socket)} ${result.ok ? 'ok' : result.status}`);
      });
      for (const name of ['first', 'second', 'third']) {
        const socket = openStream();
        sockets.set(socket, name);
        reader.read(socket);
        vi.advanceTimersByTime(100);
      }
      const [, second] = [...sockets.keys()];
      second!.emit('data', Buffer.from(upgradeRequest()));
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(200);
      expect(late).toEqual(['second ok', 'first 408']);
      vi.advanceTimersByTime(199);
      expect(late).toHaveLength(2);
      vi.advanceTimersByTime(1);
      expect(late).toEqual(['second ok', 'first 408', 'third 408']);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['ends', (socket: Duplex) => void socket.push(null)],
    ['closes', (socket: Duplex) => void socket.destroy()],
  ])('when the peer %s first there is nobody to answer: the socket goes, nothing is called', async (_how, leave) => {
    const socket = openStream();
    const results = read(socket);
    socket.push('GET / HT');
    await nextTurn();
    leave(socket);
    await nextTurn();
    expect(results).toEqual([]);
    expect(socket.destroyed).toBe(true);
  });
});
