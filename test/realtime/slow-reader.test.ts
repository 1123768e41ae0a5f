/** A connection that does not read, on real sockets: what it costs, and what it gets when it reads again. */

import { expect, it } from 'vitest';
import { HubSocket } from '../../src/realtime/hub-socket.ts';
import { as, chatHub } from './support.ts';
import { enter, KINDS, serve, type WireClient } from './wire-client.ts';

const QUEUE_BYTES = 262_144;
const TEXT = 'x'.repeat(1000);

/** The sockets of those who come, in order. */
class Sockets {
  readonly all: HubSocket[] = [];
  readonly #on = HubSocket.prototype.on;

  constructor() {
    const { all } = this;
    const on = this.#on;
    HubSocket.prototype.on = function (this: HubSocket, ...args: never[]) {
      if (!all.includes(this)) all.push(this);
      return on.apply(this, args as never);
    } as typeof on;
  }

  [Symbol.dispose](): void {
    HubSocket.prototype.on = this.#on;
  }
}

async function numbersTo(client: WireClient, last: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.at(-1) !== last) {
    const { type, data } = await client.next();
    expect(type).toBe('entries');
    numbers.push(...(data as { n: number }[]).map(({ n }) => n));
  }
  return numbers;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

it.each(KINDS)('with history it costs its queue and no more, and gets all of it in order: %s', async (kind) => {
  using sockets = new Sockets();
  const { hub } = chatHub({ queueBytes: QUEUE_BYTES });
  const { origin } = await serve(kind, hub);
  const { client: slow } = await enter(origin, as('slow'));
  const { client: fast } = await enter(origin, as('fast'));
  for (const client of [slow, fast]) await client.ask({ type: 'join', id: 1, channel: 'log:a' });
  slow.socket.pause();
  const [slowSocket] = sockets.all;
  let sent = 0;
  let most = 0;
  // More than the network takes for it, several times over.
  for (let more = 200; more > 0; ) {
    for (let i = 0; i < 50; i++) await hub.publish('log:a', { n: ++sent, text: TEXT });
    await numbersTo(fast, sent);
    most = Math.max(most, slowSocket!.bufferedAmount);
    if (!slowSocket!.isWritable) more -= 10;
  }
  expect(most).toBeGreaterThan(QUEUE_BYTES / 4);
  expect(most).toBeLessThanOrEqual(QUEUE_BYTES);
  slow.socket.resume();
  expect(await numbersTo(slow, sent)).toEqual(upTo(sent));
  await hub.publish('log:a', { n: ++sent });
  expect(await numbersTo(slow, sent)).toEqual([sent]);
});

it('without history it is told of a gap, and the newest of each name', async () => {
  using sockets = new Sockets();
  const { hub } = chatHub({ queueBytes: QUEUE_BYTES });
  const { origin } = await serve('node:http', hub);
  const { client } = await enter(origin, as('slow'));
  await client.ask({ type: 'join', id: 1, channel: 'typing:a' });
  client.socket.pause();
  const [socket] = sockets.all;
  let sent = 0;
  for (let more = 20; more > 0; ) {
    for (let i = 0; i < 50; i++) await hub.publish('typing:a', { by: `${i % 2} ${TEXT}`, n: ++sent });
    await new Promise(setImmediate);
    if (!socket!.isWritable) more -= 1;
  }
  expect(socket!.bufferedAmount).toBeLessThanOrEqual(QUEUE_BYTES);
  client.socket.resume();
  let message = await client.next();
  while (message.type === 'entries') message = await client.next();
  expect(message).toEqual({ type: 'gap', channel: 'typing:a' });
  const { data } = await client.next();
  expect((data as { n: number }[]).map(({ n }) => n)).toEqual([sent - 1, sent]);
});

it('its own answers count as well: no more of it is read until it has read them', async () => {
  using sockets = new Sockets();
  let asked = 0;
  const { hub } = chatHub({ queueBytes: QUEUE_BYTES }, { join: () => ++asked > 0 });
  const { origin } = await serve('node:http', hub);
  for (let i = 0; i < 100; i++) await hub.publish('room:a', { n: i + 1, text: TEXT });
  const { client } = await enter(origin, as('slow'));
  client.socket.pause();
  const [socket] = sockets.all;
  const total = 400;
  for (let i = 0; i < total; i++) client.send({ type: 'join', id: i, channel: 'room:a', last: 100 });
  while (socket!.isWritable) await new Promise(setImmediate);
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
  expect(socket!.bufferedAmount).toBeLessThanOrEqual(QUEUE_BYTES);
  const before = asked;
  expect(before).toBeLessThan(total);
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
  expect(asked).toBe(before);
  client.socket.resume();
  expect(await client.answer(total - 1)).toMatchObject({ type: 'joined' });
  expect(asked).toBe(total);
});
