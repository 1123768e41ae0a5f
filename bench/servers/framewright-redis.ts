/** framewright's hub on Redis: channels with history, to which clients publish. */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createClient } from 'redis';
import { z } from 'zod';
import type * as Redis from '../../src/engines/redis/index.ts';
import type * as Realtime from '../../src/realtime/index.ts';
import type { StartServer } from './contract.ts';
import { builtFile } from './framewright-build.ts';
import { portOf } from './http.ts';
import { shards } from './shards.ts';

const require = createRequire(import.meta.url);
const { createHub, defineProtocol } = require(builtFile('realtime.js')) as typeof Realtime;
const { redis } = require(builtFile('redis.js')) as typeof Redis;

const chat = defineProtocol({
  channels: {
    'room:{room}': { message: z.object({ by: z.string(), text: z.string() }), history: { messages: 100 } },
  },
});

export const start: StartServer = async ({ redisPorts = [] }) => {
  const engines = redisPorts.map((port) => redis(createClient({ socket: { host: '127.0.0.1', port } })));
  // No heartbeat: the load answers nothing.
  const hub = createHub(chat, { engine: shards(engines), requiresOrigin: false, heartbeat: false });
  hub.channel('room:{room}', { join: () => true, publish: () => true });
  const server = createServer();
  hub.attach(server);
  return await portOf(server);
};
