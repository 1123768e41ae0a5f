/** The promises of an engine, held against one that stands in Redis. */

import { afterAll, beforeAll } from 'vitest';
import { type RedisOptions, redis } from '../../src/engines/redis/index.ts';
import { engineSuite } from '../engines/engine-suite.ts';
import { CLIENTS } from './clients.ts';
import { RedisServer } from './redis-server.ts';
import { Tunnel } from './tunnel.ts';
import { until } from './until.ts';

const KEY_WINDOW_MS = 600;

export function redisSuite(client: string, options: RedisOptions = {}): void {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start('none');
  });
  afterAll(() => server.end());

  engineSuite(
    `redis(${client})`,
    async (count) => {
      await server.ask('FLUSHALL');
      const tunnel = await Tunnel.to(server.port);
      const engines = Array.from({ length: count }, () =>
        redis(CLIENTS[client]!(tunnel.port), { keyWindowMs: KEY_WINDOW_MS, timeoutMs: 2000, ...options }),
      );
      const areLive = () => until(() => engines.every((engine) => engine.status().state === 'live'));
      await areLive();
      return {
        engines,
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        isTimeVirtual: false,
        keyWindowMs: KEY_WINDOW_MS,
        interruption: {
          cut: async () => tunnel.cut(),
          async restore() {
            tunnel.restore();
            await areLive();
          },
          lose: () => server.ask('FLUSHALL'),
        },
        async end() {
          await Promise.all(engines.map((engine) => engine.close()));
          tunnel.end();
        },
      };
    },
    { canBeAway: true },
  );
}
