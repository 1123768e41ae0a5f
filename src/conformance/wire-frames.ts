/**
 * The octets of one direction read by the inspector, frame by frame. A receiver reads nothing behind a fault or a Close
 * frame; for people who want to know what was sent, reading goes on there, and nothing more is judged.
 */

import { type FrameView, inspect, type ViolationView } from '../inspector/index.ts';
import type { Role } from '../protocol/index.ts';

export interface WireFrame {
  /** Where it begins among the octets of its direction. */
  readonly offset: number;
  readonly view: FrameView;
  readonly violation: ViolationView | undefined;
  /** Whether it stands behind a fault or a Close frame, so that its receiver need not read it. */
  readonly isBehindEnd: boolean;
}

const MAX_PAYLOAD_BYTES = 64;
/** As many as a log has lines. */
const MAX_FRAMES = 60;

/** @param receiver who reads these octets */
export function readWireFrames(octets: Uint8Array, receiver: Role, allowsRsv1: boolean): WireFrame[] {
  const options = { role: receiver, allowsRsv1, strictLengths: true, maxPayloadBytes: MAX_PAYLOAD_BYTES };
  const found: WireFrame[] = [];
  for (let start = 0; start < octets.length && found.length < MAX_FRAMES; ) {
    const { frames, violation } = inspect(octets.subarray(start), options);
    const isBehindEnd = start > 0;
    for (const view of frames) {
      const isAtFault = !isBehindEnd && view.index === violation?.frame;
      found.push({ offset: start + view.offset, view, violation: isAtFault ? violation : undefined, isBehindEnd });
    }
    const last = frames.at(-1);
    if (last === undefined) break;
    start += last.offset + Math.ceil(last.headerHex.length / 3) + last.payload.declaredLength;
  }
  return found.slice(0, MAX_FRAMES);
}
