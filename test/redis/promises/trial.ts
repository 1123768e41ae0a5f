/**
 * Order, resume and publishing over several processes and one Redis, while clients are cut, processes and Redis are killed, and
 * Redis comes back older. Publications are counted by their numbers.
 */

import { type Channel, connect, type Live, type Position } from '../../../src/live/index.ts';
import { WebSocket } from '../../../src/web/index.ts';
import { CuttingProxy } from '../../realtime/promises/cutting-proxy.ts';
import { type Random, randomOf } from '../../realtime/promises/random.ts';
import { type Configuration, RedisServer } from '../redis-server.ts';
import { Tunnel } from '../tunnel.ts';
import { until } from '../until.ts';
import { type Acknowledged, HubProcess, LOGS, type LogName, type Look, numbered, type Program } from './server.ts';

export interface TrialOptions {
  readonly seed: number;
  readonly kept: Configuration;
  /** At least so many, and so many publications to logs. */
  readonly faults: number;
  readonly publications: number;
  readonly perRound: number;
  readonly clients: number;
  /** The package that processes use, in turn. */
  readonly packages: readonly string[];
  readonly program: Program;
}

export interface Outcome {
  /** What broke a promise, in words. */
  readonly broken: readonly string[];
  readonly publications: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly epochs: number;
  readonly lost: number;
  readonly gaps: number;
  readonly received: number;
}

/** All that anybody was told of any log, or was acknowledged: they have to agree. */
class Known {
  readonly #places = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  readonly epochs = new Set<string>();
  readonly #fault: (words: string) => void;

  constructor(fault: (words: string) => void) {
    this.#fault = fault;
  }

  add(who: string, channel: LogName, { epoch, offset }: Position, n: number): void {
    this.epochs.add(`${channel} ${epoch}`);
    const place = `${channel} ${epoch}:${offset}`;
    const number = `${channel} ${epoch}#${n}`;
    const there = this.#places.get(place) ?? n;
    const where = this.#numbers.get(number) ?? offset;
    if (there !== n) this.#fault(`${who}: ${n} stands at ${place}, where ${there} stood`);
    if (where !== offset) this.#fault(`${who}: ${n} stands at ${place}, and at ${where}`);
    this.#places.set(place, n);
    this.#numbers.set(number, offset);
  }

  at(channel: LogName, { epoch, offset }: Position): number | undefined {
    return this.#places.get(`${channel} ${epoch}:${offset}`);
  }
}

/** What one client has had of one log. */
class Reader {
  readonly name: string;
  readonly channel: LogName;
  at: Position | undefined;
  gaps = 0;
  received = 0;

  constructor(
    client: number,
    channel: LogName,
    live: Live<typeof numbered>,
    known: Known,
    fault: (words: string) => void,
  ) {
    this.name = `client ${client}, ${channel}`;
    this.channel = channel;
    const handle: Channel<typeof numbered, LogName> = live.join(channel, { last: 1_000_000 });
    handle.on('error', (error) => fault(`${this.name} ended: ${error.message}`));
    handle.on('gap', (position) => {
      this.gaps++;
      if (position?.epoch === this.at?.epoch) fault(`${this.name}: a gap was told, and nothing is missing`);
      this.at = position;
    });
    handle.on('message', ({ data, position }) => {
      this.received++;
      const { epoch, offset } = position!;
      const before = this.at ?? { epoch, offset: 0 };
      const places = `${before.epoch}:${before.offset} → ${epoch}:${offset}`;
      if (epoch !== before.epoch) fault(`${this.name}: ${places}: another log, and no gap was told`);
      else if (offset <= before.offset) fault(`${this.name}: ${places}: again, or out of order`);
      else if (offset > before.offset + 1) fault(`${this.name}: ${places}: missing, and no gap was told`);
      known.add(this.name, channel, position!, data.n);
      this.at = position;
    });
  }
}

/** Without history: what comes of a process comes in its order. */
function followSaid(client: number, live: Live<typeof numbered>, fault: (words: string) => void): void {
  const newest = new Map<string, number>();
  live.join('said', { members: true }).on('message', ({ data: { by, n } }) => {
    if (n <= (newest.get(by) ?? 0)) fault(`client ${client}: ${by} says ${n} after ${newest.get(by)}`);
    newest.set(by, n);
  });
}

