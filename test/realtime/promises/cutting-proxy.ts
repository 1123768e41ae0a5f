/**
 * A proxy for TCP that cuts connections after so many bytes, in the middle of whatever frame that is, and pauses some of them
 * before. When and how follows from a seed and from what goes through, not from time.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Random, skewed } from './random.ts';

const WAYS = ['reset both', 'destroy both', 'reset client', 'reset server', 'end both'] as const;

export class CuttingProxy {
  /** Of the server; undefined while there is none. */
  target: number | undefined;
  cuts = 0;
  pauses = 0;
  /** Cuts no more. */
  #isCalm = false;
  readonly #random: Random;
  readonly #typicalBytes: number;
  readonly #server: Server;
  /** By how many rounds are left until they go on. */
  readonly #paused = new Map<Socket, number>();
  readonly #sockets = new Set<Socket>();

  /** @param typicalBytes that go through a connection before it is cut */
  constructor(random: Random, typicalBytes: number) {
    this.#random = random;
    this.#typicalBytes = typicalBytes;
    this.#server = createServer((socket) => this.#relay(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  #relay(client: Socket): void {
    this.#keep(client);
    if (this.target === undefined) {
      client.destroy();
      return;
    }
    const server = connect(this.target, '127.0.0.1');
    this.#keep(server);
    const random = this.#random;
    const cut = () => this.#cut(client, server, WAYS[Math.floor(random() * WAYS.length)]!);
    const limit = skewed(random, this.#typicalBytes);
    this.#pump(server, client, limit, cut, random() < 0.2 ? random() * limit : undefined);
    this.#pump(client, server, random() < 0.2 ? skewed(random, 600) : Number.POSITIVE_INFINITY, cut, undefined);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }

  /** @param pauseAt stops to read after so many bytes, for some rounds */
  #pump(from: Socket, to: Socket, limit: number, cut: () => void, pauseAt: number | undefined): void {
    let count = 0;
    let hasPaused = false;
    from.on('data', (chunk: Buffer) => {
      const before = count;
      count += chunk.length;
      if (count > limit && !this.#isCalm) {
        if (before > limit) return;
        to.write(chunk.subarray(0, limit - before), cut);
        return;
      }
      if (!to.write(chunk)) from.pause();
      if (pauseAt !== undefined && count > pauseAt && !hasPaused && !this.#isCalm) {
        hasPaused = true;
        this.pauses++;
        this.#paused.set(from, 1 + Math.floor(this.#random() * 5));
        from.pause();
      }
    });
    to.on('drain', () => {
      if (!this.#paused.has(from)) from.resume();
    });
    from.on('end', () => to.end());
    from.on('close', () => this.#paused.delete(from));
  }

  #cut(client: Socket, server: Socket, way: (typeof WAYS)[number]): void {
    this.cuts++;
    const [how, who] = way.split(' ');
    for (const socket of who === 'both' ? [client, server] : who === 'client' ? [client] : [server]) {
      if (how === 'reset') socket.resetAndDestroy();
      else if (how === 'end') socket.destroySoon();
      else socket.destroy();
    }
  }

  /** Some of those that are paused go on. */
  round(): void {
    for (const [socket, rounds] of this.#paused) {
      if (rounds > 1) this.#paused.set(socket, rounds - 1);
      else this.#goOn(socket);
    }
  }

  #goOn(socket: Socket): void {
    this.#paused.delete(socket);
    socket.resume();
  }

  calm(): void {
    this.#isCalm = true;
    for (const socket of this.#paused.keys()) this.#goOn(socket);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
