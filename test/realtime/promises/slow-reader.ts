/** A reader that has stopped, among others that go on. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createHub, defineProtocol } from '../../../src/realtime/index.ts';
import { WebSocket } from '../../../src/socket/websocket.ts';
import { heapBytes } from '../../support/memory.ts';
import { nextTurn } from '../../support/servers.ts';
import { HeldSocket } from './slow.ts';

const QUEUE_BYTES = 16_384;
const MESSAGES = 32;
const KEPT = 100;

const protocol = defineProtocol({
  channels: {
    'room:{room}': { message: z.object({ n: z.number(), padding: z.string() }), history: { messages: 1000 } },
    /** In which the slow reader is alone. */
    'log:{name}': { message: z.object({ n: z.number(), padding: z.string() }), history: { messages: KEPT } },
  },
});

interface Entries {
  readonly type: string;
  readonly channel: string;
  readonly data: readonly { readonly n: number }[];
}

/** Its queue stays within `queueBytes`, the others have all, and it catches up when it reads again. */
export async function trySlowReader(others: number): Promise<void> {
  const hub = createHub(protocol, { requiresOrigin: false, queueBytes: QUEUE_BYTES });
  hub.channel('room:{room}', { join: () => true }).channel('log:{name}', { join: () => true });
  const http = createHttpServer();
  hub.attach(http);
  let held: HeldSocket | undefined;
  let isNextHeld = false;
  const server = createServer((socket) => {
    if (!isNextHeld) http.emit('connection', socket);
    else {
      held = new HeldSocket(socket, 2000);
      http.emit('connection', held);
    }
    isNextHeld = false;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const opened: WebSocket[] = [];
  const onOpen = (message: unknown) => {
    const { socket, role } = message as { readonly socket: WebSocket; readonly role: string };
    if (role === 'server') opened.push(socket);
  };
  subscribe('framewright:open', onOpen);
  const sockets: WebSocket[] = [];
  onTestFinished(async () => {
    unsubscribe('framewright:open', onOpen);
    for (const socket of sockets) socket.terminate();
    await hub.drain({ timeoutMs: 0 });
    server.close();
  });

  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/live`;
  /** @returns when it has joined. @param take is given what comes from then on */
  const join = (channels: readonly string[], take: (message: Entries) => void) =>
    new Promise<void>((resolve) => {
      const socket = new WebSocket(url, 'framewright.realtime.1', { perMessageDeflate: false });
      sockets.push(socket);
      let left = channels.length;
      socket.on('open', () => {
        for (const [id, channel] of channels.entries()) socket.send(JSON.stringify({ type: 'join', id, channel }));
      });
      socket.on('text', (text) => {
        for (const message of [JSON.parse(text)].flat()) {
          if (message.type === 'joined' && --left === 0) resolve();
          else take(message);
        }
      });
    });

  isNextHeld = true;
  const slowRoom: number[] = [];
  const slowLog: (number | 'gap')[] = [];
  await join(['room:all', 'log:own'], (message) => {
    if (message.type === 'gap') slowLog.push('gap');
    if (message.type !== 'entries') return;
    (message.channel === 'room:all' ? slowRoom : slowLog).push(...message.data.map(({ n }) => n));
  });
  const [slow] = opened;
  const counts = new Array<number>(others).fill(0);
  let isInOrder = true;
  for (let i = 0; i < others; i += 111) {
    const some = Array.from({ length: Math.min(111, others - i) }, (_, k) =>
      join(['room:all'], (message) => {
        for (const { n } of message.type === 'entries' ? message.data : []) {
          isInOrder &&= n === counts[i + k]! + 1;
          counts[i + k]! += 1;
        }
      }),
    );
    await Promise.all(some);
  }

  const padding = 'x'.repeat(1000);
  let most = 0;
  const look = () => {
    most = Math.max(most, slow!.bufferedAmount, held!.writableLength);
  };
  for (let n = 1; n <= MESSAGES; n++) {
    await hub.publish('room:all', { n, padding });
    await nextTurn();
    look();
  }
  while (counts.some((count) => count < MESSAGES)) await nextTurn();
  expect(isInOrder).toBe(true);
  expect(most).toBeGreaterThan(QUEUE_BYTES / 4);
  expect(most).toBeLessThanOrEqual(QUEUE_BYTES);

  // However much more there is: what a channel keeps is all that it takes.
  const log = async (from: number, count: number) => {
    for (let n = from; n < from + count; n++) {
      await hub.publish('log:own', { n, padding });
      if (n % 16 === 0) await nextTurn();
      look();
    }
  };
  await log(1, KEPT);
  const before = await heapBytes();
  await log(KEPT + 1, 5000);
  expect(most).toBeLessThanOrEqual(QUEUE_BYTES);
  expect((await heapBytes()) - before).toBeLessThan(2_000_000);

  expect(slowRoom.length + slowLog.length).toBeLessThan(10);
  held!.release();
  while (slowRoom.length < MESSAGES || slowLog.at(-1) !== KEPT + 5000) await nextTurn();
  expect(slowRoom).toEqual(Array.from({ length: MESSAGES }, (_, i) => i + 1));
  expect(slowLog.filter((n) => n === 'gap')).toHaveLength(1);
  expect(slowLog.slice(slowLog.indexOf('gap') + 1)).toEqual(Array.from({ length: KEPT }, (_, i) => 5000 + i + 1));
  while (slow!.bufferedAmount > 0) await nextTurn();
}
