/** The parts that measure the realtime layer: its channels beside broadcast(), and beside Socket.IO. */

import { measureExchange } from './cells.ts';
import { COST, RATE, UTILISATION, WATCHED } from './figures.ts';
import type { Load } from './load/contract.ts';
import type { Cell, Figure, Part, Settings } from './part.ts';
import { type Subject, withoutHeap } from './subjects.ts';

const MEMBERS = 1000;

const FIGURES: readonly Figure[] = [
  COST,
  { ...RATE, title: 'per second' },
  { key: 'bytesPerConnection', title: 'bytes each', format: 'bytes', isLowerBetter: true, isCompared: true },
  ...UTILISATION,
  ...WATCHED,
];

function cell(name: string, settings: Settings['timing'], loadOf: (language: string) => Load, isBare = false): Cell {
  return {
    name,
    measure(subject: Subject) {
      const measured = isBare ? withoutHeap(subject) : subject;
      return measureExchange(measured, { server: { mode: 'echo' }, load: loadOf(subject.language) }, settings);
    },
  };
}

const deliveries = (timing: Settings['timing']) =>
  [1, 16].map((perTick) =>
    cell(`to ${MEMBERS.toLocaleString('en')} members, ${perTick} per tick`, timing, (language) => ({
      kind: 'channel',
      ...{ language, members: MEMBERS, perTick },
    })),
  );

const channel: Part = {
  name: 'channel',
  summary: 'a message of 128 B from the server to all members: a channel with history, and broadcast() of its JSON',
  subjects: ['framewright-room', 'framewright-hub'],
  base: 'framewright-room',
  figures: FIGURES.filter(({ key }) => key !== 'bytesPerConnection'),
  cells: ({ timing }) => deliveries(timing),
};

const peers: Part = {
  name: 'realtime-peers',
  summary: 'a channel with history, and a room of Socket.IO: deliveries, joins, memory of members',
  subjects: ['framewright-hub', 'socket-io'],
  base: 'socket-io',
  figures: FIGURES,
  cells: ({ isQuick, timing }) => {
    const [first, last] = isQuick ? [1000, 4000] : [2000, 8000];
    const slow = { warmUpMs: 2 * timing.durationMs, durationMs: timing.durationMs };
    return [
      ...deliveries(timing),
      cell('connect, join, close; 32 under way', slow, (language) => ({
        kind: 'join',
        ...{ language, concurrency: 32, isOpening: true },
      })),
      cell('join and leave; 32 under way', timing, (language) => ({
        kind: 'join',
        ...{ language, concurrency: 32, isOpening: false },
      })),
      cell(
        `idle members, ${first} → ${last}`,
        timing,
        (language) => ({ kind: 'members', language, first, last }),
        true,
      ),
    ];
  },
};

export const REALTIME_PARTS: readonly Part[] = [channel, peers];
