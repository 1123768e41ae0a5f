/** Group 4: a reserved opcode fails the connection, in the data range (4.1) and in the control range (4.2) (§5.2). */

import { Opcode } from '../../protocol/index.ts';
import { type ConformanceCase, failAfter, frame, messageEvent, rejected } from '../case.ts';
import { NOTHING, type Payload, text } from '../payload.ts';

const HELLO = text('Hello, world!');

interface Row {
  readonly payload: Payload;
  /** Whether a good message goes before it and a ping behind. */
  readonly isBehindMessage?: boolean;
  readonly chopBytes?: number;
}

const ROWS: readonly Row[] = [
  { payload: NOTHING },
  { payload: text('reserved opcode payload') },
  { payload: NOTHING, isBehindMessage: true },
  { payload: HELLO, isBehindMessage: true },
  { payload: HELLO, isBehindMessage: true, chopBytes: 1 },
];

function reservedCases(subgroup: string, firstOpcode: number): ConformanceCase[] {
  return ROWS.map(({ payload, isBehindMessage, ...options }, i) => {
    const id = `${subgroup}.${i + 1}`;
    const opcode = firstOpcode + i;
    const bad = frame(opcode, payload, options);
    const pieces = options.chopBytes === undefined ? '' : ', byte by byte';
    const what = `opcode ${opcode} with ${payload.lengthBytes} bytes${pieces}`;
    if (!isBehindMessage) return rejected(id, what, [bad, failAfter(1000)]);
    return rejected(
      id,
      `a good message, then ${what}, then a ping`,
      [frame(Opcode.Text, HELLO, options), bad, frame(Opcode.Ping, NOTHING, options), failAfter(1000)],
      [messageEvent(false, HELLO)],
      [],
    );
  });
}

export const RESERVED_OPCODE_CASES: readonly ConformanceCase[] = [
  ...reservedCases('4.1', 3),
  ...reservedCases('4.2', 11),
];
