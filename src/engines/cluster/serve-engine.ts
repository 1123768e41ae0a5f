/** Keeps the logs for the engines of forked processes, in their parent. */

import type { Cluster } from 'node:cluster';
import { setImmediate } from 'node:timers';
import type { Engine, Retention, Subscription } from '../engine.ts';
import type { MemoryEngine } from '../memory.ts';
import { type Asking, type Asks, clock, Tell, type Telling, type Told, WIRE } from './wire.ts';

/** A process that was forked: of node:cluster a Worker, of child_process a ChildProcess. */
export interface ForkedProcess {
  send(message: object, handle: undefined, options: undefined, written: (error: Error | null) => void): unknown;
  on(event: 'message' | 'disconnect' | 'exit', listener: (message: object) => void): unknown;
}

const served = new WeakSet<ForkedProcess>();

/**
 * Gives the hubs of other processes, whose engine is `cluster()`, these logs. Called once, in the process that forks them.
 *
 * @param logs as memory() makes them; a hub of this process may have them as well
 * @param child from child_process.fork(). Default: all workers of node:cluster, those to come too
 * @throws {Error} a process that is served already
 */
export function serveEngine(logs: MemoryEngine, child?: ForkedProcess): void {
  if (child !== undefined) {
    serve(logs, child);
    return;
  }
  // Its default import would bring a file of the bundler's into every entry.
  const cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster;
  for (const worker of Object.values(cluster.workers ?? {})) serve(logs, worker!);
  cluster.on('fork', (worker) => serve(logs, worker));
}

function serve(logs: MemoryEngine, child: ForkedProcess): void {
  if (served.has(child)) throw new Error('serveEngine(): the engines of this process are served already');
  served.add(child);
  /** By the name of the engine. */
  const sessions = new Map<string, Session>();
  let hasGone = false;
  child.on('message', (message: Partial<Asking> | null) => {
    const name = message?.[WIRE];
    if (name === undefined || hasGone) return;
    const asking = message as Asking;
    const last = sessions.get(name);
    if (asking.isNew === true) {
      const session = new Session(asking.session, logs.share(), (rest, written) =>
        child.send({ [WIRE]: name, session: asking.session, ...rest } satisfies Told, undefined, undefined, written),
      );
      sessions.set(name, session);
      session.take(asking);
      // Who was present in both was never away.
      last?.end();
    } else if (last?.number === asking.session) {
      last.take(asking);
      if (last.hasEnded) sessions.delete(name);
    }
  });
  const end = () => {
    hasGone = true;
    for (const session of sessions.values()) session.end();
    sessions.clear();
  };
  child.on('disconnect', end);
  // A worker that is killed while it is given a connection never comes to disconnect.
  child.on('exit', end);
}

/** About so much may wait for a process that does not read. */
const MAX_WAITING_BYTES = 16 * 1_048_576;
/** What a message costs besides its text, about. */
const TELLING_BYTES = 128;

type Send = (rest: Pick<Told, 'isOver' | 'told'>, written: () => void) => void;
type Methods = { [Method in keyof Asks]: (...args: Asks[Method]) => unknown };

/** What one engine asks, and is told, until it begins anew. */
class Session {
  readonly number: number;
  readonly #view: Engine;
  readonly #send: Send;
  readonly #subscriptions = new Map<number, Promise<Subscription>>();
  /** What this turn tells. */
  #told: Telling[] = [];
  #bytes = 0;
  #isScheduled = false;
  #isWriting = false;
  /** It is told nothing more. */
  #isOver = false;
  hasEnded = false;

  constructor(number: number, view: Engine, send: Send) {
    this.number = number;
    this.#view = view;
    this.#send = send;
  }

  /** They are done in this order. */
  take({ until, asks }: Asking): void {
    if (until !== null && clock() > until) this.#giveUp();
    for (const [id, method, ...args] of asks) {
      if (this.#isOver && method !== 'close') continue;
      const done = (this.#methods[method] as (...args: unknown[]) => unknown)(...args);
      if (id === 0) continue;
      Promise.resolve(done).then(
        (value) => this.#tell([Tell.Answer, id, value ?? null], weightOf(value)),
        ({ code, message }) => this.#tell([Tell.Failure, id, { code, message }], 0),
      );
    }
  }

  readonly #methods: Methods = {
    ping: () => this.#schedule(),
    publish: (request) => this.#view.publish({ ...request, retention: whole(request.retention) }),
    read: (request) => this.#view.read({ ...request, retention: whole(request.retention)! }),
    members: (channel) => this.#view.members(channel),
    setPresence: (channel, presence) => this.#view.setPresence(channel, presence),
    subscribe: (channel, retention, id) => {
      const subscription = this.#view.subscribe(channel, whole(retention), {
        entry: (entry) => this.#tell([Tell.Entry, id, entry], entry.data.length),
        presence: (change) => this.#tell([Tell.Presence, id, change], change.data.length),
        state() {},
      });
      this.#subscriptions.set(id, subscription);
      return subscription.then(() => {});
    },
    unsubscribe: (id) => {
      this.#subscriptions.get(id)?.then((subscription) => subscription.close());
      this.#subscriptions.delete(id);
    },
    close: () => this.end(),
  };

  /** What was set is gone with it. */
  end(): void {
    this.hasEnded = true;
    void this.#view.close();
  }

  #tell(telling: Telling, bytes: number): void {
    if (this.#isOver) return;
    this.#told.push(telling);
    this.#bytes += bytes + TELLING_BYTES;
    if (this.#bytes > MAX_WAITING_BYTES && this.#isWriting) this.#giveUp();
    else this.#schedule();
  }

  /** Its process has to begin anew: as soon as it reads, it is told so. What was set stays until then. */
  #giveUp(): void {
    this.#isOver = true;
    this.#told = [];
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const isOver = this.#isOver;
    const told = this.#told;
    this.#told = [];
    this.#bytes = 0;
    this.#isWriting = true;
    this.#send({ isOver, told }, () => {
      this.#isWriting = false;
      if (this.#told.length > 0 || this.#isOver !== isOver) this.#schedule();
    });
  }
}

/** As it was before it became JSON. */
function whole(retention: Retention | null | undefined): Retention | undefined {
  if (retention === null || retention === undefined) return undefined;
  const { messages, bytes, ageMs } = retention as { [Bound in keyof Retention]: number | null };
  return { messages: messages ?? Infinity, bytes: bytes ?? Infinity, ageMs: ageMs ?? Infinity };
}

/** How long the texts in an answer are. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + TELLING_BYTES / 8 + weightOf(part), 0);
}
