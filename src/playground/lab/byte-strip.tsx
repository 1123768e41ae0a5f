/** Bytes in a row, each coloured by the field that it belongs to, with a mark in front of one of them. For the eye. */

import { memo } from 'react';
import { formatHex, type InspectionView, inspect } from '../../inspector/index.ts';
import type { Role } from '../../protocol/index.ts';

interface ByteStripProps {
  readonly bytes: Uint8Array;
  readonly role: Role;
  readonly hasDeflate?: boolean | undefined;
  /** In front of which byte the mark stands. */
  readonly mark: number;
  /** Whether what is behind the mark is yet to come. */
  readonly isProgress?: boolean;
}

/** So many bytes are drawn around the mark. */
const SHOWN_BYTES = 256;

export const ByteStrip = memo(function ByteStrip({
  bytes,
  role,
  hasDeflate,
  mark,
  isProgress = false,
}: ByteStripProps) {
  const kinds = kindsOf(inspect(bytes, { role, allowsRsv1: hasDeflate }), bytes.length);
  const from = Math.max(0, Math.min(mark - SHOWN_BYTES / 2, bytes.length - SHOWN_BYTES));
  const shown = bytes.subarray(from, from + SHOWN_BYTES);
  return (
    <div className="strip" aria-hidden="true">
      {from > 0 && <span className="strip-more">… </span>}
      {[...shown].map((byte, i) => {
        const at = from + i;
        const state = at < mark ? 'read' : isProgress ? 'coming' : 'second';
        return (
          <span
            key={at}
            className={`strip-byte strip-${kinds[at] ?? 'rest'} strip-${state}${at === mark ? ' strip-mark' : ''}`}
          >
            {formatHex(Uint8Array.of(byte))}
          </span>
        );
      })}
      {from + shown.length < bytes.length && <span className="strip-more"> …</span>}
    </div>
  );
});

/** Of each byte, whose it is: `header`, `length`, `key` or `payload`. */
export function kindsOf({ frames }: Pick<InspectionView, 'frames'>, length: number): string[] {
  const kinds: string[] = new Array(length).fill('rest');
  for (const { offset, fields, headerHex, payload } of frames) {
    const headerLength = Math.ceil(headerHex.length / 3);
    kinds.fill('header', offset, offset + Math.min(2, headerLength));
    for (const { id, firstBit, bitLength } of fields) {
      const kind = id === 'extendedPayloadLength' ? 'length' : id === 'maskingKey' ? 'key' : undefined;
      if (kind !== undefined) kinds.fill(kind, offset + firstBit / 8, offset + (firstBit + bitLength) / 8);
    }
    kinds.fill('payload', offset + headerLength, offset + headerLength + payload.presentLength);
  }
  return kinds;
}
