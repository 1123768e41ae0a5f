/** What compressed messages are made of (RFC 7692 §7.2): symbol by symbol, and the window that each leaves to the next. */

import { concat } from '../../inspector/bytes.ts';
import { type DeflateStep, inflateMessage, windowAfter } from '../../inspector/inflate.ts';
import { isControlOpcode, type Role, readFrames } from '../../protocol/index.ts';

export interface CompressedMessage {
  /** What its copies can reach back to, beside itself. */
  readonly window: Uint8Array;
  /** As it was sent, its frames together. */
  readonly compressedLength: number;
  readonly output: Uint8Array;
  readonly steps: readonly DeflateStep[];
  /** Why no more comes out. */
  readonly fault: string | undefined;
}

const NONE = new Uint8Array(0);

/** @param takesOver whether the window of a message is kept for the next (RFC 7692 §7.1.1) */
export function traceMessages(bytes: Uint8Array, role: Role, takesOver: boolean): CompressedMessage[] {
  const { frames } = readFrames(bytes, { role, allowsRsv1: true });
  const messages: CompressedMessage[] = [];
  let parts: Uint8Array[] = [];
  let isCompressed = false;
  let window: Uint8Array = NONE;
  for (const { opcode, rsv, fin, payload, payloadLength } of frames) {
    if (isControlOpcode(opcode)) continue;
    if (opcode !== 0) [parts, isCompressed] = [[], rsv === 4];
    parts.push(payload);
    if (!isCompressed || !fin || payload.length < payloadLength) continue;
    const message = trace(concat(parts), window);
    messages.push(message);
    if (takesOver) window = windowAfter(window, message.output);
  }
  return messages;
}

function trace(payload: Uint8Array, window: Uint8Array): CompressedMessage {
  const steps: DeflateStep[] = [];
  const base = { window, compressedLength: payload.length, steps };
  try {
    const output = inflateMessage(payload, { window, maxBytes: MAX_BYTES, onStep: (step) => steps.push(step) });
    return { ...base, output, fault: undefined };
  } catch (error) {
    return { ...base, output: outputOf(steps, window), fault: (error as Error).message };
  }
}

/** What the symbols have said so far. */
function outputOf(steps: readonly DeflateStep[], window: Uint8Array): Uint8Array {
  const all = [...window];
  for (const step of steps) {
    if (step.kind === 'literal') all.push(step.byte);
    else if (step.kind === 'copy') for (let i = 0; i < step.length; i++) all.push(all[all.length - step.distance]!);
  }
  return Uint8Array.from(all.slice(window.length));
}

/** More is not looked at symbol by symbol. */
const MAX_BYTES = 65_536;
