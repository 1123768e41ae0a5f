/** crossws with its `sync` on Redis, as its documentation has it, on node:http. */

import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import type { StartServer } from './contract.ts';
import { importPeer, portOf } from './http.ts';

interface Peer {
  send(text: string): void;
  subscribe(topic: string): void;
}
interface Adapter {
  publish(topic: string, text: string): void;
  handleUpgrade(...args: unknown[]): void;
}
interface Hooks {
  message(peer: Peer, message: { text(): string }): void;
}

export const start: StartServer = async ({ redisPorts = [] }) => {
  const { default: nodeAdapter } = await importPeer<{
    default(options: { hooks: Hooks; sync: unknown }): Adapter;
  }>('crossws/adapters/node');
  const { redis } = await importPeer<{ redis(options: object): unknown }>('crossws/sync');
  const client = new Redis({ host: '127.0.0.1', port: redisPorts[0]! });
  const adapter = nodeAdapter({
    sync: redis({ client, channel: 'bench' }),
    hooks: {
      message(peer, message) {
        const text = message.text();
        const [word, rest] = [text.slice(0, text.indexOf(' ')), text.slice(text.indexOf(' ') + 1)];
        if (word === 'join') {
          peer.subscribe(rest);
          peer.send('joined');
        } else adapter.publish(word, rest);
      },
    },
  });
  const server = createServer().on('upgrade', (...args) => adapter.handleUpgrade(...args));
  return await portOf(server);
};
