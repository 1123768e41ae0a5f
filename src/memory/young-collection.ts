/**
 * Has V8 collect what messages have left behind, before it marks all that the application holds. The bytes of a Buffer lie
 * outside V8's heap; once they have grown by 64 MiB, V8 marks its whole heap. In Node 20 and 22 a collection of what is
 * young comes first, at 32 MiB: that is quick. From Node 24 on it comes when young objects have filled their room on V8's
 * own heap, to which messages add little. So the rest of that room is filled with garbage, in step with the messages.
 */

const MIB = 1_048_576;
/** After so much new memory, V8 is asked how it stands. */
const LOOK_BYTES = MIB;
/** Garbage is made from here on, where Node 20 and 22 have collected by themselves. */
const START_BYTES = 36 * MIB;
/** No room is left here, so that V8 collects. */
const LIMIT_BYTES = 52 * MIB;

/** As V8 has it, in bytes. */
export interface HeapFigures {
  /** Held by objects of the heap, but outside it. */
  readonly external: number;
  /** What young objects can take before a collection comes. */
  readonly room: number;
}

/** @returns what tells it of each piece of memory, `lengthBytes` long */
export function startPacing(
  readFigures: () => HeapFigures,
  makeGarbage: (lengthBytes: number) => void,
): (lengthBytes: number) => void {
  let newBytes = 0;
  let bytesSinceCollection = 0;
  let room = 0;
  /** What was held after the last collection. */
  let least = Number.POSITIVE_INFINITY;
  return (lengthBytes) => {
    newBytes += lengthBytes;
    if (newBytes < LOOK_BYTES) return;
    const figures = readFigures();
    const hasCollected = figures.room > room;
    room = figures.room;
    bytesSinceCollection = hasCollected ? 0 : bytesSinceCollection + newBytes;
    // What a collection has freed may be told only after some more.
    least = hasCollected ? figures.external : Math.min(least, figures.external - bytesSinceCollection);
    const grownBytes = figures.external - least;
    if (grownBytes >= START_BYTES) {
      const looksLeft = (LIMIT_BYTES - grownBytes) / newBytes;
      makeGarbage(room / Math.max(1, looksLeft));
    }
    newBytes = 0;
  };
}

/** The longest that still lies among short-lived objects, and not by itself. */
const GARBAGE_ITEMS = 16_000;
const GARBAGE_BYTES = 8 * GARBAGE_ITEMS;
/** Where each piece is for a moment, so that it is made at all. */
const garbage: { piece: unknown } = { piece: undefined };

function makeGarbage(lengthBytes: number): void {
  for (let made = 0; made < lengthBytes; made += GARBAGE_BYTES) garbage.piece = new Array(GARBAGE_ITEMS);
  garbage.piece = undefined;
}

type V8 = typeof import('node:v8');
let v8: V8 | undefined;

function readFigures(): HeapFigures {
  v8 ??= process.getBuiltinModule('node:v8');
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!;
  return { external: v8.getHeapStatistics().external_memory, room: young.space_available_size };
}

const NO_FIGURES: HeapFigures = { external: 0, room: 0 };

/** To be told of memory that messages get, outside V8's heap. Where there is no V8, nothing comes of it. */
export const noteAllocation = startPacing(() => {
  try {
    return readFigures();
  } catch {
    return NO_FIGURES;
  }
}, makeGarbage);
