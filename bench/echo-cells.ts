/** Echo of one kind of message: what the parts echo, text and versions are made of. */

import { type Exchange, measureExchange } from './cells.ts';
import type { Cell, Settings } from './part.ts';
import { formatBytes } from './support/report.ts';

/** Payload bytes, connections, messages under way on each. */
export type EchoShape = readonly [payloadBytes: number, connections: number, inFlight: number];

export function nameOf([payloadBytes, connections, inFlight]: EchoShape): string {
  return `${formatBytes(payloadBytes)} × ${connections}, ${inFlight} in flight`;
}

export function exchangeOf([payloadBytes, connections, inFlight]: EchoShape, mode: 'echo' | 'text'): Exchange {
  return { server: { mode }, load: { kind: 'echo', payloadBytes, connections, inFlight, isText: mode === 'text' } };
}

export function echoCell(shape: EchoShape, mode: 'echo' | 'text', { timing }: Settings): Cell {
  return { name: nameOf(shape), measure: (subject) => measureExchange(subject, exchangeOf(shape, mode), timing) };
}
