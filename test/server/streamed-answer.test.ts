/** Answers of `onRequest` whose body is a stream, on real sockets. */

import { describe, expect, it } from 'vitest';
import type { NetRequest, RequestAnswer } from '../../src/server/net-server.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { eventOf, nextTurn, startServer, watchProcess } from '../support/servers.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
const get = (method = 'GET', version = '1.1') => `${method} / HTTP/${version}\r\nHost: x\r\n\r\n`;

async function peerOf(onRequest: (request: NetRequest) => RequestAnswer | Promise<RequestAnswer>): Promise<RawPeer> {
  return RawPeer.connect(await startServer('node:net', { net: { onRequest } }));
}

async function* pieces(): AsyncGenerator<string | Uint8Array> {
  yield 'é';
  yield '';
  yield Uint8Array.of(0x61, 0x62);
}

/** A stream that is told apart by what becomes of it. */
function open(start: (controller: ReadableStreamDefaultController<string>) => void = () => {}) {
  let cancel = () => {};
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  const body = new ReadableStream<string>({ start, cancel: () => cancel() });
  return { body, cancelled };
}

describe('a streamed answer', () => {
  it.each([
    ['an async generator', () => pieces()],
    ['a ReadableStream', () => ReadableStream.from(pieces())],
  ])('RFC 9112 §7.1 comes in chunks, empty ones left out: %s', async (_what, body) => {
    const peer = await peerOf(() => ({ body: body() as ReadableStream<string> }));
    peer.send(get());
    expect(await peer.rest()).toBe(`${HEAD}2\r\n\xc3\xa9\r\n2\r\nab\r\n0\r\n\r\n`);
  });

  it('RFC 9112 §6.3 ends with the connection for HTTP/1.0', async () => {
    const peer = await peerOf(() => ({ headers: { 'Transfer-Encoding': 'own', A: 'b' }, body: pieces() }));
    peer.send(get('GET', '1.0'));
    expect(await peer.rest()).toBe('HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n\xc3\xa9ab');
  });

  it('each piece arrives when it is there', async () => {
    let push: (piece: string) => void = () => {};
    const { body } = open((controller) => {
      push = (piece) => controller.enqueue(piece);
    });
    const peer = await peerOf(() => ({ body }));
    peer.send(get());
    expect(await peer.head()).toBe(HEAD);
    for (const piece of ['one', 'two']) {
      push(piece);
      expect(String(await peer.bytes(8))).toBe(`3\r\n${piece}\r\n`);
    }
  });

  it.each([
    ['HEAD', get('HEAD'), 200],
    ['204', get(), 204],
  ])('%s has no body: it is cancelled', async (_what, request, status) => {
    const { body, cancelled } = open();
    const peer = await peerOf(() => ({ status, body }));
    peer.send(request);
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 20\d .*\r\n.*Connection: close\r\n\r\n$/s);
    await cancelled;
  });

  it.each([
    ['resets', (peer: RawPeer) => peer.socket.resetAndDestroy()],
    ['ends', (peer: RawPeer) => peer.socket.end()],
  ])('is cancelled when the peer %s, though nothing comes', async (_what, leave) => {
    const { body, cancelled } = open();
    const peer = await peerOf(() => ({ body }));
    peer.send(get());
    await peer.head();
    leave(peer);
    await cancelled;
  });

  it('is cancelled when the peer has gone before it was there', async () => {
    const { body, cancelled } = open();
    const peer = await peerOf(async ({ socket }) => {
      const gone = eventOf(socket, 'close');
      socket.destroy();
      await gone;
      return { body };
    });
    peer.send(get());
    await cancelled;
  });

  it('is asked for no more than the peer reads', async () => {
    let asked = 0;
    const piece = 'x'.repeat(65_536);
    const peer = await peerOf(() => ({
      body: new ReadableStream<string>({
        pull(controller) {
          asked++;
          controller.enqueue(piece);
        },
      }),
    }));
    peer.socket.pause();
    peer.send(get());
    // Until nothing has been asked for in many turns.
    for (let before = -1, still = 0; still < 200; still = asked === before ? still + 1 : 0) {
      before = asked;
      await nextTurn();
    }
    // What the kernel takes, a few MB; without the bound it would go on for ever.
    expect(asked * piece.length).toBeLessThan(32 << 20);
    const stopped = asked;
    peer.socket.resume();
    while (asked < stopped + 10) await nextTurn();
    peer.socket.destroy();
  });

  it('that fails is cut off without its last chunk, with a warning', async () => {
    const { nextWarning } = watchProcess();
    const peer = await peerOf(() => ({
      body: (async function* () {
        yield 'ab';
        throw new Error('no more');
      })(),
    }));
    peer.send(get());
    expect(await peer.rest()).toBe(`${HEAD}2\r\nab\r\n`);
    expect((await nextWarning()).detail).toContain('no more');
  });

  it('that is aborted on purpose is cut off without a word', async () => {
    const { warnings } = watchProcess();
    const { body } = open((controller) => controller.error(new DOMException('too slow', 'AbortError')));
    const peer = await peerOf(() => ({ body }));
    peer.send(get());
    expect(await peer.rest()).toBe(HEAD);
    expect(warnings).toEqual([]);
  });

  it('with a header that is none is a 500, and is cancelled', async () => {
    const { nextWarning } = watchProcess();
    const { body, cancelled } = open();
    const peer = await peerOf(() => ({ headers: { 'a b': 'c' }, body }));
    peer.send(get());
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 /);
    await cancelled;
    await nextWarning();
  });

  it('no other hook may answer with one', async () => {
    const { nextWarning } = watchProcess();
    const server = await startServer('node:net', { net: { authorize: () => ({ body: pieces() }) as never } });
    const peer = await RawPeer.connect(server);
    peer.send(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 /);
    expect((await nextWarning()).detail).toContain('a body that is neither a string nor a Uint8Array');
  });
});
