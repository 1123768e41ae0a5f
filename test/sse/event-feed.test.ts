/** Feeds: whom an event goes to, what those are sent who come back, and what is held for those who do not read. */

import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEventFeed,
  createEventResponse,
  type EventFeed,
  type EventFeedOptions,
  EventStreamParser,
  type ServerSentEvent,
} from '../../src/sse/index.ts';
import { nextTurn } from '../support/servers.ts';
import { ask, SERVER_KINDS, start } from './support.ts';

const seen = (events: readonly ServerSentEvent[]) => events.map(({ type, data }) => (type === 'gap' ? 'gap' : data));

describe('whom an event goes to', () => {
  const users: EventFeedOptions<{ id: string; isAdmin: boolean }> = {
    authenticate: ({ token }) => ({ id: token!, isAdmin: token === 'ann' }),
  };
  const join = async (feed: EventFeed<{ id: string; isAdmin: boolean }>, ids: readonly string[]) => {
    const started = await start('node:http', feed.handler);
    return Promise.all(ids.map((id) => ask(started, { authorization: `Bearer ${id}` })));
  };

  it.each([[undefined], [{ events: 10 }]])('all, a key, or whom a function chooses (replay %j)', async (replay) => {
    const feed = createEventFeed({ ...users, ...(replay && { replay }) });
    const readings = await join(feed, ['ann', 'bob', 'bob']);
    expect([feed.size, feed.streams('bob').length, feed.streams('eve').length]).toEqual([3, 2, 0]);
    feed.send({ data: 'all' });
    feed.send({ data: 'bob' }, 'bob');
    feed.send({ data: 'eve' }, 'eve');
    feed.send({ data: 'admin' }, ({ user }) => user.isAdmin);
    feed.send({ data: 'end' });
    const got = await Promise.all(readings.map((reading) => reading.until(() => reading.text.includes('end\n\n'))));
    expect(got).toHaveLength(3);
    const [ann, ...bobs] = readings.map(({ events }) => seen(events));
    expect(ann).toEqual(['all', 'admin', 'end']);
    for (const bob of bobs) expect(bob).toEqual(['all', 'bob', 'end']);
    feed.closeAll('bob');
    expect(feed.size).toBe(1);
    feed.closeAll();
    expect(feed.size).toBe(0);
    for (const reading of readings) await reading.ended();
  });

  it('what was for others is not replayed', async () => {
    const feed = createEventFeed({ ...users, replay: { events: 10 } });
    const started = await start('node:http', feed.handler);
    const come = (id: string, last: string) => ask(started, { authorization: `Bearer ${id}`, 'last-event-id': last });
    const first = await ask(started, { authorization: 'Bearer ann' });
    await first.until(() => first.lastEventId !== '');
    const begin = first.lastEventId;
    feed.send({ data: 'secret of bob' }, 'bob');
    feed.send({ data: 'for admins' }, ({ user }) => user.isAdmin);
    feed.send({ data: 'end' });
    const [ann, bob] = [await come('ann', begin), await come('bob', begin)];
    expect(await ann.data(2)).toEqual(['for admins', 'end']);
    expect(await bob.data(2)).toEqual(['secret of bob', 'end']);
  });

  it("a stream that was opened elsewhere, with a key of one's own", async () => {
    const feed = createEventFeed<undefined>({ replay: { events: 2 } });
    const { stream, response } = createEventResponse(new Request('http://localhost/'));
    feed.add(stream, 'mine');
    feed.send({ data: 'hello' }, 'mine');
    stream.close();
    feed.add(stream, 'mine');
    expect(feed.size).toBe(0);
    expect(await response.text()).toMatch(/^id: \S+:0\n\nid: \S+:1\ndata: hello\n\n$/);
  });
});

describe.each(SERVER_KINDS)('replay on %s', (kind) => {
  it('goes on behind the last id, or tells of a gap', async () => {
    const feed = createEventFeed({ replay: { events: 3 } });
    const started = await start(kind, feed.handler);
    const first = await ask(started);
    // Before any event, too.
    await first.until(() => first.lastEventId !== '');
    expect(first.events).toEqual([]);
    const begin = first.lastEventId;
    for (const data of ['1', '2', '3']) feed.send({ data });
    expect(await first.data(3)).toEqual(['1', '2', '3']);
    first.cut();
    feed.send({ data: '4' });
    const second = await ask(started, { 'last-event-id': first.lastEventId });
    expect(await second.data(1)).toEqual(['4']);
    feed.send({ data: '5' });
    expect(await second.data(1)).toEqual(['5']);
    for (const last of [begin, 'other-epoch:3', `${begin}9`, 'x\0y'.replace('\0', '')]) {
      const late = await ask(started, { 'last-event-id': last });
      expect(await late.next()).toMatchObject({ type: 'gap', lastEventId: begin.replace(/0$/, '2') });
      expect(await late.data(3)).toEqual(['3', '4', '5']);
      late.cut();
    }
    const fresh = await ask(started);
    await fresh.until(() => fresh.lastEventId.endsWith(':5'));
    expect(fresh.events).toEqual([]);
  });
});

