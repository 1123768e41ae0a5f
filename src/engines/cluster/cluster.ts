/** The engine of one of many forked processes: the logs are in the parent, which all of them ask over their IPC channels. */

// Fake timers replace the global one.
import { setImmediate } from 'node:timers';
import { checkWholeNumber } from '../../protocol/whole-number.ts';
import { RealtimeError } from '../../realtime-protocol/realtime-error.ts';
import type {
  Engine,
  Page,
  Presence,
  Published,
  PublishRequest,
  ReadRequest,
  Retention,
  Subscriber,
  Subscription,
} from '../engine.ts';
import { type Ask, type Asking, type Asks, clock, Tell, type Telling, type Told, WIRE } from './wire.ts';

export interface ClusterOptions {
  /** A parent that says nothing for so long is away, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
}

/** The way to the parent: `process`, of a process that was forked. */
export interface Parent {
  send(message: Asking, handle: undefined, options: undefined, written: (error: Error | null) => void): unknown;
  on(event: 'message' | 'disconnect', listener: (message: unknown) => void): unknown;
  off(event: 'message' | 'disconnect', listener: (message: unknown) => void): unknown;
}

/**
 * For processes that node:cluster or child_process.fork() has started. Their parent keeps the logs: it calls `serveEngine(memory())`.
 *
 * @throws {Error} a process that has no IPC channel to a parent
 * @throws {TypeError | RangeError} an option that is no whole number from 1 on
 */
export function cluster({ timeoutMs = 5000 }: ClusterOptions = {}): Engine {
  checkWholeNumber('cluster(): timeoutMs', timeoutMs, 1, Number.MAX_SAFE_INTEGER);
  if (process.send === undefined) {
    throw new Error(
      'cluster(): this process has no IPC channel to a parent: start it by node:cluster or child_process.fork(), or take memory()',
    );
  }
  return new ClusterEngine(process as unknown as Parent, timeoutMs);
}

/** So many reads are under way at most: the others wait here, where those that are alike become one. */
const MAX_READS = 16;
/** Of one page. */
const MAX_PAGE_BYTES = 1_048_576;
const TICKS = 5;

interface Waiting {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Wanted {
  readonly channel: string;
  readonly retention: Retention | undefined;
  readonly subscriber: Subscriber;
  /** The parent has said so once. */
  isThere: boolean;
}

interface Read extends Waiting {
  readonly ask: Ask;
}

const HINT = 'cluster(): the parent does not answer: it has to call serveEngine(memory()), from framewright/realtime';

export class ClusterEngine implements Engine {
  readonly #parent: Parent;
  readonly #name = crypto.randomUUID();
  readonly #timeoutMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** 'opening': nobody has answered yet, and what is asked waits. 'gone': it does not come back. */
  #state: 'opening' | 'live' | 'away' | 'gone' | 'closed' = 'opening';
  #session = 0;
  /** The parent has to say something, since that time. */
  #isOwed = true;
  #quietSince = clock();
  #nextId = 1;

  readonly #wanted = new Map<number, Wanted>();
  readonly #present = new Map<string, readonly [channel: string, Presence]>();

  /** What this turn asks. */
  #asks: Ask[] = [];
  /** By what they ask for, those that have not been sent. */
  readonly #reads = new Map<string, Read>();
  #readsUnderWay = 0;
  /** Without those reads. */
  readonly #waiting = new Map<number, Waiting>();
  #isGreetingDue = true;
  #isScheduled = false;
  #isWriting = false;

