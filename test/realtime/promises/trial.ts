/**
 * The promises of order, resume and publishing on real sockets: clients behind a proxy that cuts their connections, a server that
 * is killed and started again, and messages that are counted by their numbers.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Channel, connect, type Live, type Position } from '../../../src/live/index.ts';
import { WebSocket } from '../../../src/web/index.ts';
import { CuttingProxy } from './cutting-proxy.ts';
import { CHANNELS, type Counted, counting } from './protocol.ts';
import { type Random, randomOf } from './random.ts';
import type { Run, StartRun } from './server.ts';

export interface TrialOptions {
  readonly seed: number;
  readonly start: StartRun;
  readonly clients: number;
  /** Publications in each channel and round. */
  readonly perRound: number;
  readonly rounds: number;
  /** The server is killed and started again so often. */
  readonly restarts: number;
  /** At least so many connections are cut; more rounds follow while it is fewer. */
  readonly cuts: number;
  /** What each client says, one after the other. */
  readonly sayings: number;
  /** What typically goes through a connection before it is cut. */
  readonly typicalBytes: number;
}

export interface Outcome {
  /** What broke a promise, in words. */
  readonly faults: readonly string[];
  readonly cuts: number;
  readonly pauses: number;
  readonly reloads: number;
  readonly publications: number;
  readonly received: number;
  readonly gaps: number;
}

type Protocol = typeof counting;

/** What one client has had of one channel. */
class Reader {
  readonly #name: string;
  readonly #channel: Counted;
  readonly #fault: (words: string) => void;
  /** Of the newest message. */
  run = 0;
  n = 0;
  received = 0;
  gaps = 0;
  position: Position | undefined;
  /** A gap was told, and no message has come since. */
  #isAfterGap = false;
  /** Begins where the log does, if that is known. */
  readonly #isWhole: boolean;

  constructor(client: number, channel: Counted, fault: (words: string) => void, isWhole = channel.startsWith('all:')) {
    this.#name = `client ${client}, ${channel}${isWhole ? '' : ', in part'}`;
    this.#channel = channel;
    this.#isWhole = isWhole;
    this.#fault = (words) => fault(`${this.#name}: ${words}`);
  }

  get name(): string {
    return this.#name;
  }