describe('a reader who is slow', () => {
  it('has nothing waiting for it in this process: it reads from the log, all in order', async () => {
    const feed = createEventFeed({ replay: { events: 1000, bytes: 64 << 20 }, maxBacklogBytes: 0 });
    const started = await start('node:http', feed.handler);
    const reading = await ask(started);
    await reading.until(() => reading.lastEventId !== '');
    reading.source.pause();
    const [stream] = feed.streams();
    const text = 'x'.repeat(50_000);
    for (let i = 0; i < 500; i++) {
      feed.send({ data: `${i} ${text}` });
      if (i % 20 === 0) await nextTurn();
    }
    expect([stream!.isClosed, stream!.isWritable, stream!.bufferedAmount]).toEqual([false, false, 0]);
    reading.source.resume();
    const got = await reading.data(500);
    expect(got.map((data) => Number(data.split(' ')[0]))).toEqual(Array.from({ length: 500 }, (_, i) => i));
    feed.send({ data: 'live' });
    expect(await reading.data(1)).toEqual(['live']);
  });

  it('is told of a gap when the log has gone on without it', async () => {
    const feed = createEventFeed({ replay: { events: 10 } });
    const started = await start('node:http', feed.handler);
    const reading = await ask(started);
    await reading.until(() => reading.lastEventId !== '');
    reading.source.pause();
    const [stream] = feed.streams();
    let sent = 0;
    const text = 'x'.repeat(50_000);
    while (stream!.isWritable) {
      feed.send({ data: `${sent++} ${text}` });
      await nextTurn();
    }
    for (let i = 0; i < 20; i++) feed.send({ data: `late ${i}` });
    reading.source.resume();
    const got = await reading.data(sent + 11);
    expect(got.slice(0, sent).every((data, i) => data.startsWith(`${i} `))).toBe(true);
    expect(reading.events[sent]!.type).toBe('gap');
    expect(got.slice(sent + 1)).toEqual(Array.from({ length: 10 }, (_, i) => `late ${i + 10}`));
  });

  it('goes, and nothing of it stays', async () => {
    const feed = createEventFeed({ key: () => 'k' });
    const started = await start('node:http', feed.handler);
    for (let round = 0; round < 3; round++) {
      const readings = await Promise.all(Array.from({ length: 50 }, () => ask(started)));
      expect([feed.size, feed.streams('k').length]).toEqual([50, 50]);
      const ends = feed.streams().map((stream) => once(stream, 'close'));
      for (const reading of readings) reading.cut();
      await Promise.all(ends);
      expect([feed.size, feed.streams('k').length]).toEqual([0, 0]);
    }
  });
});

