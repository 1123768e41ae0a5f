/** The conformance cases that lessons name, as frames of a client for the Build view: those short enough for a link. */

import { type ConformanceCase, compareIds, dataOpcode, type Step, subgroupOf } from '../../src/conformance/case.ts';
import { selectCases } from '../../src/conformance/index.ts';
import { payloadBytes } from '../../src/conformance/payload.ts';
import { type FrameSpec, formatSpecs, split, TEXT_FRAME } from '../../src/playground/build/frame-spec.ts';
import { LESSONS } from '../../src/playground/learn/lessons.ts';

export interface LessonCase {
  readonly id: string;
  readonly summary: string;
  /** As they stand in an address. */
  readonly frames: string;
}

const MAX_CASES = 6;
const MAX_CHARACTERS = 300;
/** Of the examples in §5.7. */
const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** By the lesson's id. */
export function collectLessonCases(): Record<string, LessonCase[]> {
  return Object.fromEntries(LESSONS.map(({ id, cases }) => [id, choose(selectCases(cases).flatMap(asFrames))]));
}

/** Some of each subgroup, each sequence of frames once. */
function choose(cases: readonly LessonCase[]): LessonCase[] {
  const distinct = cases.filter(({ frames }, i) => cases.findIndex((other) => other.frames === frames) === i);
  const rank = ({ id }: LessonCase) =>
    distinct.filter((o) => subgroupOf(o.id) === subgroupOf(id)).findIndex((o) => o.id === id);
  const chosen = [...distinct].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_CASES);
  return chosen.sort((a, b) => compareIds(a.id, b.id));
}

function asFrames({ id, summary, steps, expectation }: ConformanceCase): LessonCase[] {
  if (expectation.kind !== 'events') return [];
  const specs = steps.map(specsOf);
  if (specs.includes(undefined)) return [];
  const frames = formatSpecs(specs.flatMap((some) => some!));
  return frames === '' || frames.length > MAX_CHARACTERS ? [] : [{ id, summary, frames }];
}

/** What a step sends; undefined when that is not known before, or too long. */
function specsOf(step: Step): FrameSpec[] | undefined {
  switch (step.do) {
    case 'frame': {
      if (step.payload.lengthBytes > MAX_CHARACTERS) return undefined;
      const { fin, rsv, opcode, payload } = step;
      const bits = { rsv1: (rsv & 4) !== 0, rsv2: (rsv & 2) !== 0, rsv3: (rsv & 1) !== 0 };
      return [{ ...TEXT_FRAME, ...bits, fin, opcode, maskingKey: KEY, payload: payloadBytes(payload) }];
    }
    case 'message': {
      const { isBinary, payload, fragmentBytes = payload.lengthBytes } = step;
      if (payload.lengthBytes > MAX_CHARACTERS) return undefined;
      const whole = { ...TEXT_FRAME, opcode: dataOpcode(isBinary), maskingKey: KEY, payload: payloadBytes(payload) };
      return split(whole, Math.max(1, Math.ceil(payload.lengthBytes / fragmentBytes)));
    }
    case 'close':
      return [{ ...TEXT_FRAME, opcode: 8, maskingKey: KEY, payload: payloadBytes(step.body) }];
    case 'pause':
    case 'closeAfter':
    case 'failAfter':
      return [];
    default:
      return undefined;
  }
}
