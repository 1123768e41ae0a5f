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
/**
 * V8 marks its heap as well once it has grown by a part of what it was, the smaller the slower it grows, and tells nobody how
 * large. So where memory comes slowly, garbage is made earlier: half as late after each marking, with each young collection
 * a little later again, and at first as early as can be, as most heaps have been marked while their application was loaded.
 */
const EARLIEST_START_BYTES = 8 * MIB;
const STEP_BYTES = MIB / 4;
/** Filling the room takes its time: no more often than so, in milliseconds, is it done early. */
const CALM_MS = 100;
/** At so many times the start no room is left, so that V8 collects. */
const LIMIT_FACTOR = 1.45;

/** What is asked of V8, and done to it. All sizes in bytes. */
export interface Heap {
  /** @returns what objects hold outside the heap, and what there is on it */
  measure(): { readonly external_memory: number; readonly used_heap_size: number };
  /** @returns what young objects can take before a collection comes */
  measureRoom(): number;
  makeGarbage(lengthBytes: number): void;
  /** @returns whether the whole heap has been collected since it was asked last */
  hasBeenMarked(): boolean;
  /** @returns milliseconds, from anywhere */
  now(): number;
}

/** @returns what tells it of each piece of memory, `lengthBytes` long */
export function startPacing(heap: Heap): (lengthBytes: number) => void {
  let newBytes = 0;
  let external = 0;
  let used = 0;
  /** What has come outside since the last collection. What that has freed may be told only after some more. */
  let grownBytes = 0;
  let collectedMs = 0;
  let earlyBytes = EARLIEST_START_BYTES;
  return (lengthBytes) => {
    newBytes += lengthBytes;
    if (newBytes < LOOK_BYTES) return;
    const { external_memory, used_heap_size } = heap.measure();
    const hasCollected = used_heap_size < used;
    grownBytes = hasCollected ? 0 : grownBytes + Math.max(0, external_memory - external);
    external = external_memory;
    used = used_heap_size;
    const nowMs = heap.now();
    if (heap.hasBeenMarked()) earlyBytes = Math.max(EARLIEST_START_BYTES, earlyBytes / 2);
    else if (hasCollected) earlyBytes = Math.min(START_BYTES, earlyBytes + STEP_BYTES);
    if (hasCollected) collectedMs = nowMs;
    const startBytes = nowMs - collectedMs < CALM_MS ? START_BYTES : earlyBytes;
    if (grownBytes >= startBytes) {
      const looksLeft = (LIMIT_FACTOR * startBytes - grownBytes) / newBytes;
      heap.makeGarbage(heap.measureRoom() / Math.max(1, looksLeft));
    }
    newBytes = 0;
  };
}

/** The longest that still lies among short-lived objects, and not by itself. */
const GARBAGE_ITEMS = 16_000;
const GARBAGE_BYTES = 8 * GARBAGE_ITEMS;
/** Where each piece is for a moment, so that it is made at all. */
const garbage: { piece: unknown } = { piece: undefined };

type V8 = typeof import('node:v8');
let v8: V8 | undefined;
const NOTHING = { external_memory: 0, used_heap_size: 0 };

/** What V8 says, or `otherwise` in runtimes that have none, or do not say it. */
function ask<Answer>(question: (v8: V8) => Answer, otherwise: Answer): Answer {
  try {
    v8 ??= process.getBuiltinModule('node:v8');
    return question(v8);
  } catch {
    return otherwise;
  }
}

let isMarked = false;
/** Hears of an object that nobody holds: young collections leave it alone as long as it is registered. */
const graves = new FinalizationRegistry(() => {
  isMarked = true;
  watchMarking();
});

function watchMarking(): void {
  graves.register({}, undefined);
}

watchMarking();

/**
 * To be told of memory outside V8's heap that messages get, or come in, sent or not. Where there is no V8, nothing comes of it.
 */
export const noteAllocation = startPacing({
  measure: () => ask((v8) => v8.getHeapStatistics(), NOTHING),
  measureRoom: () => ask((v8) => v8.getHeapSpaceStatistics().find(isYoung)?.space_available_size ?? 0, 0),
  makeGarbage(lengthBytes) {
    for (let made = 0; made < lengthBytes; made += GARBAGE_BYTES) garbage.piece = new Array(GARBAGE_ITEMS);
    garbage.piece = undefined;
  },
  hasBeenMarked() {
    const hasBeenMarked = isMarked;
    isMarked = false;
    return hasBeenMarked;
  },
  now: () => performance.now(),
});

function isYoung({ space_name }: { readonly space_name: string }): boolean {
  return space_name === 'new_space';
}