  follow(channel: Channel<Protocol, Counted>): void {
    channel.on('gap', () => {
      this.gaps++;
      this.#isAfterGap = true;
    });
    channel.on('error', (error) => this.#fault(`ended: ${error.message}`));
    channel.on('message', ({ data, position, isAfterGap }) => {
      this.received++;
      this.position = position;
      this.#check(data.run, data.n, position, isAfterGap);
      this.run = data.run;
      this.n = data.n;
      this.#isAfterGap = false;
    });
  }

  #check(run: number, n: number, position: Position | undefined, isAfterGap: boolean): void {
    const where = `${this.run}.${this.n} → ${run}.${n}`;
    const keepsAll = this.#channel.startsWith('all:');
    // Of what was before its first one, it need not know.
    const follows = this.run === 0 ? n === 1 || !this.#isWhole : run === this.run && n === this.n + 1;
    if (isAfterGap !== this.#isAfterGap)
      this.#fault(`${where}: the message and the event say different things of a gap`);
    if (run < this.run || (run === this.run && n <= this.n)) this.#fault(`${where}: again, or out of order`);
    else if (!follows && !this.#isAfterGap) this.#fault(`${where}: missing, and no gap was told`);
    else if (keepsAll && this.run > 0 && follows && this.#isAfterGap)
      this.#fault(`${where}: a gap was told, and nothing is missing`);
    else if (keepsAll && !follows && n !== 1) this.#fault(`${where}: missing, though it is kept`);
    if (keepsAll && position?.offset !== n) this.#fault(`${where}: stands at ${position?.offset}`);
  }
}

class Client {
  readonly id: number;
  readonly readers = new Map<Counted, Reader>();
  /** More handles on what it reads. */
  readonly #again: Channel<Protocol, Counted>[] = [];
  readonly #fault: (words: string) => void;
  reloads = 0;
  /** What it has been told that the log has. */
  readonly said: { n: number; position: Position | undefined }[] = [];
  readonly #url: string;
  #live: Live<Protocol>;

  constructor(id: number, url: string, channels: readonly Counted[], fault: (words: string) => void) {
    this.id = id;
    this.#fault = fault;
    this.#url = url;
    for (const channel of channels) this.readers.set(channel, new Reader(id, channel, fault));
    this.#live = this.#connect();
  }

  #connect(): Live<Protocol> {
    const live = connect(counting, this.#url, {
      WebSocket,
      backoff: { minMs: 1, maxMs: 20 },
      timeoutMs: 120_000,
      fallback: false,
    });
    for (const [name, reader] of this.readers) {
      const { position } = reader;
      reader.follow(live.join(name, position === undefined ? { last: 1_000_000 } : { after: position }));
    }
    return live;
  }

  /** As a page that is loaded anew, and has kept its positions. Only where all that it reads has some. */
  reload(): void {
    if ([...this.readers.values()].some(({ position }) => position === undefined)) return;
    this.reloads++;
    this.#again.length = 0;
    this.#live.close();
    this.#live = this.#connect();
  }

  /** Reads something a second time, from a little before: that moves the membership which both share. */
  readAgain(last: number): void {
    const [name] = this.readers.keys();
    const channel = this.#live.join(name!, { last });
    new Reader(this.id, name!, this.#fault, false).follow(channel);
    this.#again.push(channel);
    if (this.#again.length > 3) this.#again.shift()!.leave();
  }

  leaveAgain(): void {
    for (const channel of this.#again.splice(0)) channel.leave();
  }

  async say(count: number): Promise<void> {
    for (let n = 1; n <= count; n++) {
      const position = await this.#live.publish('said', { by: this.id, n });
      this.said.push({ n, position });
    }
  }

  close(): void {
    this.#live.close();
  }
}

/** How long it may take after the last cut until all have all; then it says who has not. */
const CALM_MS = 60_000;

export async function runTrial(options: TrialOptions): Promise<Outcome> {
  const random = randomOf(options.seed);
  const faults: string[] = [];
  const fault = (words: string) => {
    if (faults.length < 20) faults.push(words);
  };
  const proxy = new CuttingProxy(random, options.typicalBytes);
  const url = `ws://127.0.0.1:${await proxy.listen()}/live`;
  let run = 1;
  let server = await options.start(run, options.seed);
  proxy.target = server.port;
  const clients = Array.from({ length: options.clients }, (_, i) => new Client(i, url, channelsOf(i), fault));
  const speakers = clients.filter(({ id }) => id % 5 !== 4);
  try {
    const saying = speakers.map((client) => client.say(options.sayings));
    let publications = 0;
    let last = 0;
    for (let round = 1; round <= options.rounds || proxy.cuts < options.cuts; round++) {
      last = await server.publish(options.perRound, last);
      publications += options.perRound * CHANNELS.length;
      proxy.round();
      // Those that say nothing, so that no call of theirs is cut short.
      if (random() < 0.3)
        pick(
          random,
          clients.filter((client) => !speakers.includes(client)),
        )?.reload();
      if (random() < 0.3) pick(random, clients)!.readAgain(Math.floor(random() * 100));
      if (run <= options.restarts && round === Math.floor((options.rounds * run) / (options.restarts + 1))) {
        proxy.target = undefined;
        await server.kill();
        run++;
        last = 0;
        server = await options.start(run, options.seed);
        proxy.target = server.port;
      }
    }
    for (const client of clients) client.leaveAgain();
    proxy.calm();
    await server.calm();
    await Promise.all(saying);
    last = await finish(server, clients, run, last, fault);
    checkSayings(await server.said(), clients, fault);
    const readers = clients.flatMap((client) => [...client.readers.values()]);
    const sum = (figure: (reader: Reader) => number) => readers.reduce((total, reader) => total + figure(reader), 0);
    return {
      faults,
      cuts: proxy.cuts,
      pauses: proxy.pauses,
      reloads: clients.reduce((total, { reloads }) => total + reloads, 0),
      publications: publications + speakers.length * options.sayings,
      received: sum(({ received }) => received),
      gaps: sum(({ gaps }) => gaps),
    };
  } finally {
    for (const client of clients) client.close();
    proxy.close();
    await server.kill();
  }
}

/** Each client is in two to four of them; every fifth in those that have positions only. */
function channelsOf(client: number): readonly Counted[] {
  if (client % 5 === 4) return ['all:a', 'some:a'];
  return CHANNELS.filter((_, i) => i === client % CHANNELS.length || i === (client + 1) % CHANNELS.length);
}

function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** Publishes until everybody has had the newest message: without history, what came while a client was away is gone. */
async function finish(
  server: Run,
  clients: readonly Client[],
  run: number,
  last: number,
  fault: (words: string) => void,
): Promise<number> {
  const readers = clients.flatMap((client) => [...client.readers.values()]);
  const deadline = Date.now() + CALM_MS;
  let newest = last;
  for (;;) {
    const behind = readers.filter((reader) => reader.run !== run || reader.n !== newest);
    if (behind.length === 0) return newest;
    if (Date.now() > deadline) {
      for (const reader of behind) fault(`${reader.name} stands at ${reader.run}.${reader.n}, not at ${run}.${newest}`);
      return newest;
    }
    await sleep(20);
    if (behind.every((reader) => reader.name.includes('none:'))) newest = await server.publish(1, newest);
  }
}

/** What was said is in the log once, where its speaker was told; of earlier lives of the server nothing is known any more. */
function checkSayings(
  { epoch, log }: Awaited<ReturnType<Run['said']>>,
  clients: readonly Client[],
  fault: (words: string) => void,
) {
  const keys = log.map(({ by, n }) => `${by}.${n}`);
  if (new Set(keys).size < keys.length) fault(`said twice: ${keys.find((key, i) => keys.indexOf(key) !== i)}`);
  for (const { id, said } of clients) {
    for (const { n, position } of said) {
      if (position === undefined) fault(`client ${id} was given no position for what it said`);
      else if (position.epoch === epoch && keys[position.offset - 1] !== `${id}.${n}`) {
        fault(
          `client ${id} was told that ${n} stands at ${position.offset}, where ${keys[position.offset - 1]} stands`,
        );
      }
    }
  }
}
