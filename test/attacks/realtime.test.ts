/** Attacks on a hub. The rows are those of spec-notes/attacks.md. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { UseOrder } from '../../src/engines/use-order.ts';
import { type CallContext, Calls, OpenCalls } from '../../src/realtime/calls.ts';
import { createHub, defineProtocol, type HubOptions, memory } from '../../src/realtime/index.ts';
import { internals, type WebSocket } from '../../src/socket/websocket.ts';
import { enter, KINDS, type Kind, type Message, serve, WireClient } from '../realtime/wire-client.ts';
import { nextTurn, watchProcess } from '../support/servers.ts';

const protocol = defineProtocol({
  channels: {
    'room:{room}': {
      message: z.object({ text: z.string(), parts: z.array(z.string()).optional() }),
      member: z.object({}),
      history: { messages: 50 },
    },
    'any:{name}': { message: z.unknown() },
  },
  calls: {
    say: {
      input: z.object({ text: z.string(), tags: z.record(z.string(), z.string()).optional() }),
      output: z.string(),
    },
    wait: { input: z.unknown(), output: z.unknown() },
  },
});

const SUBPROTOCOL = 'framewright.realtime.1';

/** A hub that lets everybody do everything, and a client that wants no harm. */
async function start(kind: Kind, options: HubOptions = {}, hasInnocent = true) {
  const watched = watchProcess();
  const engine = memory();
  const hub = createHub(protocol, { engine, requiresOrigin: false, ...options });
  const reported: unknown[] = [];
  const waiting: CallContext<unknown>[] = [];
  hub.on('error', (error) => reported.push(error));
  hub
    .channel('room:{room}', { join: () => true, publish: () => true, member: () => ({}) })
    .channel('any:{name}', { join: () => true, publish: () => true })
    .call('say', ({ text }) => text)
    .call('wait', (_input, context) => {
      waiting.push(context);
      return new Promise(() => {});
    });
  const opened: WebSocket[] = [];
  const onOpen = (message: unknown) => {
    const { socket, role } = message as { readonly socket: WebSocket; readonly role: string };
    if (role === 'server') opened.push(socket);
  };
  subscribe('framewright:open', onOpen);
  onTestFinished(() => void unsubscribe('framewright:open', onOpen));
  const { origin, server } = await serve(kind, hub);
  const { client: innocent } = await enter(origin);
  if (hasInnocent) await innocent.ask({ type: 'join', id: 1, channel: 'room:innocent' });
  let count = 1;
  return {
    ...{ hub, engine, origin, server, opened, reported, waiting },
    /** The innocent goes on, and nothing has reached the process. */
    async expectPeace() {
      count++;
      expect(await innocent.ask({ type: 'call', id: count, call: 'say', input: { text: 'hello' } })).toMatchObject({
        output: 'hello',
      });
      await hub.publish('room:innocent', { text: `number ${count}` });
      expect(await innocent.next()).toMatchObject({ type: 'entries', data: [{ text: `number ${count}` }] });
      expect([watched.uncaught, watched.warnings, reported]).toEqual([[], [], []]);
    },
  };
}

const range = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Sends messages in as few frames as there may be. */
function flood(client: WireClient, messages: readonly Message[]): void {
  for (let i = 0; i < messages.length; i += 500) client.send(...messages.slice(i, i + 500));
}

async function answers(client: WireClient, count: number): Promise<Message[]> {
  const all: Message[] = [];
  while (all.length < count) {
    const message = await client.next();
    if (message.id !== undefined) all.push(message);
  }
  return all;
}

const countBy = (messages: readonly Message[], key: string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const message of messages) counts[String(message[key])] = (counts[String(message[key])] ?? 0) + 1;
  return counts;
};

