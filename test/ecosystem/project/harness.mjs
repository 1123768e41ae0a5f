/**
 * What every scenario script uses: deadlines for what is awaited, and the one line on stdout that carries its facts to
 * the test. The scripts run inside the installed project, where `ws` is the engine under test.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';

/** The engine as CommonJS packages see it: the class, with everything else as its members. */
export const Engine = createRequire(import.meta.url)('ws');

const STEP_TIMEOUT_MS = Number(process.env.STEP_TIMEOUT_MS ?? 15_000);

/** The promise's value, or an error that says what did not happen in time. */
export async function within(promise, what) {
  let timer;
  // Made here for its stack, which says who has waited.
  const late = new Error(`no ${what} within ${STEP_TIMEOUT_MS} ms`);
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(reject, STEP_TIMEOUT_MS, late);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The arguments of the emitter's next such event. */
export function next(emitter, event, what = `'${event}' event`) {
  return within(once(emitter, event), what);
}

/** Turns what a callback receives into a promise: `await call((done) => socket.send('x', done), 'send')`. */
export function call(action, what) {
  return within(new Promise((resolve) => action((...args) => resolve(args))), what);
}

/** Collects what arrives, and waits until there are `count` items. */
export function collect() {
  const items = [];
  let wake = () => {};
  return {
    items,
    add(item) {
      items.push(item);
      wake();
    },
    async atLeast(count, what) {
      const arrival = new Promise((resolve) => {
        wake = () => items.length >= count && resolve();
        wake();
      });
      await within(arrival, `${what} (${count} of them; so far ${items.length})`);
      return items;
    },
  };
}

/** Bytes without a pattern that are the same in every run. */
export function noise(length, seed = 1) {
  const blocks = [];
  for (let i = 0; i * 64 < length; i += 1) blocks.push(createHash('sha512').update(`${seed}:${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

export async function listen(server) {
  server.listen(0, '127.0.0.1');
  if (!server.listening) await next(server, 'listening');
  return server.address().port;
}

/** Runs the scenario, prints its facts and ends the process. */
export async function report(scenario) {
  // Everything is loaded: what goes wrong from here on is the scenario's.
  process.stdout.write('STARTED\n');
  try {
    const facts = await scenario();
    process.stdout.write(`\nFACTS ${JSON.stringify(facts)}\n`, () => process.exit(0));
  } catch (error) {
    process.stderr.write(`${error?.stack ?? error}\n`, () => process.exit(1));
  }
}
