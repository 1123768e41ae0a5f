/** What makes a server's life hard: an engine that takes its time, and connections that stop taking anything for a while. */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Engine } from '../../../src/engines/engine.ts';
import type { Random } from './random.ts';

/** Answers come some turns of the event loop later, each in its own time, as over a network. What is told is told at once. */
export function slowEngine(engine: Engine, random: Random): Engine {
  const later = async <T>(answer: Promise<T>): Promise<T> => {
    // It may be a rejection before anybody gets it.
    answer.catch(() => {});
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await new Promise(setImmediate);
    return await answer;
  };
  return {
    subscribe: (...args) => later(engine.subscribe(...args)),
    publish: (request) => later(engine.publish(request)),
    read: (request) => later(engine.read(request)),
    setPresence: (...args) => later(engine.setPresence(...args)),
    members: (channel) => later(engine.members(channel)),
    status: () => engine.status(),
    close: () => engine.close(),
  };
}

/** A socket that takes nothing between some of its bytes, until it is told to. */
export class HeldSocket extends Duplex {
  readonly #socket: Socket;
  #left: number;
  #held: (() => void) | undefined;

  /** @param bytes that it takes before it holds */
  constructor(socket: Socket, bytes: number) {
    super({ allowHalfOpen: true, highWaterMark: 1024 });
    this.#socket = socket;
    this.#left = bytes;
    socket.on('data', (chunk) => this.push(chunk) || socket.pause());
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Takes whatever comes from now on. */
  release(): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#held?.();
    this.#held = undefined;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const write = () => void this.#socket.write(chunk, done);
    this.#left -= chunk.length;
    if (this.#left >= 0) write();
    else this.#held = write;
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