describe('every event once, in order, or a gap', () => {
  type Step =
    | { readonly do: 'send'; readonly data: string }
    | { readonly do: 'read'; readonly pieces: number }
    /** The connection is lost in the middle of a piece: `bytes` of it have arrived. */
    | { readonly do: 'cut'; readonly bytes: number }
    | { readonly do: 'restart' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), data: fc.string({ maxLength: 5 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), pieces: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), bytes: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  );

  class Client {
    lastEventId = '';
    readonly events: ServerSentEvent[] = [];
    #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    #parser = new EventStreamParser();

    async connect(feed: EventFeed): Promise<void> {
      const isNew = this.lastEventId === '';
      const headers = isNew ? {} : { 'last-event-id': this.lastEventId };
      // Who has had nothing, not even the id to begin with, misses nothing.
      if (isNew) this.events.push({ type: 'gap', data: '', lastEventId: '' });
      const response = await feed.handler.fetch(new Request('http://localhost/', { headers }));
      this.#reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
      this.#parser = new EventStreamParser(this.lastEventId);
    }

    /** What there is, without waiting. */
    async piece(): Promise<Uint8Array | undefined> {
      const next = this.#reader!.read();
      const none = Symbol('none');
      const got = await Promise.race([next, nextTurn().then(() => none)]);
      return got === none ? undefined : (got as { value?: Uint8Array }).value;
    }

    take(bytes: Uint8Array): void {
      this.events.push(...this.#parser.push(bytes));
      this.lastEventId = this.#parser.lastEventId;
    }

    async lose(): Promise<void> {
      await this.#reader!.cancel();
    }
  }

  it('whatever is cut, at any byte, and whoever starts again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), async (steps, kept) => {
        const make = () => createEventFeed({ replay: { events: kept }, heartbeat: false });
        let feed = make();
        let sent = 0;
        const client = new Client();
        await client.connect(feed);
        const again = async () => {
          await client.lose();
          await client.connect(feed);
        };
        for (const next of steps) {
          if (next.do === 'send') feed.send({ data: `${++sent} ${next.data}` });
          else if (next.do === 'restart') {
            feed = make();
            await again();
          } else if (next.do === 'cut') {
            const bytes = await client.piece();
            if (bytes !== undefined) client.take(bytes.subarray(0, next.bytes));
            await again();
          } else {
            for (let i = 0; i < next.pieces; i++) {
              const bytes = await client.piece();
              if (bytes === undefined) {
                await again();
                break;
              }
              client.take(bytes);
            }
          }
        }
        feed.send({ data: `${++sent} end` });
        for (let bytes = await client.piece(); bytes !== undefined; bytes = await client.piece()) client.take(bytes);
        // Between gaps, numbers follow each other; none comes twice.
        let last = 0;
        let mayJump = false;
        for (const { type, data } of client.events) {
          if (type === 'gap') {
            mayJump = true;
            continue;
          }
          const number = Number(data.split(' ')[0]);
          if (mayJump) expect(number).toBeGreaterThan(last);
          else expect(number).toBe(last + 1);
          mayJump = false;
          last = number;
        }
        expect([last, mayJump]).toEqual([sent, false]);
        await client.lose();
      }),
      { numRuns: 150 },
    );
  });
});

describe('a feed that goes away', () => {
  it('ends all, tells when to come back, and has others come later', async () => {
    const feed = createEventFeed({});
    const started = await start('node:http', feed.handler);
    const readings = await Promise.all(Array.from({ length: 3 }, () => ask(started)));
    const drained = feed.drain({ spreadMs: 20, retryAfterMs: 7000 });
    expect(feed.drain()).toBe(drained);
    await drained;
    for (const reading of readings) expect(await reading.ended()).toBe('retry: 7000\n\n');
    const late = await ask(started);
    expect([late.status, await late.ended()]).toEqual([200, 'retry: 7000\n\n']);
    expect((await ask(started, { accept: '*/*' })).headers['retry-after']).toBe('7');
  });
});

it('what cannot be is refused', () => {
  expect(() => createEventFeed({ replay: {} } as never)).not.toThrow();
  expect(() => createEventFeed({ replay: { messages: 5 } } as never)).toThrow('no option "replay.messages"');
  expect(() => createEventFeed({ frob: 1 } as never)).toThrow('createEventFeed() has no option "frob"');
  const feed = createEventFeed({ replay: { events: 1 } });
  expect(() => feed.send({ id: '1', data: '' })).toThrow('A feed with replay gives each event its id');
  expect(() => feed.send({ event: 'a\nb', data: '' })).toThrow(TypeError);
  expect(() => feed.drain({ spreadMs: -1 })).toThrow(RangeError);
});

it('what cannot be does not compile', () => expect(wrongUses).toHaveLength(1));

function wrongUses(feed: EventFeed<{ id: string }>): void {
  // @ts-expect-error data is text
  feed.send({ data: 1 });
  // @ts-expect-error no such field
  feed.send({ data: '', name: 'x' });
  // @ts-expect-error no such member of the user
  feed.send({ data: '' }, ({ user }) => user.isAdmin);
  // @ts-expect-error a key is text
  feed.send({ data: '' }, 5);
  // @ts-expect-error no such option
  createEventFeed({ frob: 1 });
  // @ts-expect-error events is needed
  createEventFeed({ replay: {} });
  // @ts-expect-error a user of another kind
  createEventFeed<{ id: string }>({ authenticate: () => ({ name: 'x' }) });
  feed.on('stream', ({ user }) => user.id);
  // @ts-expect-error no such member of the user
  feed.on('stream', ({ user }) => user.name);
}
