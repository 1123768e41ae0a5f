/** Application code that throws (A24 in full): who hears of it, what the peer gets, and that nobody else notices. */

import { describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { clientFrame, close, closed, echoed, ping, RawPeer, text } from '../support/raw-peer.ts';
import { echo, eventOf, nextTurn, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';

type Trigger = (socket: WebSocket, fault: () => unknown) => unknown;

/** Where application code runs while the connection is open, and what the peer sends to make it run. */
const PLACES: readonly [name: string, place: Trigger, wire: Uint8Array][] = [
  ['a message listener', (socket, fault) => socket.on('message', fault), text('x')],
  ['a ping listener', (socket, fault) => socket.on('ping', fault), ping('x')],
  ['a pong listener', (socket, fault) => socket.on('pong', fault), clientFrame(10, 'x')],
  ['onmessage', (socket, fault) => Object.assign(socket, { onmessage: fault }), text('x')],
  [
    'an object with handleEvent',
    (socket, fault) => socket.addEventListener('message', { handleEvent: fault }),
    text('x'),
  ],
];

class Boom extends Error {}

describe.each(SERVER_KINDS)('application code that throws, on %s', (kind) => {
  describe.each(PLACES)('in %s', (_name, place, wire) => {
    it.each([
      [
        'throws',
        () => () => {
          throw new Boom('thrown');
        },
      ],
      [
        'rejects',
        () => async () => {
          throw new Boom('thrown');
        },
      ],
    ] as const)('%s: Close 1011, error with its cause, the others go on', async (_how, makeFault) => {
      const { uncaught, warnings } = watchProcess();
      const server = await startServer(kind);
      const peer = await RawPeer.open(server);
      const other = await RawPeer.open(server);
      const [socket, otherSocket] = server.connections;
      echo(otherSocket!);
      place(socket!, makeFault());
      const error = eventOf(socket!, 'error');
      const end = eventOf(socket!, 'close');
      peer.send(wire);
      expect((await peer.framesUntilEnd()).at(-1)).toBe(closed(1011));
      const [reported] = (await error) as [Error & { code: string }];
      expect(reported).toMatchObject({ code: 'WS_ERR_INTERNAL', message: 'A message handler threw an error' });
      expect(reported.cause).toBeInstanceOf(Boom);
      expect(await end).toEqual([1006, Buffer.alloc(0)]);
      other.send(text('on'));
      expect(await other.frame()).toBe(echoed('on'));
      expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
    });
  });

  it('what was sent before the fault leaves before the Close frame; messages behind it are not delivered', async () => {
    const log: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('error', () => {});
      socket.on('message', (data) => {
        log.push(`${data}`);
        socket.send(`${data}`);
        if (log.length === 2) throw new Boom();
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(text('a'), text('b'), text('c'));
    expect(await peer.framesUntilEnd()).toEqual([echoed('a'), echoed('b'), closed(1011)]);
    expect(log).toEqual(['a', 'b']);
  });

  it('without an error listener: a warning with the stack, and the process stays up', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', () => {
        throw new Boom('nobody listens');
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(text('x'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    const warning = await nextWarning();
    expect(warning).toMatchObject({ name: 'FramewrightWarning', code: 'WS_ERR_INTERNAL' });
    expect(warning.detail).toMatch(/nobody listens[\s\S]*handlers\.test\.ts/);
    expect(uncaught).toEqual([]);
  });

  it.each([
    ['a string', 'just text', 'just text'],
    ['an object without a prototype', Object.create(null), '[Object: null prototype] {}'],
    ['undefined', undefined, 'undefined'],
  ])('what is thrown may be %s', async (_what, thrown, detail) => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', () => {
        throw thrown;
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(text('x'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect((await nextWarning()).detail).toContain(detail);
    expect(uncaught).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Boom('on connection');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Boom('on connection');
      },
    ],
  ] as const)('a connection listener that %s ends that connection only', async (_how, fault) => {
    const { uncaught, nextWarning } = watchProcess();
    let connections = 0;
    const server = await startServer(kind, {}, (socket) => {
      echo(socket);
      if (++connections === 1) return fault();
      return undefined;
    });
    const peer = await RawPeer.open(server);
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect((await nextWarning()).detail).toContain('on connection');
    const other = await RawPeer.open(server);
    other.send(text('on'));
    expect(await other.frame()).toBe(echoed('on'));
    expect(uncaught).toEqual([]);
  });

  it('a send callback that throws: Close 1011 and an error with the cause', async () => {
    const { uncaught } = watchProcess();
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const error = eventOf(socket!, 'error');
    socket!.send('x', () => {
      throw new Boom('in the callback');
    });
    expect(await peer.framesUntilEnd()).toEqual([echoed('x'), closed(1011)]);
    expect(((await error)[0] as Error).cause).toBeInstanceOf(Boom);
    expect(uncaught).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Boom('at the end');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Boom('at the end');
      },
    ],
  ] as const)('a close listener that %s is warned of', async (_how, fault) => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer(kind, {}, (socket) => void socket.on('close', fault));
    const peer = await RawPeer.open(server);
    peer.send(close(1000));
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
    expect((await nextWarning()).detail).toContain('at the end');
    expect(uncaught).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Boom('in error');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Boom('in error');
      },
    ],
  ] as const)('an error listener that %s is warned of', async (_how, fault) => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer(kind, {}, (socket) => void socket.on('error', fault));
    const peer = await RawPeer.open(server);
    peer.send(clientFrame(3));
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
    expect((await nextWarning()).detail).toContain('in error');
    expect(uncaught).toEqual([]);
  });

  it('a listener that rejects after the connection has ended is warned of', async () => {
    const { uncaught, nextWarning } = watchProcess();
    let reject: (error: Error) => void = () => {};
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', () => new Promise((_resolve, fail) => (reject = fail)));
    });
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(text('x'), close(1000));
    await end;
    reject(new Boom('too late'));
    expect((await nextWarning()).detail).toContain('too late');
    expect(uncaught).toEqual([]);
  });

  it('a send callback that throws after the end is warned of', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const end = eventOf(socket!, 'close');
    peer.send(close(1000));
    await end;
    socket!.send('x', () => {
      throw new Boom('too late');
    });
    expect((await nextWarning()).detail).toContain('too late');
    expect(uncaught).toEqual([]);
  });

  it('a fault while paused is not held back', async () => {
    const server = await startServer(kind, {}, (socket) => {
      socket.on('error', () => {});
      socket.on('message', async () => {
        socket.pause();
        throw new Boom();
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(text('a'), text('b'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect(server.connections[0]!.isPaused).toBe(false);
  });

  it('an open listener that throws, as a subclass may have one: Close 1011', async () => {
    const { uncaught } = watchProcess();
    const errors: unknown[] = [];
    class Eager extends WebSocket {
      constructor(address: null) {
        super(address);
        this.on('open', () => {
          throw new Boom('in open');
        });
        this.on('error', (error) => errors.push(error));
      }
    }
    if (kind === 'node:net') return;
    const server = await startServer(kind, { http: { WebSocket: Eager } });
    const peer = await RawPeer.open(server);
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect(errors).toMatchObject([{ code: 'WS_ERR_INTERNAL' }]);
    await nextTurn();
    expect(uncaught).toEqual([]);
  });
});
