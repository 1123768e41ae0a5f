/** Redis, a way to it, and engines that go this way. */

import { onTestFinished } from 'vitest';
import { type Engine, type RedisOptions, redis } from '../../src/engines/redis/index.ts';
import { CLIENTS } from './clients.ts';
import { type Configuration, RedisServer } from './redis-server.ts';
import { Tunnel } from './tunnel.ts';
import { until } from './until.ts';

export interface World {
  readonly server: RedisServer;
  readonly tunnel: Tunnel;
  /** Resolves when it is live. */
  make(options?: RedisOptions): Promise<Engine>;
}

export const isLive = (engine: Engine) => engine.status().state === 'live';

/** It ends with its test. */
export async function makeWorld(client: string, configuration: Configuration, ...options: string[]): Promise<World> {
  const server = await RedisServer.start(configuration, ...options);
  const tunnel = await Tunnel.to(server.port);
  const engines: Engine[] = [];
  onTestFinished(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    tunnel.end();
    await server.end();
  });
  return {
    server,
    tunnel,
    async make(options) {
      const engine = redis(CLIENTS[client]!(tunnel.port), options);
      engines.push(engine);
      await until(() => isLive(engine));
      return engine;
    },
  };
}
