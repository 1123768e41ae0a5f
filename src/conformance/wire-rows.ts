/**
 * The wire log of a case as Autobahn's JSON has it: rows for what was written and read, the frames in it, and the timers of
 * the script. They are made of the octets that were kept, so what lies behind those is not in them.
 */

import { maskReference, readHeader } from '../protocol/index.ts';
import type { Step } from './case.ts';
import type { CaseResult } from './case-run.ts';
import { loggedHex, loggedText } from './payload.ts';
import type { WireChunk, WireOctets } from './wire-log.ts';

type Direction = WireChunk['direction'];

/**
 * `RO` and `TO`, octets received and sent: length and beginning, in hex. `RF` and `TF`, frames received and sent: length
 * and beginning of the payload, opcode, FIN, RSV, and what is known of the mask. `CT`, `KL` and `TI`: the script waits, or
 * fails or closes the connection later; `KLE`: it has failed it.
 */
type WireRow = readonly [type: string, ...values: unknown[]];

interface Frame {
  /** Where it begins and ends among the octets of its direction. */
  readonly start: number;
  readonly end: number;
  readonly row: WireRow;
}

export function wireLogRows({ wire, wireLog }: CaseResult, steps: readonly Step[]): WireRow[] {
  if (wire === undefined) return [];
  const frames = { sent: readFrames('sent', wire.sent), received: readFrames('received', wire.received) };
  const position = { sent: 0, received: 0 };
  const rows: WireRow[] = [];
  let hasTimers = false;
  for (const { direction, lengthBytes } of wire.chunks) {
    const start = position[direction];
    const end = start + lengthBytes;
    position[direction] = end;
    if (direction === 'received' && !hasTimers) {
      rows.push(...timers(steps));
      hasTimers = true;
    }
    const octets = wire[direction].beginning.subarray(start, end);
    const written = [lengthBytes, loggedHex(octets, lengthBytes)];
    if (direction === 'sent') {
      rows.push(...frames.sent.filter((frame) => frame.start >= start && frame.start < end).map(({ row }) => row));
      rows.push(['TO', written, false]);
    } else {
      rows.push(['RO', written]);
      rows.push(...frames.received.filter((frame) => frame.end > start && frame.end <= end).map(({ row }) => row));
    }
  }
  if (!hasTimers) rows.push(...timers(steps));
  if (wireLog.some(({ text }) => text.endsWith('out of time'))) rows.push(['KLE']);
  return rows;
}

function timers(steps: readonly Step[]): WireRow[] {
  return steps.flatMap((step): WireRow[] => {
    if (step.do === 'failAfter') return [['KL', step.delayMs / 1000]];
    if (step.do === 'closeAfter') return [['TI', step.delayMs / 1000]];
    return step.do === 'pause' ? [['CT', step.delayMs / 1000, step.tag ?? null]] : [];
  });
}

/** The frames whose headers were kept. */
function readFrames(direction: Direction, { beginning }: WireOctets): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; start < beginning.length; ) {
    const header = readHeader(beginning.subarray(start));
    if (header === 'more' || !header.isHeaderWhole) break;
    const { headerLength, payloadLength = 0, opcode, fin, rsv, maskingKey } = header;
    const end = start + headerLength + payloadLength;
    const payload = beginning.slice(start + headerLength, end);
    if (maskingKey !== undefined) maskReference(payload, 0, payload.length, maskingKey, 0);
    const data = [payloadLength, loggedText(payload, payloadLength)];
    const mask = maskingKey === undefined ? null : (maskingKey >>> 0).toString(16).padStart(8, '0');
    const row: WireRow =
      direction === 'sent'
        ? ['TF', data, opcode, fin, rsv, mask, null, null, false]
        : ['RF', data, opcode, fin, rsv, mask !== null, mask];
    frames.push({ start, end, row });
    start = end;
  }
  return frames;
}