describe.each(KINDS)('%s', (kind) => {
  it('A35 many messages in one frame count as many', async () => {
    const excess = new Promise<'excess'>((resolve) => {
      const listener = () => resolve('excess');
      subscribe('framewright:rate.begin', listener);
      onTestFinished(() => void unsubscribe('framewright:rate.begin', listener));
    });
    const messageRate = { perSecond: 0.001, burst: 10, key: (request: { url?: string | undefined }) => request.url };
    const { origin } = await start(kind, { messageRate });
    const { client } = await enter(origin, { path: '/live?attacker' });
    client.send(...range(10, () => ({ type: 'ping' })));
    for (let i = 0; i < 10; i++) expect(await client.next()).toEqual({ type: 'pong' });
    client.send({ type: 'ping' });
    expect(await Promise.race([excess, client.next()])).toBe('excess');
  });

  it('A35 also in the body of a POST', async () => {
    const messageRate = { perSecond: 0.001, burst: 10, onExcess: 'close', key: () => 'everybody' } as const;
    const { origin } = await start(kind, { messageRate }, false);
    const post = (messages: readonly Message[], accept: string) =>
      fetch(`${origin}/live`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: accept, Origin: origin },
        body: JSON.stringify(messages.length === 1 ? messages[0] : messages),
      });
    const joins = range(10, (id) => ({ type: 'join', id, channel: `room:${id}` }));
    const stream = await post(joins, 'text/event-stream');
    expect(stream.status).toBe(200);
    const call = await post([{ type: 'call', id: 1, call: 'say', input: { text: 'x' } }], 'application/json');
    expect(call.status).toBe(429);
    await stream.body!.cancel();
  });

  it('A36 an input with thousands of faults is answered in short', async () => {
    const { origin, expectPeace } = await start(kind);
    const { client } = await enter(origin);
    const requests = [
      { type: 'publish', id: 2, channel: 'room:a', data: { text: 'x', parts: range(15_000, () => 0) } },
      { type: 'call', id: 3, call: 'say', input: { text: 'x', tags: { ['k'.repeat(60_000)]: 1 } } },
    ];
    for (const request of requests) {
      const answer = await client.ask(request);
      expect(answer).toMatchObject({ type: 'error', code: 'INVALID' });
      expect((answer.issues as unknown[]).length).toBeLessThanOrEqual(20);
      expect(JSON.stringify(answer).length).toBeLessThan(6000);
    }
    const answer = await client.ask({ type: 'call', id: 7, call: 'c'.repeat(256), input: {} });
    expect(JSON.stringify(answer).length).toBeLessThan(1000);
    await expectPeace();
  });

  it('A40 text that is no JSON, JSON that is hostile, and what is no text', async () => {
    const { origin, expectPeace } = await start(kind);
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const closed: readonly (readonly [what: string | Buffer, code: number])[] = [
      ['{', 4400],
      ['', 4400],
      ['1', 4400],
      ['[1]', 4400],
      [deep, 4400],
      [`[${range(1001, () => '{"type":"ping"}').join()}]`, 4400],
      ['\ud800"', 4400],
      [Buffer.from('{"type":"ping"}'), 4400],
      [`{"type":"ping","x":"${'x'.repeat(65_536)}"}`, 1009],
    ];
    for (const [what, code] of closed) {
      const { client } = await enter(origin);
      client.socket.send(what);
      expect((await client.closed)[0], String(what).slice(0, 50)).toBe(code);
    }
    const { client } = await enter(origin);
    const refused = [
      '{"type":"__proto__","id":1}',
      '{"type":"constructor","id":1}',
      '{"__proto__":{"type":"ping"},"id":1}',
      '{"type":"join","id":1,"channel":"__proto__"}',
      '{"type":"join","id":1,"channel":{"toString":1}}',
      '{"type":"call","id":1,"call":"__proto__"}',
      '{"type":"call","id":1,"call":"toString"}',
      '{"type":"publish","id":1,"channel":"room:a","data":{"__proto__":{"text":"x"}}}',
      `{"type":"token","id":1,"token":"${'x'.repeat(50_000)}"}`,
      '{"type":"join","id":1,"channel":"room:a","epoch":"x"}',
      '{"type":"join","id":1,"channel":"room:a","last":1e400}',
      '{"type":"join","id":1,"channel":"room:a","last":-1}',
      `{"type":"publish","id":1,"channel":"room:a","data":{"text":"x"},"key":"${'k'.repeat(257)}"}`,
    ];
    for (const text of refused) {
      client.socket.send(text);
      expect(await client.next(), text.slice(0, 80)).toMatchObject({ type: 'error', id: 1 });
    }
    // As deep as a frame can be.
    client.socket.send(`{"type":"publish","id":2,"channel":"any:a","data":${deep}}`);
    expect(await client.next()).toMatchObject({ id: 2 });
    client.socket.send('{"type":"join","id":3,"channel":"room:__proto__"}');
    expect(await client.next()).toMatchObject({ type: 'joined', id: 3 });
    expect(({} as Record<string, unknown>).text).toBe(undefined);
    const tokenInHead = new WireClient(origin, { subprotocols: [SUBPROTOCOL, `bearer.${'x'.repeat(1_000_000)}`] });
    await Promise.race([tokenInHead.closed, tokenInHead.refused]);
    await expectPeace();
  });
});

