/**
 * One connection to Redis, made by the client that the application has: `redis` or `ioredis`. It lives once. When it breaks, what
 * waits is rejected, nothing is sent again, and it does not come back.
 */

/** A client of one Redis, of the packages `redis` or `ioredis`. It is duplicated, and left as it is. */
export interface RedisClient {
  duplicate(...args: never[]): unknown;
}

export interface ConnectionEvents {
  message(topic: string, text: string): void;
  /** It is over. */
  end(error?: unknown): void;
}

export interface Connection {
  connect(): Promise<unknown>;
  /** Answers come in the order of what was asked. */
  ask(...words: string[]): Promise<unknown>;
  /** Resolves when messages come. */
  subscribe(topic: string): Promise<unknown>;
  /** The same, not sharded: each node of a cluster takes it. */
  subscribeAnywhere(topic: string): Promise<unknown>;
  unsubscribe(topic: string): Promise<unknown>;
  close(): void;
}

type Listener = (...args: never[]) => void;
type Topics = (topic: string, listener?: Listener) => Promise<unknown>;

interface AnyClient {
  readonly options?: { readonly keyPrefix?: string; readonly db?: number; readonly database?: number; socket?: object };
  duplicate(overrides: object): AnyClient;
  on(event: string, listener: Listener): void;
  connect(): Promise<unknown>;
}

interface NodeRedis extends AnyClient {
  sendCommand(words: string[]): Promise<unknown>;
  subscribe: Topics;
  unsubscribe: Topics;
  sSubscribe: Topics;
  sUnsubscribe: Topics;
  destroy(): void;
}

interface IoRedis extends AnyClient {
  call(...words: string[]): Promise<unknown>;
  subscribe: Topics;
  unsubscribe: Topics;
  ssubscribe: Topics;
  sunsubscribe: Topics;
  disconnect(): void;
}

/** @throws {TypeError} what is none of both */
export function checkClient(client: RedisClient): void {
  const { duplicate, call, sendCommand, isCluster, slots, getSentinelNode } = (client ?? {}) as unknown as Record<
    string,
    unknown
  >;
  const isOne = typeof duplicate === 'function' && typeof (call ?? sendCommand) === 'function';
  if (!isOne || isCluster === true || (slots ?? getSentinelNode) !== undefined) {
    throw new TypeError("redis() takes a client of one Redis, of the package 'redis' or 'ioredis'");
  }
}

/** What tells this client's keys from those of others, if anything; and its topics, which all databases have in common. */
export function identityOf(client: RedisClient): { readonly keyPrefix: string; readonly database: number } {
  const { keyPrefix = '', db, database = db ?? 0 } = (client as AnyClient).options ?? {};
  return { keyPrefix, database };
}

export function connectionOf(client: RedisClient, isSharded: boolean, events: ConnectionEvents): Connection {
  return 'call' in client
    ? ofIoRedis(client as unknown as IoRedis, isSharded, events)
    : ofNodeRedis(client as unknown as NodeRedis, isSharded, events);
}

/** The node of a cluster ends the subscription then. */
const MOVED = new Error('a slot has moved to another node');

function ofNodeRedis(given: NodeRedis, isSharded: boolean, { message, end }: ConnectionEvents): Connection {
  const client = given.duplicate({
    keyPrefix: undefined,
    disableOfflineQueue: true,
    commandOptions: {},
    socket: { ...given.options?.socket, reconnectStrategy: false },
  }) as NodeRedis;
  client.on('error', end);
  client.on('end', end);
  client.on('sharded-channel-moved', () => end(MOVED));
  const listener = (text: string, topic: string) => message(topic, text);
  return {
    connect: () => client.connect(),
    ask: (...words) => client.sendCommand(words),
    subscribe: (topic) => client[isSharded ? 'sSubscribe' : 'subscribe'](topic, listener),
    subscribeAnywhere: (topic) => client.subscribe(topic, listener),
    // Without its listener, a subscription that follows at once would be lost.
    unsubscribe: (topic) => client[isSharded ? 'sUnsubscribe' : 'unsubscribe'](topic, listener),
    close: () => client.destroy(),
  };
}

function ofIoRedis(given: IoRedis, isSharded: boolean, { message, end }: ConnectionEvents): Connection {
  const client = given.duplicate({
    keyPrefix: '',
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: null,
    reconnectOnError: null,
  }) as IoRedis;
  client.on('error', end);
  client.on('close', end);
  client.on('moved', () => end(MOVED));
  client.on('message', message);
  client.on('smessage', message);
  return {
    connect: () => client.connect(),
    ask: (...words) => client.call(...words),
    subscribe: (topic) => client[isSharded ? 'ssubscribe' : 'subscribe'](topic),
    subscribeAnywhere: (topic) => client.subscribe(topic),
    unsubscribe: (topic) => client[isSharded ? 'sunsubscribe' : 'unsubscribe'](topic),
    close: () => client.disconnect(),
  };
}
