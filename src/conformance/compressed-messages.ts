/**
 * The compressed messages of a case, made one by one as they are sent. Cases that differ only in their fragments, or in
 * what they want of the testee, send the same ones, so they are kept for the next case, within bounds.
 */

import { type CorpusName, corpusOf } from './corpora.ts';
import { type DeflateDirection, Deflater } from './deflate.ts';

export class CompressedMessages {
  private readonly deflater: Deflater;
  private readonly corpusName: CorpusName;
  private readonly units: number;
  private readonly messages: Uint8Array[] = [];
  /** How much memory the messages made so far take. */
  lengthBytes = 0;

  constructor(corpusName: CorpusName, units: number, direction: DeflateDirection) {
    this.corpusName = corpusName;
    this.units = units;
    this.deflater = new Deflater(direction);
  }

  /** The `index`-th message, from 0. */
  at(index: number): Uint8Array {
    while (this.messages.length <= index) {
      const message = this.deflater.compress(corpusOf(this.corpusName).message(this.messages.length, this.units));
      this.messages.push(message);
      this.lengthBytes += message.length;
    }
    return this.messages[index]!;
  }
}

/** All streams of one corpus together, but for the two that hardly compress at all. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;

/** The one used last stands last. */
const kept = new Map<string, CompressedMessages>();

export function compressedMessages(
  corpusName: CorpusName,
  units: number,
  direction: DeflateDirection,
): CompressedMessages {
  const key = [corpusName, units, direction.windowBits, direction.keepsContext].join();
  const messages = kept.get(key) ?? new CompressedMessages(corpusName, units, direction);
  kept.delete(key);
  kept.set(key, messages);
  let totalBytes = 0;
  for (const { lengthBytes } of kept.values()) totalBytes += lengthBytes;
  for (const [oldKey, { lengthBytes }] of kept) {
    if (totalBytes <= MAX_KEPT_BYTES || oldKey === key) break;
    kept.delete(oldKey);
    totalBytes -= lengthBytes;
  }
  return messages;
}
