/**
 * A parent that keeps logs for two workers, and the workers. The parent kills one of them when it has said enough, and dies by the
 * hand of whoever has started it. Workers print what they see.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cluster } from '../../../src/engines/cluster/cluster.ts';
import { serveEngine } from '../../../src/engines/cluster/serve-engine.ts';
import { memory } from '../../../src/engines/memory.ts';

const PROGRAM = fileURLToPath(import.meta.url);
const RETENTION = { messages: 100_000, bytes: 1 << 30, ageMs: Infinity };
const print = (...line: unknown[]) => process.stdout.write(`${JSON.stringify(line)}\n`);

function parent(): void {
  const logs = memory();
  const survivor = fork(PROGRAM, ['survivor']);
  const victim = fork(PROGRAM, ['victim']);
  for (const child of [survivor, victim]) serveEngine(logs, child);
  let heard = 0;
  void logs.subscribe('numbers', RETENTION, {
    entry({ data }) {
      if (JSON.parse(data).by !== 'victim') return;
      heard++;
      if (heard === 500) victim.kill('SIGKILL');
    },
    presence() {},
    state() {},
  });
}

async function worker(by: string): Promise<void> {
  const engine = cluster();
  const who = () => engine.members('numbers').then((all) => all.map(({ user }) => user));
  const told: unknown[] = [];
  await engine.subscribe('numbers', RETENTION, {
    entry: ({ data, position }) => told.push([position!.offset, data]),
    presence: ({ user, connections }) => {
      if (by === 'survivor' && user === 'victim' && connections === 0) void survive();
    },
    state: (state) => {
      if (by === 'survivor') void engine.members('numbers').catch(({ code }) => print(state, code));
    },
  });
  await engine.setPresence('numbers', { user: by, data: 'null', connections: 1 });
  while (by === 'victim' && (await who()).length < 2);
  const publish = (n: number) =>
    engine.publish({ channel: 'numbers', data: JSON.stringify({ by, n }), retention: RETENTION, key: undefined });
  async function survive(): Promise<void> {
    isAlone = true;
    await last;
    const request = { channel: 'numbers', retention: RETENTION, last: 1e5, maxEntries: 1e5, maxBytes: 1 << 20 };
    const { data } = await engine.read(request);
    print(
      await who(),
      told.length,
      JSON.stringify(told) === JSON.stringify(data.map((text, i) => [i + 1, text])),
      data,
    );
  }
  let isAlone = false;
  let last: Promise<unknown> | undefined;
  for (let n = 1; !isAlone; n++) {
    last = publish(n);
    if (n % 8 === 0) await last;
  }
}

const role = process.argv[2];
if (role === undefined) parent();
else await worker(role);
