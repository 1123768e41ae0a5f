/** Clients of both packages. */

import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from '../../src/engines/redis/index.ts';

/** They are never connected: the engine duplicates them. */
export const CLIENTS: Readonly<Record<string, (port: number) => RedisClient>> = {
  redis: (port) => createClient({ socket: { host: '127.0.0.1', port } }),
  ioredis: (port) => new Redis({ host: '127.0.0.1', port, lazyConnect: true }),
};
