/**
 * The same bytes read in pieces of any size, and byte by byte with what the parser holds in between. The parser is that of
 * production: it is asked to read, and looked at.
 */

import { describeEvent } from '../lab/describe.ts';
import { type Held, heldBy } from '../lab/peek.ts';
import { Receiver, type ReceiverOptions, receive } from '../lab/receiver.ts';

/** Whether the bytes say the same at each of their cuts as in one piece. */
export function countSameCuts(bytes: Uint8Array, options: ReceiverOptions): { cuts: number; same: number } {
  const whole = textOf(receive(bytes, options));
  let same = 0;
  for (let cut = 1; cut < bytes.length; cut++) if (textOf(receive(bytes, options, [cut])) === whole) same++;
  return { cuts: Math.max(0, bytes.length - 1), same };
}

function textOf({ events }: Receiver): string {
  return events.map(describeEvent).join('\n');
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