  constructor(parent: Parent, timeoutMs: number) {
    this.#parent = parent;
    this.#timeoutMs = timeoutMs;
    parent.on('message', this.#receive);
    parent.on('disconnect', this.#end);
    // What has come is read first: this process may have been stopped.
    this.#timer = setInterval(() => setImmediate(() => this.#tick()), Math.ceil(timeoutMs / TICKS));
    this.#timer.unref?.();
    this.#schedule();
  }

  // ---- What the hub asks ----------------------------------------------------------------------------------------

  async subscribe(channel: string, retention: Retention | undefined, subscriber: Subscriber): Promise<Subscription> {
    this.#reach();
    const id = this.#nextId++;
    const wanted: Wanted = { channel, retention, subscriber, isThere: false };
    this.#wanted.set(id, wanted);
    try {
      await this.#ask('subscribe', channel, retention, id);
    } catch (error) {
      this.#wanted.delete(id);
      throw error;
    }
    wanted.isThere = true;
    const close = () => {
      if (this.#wanted.delete(id) && this.#state === 'live') this.#put([0, 'unsubscribe', id]);
    };
    return { close };
  }

  async publish(request: PublishRequest): Promise<Published> {
    if (request.retention !== undefined) {
      this.#reach();
      return this.#ask('publish', request);
    }
    this.#checkOpen();
    try {
      if (this.#isThere) return await this.#ask('publish', request);
    } catch {
      // Nobody here has been told of it: that would have come with the answer.
    }
    for (const { channel, subscriber } of this.#wanted.values()) {
      if (channel === request.channel) subscriber.entry({ data: request.data, position: undefined });
    }
    return { position: undefined, isRepeat: false };
  }

  async read(request: ReadRequest): Promise<Page> {
    return this.#read('read', { ...request, maxBytes: Math.min(request.maxBytes, MAX_PAGE_BYTES) });
  }

  async members(channel: string): Promise<readonly Presence[]> {
    return this.#read('members', channel);
  }

  async setPresence(channel: string, presence: Presence): Promise<void> {
    this.#checkOpen();
    const name = JSON.stringify([channel, presence.user]);
    if (presence.connections === 0) this.#present.delete(name);
    else this.#present.set(name, [channel, presence]);
    // If it is lost, the next session begins with it.
    if (this.#isThere) await this.#ask('setPresence', channel, presence).catch(() => {});
  }

  status() {
    const state = this.#state === 'live' ? 'live' : 'stale';
    return { name: 'cluster', state, logs: undefined, bytes: undefined } as const;
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const isLive = this.#state === 'live';
    this.#state = 'closed';
    this.#isGreetingDue = false;
    this.#wanted.clear();
    this.#present.clear();
    if (isLive) await this.#ask('close').catch(() => {});
    this.#fail(new RealtimeError('CLOSED', 'the engine is closed'));
    this.#stop();
  }

  get #isThere(): boolean {
    return this.#state === 'live' || this.#state === 'opening';
  }

  #checkOpen(): void {
    if (this.#state === 'closed') throw new RealtimeError('CLOSED', 'the engine is closed');
  }

  #reach(): void {
    this.#checkOpen();
    if (!this.#isThere) throw new RealtimeError('UNAVAILABLE', 'the parent process is away');
  }

  #ask<Method extends keyof Asks>(method: Method, ...args: Asks[Method]): Promise<never> {
    const waiting = newWaiting();
    const id = this.#nextId++;
    this.#waiting.set(id, waiting);
    this.#put([id, method, ...args] as unknown as Ask);
    return waiting.promise as Promise<never>;
  }

  #put(ask: Ask): void {
    this.#asks.push(ask);
    this.#schedule();
  }

  #read<Method extends 'read' | 'members'>(method: Method, ...args: Asks[Method]): Promise<never> {
    this.#reach();
    const name = JSON.stringify([method, ...args]);
    let read = this.#reads.get(name);
    if (read === undefined) {
      read = { ...newWaiting(), ask: [this.#nextId++, method, ...args] as unknown as Ask };
      this.#reads.set(name, read);
      this.#schedule();
    }
    return read.promise as Promise<never>;
  }

  // ---- Sending --------------------------------------------------------------------------------------------------

  /** At the end of the turn, and not before what was sent last is on its way. */
  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#isWriting || this.#state === 'gone') return;
    if (this.#isGreetingDue) this.#greet();
    else if (this.#state === 'live' || this.#state === 'closed') {
      this.#takeReads();
      if (this.#asks.length === 0) return;
      const asks = this.#asks;
      this.#asks = [];
      if (!this.#isOwed) this.#quietSince = clock();
      this.#isOwed = true;
      this.#send({ until: this.#quietSince + this.#timeoutMs, asks });
    }
  }

  /** Behind all that was asked before them. */
  #takeReads(): void {
    for (const [name, read] of this.#reads) {
      if (this.#readsUnderWay === MAX_READS) return;
      this.#readsUnderWay++;
      this.#reads.delete(name);
      this.#waiting.set(read.ask[0], read);
      this.#asks.push(read.ask);
    }
  }

  /** Begins a session. Its first answer says that it is there. */
  #greet(): void {
    this.#isGreetingDue = false;
    this.#session++;
    const asks: Ask[] = [[0, 'ping']];
    for (const [id, { channel, retention, isThere }] of this.#wanted) {
      if (isThere) asks.push([0, 'subscribe', channel, retention, id]);
    }
    for (const present of this.#present.values()) asks.push([0, 'setPresence', ...present]);
    this.#send({ isNew: true, until: null, asks });
  }

  #send(message: Pick<Asking, 'isNew' | 'until' | 'asks'>): void {
    this.#isWriting = true;
    this.#parent.send({ [WIRE]: this.#name, session: this.#session, ...message }, undefined, undefined, () => {
      this.#isWriting = false;
      this.#schedule();
    });
  }

  // ---- What the parent says -------------------------------------------------------------------------------------

  readonly #receive = (message: unknown): void => {
    const { [WIRE]: name, session, isOver, told } = (message ?? {}) as Partial<Told>;
    if (name !== this.#name || session !== this.#session) return;
    this.#quietSince = clock();
    if (isOver === true) {
      this.#lose('this process could not follow its parent');
      return;
    }
    if (this.#state === 'opening' || this.#state === 'away') {
      this.#state = 'live';
      this.#tellState('live');
      this.#schedule();
    }
    for (const telling of told!) this.#take(telling);
    this.#isOwed = this.#waiting.size > 0;
  };

  #take(telling: Telling): void {
    if (telling[0] === Tell.Entry) this.#wanted.get(telling[1])?.subscriber.entry(telling[2]);
    else if (telling[0] === Tell.Presence) this.#wanted.get(telling[1])?.subscriber.presence(telling[2]);
    else {
      const waiting = this.#waiting.get(telling[1]);
      if (waiting === undefined) return;
      this.#waiting.delete(telling[1]);
      if ('ask' in waiting) {
        this.#readsUnderWay--;
        if (this.#reads.size > 0) this.#schedule();
      }
      if (telling[0] === Tell.Answer) waiting.resolve(telling[2]);
      else waiting.reject(new RealtimeError(telling[2].code, telling[2].message));
    }
  }

  #tellState(state: 'live' | 'stale'): void {
    for (const { subscriber, isThere } of this.#wanted.values()) if (isThere) subscriber.state(state);
  }

  // ---- Losing it ------------------------------------------------------------------------------------------------

  #tick(): void {
    const isSilent = this.#isOwed && clock() - this.#quietSince > this.#timeoutMs;
    if (this.#state === 'live' && !isSilent) this.#ask('ping').catch(() => {});
    else if (this.#state === 'closed' && isSilent) this.#fail(new RealtimeError('CLOSED', 'the engine is closed'));
    else if (this.#state === 'live') this.#lose('the parent process does not answer');
    else if (this.#state === 'opening' && isSilent) {
      process.emitWarning(HINT);
      this.#lose(HINT);
    }
    if (this.#state === 'opening' || this.#state === 'away') {
      this.#isGreetingDue = true;
      this.#schedule();
    }
  }

  readonly #end = (): void => {
    if (this.#state !== 'closed') this.#lose('the parent process has gone', 'gone');
    else this.#fail(new RealtimeError('CLOSED', 'the engine is closed'));
    this.#stop();
  };

  #lose(why: string, state: 'away' | 'gone' = 'away'): void {
    const error = new RealtimeError('UNAVAILABLE', why);
    if (this.#state === 'closed') {
      this.#fail(error);
      return;
    }
    // What comes of the session is passed over.
    this.#session++;
    this.#state = state;
    this.#tellState('stale');
    this.#fail(error);
    this.#isGreetingDue = true;
    this.#schedule();
  }

  #fail(error: RealtimeError): void {
    const waiting = [...this.#waiting.values(), ...this.#reads.values()];
    this.#waiting.clear();
    this.#reads.clear();
    this.#readsUnderWay = 0;
    this.#asks = [];
    for (const { reject } of waiting) reject(error);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#parent.off('message', this.#receive);
    this.#parent.off('disconnect', this.#end);
  }
}

function newWaiting(): Waiting {
  let resolve!: Waiting['resolve'];
  let reject!: Waiting['reject'];
  const promise = new Promise((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}
