/**
 * A small world in virtual time: clients, servers and what keeps the logs, with networks between them that take their time, that
 * stop, and that break. Hub and client are the real ones; only their sockets are not.
 */

// Fake timers replace the global one, and the hub does without the fake one as well.
import { setImmediate } from 'node:timers';
import { vi } from 'vitest';
import type { Engine, Entry, Presence, Subscriber } from '../../src/engines/engine.ts';
import { type MemoryEngine, memory } from '../../src/engines/memory.ts';
import { connect, type Live, type Protocol, type SocketClass } from '../../src/live/index.ts';
import { Core } from '../../src/realtime/core.ts';
import { channelHandlers } from '../../src/realtime/joining.ts';
import { settingsOf } from '../../src/realtime/options.ts';
import type { Outlet } from '../../src/realtime/outlet.ts';
import { Session } from '../../src/realtime/session.ts';
import { RealtimeError } from '../../src/realtime-protocol/realtime-error.ts';
import { readFrame, SERVER_MESSAGES, type ServerMessage } from '../../src/realtime-protocol/wire.ts';
import type { PreparedMessage } from '../../src/socket/prepared-message.ts';
import { InterruptibleEngine } from '../engines/interruptible.ts';

/** How long things take, in milliseconds. */
export interface Delays {
  /** One way between a client and its server. */
  readonly network: number;
  /** A request to the engine, and its answer, each. */
  readonly engine: number;
  /** From a log to those who are subscribed to it. */
  readonly telling: number;
}

export interface WorldOptions {
  readonly protocol: Protocol;
  readonly delays: Delays;
  readonly servers: number;
  readonly queueBytes: number;
  /** Engines answer sooner and later, and sometimes not at all. */
  readonly seed?: number | undefined;
  /** Makes engines faulty, or the messages that come to clients: to see that it is noticed. */
  readonly breakEngine?: (engine: Engine) => Engine;
  readonly breakMessage?: (message: ServerMessage) => readonly ServerMessage[];
}

/** Of one wait: what needs more goes in circles. */
const MAX_TIMERS = 2000;
const MAX_REQUESTS = 2000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What chance decides, the same each time for the same seed. */
export class Chance {
  #state: number;
  /** How often something fails that can fail. */
  failures: number;

  constructor(seed: number, failures: number) {
    this.#state = seed;
    this.failures = failures;
  }

  /** From 0 on, below 1. */
  next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0;
    return (this.#state >>> 0) / 2 ** 32;
  }

  get hasFailed(): boolean {
    return this.failures > 0 && this.next() < this.failures;
  }
}

/**
 * An engine as one over a network is: what is asked is done in the order in which it was asked, and answered whenever the answer
 * comes, or not at all; what it tells comes later, in order.
 */
function slowly(
  engine: Engine,
  { engine: ms, telling }: Delays,
  chance: Chance | undefined,
  asked: () => void,
): Engine {
  const spread = (most: number) => (chance === undefined ? most : Math.floor(most * 2 * chance.next()));
  const lanes = new Map<string, Promise<unknown>>();
  const fail = () => {
    if (chance?.hasFailed) throw new RealtimeError('UNAVAILABLE', 'no answer has come');
  };
  const inTime = async <T>(lane: string, ask: () => Promise<T>, isRight: boolean): Promise<T> => {
    asked();
    if (ms === 0 && chance === undefined) return ask();
    const delay = pause(spread(ms));
    const before = lanes.get(lane);
    const done = (async () => {
      await before?.catch(() => {});
      await delay;
      if (!isRight) fail();
      return ask();
    })();
    lanes.set(lane, done);
    const answer = await done;
    await pause(spread(ms));
    if (!isRight) fail();
    return answer;
  };
  return {
    subscribe: (channel, retention, subscriber) =>
      inTime(
        channel,
        async () => {
          let isOpen = true;
          let next = 0;
          const later = (tell: () => void) => {
            if (telling === 0) tell();
            else {
              next = Math.max(next, Date.now() + spread(telling));
              setTimeout(() => isOpen && tell(), next - Date.now());
            }
          };
          const slow: Subscriber = {
            entry: (entry: Entry) => later(() => subscriber.entry(entry)),
            presence: (change: Presence) => later(() => subscriber.presence(change)),
            state: (state) => later(() => subscriber.state(state)),
          };
          const subscription = await engine.subscribe(channel, retention, slow);
          const close = () => {
            isOpen = false;
            subscription.close();
          };
          if (chance?.hasFailed) {
            close();
            throw new RealtimeError('UNAVAILABLE', 'no answer has come');
          }
          return { close };
        },
        true,
      ),
    publish: (request) => inTime(request.channel, () => engine.publish(request), request.retention === undefined),
    read: (request) => inTime('', () => engine.read(request), false),
    setPresence: (channel, presence) => inTime(channel, () => engine.setPresence(channel, presence), true),
    members: (channel) => inTime('', () => engine.members(channel), false),
    status: () => engine.status(),
    close: () => engine.close(),
  };
}

/** The server's end of a connection. */
class ServerEnd implements Outlet {
  readonly #link: Connection;
  isWritable = true;

