import { spawn } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { outcomeOf } from '../cli/framewright.ts';
import { CLIENTS, connect, deferred, opened, run, watch } from '../support/clients.ts';
import { acceptance, plainAnswer, startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn, takeUncaught, watchProcess } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];
const EARLY = ['error', 'WebSocket was closed before the connection was established'];

describe.each(CLIENTS)('%s: ended while CONNECTING', (_name, Client) => {
  it.each(['close', 'terminate'] as const)('§7.1.4 %s at once', async (stop) => {
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(Client, server.url());
    const { closed, seen } = watch(socket);
    socket[stop]();
    expect(socket.readyState).toBe(2);
    expect(seen).toEqual([]);
    expect(await closed).toEqual([EARLY, CLOSE]);
    expect(socket.readyState).toBe(3);
    socket[stop]();
    await nextTurn();
    expect(seen).toHaveLength(2);
  });

  it.each(['close', 'terminate'] as const)(
    '§7.1.4 %s while the answer is awaited: the server sees the end',
    async (stop) => {
      let ended: Promise<unknown> = Promise.resolve();
      const asked = deferred();
      const server = await startRawServer((_head, socket) => {
        ended = eventOf(socket, 'close');
        asked.resolve();
        return undefined;
      });
      const socket = connect(Client, server.url());
      const { closed } = watch(socket);
      await asked.promise;
      socket[stop]();
      expect(await closed).toEqual([EARLY, CLOSE]);
      await ended;
    },
  );

  it('§7.1.4 close after an answer that somebody took and read to its end: the server sees the end', async () => {
    let ended: Promise<unknown> = Promise.resolve();
    const server = await startRawServer((_head, socket) => {
      ended = eventOf(socket, 'close');
      return `${plainAnswer('502 Bad Gateway', { 'Content-Length': '3', Connection: 'keep-alive' })}foo`;
    });
    const socket = connect(Client, server.url());
    const { closed } = watch(socket);
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      response.on('end', () => socket.close());
    });
    expect(await closed).toEqual([EARLY, CLOSE]);
    await ended;
  });

  it('close in finishRequest', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(Client, server.url(), {
      finishRequest: (request, webSocket) => {
        request.end();
        // ws knows its request only when the constructor is done.
        setImmediate(() => webSocket.close());
      },
      createConnection: () => connectTcp(1, '127.0.0.77'),
    });
    const [first, last] = await watch(socket).closed;
    expect(first![0]).toBe('error');
    expect(last).toEqual(CLOSE);
  });

  it('§4.1 send, ping and pong throw; pause and resume do nothing', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(Client, server.url());
    for (const call of [() => socket.send('x'), () => socket.ping(), () => socket.pong()]) {
      expect(call).toThrow(new Error('WebSocket is not open: readyState 0 (CONNECTING)'));
    }
    socket.pause();
    expect([socket.isPaused, socket.bufferedAmount, socket._socket, socket.readyState]).toEqual([false, 0, null, 0]);
    socket.resume();
    await opened(socket);
  });

  it('after a failed handshake send counts and tells, and does not throw', async () => {
    const socket = connect(Client, (await startRawServer(() => plainAnswer('400 No'))).url());
    await watch(socket).closed;
    const failed = new Promise((resolve) => socket.send('héllo', resolve));
    socket.ping('abc');
    socket.send(new Uint8Array(5));
    expect(socket.bufferedAmount).toBe(6 + 3 + 5);
    expect(await failed).toEqual(new Error('WebSocket is not open: readyState 3 (CLOSED)'));
    expect(socket._socket).toBeNull();
    expect(socket.isPaused).toBe(false);
  });

  it("the browser's events of a failed handshake", async () => {
    const socket = connect(Client, (await startRawServer(() => plainAnswer('400 No'))).url());
    const told: unknown[] = [];
    socket.onerror = (event) => told.push([event.type, event.message, event.target === socket]);
    socket.onclose = (event) => told.push([event.type, event.code, event.reason, event.wasClean]);
    await eventOf(socket, 'close');
    expect(told).toEqual([
      ['error', 'Unexpected server response: 400', true],
      ['close', 1006, '', false],
    ]);
  });
});

