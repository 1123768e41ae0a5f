import { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { endWith, formatAnswer } from '../../src/server/http-answer.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { eventOf, nextTurn } from '../support/servers.ts';

describe('formatAnswer', () => {
  const asText = (...args: Parameters<typeof formatAnswer>) => Buffer.from(formatAnswer(...args)).toString('latin1');

  it('RFC 9110 §8.6 the length is that of the bytes', () => {
    expect(asText({ body: 'é' }, true)).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\xc3\xa9',
    );
  });

  it('RFC 9110 §9.3.2 HEAD announces the body and leaves it out', () => {
    expect(asText({ body: Uint8Array.of(1, 2, 3) }, false)).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n',
    );
  });

  it.each([204, 304])('RFC 9112 §6.3 nothing stands behind the head of a %i', (status) => {
    const answer = asText({ status, body: 'left out' }, true, false);
    expect(answer).toMatch(/^HTTP\/1.1 (204 No Content|304 )\r\nConnection: keep-alive\r\n\r\n$/);
  });

  it('RFC 9110 §5.3 an array of values is as many fields', () => {
    expect(asText({ headers: { 'Set-Cookie': ['a=1', 'b=2'] } }, true)).toContain(
      '\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n',
    );
  });

  it('framing fields given in any case are left out; Upgrade is listed in Connection', () => {
    const headers = {
      'CONTENT-length': '1',
      connection: 'keep-alive',
      'Transfer-Encoding': 'chunked',
      Upgrade: 'websocket',
    };
    expect(asText({ status: 426, headers }, true)).toBe(
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\nConnection: close, Upgrade\r\n\r\n',
    );
  });

  it.each([101, 199, 600, 200.5, Number.NaN, '200'])('status %s is a RangeError', (status) => {
    expect(() => formatAnswer({ status: status as number }, true)).toThrow(RangeError);
  });

  it.each([{ 'a b': 'c' }, { 'a\r\nb': 'c' }, { '': 'c' }, { a: 'b\r\nc: d' }, { a: 'b\0' }])(
    'the header %o is a TypeError',
    (headers) => {
      expect(() => formatAnswer({ headers: headers as unknown as Record<string, string> }, true)).toThrow(TypeError);
    },
  );
});

describe('endWith', () => {
  it('a peer that has ended still gets the whole answer before the socket goes', async () => {
    const socket = new HeldDuplex();
    socket.push(null);
    endWith(socket, 'answer');
    await eventOf(socket, 'end');
    await nextTurn();
    expect(socket.destroyed).toBe(false);
    socket.release();
    await eventOf(socket, 'close');
    expect(socket.written.toString()).toBe('answer');
  });

  it('a peer that neither reads nor ends is cut off after two seconds', async () => {
    vi.useFakeTimers();
    try {
      const socket = new HeldDuplex();
      endWith(socket, 'answer');
      vi.advanceTimersByTime(1999);
      expect(socket.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      expect(socket.destroyed).toBe(true);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('reads what the peer still sends, and drops it', async () => {
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    endWith(socket, 'answer');
    for (let i = 0; i < 100; i++) {
      socket.push(Buffer.alloc(10_000));
      await nextTurn();
    }
    expect(socket.readableLength).toBeLessThan(20_000);
    socket.push(null);
    await eventOf(socket, 'close');
  });
});
