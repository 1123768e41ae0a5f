/**
 * The same bytes read in pieces of any size, and byte by byte with what the parser holds in between. The parser is that of
 * production: it is asked to read, and looked at.
 */

import { type Held, heldBy } from '../lab/peek.ts';
import { Receiver, type ReceiverEvent, type ReceiverOptions, receive } from '../lab/receiver.ts';

/** At how many of their cuts the bytes say the same as in one piece. */
export function countSameCuts(bytes: Uint8Array, options: ReceiverOptions): { cuts: number; same: number } {
  const { events } = receive(bytes, options);
  let same = 0;
  for (let cut = 1; cut < bytes.length; cut++) if (areSame(events, receive(bytes, options, [cut]).events)) same++;
  return { cuts: Math.max(0, bytes.length - 1), same };
}

/** Whether the events are the same, whenever they were told. */
export function areSame(some: readonly ReceiverEvent[], others: readonly ReceiverEvent[]): boolean {
  return some.length === others.length && some.every((event, i) => isSame(event, others[i]!));
}

function isSame(one: ReceiverEvent, other: ReceiverEvent): boolean {
  return (
    one.kind === other.kind &&
    one.closeCode === other.closeCode &&
    one.violation?.id === other.violation?.id &&
    one.violation?.detail === other.violation?.detail &&
    one.payload.length === other.payload.length &&
    one.payload.every((byte, i) => byte === other.payload[i])
  );
}

export interface Step {
  readonly receiver: Receiver;
  readonly held: Held;
}

/** Reads the first `count` bytes one by one. */
export function stepTo(bytes: Uint8Array, count: number, options: ReceiverOptions): Step {
  const receiver = new Receiver(options);
  for (let at = 0; at < count; at++) receiver.push(bytes.subarray(at, at + 1));
  return { receiver, held: heldBy(receiver) };
}
