/** Redis as a program of its own, on a free port, with a folder of its own, that is killed and comes back. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
export const CONFIGURATIONS = {
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

export class RedisServer {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'framewright-redis-'));
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  static async start(configuration: Configuration, ...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), [...CONFIGURATIONS[configuration], ...options]);
    await server.start();
    return server;
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
    const child = spawn(PROGRAM, [...fixed, ...this.#options], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (output.includes('Ready to accept connections')) return;
        output += text;
        if (output.includes('Ready to accept connections')) resolve();
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
    await this.ask('SAVE');
    copyFileSync(join(this.folder, 'dump.rdb'), join(this.folder, 'backup'));
  }

  /** Puts the backup back, while it does not run. */
  putBack(): void {
    for (const name of readdirSync(this.folder)) {
      if (name !== 'backup') rmSync(join(this.folder, name), { recursive: true });
    }
    copyFileSync(join(this.folder, 'backup'), join(this.folder, 'dump.rdb'));
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
