/** What compressed messages are made of (RFC 7692 §7.2): symbol by symbol, and the window that each leaves to the next. */

import { concat } from '../../inspector/bytes.ts';
import { type DeflateStep, Inflater } from '../../inspector/message-inflater.ts';
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

/** More is not looked at symbol by symbol. */
const MAX_BYTES = 65_536;

/** @param takesOver whether the window of a message is kept for the next (RFC 7692 §7.1.1) */
export function traceMessages(bytes: Uint8Array, role: Role, takesOver: boolean): CompressedMessage[] {
  const { frames } = readFrames(bytes, { role, allowsRsv1: true });
  const messages: CompressedMessage[] = [];
  let parts: Uint8Array[] = [];
  let isCompressed = false;
  let inflater = new Inflater();
  for (const { opcode, rsv, fin, payload, payloadLength } of frames) {
    if (isControlOpcode(opcode)) continue;
    if (opcode !== 0) [parts, isCompressed] = [[], rsv === 4];
    parts.push(payload);
    if (!isCompressed || !fin || payload.length < payloadLength) continue;
    if (!takesOver) inflater = new Inflater();
    const compressed = concat(parts);
    const window = inflater.window.slice();
    const steps: DeflateStep[] = [];
    const { output, fault } = inflater.inflate(compressed, MAX_BYTES, (step) => steps.push(step));
    messages.push({ window, compressedLength: compressed.length, output, steps, fault: fault?.message });
  }
  return messages;
}
