/**
 * Frames that wait for a network which takes little at a time. For any interleaving of what an application does with what
 * the network does, the peer gets legal frames, and every message that was not dropped, once and in order.
 */

import { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resolveBacklog } from '../../src/options/backlog-settings.ts';
import { type Chunk, Connection, type Role, resolveLimits, UNLIMITED } from '../../src/protocol/index.ts';
import { prepareMessage } from '../../src/socket/prepared-message.ts';
import { internals, WebSocket } from '../../src/socket/websocket.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { nextTurn } from '../support/servers.ts';

/** A WebSocket on a stream whose writes the test lets go. @param isPlain whether it passes for plain TCP */
function openHeld(role: Role, options: Parameters<typeof resolveBacklog>[0], isPlain: boolean) {
  const stream = new HeldDuplex();
  if (isPlain) Object.defineProperty(stream, 'constructor', { value: Socket });
  const socket = new WebSocket(null);
  socket._isServer = role === 'server';
  socket.on('error', ignoreError);
  const settings = { limits: resolveLimits(), listenerErrors: 'close' as const, backPressure: resolveBacklog(options) };
  internals.open(socket, stream, new Uint8Array(0), { protocol: '', settings });
  onTestFinished(() => socket.terminate());
  return { stream, socket };
}

/** What a peer makes of the bytes: `message 3`, `ping 4`, `close 1013 …`, and nothing else. */
function heardOf(role: Role, wire: Uint8Array): string[] {
  const heard: string[] = [];
  const output = { writeFrame() {}, flush() {}, end() {} };
  const peer: Connection = new Connection(
    output,
    {
      message: (chunk: Chunk, start: number, end: number) => {
        const text = Buffer.from(chunk.bytes.subarray(start, end)).toString('latin1');
        const [id = ''] = text.split('.', 1);
        heard.push(text === payloadOf(Number(id), text.length) ? `message ${id}` : 'a message in pieces');
      },
      ping: (payload) => void heard.push(`ping ${Buffer.from(payload)}`),
      pong: (payload) => void heard.push(`pong ${Buffer.from(payload)}`),
      closeReceived: () => void heard.push(`close ${peer.closeCode}`),
      failed: (id) => void heard.push(`illegal: ${id}`),
      closed() {},
    },
    { role: role === 'server' ? 'client' : 'server', limits: UNLIMITED, autoPong: false },
  );
  peer.receive(new Uint8Array(wire));
  return heard;
}

const payloadOf = (id: number, lengthBytes: number) => `${id}.`.padEnd(lengthBytes, String(id % 10));

/** Lets the stream take everything, a write at a time. */
async function drain(stream: HeldDuplex): Promise<void> {
  do {
    stream.takeOne();
    await nextTurn();
  } while (stream.writableLength > 0);
  await nextTurn();
}

const length = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(10, 100, 5000, 16_384, 16_400, 66_000, 140_000) },
  { weight: 1, arbitrary: fc.constant(1_200_000) },
);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), length, droppable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prepared' as const), length, droppable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('blob' as const), length, droppable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fragments' as const), length, droppable: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ do: 'ping' as const }) },
  { weight: 3, arbitrary: fc.constant({ do: 'take' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'turn' as const }) },
);
const ending = fc.constantFrom('none' as const, 'close' as const, 'fail' as const);

