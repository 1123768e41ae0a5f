/**
 * The WebSocket of `framewright/web` by the WebSockets Standard (https://websockets.spec.whatwg.org), against servers of
 * ours and against bytes written by hand.
 */

import { describe, expect, it, onTestFinished } from 'vitest';
import { CloseEvent, WebSocket, type WebSocketEventMap } from '../../src/web/index.ts';
import { acceptance, fieldOf, plainAnswer, startRawServer } from '../support/raw-server.ts';
import { echo, type OnConnection, type ServerSetup, startServer, watchProcess } from '../support/servers.ts';
import { frame, hex } from '../support/wire.ts';

/** What the one event of a type says; each once. */
function next<Type extends keyof WebSocketEventMap>(socket: WebSocket, type: Type): Promise<WebSocketEventMap[Type]> {
  return new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
}

function connect(url: string, protocols?: string | string[]): WebSocket {
  const socket = protocols === undefined ? new WebSocket(url) : new WebSocket(url, protocols);
  onTestFinished(() => socket.close());
  return socket;
}

/** A socket on a server of ours, open. */
async function open(onConnection: OnConnection = echo, setup: ServerSetup = {}) {
  const server = await startServer('node:net', setup, onConnection);
  const socket = connect(server.url());
  await next(socket, 'open');
  return { server, socket, peer: server.connections[0]! };
}

/** The events of a socket in order, `[type, readyState, …]`, until 'close' has come. */
function record(socket: WebSocket) {
  const seen: unknown[][] = [];
  socket.addEventListener('open', () => seen.push(['open', socket.readyState]));
  socket.addEventListener('message', ({ data }) => seen.push(['message', socket.readyState, data]));
  socket.addEventListener('error', () => seen.push(['error', socket.readyState]));
  const closed = new Promise<unknown[][]>((resolve) => {
    socket.addEventListener('close', ({ code, reason, wasClean }) => {
      seen.push(['close', socket.readyState, code, reason, wasClean]);
      resolve(seen);
    });
  });
  return { seen, closed };
}

/** A server of bare bytes that takes the handshake, sends these frames and ends. */
async function serveFrames(...frames: Uint8Array[]) {
  const server = await startRawServer((head, socket) => {
    socket.write(acceptance(head));
    socket.end(Buffer.concat(frames));
    return undefined;
  });
  return server.url();
}

const text = (payload: string) => frame({ opcode: 1, payload });
const closeFrame = (payload: string) => frame({ opcode: 8, payload: hex(payload) });

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectDomException(action: () => unknown, name: string): void {
  const error = thrown(action) as DOMException;
  expect(error).toBeInstanceOf(DOMException);
  expect([error.name, error.constructor]).toEqual([name, DOMException]);
}

