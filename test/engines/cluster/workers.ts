/**
 * A parent with three workers, and a hub in each. Told a number, it replaces that worker: another one is there first, then the old
 * one drains, at SIGTERM. It says its port, and then what became of each that it has replaced.
 */

import processes, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { drainOnSignal } from '../../../src/index.ts';
import { cluster, createHub, memory, serveEngine } from '../../../src/realtime/index.ts';
import { counting } from '../../support/counting.ts';

let port = 0;

async function fork(): Promise<Worker> {
  const worker = processes.fork();
  const [address] = (await once(worker, 'listening')) as [AddressInfo];
  port = address.port;
  return worker;
}

if (processes.isPrimary) {
  process.on('disconnect', () => process.exit());
  serveEngine(memory());
  const workers = [await fork(), await fork(), await fork()];
  process.on('message', async (index: number) => {
    const old = workers[index]!;
    workers[index] = await fork();
    old.process.kill('SIGTERM');
    process.send!(await once(old, 'exit'));
  });
  process.send!(port);
} else {
  const hub = createHub(counting, { engine: cluster(), requiresOrigin: false });
  hub.channel('numbers', { join: () => true });
  hub.call('count', async ({ by, number }) => (await hub.publish('numbers', { by, number }))!);
  const http = createServer();
  hub.attach(http);
  http.listen(0, '127.0.0.1'); // the same port for all
  drainOnSignal([hub, http], { timeoutMs: 10_000, spreadMs: 100, code: 1012, retryAfterMs: 50 });
}