/** That of what the processes of a hub order each other. */
const OWN_LOGS = 1;

describe('a hub', () => {
  it('A37 10,000 joins end at maxChannels, and leave nothing behind', async () => {
    const { origin, engine, expectPeace } = await start('node:http');
    const { client } = await enter(origin);
    flood(
      client,
      range(10_000, (id) => ({ type: 'join', id, channel: `room:${id}`, last: Number.MAX_SAFE_INTEGER })),
    );
    const all = await answers(client, 10_000);
    expect(countBy(all, 'type')).toEqual({ joined: 100, error: 9900 });
    expect(countBy(all, 'code').TOO_MANY).toBe(9900);
    expect(engine.status().logs).toBe(OWN_LOGS + 101);
    flood(
      client,
      range(2000, (id) => ({ type: 'join', id, channel: `nothing:${id}` })),
    );
    expect(countBy(await answers(client, 2000), 'code')).toEqual({ UNKNOWN: 2000 });
    flood(
      client,
      range(2000, (id) => ({ type: ['leave', 'join'][id % 2]!, id, channel: 'room:5' })),
    );
    expect(countBy(await answers(client, 2000), 'type')).toEqual({ result: 1000, joined: 1000 });
    client.socket.terminate();
    await client.closed;
    while (engine.status().logs !== OWN_LOGS + 1) await nextTurn();
    expect(await engine.members('room:5')).toEqual([]);
    await expectPeace();
  });

  it('A38 whoever does not read his answers is read no more, and holds queueBytes', async () => {
    const queueBytes = 100_000;
    const { origin, opened, expectPeace } = await start('node:http', { queueBytes });
    const { client } = await enter(origin);
    const socket = opened[1]!;
    const waiting = () => internals.transportOf(socket)!.backlogBytes;
    let most = 0;
    client.socket.pause();
    // Answers that are much longer.
    const data = { text: 'x', parts: range(20, () => 0) };
    const count = 6000;
    const sent = range(count / 500, (frame) =>
      range(500, (i) => ({ type: 'publish', id: frame * 500 + i, channel: 'room:a', data })),
    );
    for (const messages of sent) {
      client.send(...messages);
      await nextTurn();
      most = Math.max(most, waiting());
    }
    while (!socket.isPaused) await nextTurn();
    for (let turns = 0; turns < 50; turns++) await nextTurn();
    most = Math.max(most, waiting());
    expect(most).toBeGreaterThan(queueBytes / 4);
    expect(most).toBeLessThanOrEqual(queueBytes);
    await expectPeace();
    client.socket.resume();
    expect(countBy(await answers(client, count), 'code')).toEqual({ INVALID: count });
    expect(socket.isPaused).toBe(false);
  });

  it('A38 also who takes the stream of a POST and does not read it', async () => {
    const queueBytes = 100_000;
    const { hub, origin, server, expectPeace } = await start('node:http', { queueBytes });
    const accepted: Socket[] = [];
    (server as Server).on('connection', (socket) => accepted.push(socket));
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    const body = JSON.stringify({ type: 'join', id: 1, channel: 'room:a' });
    const head = ['POST /live HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Accept: text/event-stream', `Origin: ${origin}`];
    head.push('Content-Type: application/json', `Content-Length: ${body.length}`);
    client.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    await once(client, 'readable');
    const [socket] = accepted;
    const text = 'x'.repeat(20_000);
    let most = 0;
    // More than the kernel takes for a reader that is not there.
    for (let n = 0; n < 1000; n++) {
      await hub.publish('room:a', { text });
      await nextTurn();
      most = Math.max(most, socket!.writableLength);
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(queueBytes);
    await expectPeace();
    // The newest is there when it reads again.
    await hub.publish('room:a', { text: 'the end' });
    let tail = '';
    for await (const chunk of client) {
      tail = (tail + chunk).slice(-1000);
      if (tail.includes('the end')) break;
    }
    expect(tail).toContain('the end');
  });

  it('A39 calls that are cancelled count until their handlers end', async () => {
    const { origin, waiting, expectPeace } = await start('node:http');
    const { client } = await enter(origin);
    flood(
      client,
      range(2000, (i) => (i % 2 === 0 ? { type: 'call', id: i, call: 'wait' } : { type: 'cancel', id: i - 1 })),
    );
    flood(
      client,
      range(2000, (i) => ({ type: 'call', id: 10_000 + i, call: 'wait', timeoutMs: 1_000_000 })),
    );
    const refused = await answers(client, 900 + 2000);
    expect(countBy(refused, 'code')).toEqual({ TOO_MANY: 2900 });
    expect(waiting).toHaveLength(100);
    expect(waiting.filter(({ signal }) => signal.aborted)).toHaveLength(100);
    await expectPeace();
  });

  it('A41 clients that come and go leave nothing behind', async () => {
    const { origin, engine, expectPeace } = await start('node:http');
    const { client: watcher } = await enter(origin);
    await watcher.ask({ type: 'join', id: 1, channel: 'room:a', members: true });
    for (let round = 0; round < 5; round++) {
      const clients = range(20, () => new WireClient(origin));
      await Promise.all(
        clients.map(async (client, i) => {
          await client.opened;
          client.send(...range(10, (id) => ({ type: ['join', 'leave'][id % 2]!, id, channel: 'room:a' })));
          client.send({ type: 'join', id: 11, channel: 'room:a' }, { type: 'join', id: 12, channel: `room:${i}` });
          await client.answer(12);
          if (i % 2 === 0) client.socket.terminate();
          else client.socket.close();
          await client.closed;
        }),
      );
    }
    while ((await engine.members('room:a')).length > 1 || engine.status().logs !== OWN_LOGS + 2) await nextTurn();
    await expectPeace();
  });
});

it('A42 calls that are left behind by their connections end at a number', () => {
  const calls = new Calls<{ id: string }>(
    protocol,
    { timeoutMs: 1000, maxOpen: 100, knowsUsers: false },
    { report() {}, hint() {} },
  );
  const signals: AbortSignal[] = [];
  calls.handle('wait', ((_input: unknown, { signal }: CallContext<unknown>) => {
    signals.push(signal);
    return new Promise(() => {});
  }) as never);
  for (let connection = 0; connection < 120; connection++) {
    const open = new OpenCalls(calls, String(connection));
    for (let id = 0; id < 100; id++) {
      open.start({ id, call: 'wait', key: `${connection} ${id}` }, { id: String(connection) }, () => {});
    }
    open.disconnected();
  }
  return Promise.resolve().then(async () => {
    while (signals.length < 12_000) await nextTurn();
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(2000);
  });
});

it('A43 a publication to a new channel makes room at once, however many have gone before', async () => {
  const engine = memory({ maxBytes: 1_000_000 });
  const retention = { messages: 10, bytes: 1000, ageMs: Number.POSITIVE_INFINITY };
  let steps = 0;
  const find = vi.spyOn(UseOrder.prototype, 'remove');
  for (let n = 0; n < 5000; n++) {
    await engine.publish({ channel: `room:${n}`, data: '1', retention, key: undefined });
    steps = Math.max(steps, find.mock.calls.length);
    find.mockClear();
  }
  find.mockRestore();
  expect(steps).toBeLessThanOrEqual(2);
  expect(engine.status().logs).toBe(Math.floor(1_000_000 / (1 + 128 + 384)));
  await engine.close();
});
