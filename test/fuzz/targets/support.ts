/** What the targets that take plain bytes share. */

import type { Cuts } from '../../support/arbitraries.ts';
import { toHex } from '../../support/wire.ts';
import type { FuzzTarget } from '../target.ts';

/** A target whose input is made of bytes as they are. */
export function bytesTarget(target: Omit<FuzzTarget, 'show'> & Partial<Pick<FuzzTarget, 'show'>>): FuzzTarget {
  return { show: (input) => `[${toHex(input)}]`, ...target };
}

export const asLatin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const fromLatin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** In quotes, with what cannot be printed as JSON has it. */
export const showText = (input: Uint8Array): string => JSON.stringify(asLatin1(input));

export function expectSame(found: unknown, expected: unknown, what: string): void {
  const [foundText, expectedText] = [JSON.stringify(found), JSON.stringify(expected)];
  if (foundText !== expectedText) throw new Error(`${what}: ${foundText}\n   expected ${expectedText}`);
}

/** How to cut bytes, said by one byte: whole, byte by byte, or at some places. */
export function cutsOf(choice: number): Cuts {
  if (choice === 0) return 'whole';
  if (choice === 1) return 'bytes';
  return Array.from({ length: 1 + (choice % 8) }, (_, i) => (choice * 2731 * (i + 1)) % 10_000);
}
