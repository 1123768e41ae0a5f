/** Group 1: messages at the borders between the three length encodings (§5.2) come back as they were sent. */

import { answered, type ConformanceCase, dataOpcode, failAfter, frame, messageEvent } from '../case.ts';
import { bytes, type Payload, repeated } from '../payload.ts';

const LENGTHS_BYTES = [0, 125, 126, 127, 128, 65_535, 65_536];
/** The last length once more, in pieces. */
const CHOPPED = { lengthBytes: 65_536, chopBytes: 997 };

const ROWS: readonly { lengthBytes: number; chopBytes?: number }[] = [
  ...LENGTHS_BYTES.map((lengthBytes) => ({ lengthBytes })),
  CHOPPED,
];

function echoCases(subgroup: string, isBinary: boolean, unit: Payload): ConformanceCase[] {
  return ROWS.map(({ lengthBytes, ...options }, i) => {
    const payload = repeated(unit, lengthBytes);
    const pieces = options.chopBytes === undefined ? '' : `, written ${options.chopBytes} bytes at a time`;
    return answered(
      `${subgroup}.${i + 1}`,
      `${isBinary ? 'binary' : 'text'} message of ${lengthBytes} bytes${pieces}`,
      [frame(dataOpcode(isBinary), payload, options), failAfter(lengthBytes < 1000 ? 1000 : 10_000)],
      [messageEvent(isBinary, payload)],
    );
  });
}

export const ECHO_CASES: readonly ConformanceCase[] = [
  ...echoCases('1.1', false, bytes('2a')),
  ...echoCases('1.2', true, bytes('fe')),
];