class Trial {
  readonly #options: TrialOptions;
  readonly #random: Random;
  readonly #broken: string[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #known: Known;
  readonly #redis: RedisServer;
  readonly #tunnels: Tunnel[] = [];
  readonly #proxies: CuttingProxy[] = [];
  readonly #processes: HubProcess[] = [];
  readonly #lives: Live<typeof numbered>[] = [];
  readonly #readers: Reader[] = [];
  readonly #acknowledged: Acknowledged[] = [];
  #lifetimes = 0;
  #hasBackup = false;

  private constructor(options: TrialOptions, server: RedisServer) {
    this.#options = options;
    this.#redis = server;
    this.#random = randomOf(options.seed);
    this.#known = new Known((words) => this.#fault(words));
  }

  static async run(options: TrialOptions): Promise<Outcome> {
    const trial = new Trial(options, await RedisServer.start(options.kept));
    try {
      await trial.#begin();
      await trial.#play();
      return trial.#end(await trial.#settle());
    } finally {
      await trial.#clear();
    }
  }

  #fault(words: string): void {
    if (this.#broken.length < 20) this.#broken.push(words);
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  async #begin(): Promise<void> {
    const urls: string[] = [];
    for (const [i] of this.#options.packages.entries()) {
      this.#tunnels[i] = await Tunnel.to(this.#redis.port);
      this.#proxies[i] = new CuttingProxy(this.#random, 30_000);
      urls[i] = `ws://127.0.0.1:${await this.#proxies[i]!.listen()}/live`;
    }
    await Promise.all(this.#options.packages.map((_, i) => this.#startProcess(i)));
    for (let i = 0; i < this.#options.clients; i++) {
      const live = connect(numbered, urls[i % urls.length]!, {
        WebSocket,
        token: `client-${i}`,
        backoff: { minMs: 1, maxMs: 50 },
        fallback: false,
      });
      this.#lives.push(live);
      const fault = (words: string) => this.#fault(words);
      for (const channel of LOGS) this.#readers.push(new Reader(i, channel, live, this.#known, fault));
      followSaid(i, live, fault);
    }
  }

  async #startProcess(i: number): Promise<void> {
    const name = `${i}.${this.#lifetimes++}`;
    const one = await HubProcess.start(this.#options.program, name, this.#tunnels[i]!.port, this.#options.packages[i]!);
    this.#processes[i] = one;
    this.#proxies[i]!.target = one.port;
  }

  // ---- What happens ---------------------------------------------------------------------------------------------

  readonly #happenings: Readonly<Record<string, () => Promise<void>>> = {
    'way to Redis cut': async () => {
      const tunnel = this.#pick(this.#tunnels);
      tunnel.cut();
      tunnel.restore();
    },
    'process killed': async () => {
      const i = Math.floor(this.#random() * this.#processes.length);
      this.#proxies[i]!.target = undefined;
      await this.#processes[i]!.kill();
      await this.#startProcess(i);
    },
    'Redis killed': async () => {
      await this.#redis.kill();
      await this.#redis.start();
    },
    'Redis emptied': async () => {
      await this.#redis.ask('FLUSHALL');
    },
    'Redis back older': async () => {
      if (!this.#hasBackup || this.#random() < 0.3) {
        await this.#redis.backUp();
        this.#hasBackup = true;
        return;
      }
      await this.#redis.kill();
      this.#redis.putBack();
      await this.#redis.start();
    },
  };

  async #play(): Promise<void> {
    const { publications, perRound, faults } = this.#options;
    let n = 0;
    for (;;) {
      const batch = Array.from({ length: perRound }, () => ({ channel: this.#pick(LOGS), n: ++n }));
      const publishing = this.#publish(batch);
      const done = this.#acknowledged.length + Math.floor(this.#random() * perRound);
      await until(() => this.#acknowledged.length >= done);
      if (this.#random() < 0.9) {
        const what = this.#pick(Object.keys(this.#happenings));
        this.#faults[what] = (this.#faults[what] ?? 0) + 1;
        await this.#happenings[what]!();
      }
      await publishing;
      for (const proxy of this.#proxies) proxy.round();
      const cuts = this.#proxies.reduce((sum, proxy) => sum + proxy.cuts, 0);
      this.#faults['client cut'] = cuts;
      const all = Object.values(this.#faults).reduce((sum, count) => sum + count, 0);
      // With few faults, it may be that Redis has lost nothing yet.
      const isTold = this.#readers.some(({ gaps }) => gaps > 0);
      if (n >= publications && all >= faults && isTold) return;
    }
  }

  /** Until the log has had them. What a process leaves when it dies goes to another one, with its keys. */
  async #publish(batch: readonly { readonly channel: LogName; readonly n: number }[]): Promise<void> {
    let left = [...batch];
    while (left.length > 0) {
      await until(() => this.#processes.some(({ isDead }) => !isDead));
      const alive = this.#processes.filter(({ isDead }) => !isDead);
      const shares = alive.map((_, i) => left.filter((_, k) => k % alive.length === i));
      const rests = await Promise.all(
        alive.map((process, i) =>
          process.publish(shares[i]!, (acknowledged) => {
            this.#acknowledged.push(acknowledged);
            this.#known.add('publisher', acknowledged.channel, acknowledged.position, acknowledged.n);
          }),
        ),
      );
      left = rests.flat();
    }
  }

  // ---- What it has come to --------------------------------------------------------------------------------------

  /** Waits until everybody has had all that there is. */
  async #settle(): Promise<Look> {
    for (const proxy of this.#proxies) proxy.calm();
    await this.#publish(LOGS.map((channel) => ({ channel, n: -1 })));
    const look = await this.#processes[0]!.look();
    const isThere = ({ at, channel }: Reader) =>
      at?.epoch === look.heads[channel].epoch && at.offset === look.heads[channel].offset;
    const endMs = Date.now() + 60_000;
    await until(() => this.#readers.every(isThere) || Date.now() > endMs);
    for (const reader of this.#readers) {
      const { epoch, offset } = look.heads[reader.channel];
      if (!isThere(reader))
        this.#fault(`${reader.name} stands at ${reader.at?.epoch}:${reader.at?.offset}, not at ${epoch}:${offset}`);
    }
    await until(async () => (await this.#processes[0]!.look()).members === this.#lives.length || Date.now() > endMs);
    const { members } = await this.#processes[0]!.look();
    if (members !== this.#lives.length) this.#fault(`${members} members, and ${this.#lives.length} clients`);
    return look;
  }

  #end({ heads }: Look): Outcome {
    const kept = new Map(LOGS.map((channel) => [channel, new Set<number>()]));
    for (const channel of LOGS) {
      const { epoch, offset: head } = heads[channel];
      for (let offset = 1; offset <= head; offset++) {
        const n = this.#known.at(channel, { epoch, offset });
        if (n !== undefined) kept.get(channel)!.add(n);
      }
    }
    const lost = this.#acknowledged.filter(({ channel, n }) => !kept.get(channel)!.has(n));
    // What was lost stood in another log: whoever read that one has been told a gap since.
    for (const { channel, n, position } of lost) {
      if (position.epoch === heads[channel].epoch) this.#fault(`${n} is lost, and it is the same log`);
    }
    const sum = (figure: (reader: Reader) => number) => this.#readers.reduce((total, one) => total + figure(one), 0);
    return {
      broken: this.#broken,
      publications: this.#acknowledged.length,
      faults: this.#faults,
      epochs: this.#known.epochs.size,
      lost: lost.length,
      gaps: sum(({ gaps }) => gaps),
      received: sum(({ received }) => received),
    };
  }

  async #clear(): Promise<void> {
    for (const live of this.#lives) live.close();
    for (const proxy of this.#proxies) proxy.close();
    await Promise.all(this.#processes.map((process) => process.kill()));
    for (const tunnel of this.#tunnels) tunnel.end();
    await this.#redis.end();
  }
}

export const runTrial = Trial.run;
