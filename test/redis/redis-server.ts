/** Redis as a program of its own, on a free port, with a folder of its own, that is killed and comes back. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';

const PROGRAM = process.env.REDIS_SERVER_PATH ?? 'redis-server';
if (spawnSync(PROGRAM, ['--version']).error !== undefined) {
  throw new Error(
    `These tests start '${PROGRAM}', which is not there: apt-get install redis-server, or set REDIS_SERVER_PATH`,
  );
}

/** How Redis keeps what it has: as Debian installs it, with a log of commands, and not at all. */
const CONFIGURATIONS = {
  rdb: ['--save', '3600 1 300 100 60 10000', '--appendonly', 'no'],
  aof: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
  none: ['--save', '', '--appendonly', 'no'],
} as const;
export type Configuration = keyof typeof CONFIGURATIONS;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const READY = /Ready to accept connections|Sentinel ID is/;

export class RedisServer {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'framewright-redis-'));
  readonly #file = join(this.folder, 'sentinel.conf');
  readonly #backup = `${this.folder}.backup`;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  /** Sentinel, which watches another one, and promotes its replica when it has gone. */
  static async watch(name: string, other: RedisServer): Promise<RedisServer> {
    const sentinel = new RedisServer(await freePort(), ['--sentinel']);
    const lines = [`monitor ${name} 127.0.0.1 ${other.port} 1`, `down-after-milliseconds ${name} 500`];
    writeFileSync(sentinel.#file, lines.map((line) => `sentinel ${line}\n`).join(''));
    await sentinel.start();
    return sentinel;
  }

  static async start(configuration: Configuration, ...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), [...CONFIGURATIONS[configuration], ...options]);
    await server.start();
    return server;
  }

  /** A node of a cluster, which serves these slots and knows of no others. */
  static async startNode(firstSlot: number, lastSlot: number): Promise<RedisServer> {
    const options = {
      enabled: 'yes',
      'config-file': 'nodes.conf',
      port: await freePort(),
      'require-full-coverage': 'no',
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--cluster-${name}`, String(value)]);
    const server = await RedisServer.start('none', ...words);
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', String(firstSlot), String(lastSlot));
    return server;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Resolves when it has loaded what it had kept. */
  async start(): Promise<void> {
    const fixed = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
      '--repl-diskless-sync-delay',
      '0',
    ];
    const file = existsSync(this.#file) ? [this.#file] : [];
    const child = spawn(PROGRAM, [...file, ...fixed, ...this.#options], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (READY.test(output)) return;
        output += text;
        if (READY.test(output)) resolve();
      });
      child.on('error', reject).on('exit', () => reject(new Error(`redis-server has ended:\n${output}`)));
    });
  }

  /** kill -9: nothing is written any more. */
  async kill(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** It stands still, and its connections stay. */
  freeze(): void {
    this.#child!.kill('SIGSTOP');
  }
  thaw(): void {
    this.#child!.kill('SIGCONT');
  }

  /** Asks it directly. */
  async ask(...words: string[]): Promise<unknown> {
    const client = createClient({ socket: { port: this.port, host: '127.0.0.1' } });
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  /** Keeps what it has now aside, as a backup does. */
  async backUp(): Promise<void> {
    for (;;) {
      try {
        if (!this.#options.includes('everysec')) await this.ask('SAVE');
        rmSync(this.#backup, { recursive: true, force: true });
        cpSync(this.folder, this.#backup, { recursive: true });
        return;
      } catch {
        // It was about to save, or had just done so.
      }
    }
  }

  /** Puts the backup back, while it does not run. */
  putBack(): void {
    rmSync(this.folder, { recursive: true });
    cpSync(this.#backup, this.folder, { recursive: true });
  }

  /** It finds no place to save any more. */
  losePlace(): void {
    rmSync(this.folder, { recursive: true });
  }

  async end(): Promise<void> {
    await this.kill();
    for (const folder of [this.folder, this.#backup]) rmSync(folder, { recursive: true, force: true });
  }
}
