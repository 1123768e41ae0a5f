/** The option `listenerErrors`: who hears of what application code throws, in both roles; and its two defaults. */

import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ListenerErrors } from '../../src/options/connection-settings.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { closed, echoed, RawPeer, text } from '../support/raw-peer.ts';
import { echo, eventOf, nextTurn, SERVER_KINDS, startServer, takeUncaught, watchProcess } from '../support/servers.ts';

const FAULTS: readonly [how: string, fault: () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('mine');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('mine');
    },
  ],
];

/** Where the application's code runs on a socket whose peer echoes. */
const PLACES: Record<string, (socket: WebSocket, fault: () => unknown) => void> = {
  'a message listener': (socket, fault) => void socket.on('message', fault),
  'a text listener': (socket, fault) => void socket.on('text', fault),
  'one of several message listeners': (socket, fault) => void socket.on('message', () => {}).on('message', fault),
  onmessage: (socket, fault) => void Object.assign(socket, { onmessage: fault }),
  'a pong listener': (socket, fault) => {
    socket.on('pong', fault);
    socket.ping();
  },
};

async function thrown(errors: readonly Error[], count = 1): Promise<void> {
  while (errors.length < count) await nextTurn();
}

describe.each(SERVER_KINDS)('clients, of a server on %s', (kind) => {
  async function open(listenerErrors?: ListenerErrors) {
    const server = await startServer(kind, {}, echo);
    const socket = new WebSocket(server.url(), { listenerErrors });
    const failures: Error[] = [];
    socket.on('error', (error) => failures.push(error));
    await once(socket, 'open');
    return { socket, failures };
  }

  describe.each(Object.entries(PLACES))('%s', (_name, place) => {
    it.each(FAULTS)('that %s: uncaught on the next tick, and the connection goes on', async (_how, fault) => {
      const { errors } = takeUncaught();
      const { socket, failures } = await open();
      place(socket, fault);
      socket.send('one');
      await thrown(errors);
      expect(errors[0]).toMatchObject({ message: 'mine' });
      socket.removeAllListeners('message').removeAllListeners('text');
      socket.send('two');
      while (String((await once(socket, 'message'))[0]) !== 'two');
      expect(failures).toEqual([]);
      socket.terminate();
    });
  });

  it.each(FAULTS)("with listenerErrors: 'close', one that %s ends the connection", async (_how, fault) => {
    const { errors } = takeUncaught();
    const { socket, failures } = await open('close');
    socket.on('message', fault);
    socket.send('one');
    expect((await eventOf(socket, 'close'))[0]).toBe(1006);
    expect(failures).toMatchObject([{ code: 'WS_ERR_INTERNAL', cause: { message: 'mine' } }]);
    expect(errors).toEqual([]);
  });

  it('a send callback, an open listener and a close listener', async () => {
    const { errors } = takeUncaught();
    const server = await startServer(kind, {}, echo);
    const socket = new WebSocket(server.url());
    const fault = (name: string) => () => {
      throw new Error(name);
    };
    socket.on('open', fault('open'));
    socket.on('close', fault('close'));
    await thrown(errors, 1);
    socket.send('x', fault('send'));
    await thrown(errors, 2);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
    await thrown(errors, 3);
    expect(errors.map(({ message }) => message)).toEqual(['open', 'send', 'close']);
  });
});

describe.each(SERVER_KINDS)('servers on %s', (kind) => {
  const withOption = { http: { listenerErrors: 'throw' }, net: { listenerErrors: 'throw' } } as const;

  it.each(FAULTS)(
    "with listenerErrors: 'throw', a listener that %s: uncaught, and the connection goes on",
    async (_how, fault) => {
      const { errors } = takeUncaught();
      const server = await startServer(kind, withOption, (socket) => {
        socket.once('message', fault);
      });
      const peer = await RawPeer.open(server);
      peer.send(text('one'));
      await thrown(errors);
      expect(errors).toMatchObject([{ message: 'mine' }]);
      echo(server.connections[0]!);
      peer.send(text('two'));
      expect(await peer.frame()).toBe(echoed('two'));
    },
  );

  it.each(FAULTS)("with listenerErrors: 'throw', a connection listener that %s likewise", async (_how, fault) => {
    const { errors } = takeUncaught();
    const server = await startServer(kind, withOption, (socket) => {
      echo(socket);
      return fault();
    });
    const peer = await RawPeer.open(server);
    await thrown(errors);
    peer.send(text('on'));
    expect(await peer.frame()).toBe(echoed('on'));
  });

  it('§7.4.1 a listener that throws beside a loop: 1011, and a warning with what it threw', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const ended: unknown[] = [];
    const server = await startServer(kind, {}, async (socket) => {
      socket.on('message', () => {
        throw new Error('beside the loop');
      });
      try {
        for await (const _ of socket);
      } catch (error) {
        ended.push(error);
        throw error;
      }
    });
    const peer = await RawPeer.open(server);
    peer.send(text('x'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect((await nextWarning()).detail).toContain('beside the loop');
    while (ended.length === 0) await nextTurn();
    expect(ended).toMatchObject([{ code: 'WS_ERR_INTERNAL', cause: { message: 'beside the loop' } }]);
    expect(uncaught).toEqual([]);
  });
});

describe('listenerErrors', () => {
  it.each(['ignore', true, 1])('%j is refused', (value) => {
    const option = { listenerErrors: value as never };
    const expected = /listenerErrors must be 'close' or 'throw'/;
    expect(() => new WebSocket('ws://127.0.0.1:1/', option)).toThrow(expected);
    expect(() => new WebSocketServer({ noServer: true, ...option })).toThrow(expected);
  });

  it('follows the role of a socket of the application’s own making', async () => {
    const { errors } = takeUncaught();
    const { nextWarning } = watchProcess();
    for (const isServer of [false, true]) {
      const socket = new WebSocket(null);
      socket._isServer = isServer;
      socket.on('open', () => {
        throw new Error(`server: ${isServer}`);
      });
      socket.setSocket(new Duplex({ read() {}, write() {} }), Buffer.alloc(0), {});
      socket.terminate();
    }
    await thrown(errors);
    expect(errors).toMatchObject([{ message: 'server: false' }]);
    expect((await nextWarning()).detail).toContain('server: true');
  });
});