describe('the constructor', () => {
  it.each([
    'ws://x/#',
    'ws://x/#f',
    'ws://x:99999/',
    'ws://a b/',
    'ftp://x/',
    'mailto:x',
    'about:blank',
    'ws+unix:/x',
    '/relative',
    '',
    'null',
  ])('§3 %j is a SyntaxError', (url) => {
    expectDomException(() => new WebSocket(url), 'SyntaxError');
  });

  it.each([
    ['ws://EXAMPLE.invalid:80', 'ws://example.invalid/'],
    ['wss://x.invalid:443/a?b', 'wss://x.invalid/a?b'],
    ['http://x.invalid:8080/ä', 'ws://x.invalid:8080/%C3%A4'],
    ['https://u:p@x.invalid', 'wss://u:p@x.invalid/'],
    ['ws://x.invalid/\uD800', 'ws://x.invalid/%EF%BF%BD'],
  ])('the URL %s becomes %s', (url, expected) => {
    expect(connect(url).url).toBe(expected);
    expect(connect(new URL(url) as unknown as string).url).toBe(expected);
  });

  it('where the program has a location, what is relative is so to it, and Origin is its', async () => {
    Object.defineProperty(globalThis, 'location', { value: new URL('https://host.invalid/a/b'), configurable: true });
    onTestFinished(() => {
      Reflect.deleteProperty(globalThis, 'location');
    });
    expect(connect('c?d').url).toBe('wss://host.invalid/a/c?d');
    expectDomException(() => new WebSocket('#x'), 'SyntaxError');
    const server = await startRawServer((head) => acceptance(head));
    await next(connect(server.url()), 'open');
    expect(fieldOf(server.heads[0]!, 'Origin')).toBe('https://host.invalid');
  });

  it.each<[string | string[], string]>([
    ['', 'empty'],
    [[''], 'empty'],
    ['a b', 'a space'],
    ['a,b', 'a comma'],
    ['ä', 'not ASCII'],
    ['\u007F', 'a control character'],
    [['a', 'a'], 'twice'],
    [['a', 'A'], 'twice but for case'],
  ])('§4.1 the subprotocols %j (%s) are a SyntaxError', (protocols) => {
    expectDomException(() => new WebSocket('ws://x.invalid', protocols), 'SyntaxError');
  });

  it('arguments that are missing or cannot be converted are TypeErrors', () => {
    const Construct = WebSocket as unknown as new (...args: unknown[]) => WebSocket;
    expect(() => new Construct()).toThrow(TypeError);
    expect(() => new Construct(Symbol('x'))).toThrow(TypeError);
    expect(() => new Construct('ws://x.invalid', Symbol('x'))).toThrow(TypeError);
    expect(() => new Construct('ws://x.invalid', [Symbol('x')])).toThrow(TypeError);
    expect(() => (WebSocket as unknown as (url: string) => void)('ws://x.invalid')).toThrow(TypeError);
  });

  it.each([[{ headers: { authorization: 'x' } }], [{ protocols: ['a'], headers: {} }]])(
    '§4.1 another class’s options %o are converted to a string, which is a SyntaxError',
    (options) => {
      expectDomException(() => new WebSocket('ws://x.invalid', options as never), 'SyntaxError');
    },
  );

  it('§4.1 subprotocols: a string, a sequence or a dictionary; a third argument is ignored', async () => {
    const server = await startServer('node:net', { net: { subprotocols: ['b', 'a'] } });
    const Construct = WebSocket as unknown as new (...args: unknown[]) => WebSocket;
    const agreed = async (...args: unknown[]) => {
      const socket = new Construct(server.url(), ...args);
      onTestFinished(() => socket.close());
      await next(socket, 'open');
      return socket.protocol;
    };
    expect(await agreed('a', { ignored: true })).toBe('a');
    expect(await agreed(new Set(['b', 'a']))).toBe('b');
    expect(await agreed({ protocols: ['a'] })).toBe('a');
    expect(await agreed({ protocols: 'b' })).toBe('b');
    for (const none of [undefined, null, {}, []]) expect(await agreed(none)).toBe('');
  });

  it.each([1, 25, 6000, 10_080])('the Fetch Standard’s bad ports are not connected to: %i', async (port) => {
    const socket = connect(`ws://127.0.0.1:${port}/`);
    expect(socket.readyState).toBe(0);
    const { closed } = record(socket);
    expect((await next(socket, 'error')).error?.message).toContain(`${port} is blocked`);
    expect(await closed).toEqual([
      ['error', 3],
      ['close', 3, 1006, '', false],
    ]);
  });
});