  constructor(link: Connection) {
    this.#link = link;
  }
  sendPrepared(frame: PreparedMessage): boolean {
    this.send(String(frame.payload));
    return true;
  }
  send(frame: string): void {
    this.#link.down(frame);
  }
  close(code: number, reason: string): void {
    this.#link.closeFromServer(code, reason);
  }
  terminate(): void {
    this.#link.break({ clientAfterMs: 0, serverAfterMs: 0 });
  }
  get bufferedAmount(): number {
    return this.#link.downBytes;
  }
  pause(): void {
    this.#link.isServerReading = false;
  }
  resume(): void {
    this.#link.isServerReading = true;
    this.#link.flushUp();
  }
}

/** One connection: what is on its way, and what waits for who does not read. */
class Connection {
  readonly #world: World;
  readonly #socket: FakeSocket;
  readonly #server: Server;
  readonly #end = new ServerEnd(this);
  #session: Session | undefined;
  #down: string[] = [];
  downBytes = 0;
  #up: string[] = [];
  isServerReading = true;
  #isClientReading = true;
  /** Frames go through. */
  #isWhole = true;

  constructor(world: World, socket: FakeSocket, server: Server) {
    this.#world = world;
    this.#socket = socket;
    this.#server = server;
    this.#session = server.accept(this.#end);
    server.connections.add(this);
  }

