/** The IPC channel between a process and its parent, without processes: what goes over it is JSON, and it can be held up. */

import { setImmediate } from 'node:timers';
import { ClusterEngine, type Parent } from '../../../src/engines/cluster/cluster.ts';
import { type ForkedProcess, serveEngine } from '../../../src/engines/cluster/serve-engine.ts';
import type { MemoryEngine } from '../../../src/engines/memory.ts';

type Listener = (message: never) => void;

/** One direction. */
class Way {
  readonly listeners = new Set<Listener>();
  readonly #waiting: { readonly text: string; readonly written: (error: Error | null) => void }[] = [];
  /** Its reader is stopped. */
  isHeld = false;
  /** How many messages the channel itself holds: of more, nobody is told that they are written. */
  readonly #room = 2;
  sent = 0;

  send(message: object, _handle: undefined, _options: undefined, written: (error: Error | null) => void): void {
    this.sent++;
    this.#waiting.push({ text: JSON.stringify(message), written });
    if (this.#waiting.length <= this.#room) process.nextTick(written, null);
    setImmediate(() => this.release());
  }

  release(): void {
    while (!this.isHeld && this.#waiting.length > 0) {
      const { text, written } = this.#waiting.shift()!;
      for (const listener of this.listeners) listener(JSON.parse(text) as never);
      if (this.#waiting.length >= this.#room) written(null);
    }
  }

  get waiting(): string[] {
    return this.#waiting.map(({ text }) => text);
  }
}

export class Link {
  readonly up = new Way();
  readonly down = new Way();
  readonly #ends = new Set<readonly [event: string, listener: () => void]>();

  readonly parent: Parent = {
    send: (...args) => this.up.send(...args),
    on: (event, listener) => this.#listen(this.down, event, listener),
    off: (_event, listener) => {
      this.down.listeners.delete(listener);
      for (const end of this.#ends) if (end[1] === listener) this.#ends.delete(end);
    },
  };
  child: ForkedProcess = this.#newChild();

  #newChild(): ForkedProcess {
    return {
      send: (...args) => this.down.send(...args),
      on: (event, listener) => this.#listen(this.up, event, listener),
    };
  }

  #listen(way: Way, event: string, listener: (message: never) => void): void {
    if (event === 'message') way.listeners.add(listener);
    else this.#ends.add([event, listener as () => void]);
  }

  /** Another parent, that knows nothing. */
  serveAnew(logs: MemoryEngine): void {
    this.up.listeners.clear();
    this.child = this.#newChild();
    serveEngine(logs, this.child);
  }

  set isHeld(is: boolean) {
    this.up.isHeld = is;
    this.down.isHeld = is;
    this.up.release();
    this.down.release();
  }

  /** One of the processes has gone. @param event all that is told of that */
  cut(event: 'disconnect' | 'exit' = 'disconnect'): void {
    for (const [name, end] of [...this.#ends]) if (name === event) end();
    this.up.isHeld = true;
    this.down.isHeld = true;
  }
}

export const TIMEOUT_MS = 1000;

export function linkedEngine(logs: MemoryEngine): { engine: ClusterEngine; link: Link } {
  const link = new Link();
  serveEngine(logs, link.child);
  return { engine: new ClusterEngine(link.parent, TIMEOUT_MS), link };
}
