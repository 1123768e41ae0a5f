/**
 * What commands that listen have in common: reading where to, explaining why they cannot, and waiting to be told to stop.
 */

import { readNumber, UsageError } from './usage.ts';

/** The value of `--port`, or of another option with a port. @throws {UsageError} when it is none */
export function readPort(text: string, option = 'port'): number {
  return readNumber(option, text, 0, 65_535);
}

/** The value of `--host`. @throws {UsageError} when it is empty */
export function readHost(text: string): string {
  if (text === '') throw new UsageError('--host takes an address or a name, not an empty string');
  return text;
}

export function explainListenFault(
  { code, message }: NodeJS.ErrnoException,
  port: number,
  host: string,
  option = '--port',
): string {
  if (code === 'EADDRINUSE') {
    return `port ${port} on ${host} is in use: stop whoever uses it, or choose another with ${option} (0: any free one)`;
  }
  if (code === 'EACCES') return `this user may not listen on port ${port}: choose one from 1024 on with ${option}`;
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: choose another with --host`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host ${host} is unknown: choose another with --host`;
  return `cannot listen on port ${port} of ${host}: ${message}`;
}

/** Resolves at the first of these signals; the second then does what signals do by default. */
export function nextSignal(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}
