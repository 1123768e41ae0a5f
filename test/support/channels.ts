/** Subscribes to framewright's diagnostics channels until the test is over. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';
import type { DiagnosticsMessages } from '../../src/diagnostics/messages.ts';

export type ChannelName = keyof DiagnosticsMessages;

/** Messages of one channel. */
export interface Heard<Name extends ChannelName> {
  /** Those that have come. */
  readonly messages: DiagnosticsMessages[Name][];
  /** The next one, which may have come already. */
  next(): Promise<DiagnosticsMessages[Name]>;
}

/** @param isOurs what is of interest: sockets of an earlier test may go on ending */
export function hear<Name extends ChannelName>(
  name: Name,
  isOurs: (message: DiagnosticsMessages[Name]) => boolean = () => true,
): Heard<Name> {
  const all: DiagnosticsMessages[Name][] = [];
  let wake = () => {};
  let taken = 0;
  const listener = (message: unknown) => {
    all.push(message as DiagnosticsMessages[Name]);
    wake();
  };
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  const next = async () => {
    while (all.filter(isOurs).length <= taken) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return all.filter(isOurs)[taken++]!;
  };
  return {
    next,
    get messages() {
      return all.filter(isOurs);
    },
  };
}