  down(frame: string): void {
    if (!this.#isWhole) return;
    this.#down.push(frame);
    this.downBytes += frame.length;
    const { queueBytes } = this.#world.options;
    if (this.downBytes > queueBytes) this.#world.reports.push(`${this.downBytes} bytes wait, and not ${queueBytes}`);
    if (this.downBytes >= this.#world.highWaterMarkBytes) this.#end.isWritable = false;
    setTimeout(() => this.flushDown(1), this.#world.options.delays.network);
  }

  flushDown(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0 && this.#isWhole && this.#isClientReading && this.#down.length > 0; left--) {
      const frame = this.#down.shift()!;
      this.downBytes -= frame.length;
      this.#socket.onmessage?.({ data: this.#world.broken(frame) });
    }
    if (this.downBytes === 0 && !this.#end.isWritable) {
      this.#end.isWritable = true;
      this.#session?.drained();
    }
  }

  up(frame: string): void {
    setTimeout(() => {
      if (!this.#isWhole) return;
      this.#up.push(frame);
      this.flushUp();
    }, this.#world.options.delays.network);
  }

  flushUp(): void {
    while (this.isServerReading && this.#up.length > 0) this.#session?.receive(this.#up.shift()!);
  }

  set isClientReading(is: boolean) {
    this.#isClientReading = is;
    if (is) this.flushDown();
  }

  /** @param whoKnows and when: who does not is told by nobody */
  break({ clientAfterMs, serverAfterMs }: { clientAfterMs?: number; serverAfterMs?: number }): void {
    this.#isWhole = false;
    this.#end.isWritable = false;
    if (clientAfterMs !== undefined) setTimeout(() => this.#socket.lose(1006, ''), clientAfterMs);
    if (serverAfterMs !== undefined) setTimeout(() => this.endServer(), serverAfterMs);
  }

  endServer(): void {
    this.#end.isWritable = false;
    this.#session?.end();
    this.#session = undefined;
    this.#server.connections.delete(this);
  }

  closeFromServer(code: number, reason: string): void {
    setTimeout(() => {
      if (!this.#isWhole) return;
      this.break({ serverAfterMs: 0 });
      this.#socket.lose(code, reason);
    }, this.#world.options.delays.network);
  }

  closeFromClient(): void {
    this.break({ serverAfterMs: this.#world.options.delays.network });
  }
}

class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  protocol = 'framewright.realtime.1';
  extensions = '';
  binaryType = 'blob';
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  connection: Connection | undefined;

  constructor(world: World, server: Server | undefined) {
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (!server?.isUp) {
        this.lose(1006, '');
        return;
      }
      this.readyState = 1;
      this.connection = new Connection(world, this, server);
      this.onopen?.({});
    }, world.options.delays.network);
  }

  send(text: string): void {
    if (this.readyState === 1) this.connection!.up(text);
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.connection?.closeFromClient();
    setTimeout(() => this.onclose?.({ code, reason }), 0);
  }

  lose(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** A process with a hub. */
class Server {
  readonly #engine: Engine;
  readonly core: Core;
  readonly connections = new Set<Connection>();
  isUp = true;
  readonly #world: World;

  constructor(world: World, engine: Engine) {
    this.#world = world;
    this.#engine = engine;
    const { protocol, queueBytes } = world.options;
    const settings = settingsOf({ engine, queueBytes, presenceGraceMs: 1000 }, engine, false);
    this.core = new Core(protocol, settings, (error, where) => {
      if (this.isUp) world.reports.push(`${where}: ${error}`);
    });
    for (const kind of this.core.kinds.values()) {
      (kind as { rules: unknown }).rules = { join: () => true, publish: () => true, member: () => null };
    }
    this.core.handlers = {
      ...channelHandlers(this.core),
      call: () => {},
      cancel: () => {},
      token: () => {},
      ping: (session) => session.tell({ type: 'pong' }),
    };
  }

  accept(outlet: Outlet): Session {
    const id = `connection ${this.#world.sessions++}`;
    const session = new Session(id, { id }, outlet, this.core);
    this.core.sessions.add(session);
    session.tell({ type: 'welcome', connection: id, user: id, pingMs: 25_000 });
    return session;
  }

  publish(channel: string, data: unknown): Promise<unknown> {
    return this.core.publish(channel, data, undefined);
  }

  /** As by kill -9. */
  async kill(): Promise<void> {
    this.isUp = false;
    for (const connection of this.connections) connection.break({ clientAfterMs: 0 });
    await this.#engine.close();
  }
}

export class World {
  readonly options: WorldOptions;
  readonly servers: Server[] = [];
  /** What hubs have reported: nothing here is anybody's fault but theirs. */
  readonly reports: string[] = [];
  /** All that was ever in the logs, as they had it: by channel, for each epoch its entries. */
  readonly logs = new Map<string, Map<string, string[]>>();
  readonly #engines: InterruptibleEngine[] = [];
  #far: MemoryEngine;
  sessions = 0;
  readonly chance: Chance | undefined;
  #isAway = false;
  #requests = 0;
  readonly #sockets = new Map<string, FakeSocket>();

  constructor(options: WorldOptions, channels: readonly string[]) {
    this.options = options;
    this.chance = options.seed === undefined ? undefined : new Chance(options.seed, 0.1);
    for (const channel of channels) this.logs.set(channel, new Map());
    this.#far = this.#makeLogs();
    for (let i = 0; i < options.servers; i++) this.start(i);
  }

  get highWaterMarkBytes(): number {
    return settingsOf({ queueBytes: this.options.queueBytes }, this.#far, false).highWaterMarkBytes;
  }

  #makeLogs(): MemoryEngine {
    const far = memory();
    for (const [channel, epochs] of this.logs) {
      const { history } = this.options.protocol.channels[channel]!;
      const retention = history && { messages: history.messages, bytes: 1 << 20, ageMs: Number.POSITIVE_INFINITY };
      const nobody = { presence() {}, state() {} };
      const entry = ({ data, position }: Entry) => {
        const epoch = position?.epoch ?? '';
        const entries = epochs.get(epoch) ?? [];
        epochs.set(epoch, entries);
        entries.push(data);
        if (position !== undefined && position.offset !== entries.length) throw new Error('the engine cannot count');
      };
      void far.subscribe(channel, retention, { entry, ...nobody });
    }
    return far;
  }

  start(i: number): void {
    const engine = new InterruptibleEngine(this.#far.share());
    if (this.#isAway) void engine.cut();
    this.#engines[i] = engine;
    const { breakEngine = (right) => right, delays } = this.options;
    this.servers[i] = new Server(
      this,
      slowly(breakEngine(engine), delays, this.chance, () => this.#asked()),
    );
  }

  /** What keeps the logs cannot be reached. */
  async cutLogs(): Promise<void> {
    if (this.#isAway) return;
    this.#isAway = true;
    await Promise.all(this.#engines.map((engine) => engine.cut()));
  }

  async restoreLogs(areLost: boolean): Promise<void> {
    if (!this.#isAway) return;
    this.#isAway = false;
    if (areLost) this.#far = this.#makeLogs();
    await Promise.all(this.#engines.map((engine) => engine.restore(this.#far.share())));
  }

  /** Who asks the engine again and again while no time passes would never stop. */
  #asked(): void {
    this.#requests++;
    if (this.#requests > MAX_REQUESTS) throw new Error('the engine is asked in circles');
  }

  broken(frame: string): string {
    const { breakMessage } = this.options;
    if (breakMessage === undefined) return frame;
    return JSON.stringify(
      readFrame(frame, SERVER_MESSAGES).flatMap((message) => breakMessage(message as ServerMessage)),
    );
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  connect(name: string, home: number): Live {
    let attempts = 0;
    const open = () => {
      const socket = new FakeSocket(this, this.servers[(home + attempts++) % this.servers.length]);
      this.#sockets.set(name, socket);
      return socket;
    };
    const WebSocket = function Socket() {
      return open();
    } as unknown as SocketClass;
    return connect('ws://test/live', { WebSocket, backoff: { minMs: 10, maxMs: 200 }, fallback: false });
  }

  connectionOf(name: string): Connection | undefined {
    return this.#sockets.get(name)?.connection;
  }

  /** Lets time pass, from one timer to the next, and all that follows from each. */
  async wait(ms: number): Promise<void> {
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, ms);
    await turn();
    for (let timers = 0; !isOver; timers++) {
      if (timers > MAX_TIMERS) throw new Error(`more than ${MAX_TIMERS} timers within ${ms} ms`);
      vi.advanceTimersToNextTimer();
      this.#requests = 0;
      await turn();
    }
  }
}

/** What promises and the ends of ticks do. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