describe('opening', () => {
  it('open comes once the state is OPEN; the request has no Origin, Cookie or Referer', async () => {
    const server = await startRawServer((head) =>
      acceptance(head, { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=12' }),
    );
    const socket = connect(server.url());
    expect([socket.readyState, socket.protocol, socket.extensions, socket.bufferedAmount]).toEqual([0, '', '', 0]);
    const event = await next(socket, 'open');
    expect([event.constructor, event.type, event.target, event.bubbles]).toEqual([Event, 'open', socket, false]);
    expect([event.isTrusted, new Event('open').isTrusted]).toEqual([true, false]);
    expect([socket.readyState, socket.protocol]).toEqual([1, '']);
    expect(socket.extensions).toBe('permessage-deflate; client_max_window_bits=12');
    const [head] = server.heads as [string];
    for (const name of ['Origin', 'Cookie', 'Referer']) expect(fieldOf(head, name)).toBeUndefined();
    expect(fieldOf(head, 'Sec-WebSocket-Extensions')).toContain('permessage-deflate');
  });

  it('user and password of the URL are sent', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(server.url().replace('//', '//foo:bar@'));
    await next(socket, 'open');
    expect(fieldOf(server.heads[0]!, 'Authorization')).toBe(`Basic ${btoa('foo:bar')}`);
  });

  it.each<[string, (head: string) => string]>([
    ['404', () => plainAnswer('404 Not Found')],
    ['a redirect, which is not followed', () => plainAnswer('302 Found', { Location: 'ws://127.0.0.1:1/' })],
    ['a wrong key', (head) => acceptance(head, { 'Sec-WebSocket-Accept': 'AAAA' })],
    ['no subprotocol though one was asked for', (head) => acceptance(head)],
    ['another subprotocol', (head) => acceptance(head, { 'Sec-WebSocket-Protocol': 'b' })],
    ['an extension that nobody offered', (head) => acceptance(head, { 'Sec-WebSocket-Extensions': 'x' })],
  ])('§4.1 a server that answers with %s: error, then close with 1006', async (_name, answer) => {
    const server = await startRawServer(answer);
    const socket = connect(server.url(), 'a');
    const failed = next(socket, 'error');
    expect(await record(socket).closed).toEqual([
      ['error', 3],
      ['close', 3, 1006, '', false],
    ]);
    const event = await failed;
    expect([event.constructor, event.error]).toEqual([Event, expect.any(Error)]);
    expect(server.heads).toHaveLength(1);
  });

  it('nobody has to listen for a connection that fails', async () => {
    const watch = watchProcess();
    const server = await startRawServer((_head, socket) => void socket.destroy());
    await next(connect(server.url()), 'close');
    expect([watch.uncaught, watch.warnings]).toEqual([[], []]);
  });

  it('close() while CONNECTING: CLOSING at once, error and close later, and once', async () => {
    const server = await startRawServer(() => undefined);
    const socket = connect(server.url());
    const { seen, closed } = record(socket);
    socket.close();
    socket.close(1000);
    expect([socket.readyState, seen]).toEqual([2, []]);
    expect(await closed).toEqual([
      ['error', 3],
      ['close', 3, 1006, '', false],
    ]);
  });

  it('send() while CONNECTING is an InvalidStateError, and not counted', async () => {
    const server = await startRawServer(() => undefined);
    const socket = connect(server.url());
    expectDomException(() => socket.send('x'), 'InvalidStateError');
    expect(socket.bufferedAmount).toBe(0);
  });
});

describe('messages', () => {
  it('are MessageEvents with the URL’s origin; binary ones are Blobs or ArrayBuffers, as binaryType says then', async () => {
    const { server, socket } = await open();
    expect(socket.binaryType).toBe('blob');
    socket.send('Grüße \uD800\uFEFF');
    const first = await next(socket, 'message');
    expect([first.constructor, first.data]).toEqual([MessageEvent, 'Grüße \uFFFD\uFEFF']);
    expect(first.origin).toBe(server.url('').replace(/\/$/, ''));
    socket.send(Uint8Array.of(1, 2));
    const { data: blob } = await next(socket, 'message');
    expect([blob.constructor, blob.type, blob.size]).toEqual([Blob, '', 2]);
    for (const ignored of ['nodebuffer', 'fragments', 'Blob', null]) socket.binaryType = ignored as 'blob';
    expect(socket.binaryType).toBe('blob');
    socket.binaryType = 'arraybuffer';
    socket.send(Uint8Array.of(1, 2));
    const { data: buffer } = await next(socket, 'message');
    expect(buffer).toEqual(Uint8Array.of(1, 2).buffer);
  });

  it.each<[string, () => unknown, string]>([
    ['a view with an offset', () => new Uint16Array([0x0101, 0x0202, 0x0303]).subarray(1), '02020303'],
    ['a DataView', () => new DataView(Uint8Array.of(1, 2, 3).buffer, 2), '03'],
    ['an ArrayBuffer', () => Uint8Array.of(7).buffer, '07'],
    ['an empty one', () => new ArrayBuffer(0), ''],
    ['a Blob', () => new Blob(['ab', Uint8Array.of(1)]), '616201'],
  ])('send takes %s', async (_name, make, expected) => {
    const { socket } = await open();
    socket.binaryType = 'arraybuffer';
    socket.send(make() as Blob);
    expect(Buffer.from((await next(socket, 'message')).data).toString('hex')).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a number', 1.5, '1.5'],
    ['an object', { toString: () => 'text' }, 'text'],
    ['an array', [1, 2], '1,2'],
    ['shared memory', new SharedArrayBuffer(1), '[object SharedArrayBuffer]'],
  ])('send makes a string of %s', async (_name, data, expected) => {
    const { socket } = await open();
    socket.send(data as string);
    expect((await next(socket, 'message')).data).toBe(expected);
  });

  it('send refuses what cannot be converted', async () => {
    const { socket } = await open();
    const send = (...args: unknown[]) => thrown(() => (socket.send as (...args: unknown[]) => void)(...args));
    const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
    expect(send()).toBeInstanceOf(TypeError);
    expect(send(Symbol('x'))).toBeInstanceOf(TypeError);
    expect(send(new Uint8Array(new SharedArrayBuffer(1)))).toBeInstanceOf(TypeError);
    expect(send(new Resizable(1, { maxByteLength: 2 }))).toBeInstanceOf(TypeError);
    expect(send(new Uint8Array(new Resizable(1, { maxByteLength: 2 })))).toBeInstanceOf(TypeError);
    expect(socket.bufferedAmount).toBe(0);
  });

  it('leave in the order of the calls, Blobs too, and as they were at the call', async () => {
    const { socket } = await open();
    const seen: string[] = [];
    socket.send(new Blob(['b']));
    socket.send('t');
    const bytes = Uint8Array.of(65);
    socket.send(bytes);
    bytes[0] = 66;
    const done = new Promise<void>((resolve) => {
      socket.onmessage = async ({ data }) => {
        seen.push(typeof data === 'string' ? data : await (data as Blob).text());
        if (seen.length === 3) resolve();
      };
    });
    await done;
    expect(seen).toEqual(['b', 't', 'A']);
  });

  it('each is a task: what follows an await in a listener is done before the next one', async () => {
    const socket = connect(await serveFrames(text('a'), text('b'), text('c'), closeFrame('')));
    const seen: string[] = [];
    socket.onmessage = async ({ data }) => {
      seen.push(data);
      for (let i = 0; i < 5; i++) await null;
      seen.push(`${data}'`);
    };
    await next(socket, 'close');
    expect(seen).toEqual(['a', "a'", 'b', "b'", 'c', "c'"]);
  });

  it('come only while the state is OPEN: none behind close()', async () => {
    const socket = connect(await serveFrames(text('a'), text('b'), closeFrame('')));
    const { closed } = record(socket);
    socket.onmessage = () => socket.close();
    expect(await closed).toEqual([
      ['open', 1],
      ['message', 1, 'a'],
      ['close', 3, 1005, '', true],
    ]);
  });

  it('what a listener throws is an uncaught exception, as of every EventTarget, and the others go on', async () => {
    const { socket } = await open();
    const watch = watchProcess();
    const error = new Error('in a listener');
    socket.onmessage = () => {
      throw error;
    };
    socket.send('x');
    await next(socket, 'message');
    await new Promise(setImmediate);
    expect(watch.uncaught).toEqual([error]);
    socket.onmessage = null;
    socket.send('y');
    expect((await next(socket, 'message')).data).toBe('y');
  });

  it('RFC 7692 compressed messages go both ways', async () => {
    const { socket } = await open(echo, { net: { perMessageDeflate: true } });
    expect(socket.extensions).toContain('permessage-deflate');
    socket.send('a'.repeat(100_000));
    expect((await next(socket, 'message')).data).toBe('a'.repeat(100_000));
  });
});

describe('bufferedAmount', () => {
  it('counts payload bytes until the turn of the event loop is over, whatever the network takes', async () => {
    const { socket } = await open();
    socket.send('ä');
    socket.send(new Uint8Array(65_536));
    socket.send(new Blob(['abc']));
    const expected = 2 + 65_536 + 3;
    expect(socket.bufferedAmount).toBe(expected);
    await null;
    expect(socket.bufferedAmount).toBe(expected);
    while (socket.bufferedAmount > 0) await new Promise(setImmediate);
  });

  it('grows for good by what comes too late', async () => {
    const { socket } = await open();
    const closed = next(socket, 'close');
    socket.close();
    socket.send('abc');
    expect(socket.bufferedAmount).toBe(3);
    await closed;
    socket.send(new Uint8Array(4));
    await new Promise(setImmediate);
    expect(socket.bufferedAmount).toBe(7);
  });
});

describe('closing', () => {
  it.each<[unknown[], number, string]>([
    [[], 1005, ''],
    [[undefined, undefined], 1005, ''],
    [[1000], 1000, ''],
    [[3000, 'bye'], 3000, 'bye'],
    [[4999, 'ü'.repeat(61)], 4999, 'ü'.repeat(61)],
    [[undefined, 'why'], 1000, 'why'],
    [['3000'], 3000, ''],
    [[2999.5001], 3000, ''],
    [[3000, '\uD800'], 3000, '\uFFFD'],
    [[3000, null], 3000, 'null'],
  ])('§5.5.1 close(%j) is answered with %i %j', async (args, code, reason) => {
    const { socket } = await open();
    const { closed } = record(socket);
    (socket.close as (...args: unknown[]) => void)(...args);
    expect(socket.readyState).toBe(2);
    expect(await closed).toEqual([['close', 3, code, reason, true]]);
  });

  it.each([0, 999, 1001, 1005, 1006, 1011, 2999, 5000, 65_536 + 1000, Number.NaN, null, 'x', true, 2999.5 - 1])(
    '§7.4 close(%s) is an InvalidAccessError',
    async (code) => {
      const { socket } = await open();
      expectDomException(() => socket.close(code as number), 'InvalidAccessError');
      expect(socket.readyState).toBe(1);
    },
  );

  it('§5.5 a reason of more than 123 bytes is a SyntaxError, in every state', async () => {
    const { socket } = await open();
    expectDomException(() => socket.close(1000, `${'ü'.repeat(61)}xy`), 'SyntaxError');
    expect(socket.readyState).toBe(1);
    const closed = next(socket, 'close');
    socket.close();
    await closed;
    expectDomException(() => socket.close(1000, 'x'.repeat(124)), 'SyntaxError');
    expectDomException(() => socket.close(1001), 'InvalidAccessError');
    socket.close(1000);
  });

  it('§4.1 a Close frame that comes with the handshake: open comes first, and close() in it changes nothing', async () => {
    const server = await startRawServer((head, socket) => {
      socket.end(Buffer.concat([Buffer.from(acceptance(head)), text('first'), closeFrame('03e9 50415353')]));
      return undefined;
    });
    const socket = connect(server.url());
    const { closed } = record(socket);
    socket.onopen = () => socket.close();
    expect(await closed).toEqual([
      ['open', 1],
      ['close', 3, 1001, 'PASS', true],
    ]);
  });

  it('by the server: CLOSING once its Close frame has come, then one CloseEvent', async () => {
    const server = await startRawServer((head, socket) => {
      socket.write(acceptance(head));
      socket.write(text('last'));
      socket.write(closeFrame('0fa1 6f6b'));
      return undefined;
    });
    const socket = connect(server.url());
    const { closed } = record(socket);
    while (socket.readyState !== 2) await new Promise(setImmediate);
    expect(socket.url).toBe(server.url());
    server.sockets[0]!.end();
    const event = await next(socket, 'close');
    expect([event instanceof CloseEvent, event.cancelable]).toEqual([true, false]);
    expect(await closed).toEqual([
      ['open', 1],
      ['message', 1, 'last'],
      ['close', 3, 4001, 'ok', true],
    ]);
  });

  it('§1.4 data behind the server’s Close frame is not looked at', async () => {
    const socket = connect(await serveFrames(closeFrame(''), text('late'), hex('ff')));
    expect(await record(socket).closed).toEqual([
      ['open', 1],
      ['close', 3, 1005, '', true],
    ]);
  });

  it.each<[string, Uint8Array[]]>([
    ['a reserved bit', [hex('f1 00')]],
    ['bad UTF-8', [hex('81 01 ff')]],
    ['a masked frame', [hex('81 80 00000000')]],
  ])('§7.1.7 a server that breaks the protocol with %s: error, then close with 1006', async (_name, frames) => {
    const socket = connect(await serveFrames(...frames));
    const failed = next(socket, 'error');
    expect(await record(socket).closed).toEqual([
      ['open', 1],
      ['error', 3],
      ['close', 3, 1006, '', false],
    ]);
    expect((await failed).error).toMatchObject({ code: expect.stringMatching(/^WS_ERR_/) });
  });

  it('§7.1.5 a connection that is lost: error, then close with 1006', async () => {
    const { socket, peer } = await open();
    const { closed } = record(socket);
    peer.terminate();
    expect(await closed).toEqual([
      ['error', 3],
      ['close', 3, 1006, '', false],
    ]);
  });
});