describe('framewright: what ws does not have', () => {
  it('close and terminate called inside finishRequest', async () => {
    const server = await startRawServer((head) => acceptance(head));
    for (const stop of ['close', 'terminate'] as const) {
      const socket = connect(WebSocket, server.url(), { finishRequest: (_request, webSocket) => webSocket[stop]() });
      expect(await watch(socket).closed).toEqual([EARLY, CLOSE]);
    }
    expect(server.heads).toEqual([]);
  });

  it('what finishRequest throws comes out of the constructor, and nothing stays behind', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const finishRequest = () => {
      throw new Error('no');
    };
    expect(() => new WebSocket(server.url(), { finishRequest })).toThrow(new Error('no'));
    expect(server.heads).toEqual([]);
  });

  const ABORTED = ['error', 'The opening handshake was aborted'];
  it('signal: aborted before, while connecting and while the answer is awaited', async () => {
    const asked = deferred();
    const server = await startRawServer(() => void asked.resolve());
    const before = AbortSignal.abort(new Error('why'));
    const socket = connect(WebSocket, server.url(), { signal: before });
    const [error] = (await eventOf(socket, 'error')) as [Error & { code: string }];
    expect([error.name, error.code, error.cause]).toEqual(['AbortError', 'ABORT_ERR', new Error('why')]);
    expect(server.heads).toEqual([]);

    const connecting = new AbortController();
    const ended = run(WebSocket, server.url(), { signal: connecting.signal });
    connecting.abort();
    expect(await ended).toEqual([ABORTED, CLOSE]);
    expect(server.heads).toEqual([]);

    const waiting = new AbortController();
    const late = run(WebSocket, server.url(), { signal: waiting.signal });
    await asked.promise;
    waiting.abort();
    expect(await late).toEqual([ABORTED, CLOSE]);
  });

  it('signal: in the middle of redirects', async () => {
    const abort = new AbortController();
    const server = await startRawServer((_head, _socket, count) => {
      if (count === 2) abort.abort();
      return count === 1 ? plainAnswer('302 Found', { Location: '/b' }) : undefined;
    });
    const options = { followRedirects: true, signal: abort.signal };
    expect(await run(WebSocket, server.url(), options)).toEqual([ABORTED, CLOSE]);
  });

  it('signal: without effect once open, and nothing is left on it', async () => {
    const server = await startRawServer((head) => acceptance(head));
    const abort = new AbortController();
    const socket = connect(WebSocket, server.url(), { signal: abort.signal });
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    await opened(socket);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
    await nextTurn();
    expect(socket.readyState).toBe(1);

    const refusing = await startRawServer(() => plainAnswer('400 No'));
    const other = new AbortController();
    await run(WebSocket, refusing.url(), { signal: other.signal });
    expect(getEventListeners(other.signal, 'abort')).toEqual([]);
  });

  it('a failure that nobody listens for is thrown: it names the address without its secrets, and the reason', async () => {
    const { errors } = takeUncaught();
    const url = (await startRawServer(() => plainAnswer('401 No'))).url('/chat?token=secret');
    const socket = new WebSocket(url.replace('ws://', 'ws://user:pass@'));
    const [code] = await eventOf(socket, 'close');
    expect(code).toBe(1006);
    const shown = url.replace('token=secret', '…');
    expect(errors).toMatchObject([
      {
        message: `WebSocket could not connect to ${shown}: Unexpected server response: 401`,
        cause: { message: 'Unexpected server response: 401' },
      },
    ]);
  });

  it('a server that is not there, with nobody who listens: the process fails, with the address and the reason', async () => {
    const address = 'ws://127.0.0.1:1/';
    const module = JSON.stringify(new URL('../../src/socket/websocket.ts', import.meta.url));
    const script = `import { WebSocket } from ${module}; new WebSocket('${address}')`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
    const { status, stderr } = await outcomeOf(child);
    expect(status).toBe(1);
    expect(stderr).toContain(`WebSocket could not connect to ${address}: connect ECONNREFUSED 127.0.0.1`);
    expect(stderr).toContain("code: 'ECONNREFUSED'");
  });

  it('an error for several addresses, which says nothing itself, is told with what each was', async () => {
    const { errors } = takeUncaught();
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:9'), new Error('and 127.0.0.1:9')]);
    const createConnection = () => {
      const stream = new Duplex({ read() {}, write() {} });
      process.nextTick(() => stream.destroy(Object.assign(refused, { code: 'ECONNREFUSED' })));
      return stream as Socket;
    };
    await eventOf(new WebSocket('ws://localhost:9/', { createConnection }), 'close');
    expect(errors).toMatchObject([
      {
        code: 'ECONNREFUSED',
        message: 'WebSocket could not connect to ws://localhost:9/: connect ECONNREFUSED ::1:9; and 127.0.0.1:9',
      },
    ]);
    expect(errors[0]!.cause).toBe(refused);
  });

  it('an application that closes the socket before it is open is told no error that it does not listen for', async () => {
    const { errors } = takeUncaught();
    const { warnings } = watchProcess();
    for (const giveUp of ['close', 'terminate'] as const) {
      const socket = new WebSocket((await startRawServer(() => '')).url());
      socket[giveUp]();
      expect(await eventOf(socket, 'close')).toEqual([1006, Buffer.alloc(0)]);
    }
    await nextTurn();
    expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  });

  it('who reads the messages is told in the loop, and the process goes on', async () => {
    const { errors } = takeUncaught();
    const socket = new WebSocket((await startRawServer(() => plainAnswer('401 No'))).url());
    await expect(socket.messages().next()).rejects.toThrow('Unexpected server response: 401');
    await nextTurn();
    expect(errors).toEqual([]);
  });

  it('what listeners of the handshake throw is thrown on, and the handshake goes on', async () => {
    const { errors } = takeUncaught();
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(WebSocket, server.url());
    socket.on('upgrade', () => {
      throw new Error('in upgrade');
    });
    await opened(socket);
    expect(errors).toMatchObject([{ message: 'in upgrade' }]);
  });

  it("with listenerErrors: 'close' it is a warning", async () => {
    const warned = watchProcess();
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(WebSocket, server.url(), { listenerErrors: 'close' });
    socket.on('upgrade', () => {
      throw new Error('in upgrade');
    });
    await opened(socket);
    expect((await warned.nextWarning()).detail).toContain('in upgrade');
    expect(warned.uncaught).toEqual([]);
  });

  it.each([
    ['handshakeTimeout', -1, RangeError],
    ['handshakeTimeout', Number.NaN, RangeError],
    ['handshakeTimeout', '5', TypeError],
    ['maxRedirects', -1, RangeError],
    ['maxRedirects', '5', TypeError],
    ['headers', ['A', 'b'], TypeError],
    ['maxPayload', -1, RangeError],
    ['closeTimeout', -1, RangeError],
  ])('refuses %s: %j', (name, value, ErrorClass) => {
    expect(() => new WebSocket('ws://127.0.0.1:1/', { [name]: value })).toThrow(ErrorClass);
  });
});
