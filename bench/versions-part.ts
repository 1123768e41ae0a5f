/** Echo on all versions of Node.js that are supported, in a process with an application's objects and in one without. */

import { measureExchange } from './cells.ts';
import { type EchoShape, exchangeOf, nameOf } from './echo-cells.ts';
import { PER_MESSAGE, RIVALS } from './figures.ts';
import type { Cell, Part, Settings } from './part.ts';
import { subjectOf } from './subjects.ts';
import { NODE_MAJORS } from './support/nodes.ts';

const KIB = 1024;
const SHAPES: readonly EchoShape[] = [
  [16, 50, 1],
  [16, 50, 16],
  [KIB, 50, 16],
  [16 * KIB, 50, 1],
  [64 * KIB, 50, 1],
  [KIB * KIB, 10, 1],
];

function cellOf(nodeMajor: string, heapMb: number, shape: EchoShape, { timing }: Settings): Cell {
  return {
    name: `Node.js ${nodeMajor}, ${heapMb} MB: ${nameOf(shape)}`,
    async measure({ name }) {
      const subject = subjectOf(name, { nodeMajor, heapMb });
      if (subject.missing !== undefined) throw new Error(subject.missing);
      return await measureExchange(subject, exchangeOf(shape, 'echo'), timing);
    },
  };
}

export const versionsPart: Part = {
  name: 'versions',
  summary: `echo on Node.js ${NODE_MAJORS.join(', ')}, beside an application's objects and without`,
  subjects: ['framewright', 'framewright-net', 'ws', 'websocket', 'faye', 'deno'],
  base: 'ws',
  rivals: RIVALS,
  figures: PER_MESSAGE,
  cells: (settings) =>
    NODE_MAJORS.flatMap((nodeMajor) =>
      [...new Set([settings.heapMb, 0])].flatMap((heapMb) =>
        SHAPES.filter((_, i) => !settings.isQuick || i === 2).map((shape) =>
          cellOf(nodeMajor, heapMb, shape, settings),
        ),
      ),
    ),
};