describe.each(['server', 'client'] as const)('any interleaving, sent by a %s', (role) => {
  it('§5.4 gives the peer legal frames, and what was not dropped, once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), ending, fc.boolean(), async (actions, end, isPlain) => {
        const { stream, socket } = openHeld(role, { maxBacklogBytes: 700_000, onBacklog: 'drop' }, isPlain);
        const sent: string[] = [];
        const outcomes = new Map<string, string[]>();
        const note = (name: string) => {
          sent.push(name);
          outcomes.set(name, []);
          return (error?: Error & { code?: string }) =>
            void outcomes.get(name)!.push(error === undefined ? 'taken' : (error.code ?? error.message));
        };
        for (const [id, step] of actions.entries()) {
          if (step.do === 'take') stream.takeOne();
          else if (step.do === 'turn') await nextTurn();
          else if (socket.readyState !== 1) break;
          else if (step.do === 'ping') socket.ping(String(id), undefined, note(`ping ${id}`));
          else {
            const { length: lengthBytes, droppable } = step;
            const payload = payloadOf(id, lengthBytes);
            const done = note(`message ${id}`);
            if (step.do === 'send') socket.send(payload, { droppable }, done);
            else if (step.do === 'blob') socket.send(new Blob([payload]), { droppable }, done);
            else if (step.do === 'prepared') socket.sendPrepared(prepareMessage(payload, { droppable }), done);
            else {
              const half = lengthBytes >> 1;
              socket.send(payload.slice(0, half), { fin: false, droppable });
              // Between fragments.
              socket.ping(`${id}/`);
              socket.send(payload.slice(half), { droppable }, done);
            }
          }
        }
        const hadFailed = socket.readyState !== 1;
        if (end === 'close') socket.close(1000);
        if (end === 'fail' && !hadFailed) internals.failForHandler(socket, new Error('mine'));
        await drain(stream);

        const heard = heardOf(role, stream.written);
        const controls = heard.filter((name) => name.startsWith('ping') && !name.endsWith('/'));
        const messages = heard.filter((name) => name.startsWith('message'));
        const close = heard.filter((name) => name.startsWith('close'));
        expect(heard.filter((name) => !/^(ping|message|close) \d+\/?$/.test(name))).toEqual([]);
        // What was told to have been taken is what the peer got, in order.
        const taken = sent.filter((name) => outcomes.get(name)!.includes('taken'));
        expect(messages).toEqual(taken.filter((name) => name.startsWith('message')));
        expect(controls).toEqual(taken.filter((name) => name.startsWith('ping')));
        expect([...outcomes.values()].filter((told) => told.length !== 1)).toEqual([]);
        // Nothing is lost but what is dropped on purpose, unless the connection fails.
        const reasons = new Set([...outcomes.values()].flat());
        if (!hadFailed && end !== 'fail')
          for (const reason of reasons) expect(reason).toMatch(/^(taken|WS_ERR_DROPPED)$/);
        const code = hadFailed ? 1013 : { none: undefined, close: 1000, fail: 1011 }[end];
        expect(close).toEqual(code === undefined ? [] : [`close ${code}`]);
        if (code !== undefined) expect(heard.at(-1)).toBe(`close ${code}`);
        // What came too late counts for ever.
        if (!hadFailed) expect(socket.bufferedAmount).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe.each(['server', 'client'] as const)('sent by a %s', (role) => {
  it('§5.4 a ping does not come between the pieces of a frame that has begun', async () => {
    const { stream, socket } = openHeld(role, {}, true);
    socket.send(Buffer.from(payloadOf(0, 1_200_000)));
    socket.ping('1');
    socket.send(payloadOf(2, 10));
    await drain(stream);
    expect(heardOf(role, stream.written)).toEqual(['message 0', 'ping 1', 'message 2']);
  });

  it('§7.1.7 a Close frame that waits behind data leaves all the same when the connection fails', async () => {
    const { stream, socket } = openHeld(role, {}, false);
    const lost: number[] = [];
    for (let id = 0; id < 10; id++) {
      socket.send(payloadOf(id, 66_000), (error) => error && lost.push(id));
      await nextTurn();
    }
    socket.close(1000);
    internals.failForHandler(socket, new Error('mine'));
    await drain(stream);
    const heard = heardOf(role, stream.written);
    expect(heard.at(-1)).toBe('close 1000');
    expect(heard.length).toBe(11 - lost.length);
    expect(lost.length).toBeGreaterThan(5);
  });
});
