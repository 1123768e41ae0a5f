/**
 * Watches the thread that tries inputs, from another one: an input that it does not come back from is written down, and the
 * process ended. Nothing else could say which one it was.
 */

import { Worker } from 'node:worker_threads';

/** How long an input may take. None takes a second. */
const LIMIT_MS = 30_000;
const MAX_BYTES = 8192;
const MAX_NAME_BYTES = 64;

/** The worker's program. Plain JavaScript, since it has to run without what tests are loaded with. */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
const { mkdirSync, writeFileSync, writeSync } = require('node:fs');
const { join } = require('node:path');
const { state, name, input, folder, limitMs } = workerData;
let last = -1;
let sinceMs = 0;
setInterval(() => {
  const count = Atomics.load(state, 0);
  // Odd while an input is tried.
  if (count !== last || count % 2 === 0) {
    last = count;
    sinceMs = performance.now();
  } else if (performance.now() - sinceMs > limitMs) {
    const target = Buffer.from(name).toString('latin1', 0, state[1]);
    const base64 = Buffer.from(input).toString('base64', 0, state[2]);
    const failure = 'still running after ' + limitMs + ' ms';
    const path = join(folder, target + '.json');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, JSON.stringify({ target, input: base64, failure }, undefined, 2) + '\\n');
    writeSync(1, 'FAILED ' + target + ': ' + failure + '\\n  repeat with: npm run fuzz -- --replay ' + path +
      '\\n  or, without the file: npm run fuzz -- --target ' + target + ' --input ' + base64 + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
}, Math.min(1000, limitMs / 4));
`;

export class Watchdog {
  readonly #state = new Int32Array(new SharedArrayBuffer(12));
  readonly #name = new Uint8Array(new SharedArrayBuffer(MAX_NAME_BYTES));
  readonly #input = new Uint8Array(new SharedArrayBuffer(MAX_BYTES));
  readonly #worker: Worker;

  constructor(folder: string, limitMs = LIMIT_MS) {
    const workerData = { state: this.#state, name: this.#name, input: this.#input, folder, limitMs };
    this.#worker = new Worker(PROGRAM, { eval: true, workerData, execArgv: [] });
    this.#worker.unref();
  }

  begin(target: string, input: Uint8Array): void {
    this.#state[1] = new TextEncoder().encodeInto(target, this.#name).written;
    this.#state[2] = Math.min(input.length, MAX_BYTES);
    this.#input.set(input.subarray(0, MAX_BYTES));
    Atomics.add(this.#state, 0, 1);
  }

  end(): void {
    Atomics.add(this.#state, 0, 1);
  }

  stop(): void {
    void this.#worker.terminate();
  }
}
