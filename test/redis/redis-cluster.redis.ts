/** One node of a Redis Cluster: its own channels go, those of others are told so, and a slot that moves makes nobody deaf. */

import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type RedisClient, redis } from '../../src/engines/redis/index.ts';
import { CLIENTS } from './clients.ts';
import { RedisServer } from './redis-server.ts';
import { again, until } from './until.ts';
import { isLive } from './world.ts';

const retention = { messages: 10, bytes: 10_000, ageMs: 60_000 };
/** Of 'b' and 'f'; that of 'a' is 15495. */
const [FIRST, LAST, SLOT_OF_F] = [3000, 3400, 3168];

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.startNode(FIRST, LAST);
  await until(async () => String(await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'));
});
afterAll(() => server?.end());

describe.each(Object.keys(CLIENTS))('a node of a cluster, with %s', (name) => {
  async function makeEngine() {
    const engine = redis(CLIENTS[name]!(server.port), { sharded: true });
    onTestFinished(() => engine.close());
    // Whatever the process is called: its own name is in no slot.
    await until(() => isLive(engine));
    const told: string[] = [];
    const hear = (channel: string) =>
      again(() =>
        engine.subscribe(channel, retention, {
          entry: ({ data }) => told.push(`${channel} ${data}`),
          presence: () => {},
          state: (state) => told.push(`${channel} ${state}`),
        }),
      );
    const publish = (channel: string) => engine.publish({ channel, data: '1', retention, key: name });
    return { engine, told, hear, publish };
  }

  it('has its own channels, with keys and presence, and says that it has not those of others', async () => {
    const { engine, told, hear, publish } = await makeEngine();
    await hear('b');
    await again(() => publish('b'));
    await engine.setPresence('b', { user: 'ann', data: '{}', connections: 1 });
    expect(await again(() => engine.members('b'))).toHaveLength(1);
    await until(() => told.includes('b 1'));
    await expect(publish('a')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^(CLUSTERDOWN|MOVED)/) },
    });
    expect(isLive(engine)).toBe(true);
  });

  it('is stale when a slot leaves it that somebody listens to, and live when that is back', async () => {
    const { told, hear } = await makeEngine();
    await hear('f');
    await server.ask('CLUSTER', 'DELSLOTS', String(SLOT_OF_F));
    await until(() => told.includes('f stale'));
    await server.ask('CLUSTER', 'ADDSLOTS', String(SLOT_OF_F));
    await until(() => told.at(-1) === 'f live');
  });
});

it('a client of a whole cluster is refused', () => {
  const node = { host: '127.0.0.1', port: 1 };
  const clients: unknown[] = [
    createCluster({ rootNodes: [{ socket: node }] }),
    new Cluster([node], { lazyConnect: true }),
  ];
  for (const client of clients) {
    expect(() => redis(client as RedisClient)).toThrow(/a client of one Redis/);
  }
});
