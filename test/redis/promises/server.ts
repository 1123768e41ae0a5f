/** One of several processes with a hub over one Redis, as a program that can be killed. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { z } from 'zod';
import { redis } from '../../../src/engines/redis/index.ts';
import { createHub } from '../../../src/realtime/index.ts';
import { defineProtocol, type Position } from '../../../src/realtime-protocol/index.ts';
import { CLIENTS } from '../clients.ts';
import { again } from '../until.ts';

export const LOGS = ['log:a', 'log:b'] as const;
export type LogName = (typeof LOGS)[number];

export const numbered = defineProtocol({
  channels: {
    /** Keeps all. */
    'log:{name}': { message: z.object({ n: z.number() }), history: { messages: 1_000_000, bytes: 1_000_000_000 } },
    /** Keeps nothing. */
    said: { message: z.object({ by: z.string(), n: z.number() }), member: z.object({ name: z.string() }) },
  },
});

/** Where the log had it, when it was acknowledged. */
export interface Acknowledged {
  readonly channel: LogName;
  readonly n: number;
  readonly position: Position;
}

/** To publish, or to look. */
type Question = readonly { readonly channel: LogName; readonly n: number }[] | 'look';
export interface Look {
  readonly heads: Readonly<Record<LogName, Position>>;
  readonly members: number;
}

export class HubProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param redisPort where it finds Redis @param client the package it uses */
  static async start(program: Program, name: string, redisPort: number, client: string): Promise<HubProcess> {
    const child = fork(program.path, [ROLE, name, String(redisPort), client], { execArgv: [] });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('message', resolve);
      child.on('exit', (_code, signal) => {
        if (signal !== 'SIGKILL') reject(new Error(`process ${name} has ended by itself`));
      });
    });
    return new HubProcess(child, port);
  }

  get isDead(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Publishes, again and again until the log has it.
   * @returns what is left when the process dies meanwhile
   */
  async publish(
    publications: readonly { readonly channel: LogName; readonly n: number }[],
    done: (acknowledged: Acknowledged) => void,
  ): Promise<{ readonly channel: LogName; readonly n: number }[]> {
    const left = new Set(publications);
    if (left.size === 0 || this.isDead) return [...left];
    const child = this.#child;
    await new Promise<void>((resolve) => {
      const end = () => {
        child.off('message', answered).off('exit', end);
        resolve();
      };
      const answered = (list: [number, Position][]) => {
        for (const [i, position] of list) {
          left.delete(publications[i]!);
          done({ ...publications[i]!, position });
        }
        if (left.size === 0) end();
      };
      child.on('message', answered).on('exit', end);
      child.send(publications, () => {});
    });
    return [...left];
  }

  async look(): Promise<Look> {
    this.#child.send('look');
    const [look] = await once(this.#child, 'message');
    return look as Look;
  }

  async kill(): Promise<void> {
    if (this.isDead) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

const PATH = fileURLToPath(import.meta.url);
const ROLE = 'hub';

/** This file as one that starts at once. */
export class Program {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'server.mjs');
  }

  static async build(): Promise<Program> {
    const parent = fileURLToPath(new URL('../../../node_modules/.framewright/', import.meta.url));
    mkdirSync(parent, { recursive: true });
    const program = new Program(mkdtempSync(join(parent, 'redis-')));
    await build({
      input: PATH,
      platform: 'node',
      external: /^(node:|redis$|ioredis$|rolldown$)/,
      tsconfig: false,
      logLevel: 'warn',
      output: { file: program.path, format: 'esm' },
    });
    return program;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

async function main(name: string, redisPort: number, client: string): Promise<void> {
  const engine = redis(CLIENTS[client]!(redisPort), { timeoutMs: 2000, presenceTimeoutMs: 1500 });
  const hub = createHub(numbered, {
    engine,
    requiresOrigin: false,
    presenceGraceMs: 100,
    authenticate: ({ token = '' }) => ({ id: token }),
  });
  hub.channel('log:{name}', { join: () => true });
  hub.channel('said', { join: () => true, member: ({ user }) => ({ name: user.id }) });
  const server = createServer();
  hub.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let said = 0;
  process.on('message', async (question: Question) => {
    if (question === 'look') {
      const heads = await again(async () =>
        Object.fromEntries(
          await Promise.all(LOGS.map(async (log) => [log, (await hub.read(log, { last: 0 })).position])),
        ),
      );
      const members = (await again(() => hub.members('said'))).length;
      process.send!({ heads, members });
      return;
    }
    for (let i = 0; i < question.length; ) {
      const burst = question.slice(i, i + 1 + ((i * 7) % 16));
      const positions = burst.map(async ({ channel, n }, k) => {
        const position = await again(() => hub.publish(channel, { n }, { key: String(n) }));
        return [i + k, position];
      });
      await hub.publish('said', { by: name, n: ++said });
      process.send!(await Promise.all(positions));
      i += burst.length;
    }
  });
  process.on('disconnect', () => process.exit());
  process.send!((server.address() as AddressInfo).port);
}

if (process.argv[2] === ROLE) {
  const [, , , name, redisPort, client] = process.argv;
  await main(name!, Number(redisPort), client!);
}
