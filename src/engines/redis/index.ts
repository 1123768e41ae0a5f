/** An engine for several processes: `framewright/redis`. */

export type { Engine } from '../engine.ts';
export type { RedisClient } from './connection.ts';
export { type RedisOptions, redis } from './redis.ts';
