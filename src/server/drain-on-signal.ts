/** Drains servers when the process is told to end, as init systems and Kubernetes do it: by SIGTERM. */

import { describe, FLAG, HOOK, type OptionKind } from '../options/option-check.ts';
import { warnOfError } from '../transport/errors.ts';
import { checkDrainOptions, DRAIN, type DrainCounts, type DrainOptions } from './drain.ts';

export interface SignalDrainOptions extends DrainOptions {
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** Called when all servers have gone, with their counts in all; a promise is awaited. For databases, logs and the like. */
  readonly onDrained?: ((counts: DrainCounts) => unknown) | undefined;
  /**
   * Ends the process behind `onDrained`, with `process.exitCode` or 0: timers and connections of others do not hold it. With
   * false it ends by itself, when nothing holds it. Default true.
   */
  readonly exits?: boolean | undefined;
}

/** What `WebSocketServer` and `listen()` give. */
interface Drainable {
  drain(options: DrainOptions): Promise<DrainCounts>;
}

/** A server of node:http, node:https or node:net. */
interface Closable {
  close(callback: () => void): unknown;
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/** How often connections are looked for whose last request has been answered meanwhile. */
const SWEEP_MS = 50;

const numbersOfSignals = () => process.getBuiltinModule('node:os').constants.signals;

const SIGNALS: OptionKind = {
  expected: "a list of signals such as 'SIGTERM'",
  fits: (value) => Array.isArray(value) && value.every((name) => Object.hasOwn(numbersOfSignals(), name)),
};

const DOOR = {
  ...DRAIN,
  name: 'drainOnSignal()',
  kinds: { ...DRAIN.kinds, signals: SIGNALS, onDrained: HOOK, exits: FLAG },
};

/** What all calls have begun in this process: the last to be done ends it. */
const begun = { drains: 0, isToExit: false };

/**
 * At the first of the signals, drains these servers, and closes those of node:http behind them: their requests have what is
 * left of `timeoutMs`. Then it ends the process. A second signal ends it at once, with 128 and the signal's number.
 * @param servers of `WebSocketServer`, `listen()`, node:http, node:https or node:net
 * @returns what takes it back
 * @throws {TypeError | RangeError} for what is no server, and for options that are misnamed, of the wrong kind or out of
 *   their range
 */
export function drainOnSignal(
  servers: Drainable | Closable | readonly (Drainable | Closable)[],
  options: SignalDrainOptions = {},
): () => void {
  const { timeoutMs } = checkDrainOptions(options, DOOR);
  const { signals = ['SIGTERM', 'SIGINT'], onDrained = () => {}, exits = true, ...drainOptions } = options;
  const all = [servers].flat() as readonly unknown[];
  for (const server of all) {
    if (isDrainable(server) || isClosable(server)) continue;
    throw new TypeError(
      `drainOnSignal() takes a WebSocketServer, what listen() gives, a server of node:http, or a list of them, not ${describe(server)}`,
    );
  }
  const drainAll = async (): Promise<void> => {
    const deadlineMs = performance.now() + timeoutMs;
    const counts = await Promise.all(all.filter(isDrainable).map((server) => server.drain(drainOptions)));
    const others = all.filter((server): server is Closable => !isDrainable(server));
    await Promise.all(others.map((server) => closeBy(deadlineMs, server)));
    await onDrained(sum(counts));
  };

  let hasBegun = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (hasBegun) process.exit(128 + numbersOfSignals()[signal]);
    hasBegun = true;
    begun.drains += 1;
    begun.isToExit ||= exits;
    drainAll()
      .catch((error: unknown) => {
        warnOfError(error, 'onDrained() of drainOnSignal()');
        process.exitCode = 1;
      })
      .finally(() => {
        begun.drains -= 1;
        // Behind the warnings, which Node writes on the next tick.
        if (begun.drains === 0 && begun.isToExit) setImmediate(() => process.exit());
      });
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

function isDrainable(server: unknown): server is Drainable {
  return typeof (server as Partial<Drainable> | null | undefined)?.drain === 'function';
}

function isClosable(server: unknown): server is Closable {
  return typeof (server as Partial<Closable> | null | undefined)?.close === 'function';
}

/** Node ends idle connections at once, and keeps those that become idle later as long as ever. */
function closeBy(deadlineMs: number, server: Closable): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearInterval(sweep);
      clearTimeout(timer);
      resolve();
    };
    const cut = () => {
      server.closeAllConnections?.();
      end();
    };
    const timer = setTimeout(cut, Math.max(0, deadlineMs - performance.now()));
    const sweep = setInterval(() => server.closeIdleConnections?.(), SWEEP_MS);
    server.close(end);
  });
}

function sum(counts: readonly DrainCounts[]): DrainCounts {
  const total = (name: keyof DrainCounts) => counts.reduce((before, one) => before + one[name], 0);
  return { closed: total('closed'), terminated: total('terminated'), refused: total('refused') };
}
