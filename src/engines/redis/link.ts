/**
 * The way to Redis while it holds: a connection for what is asked and one for what is told. A beat goes through both, again and
 * again; one that does not come through in time ends the link, and with it all that waits.
 */

// Fake timers replace the global one.
import { setImmediate } from 'node:timers';
import { RealtimeError } from '../../realtime-protocol/realtime-error.ts';
import { type Connection, connectionOf, type RedisClient } from './connection.ts';
import { APPEND, BEAT, PRESENT, READ, SAY_ONCE } from './scripts.ts';

export interface LinkSettings {
  readonly client: RedisClient;
  readonly isSharded: boolean;
  readonly timeoutMs: number;
  /** On which the process hears itself. */
  readonly ownTopic: string;
  message(topic: string, text: string): void;
  /** Redis says no. */
  refused(error: Error): void;
}

/** So much is under way at once: what else is asked waits here, and no beat has to wait behind it. */
const MAX_UNDER_WAY = 1000;
/** What Redis answers begins with a code; all else comes of the connection. With these, it is another Redis, or none that can do it. */
const ANSWER = /^(?!NOSCRIPT|READONLY|LOADING|MASTERDOWN)[A-Z]+ /;

export class Link {
  /** Resolves with the reason. */
  readonly ended: Promise<unknown>;
  state: 'opening' | 'open' | 'ended' = 'opening';
  /** Redis's time up to which it may do what is asked now: whoever asks may be told later that it was not done. */
  until = '0';
  readonly #settings: LinkSettings;
  readonly #verb: string;
  readonly #requests: Connection;
  readonly #topics: Connection;
  readonly #hashes = new Map<string, string>();
  #end!: (reason: unknown) => void;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];
  #run: string | undefined;
  #heard: (() => void) | undefined;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #next: ReturnType<typeof setTimeout> | undefined;

  constructor(settings: LinkSettings) {
    const { client, isSharded, ownTopic, message } = settings;
    this.#settings = settings;
    this.#verb = isSharded ? 'SPUBLISH' : 'PUBLISH';
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const end = (error?: unknown) => this.end(error ?? new Error('the connection was closed'));
    this.#requests = connectionOf(client, isSharded, { message() {}, end });
    this.#topics = connectionOf(client, isSharded, {
      message: (topic, text) => {
        // What it still brings comes too late: others may have been told of later things.
        if (this.state === 'ended') return;
        if (topic === ownTopic) this.#heard?.();
        else message(topic, text);
      },
      end,
    });
  }

  async open(topics: readonly string[]): Promise<void> {
    this.#limitFrom(performance.now());
    await Promise.all([this.#requests.connect(), this.#topics.connect()]);
    await Promise.all([
      ...[APPEND, BEAT, PRESENT, READ, SAY_ONCE].map(async (script) =>
        this.#hashes.set(script, String(await this.#requests.ask('SCRIPT', 'LOAD', script))),
      ),
      this.#topics.subscribeAnywhere(this.#settings.ownTopic),
    ]);
    for (let i = 0; i < topics.length; i += MAX_UNDER_WAY) {
      await Promise.all(topics.slice(i, i + MAX_UNDER_WAY).map((topic) => this.#topics.subscribe(topic)));
      // However many they are: it answers.
      if (this.state !== 'ended') this.#limitFrom(performance.now());
    }
    await this.#beat();
    await this.#checkMemory();
    if (this.state === 'opening') this.state = 'open';
  }

  /** @throws {RealtimeError} UNAVAILABLE */
  subscribe(topic: string): Promise<unknown> {
    return this.#answer(this.#topics.subscribe(topic));
  }

  unsubscribe(topic: string): void {
    this.#topics.unsubscribe(topic).catch(() => {});
  }

  /** @throws {RealtimeError} UNAVAILABLE */
  publish(topic: string, text: string): Promise<unknown> {
    return this.#inTurn(() => this.#requests.ask(this.#verb, topic, text));
  }

  /**
   * @param words ARGV, behind those that all scripts have
   * @throws {RealtimeError} UNAVAILABLE
   */
  run(script: string, keys: readonly string[], topic: string, words: readonly string[]): Promise<unknown> {
    return this.#inTurn(() => this.#evaluate(script, keys, topic, words));
  }

  #evaluate(script: string, keys: readonly string[], topic: string, words: readonly string[]): Promise<unknown> {
    const hash = this.#hashes.get(script)!;
    return this.#requests.ask('EVALSHA', hash, String(keys.length), ...keys, topic, this.#verb, this.until, ...words);
  }

  /** Resolves when all that was asked is answered. */
  async settled(): Promise<void> {
    await this.#inTurn(() => this.#requests.ask('PING'));
  }

  end(reason: unknown): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    clearTimeout(this.#limit);
    clearTimeout(this.#next);
    this.#end(reason instanceof RealtimeError ? reason.cause : reason);
    this.#requests.close();
    this.#topics.close();
    // They learn from the connection that it is over.
    for (const go of this.#waiting.splice(0)) go();
  }

  /** In the order in which it was asked. */
  #inTurn(ask: () => Promise<unknown>): Promise<unknown> {
    if (this.#underWay < MAX_UNDER_WAY) return this.#begin(ask);
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(this.#begin(ask)));
    });
  }

  #begin(ask: () => Promise<unknown>): Promise<unknown> {
    this.#underWay++;
    const answer = ask();
    const end = () => {
      this.#underWay--;
      this.#waiting.shift()?.();
    };
    answer.then(end, end);
    return this.#answer(answer);
  }

  async #answer(answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (cause) {
      const error = cause as Error;
      if (ANSWER.test(error.message)) this.#settings.refused(error);
      else this.end(error);
      // Clients may be told of it: why is in the cause alone.
      throw new RealtimeError('UNAVAILABLE', 'Redis has not done it', { cause });
    }
  }

  /** What makes room for others is no fault of Redis's: nothing else would tell. */
  async #checkMemory(): Promise<void> {
    const info = await this.#requests.ask('INFO', 'memory').catch(() => '');
    const [, policy = 'noeviction'] = /^maxmemory:[1-9].*^maxmemory_policy:(\S+)/ms.exec(String(info)) ?? [];
    if (policy === 'noeviction') return;
    this.#settings.refused(new Error(`maxmemory-policy is ${policy}, by which logs and keys are lost: set noeviction`));
  }

  #limitFrom(startMs: number): number {
    const leftMs = startMs + this.#settings.timeoutMs - performance.now();
    clearTimeout(this.#limit);
    // What has come is read first: this process may have been stopped.
    const limit = setTimeout(
      () =>
        setImmediate(() => {
          if (this.#limit === limit) this.end(new Error(`no answer has come within ${this.#settings.timeoutMs} ms`));
        }),
      leftMs,
    );
    this.#limit = limit;
    limit.unref?.();
    return leftMs;
  }

  async #beat(): Promise<void> {
    const startMs = performance.now();
    const heard = new Promise<void>((resolve) => {
      this.#heard = resolve;
    });
    const asked = this.#answer(this.#evaluate(BEAT, [], this.#settings.ownTopic, []));
    const [answer] = await Promise.all([asked, heard]);
    const [run, time] = answer as [string, string];
    this.#run ??= run;
    if (run !== this.#run) throw new Error('it is another Redis, or has begun anew');
    if (this.state === 'ended') return;
    this.until = String(Number(time) + Math.floor(this.#limitFrom(startMs)));
    this.#next = setTimeout(() => this.#beat().catch((error) => this.end(error)), this.#settings.timeoutMs / 4);
    this.#next.unref?.();
  }
}
