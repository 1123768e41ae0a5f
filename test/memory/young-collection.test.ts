import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startPacing } from '../../src/memory/young-collection.ts';

const MIB = 1_048_576;

/** An engine that collects when its room for young objects is full, of which messages take little. */
class Engine {
  collectsAtBytes = Number.POSITIVE_INFINITY;
  readonly roomBytes: number;
  external = 0;
  /** What the last collection has freed, and nobody knows yet. */
  unswept = 0;
  young = 0;
  garbage: number[] = [];
  /** What was held when a collection came. */
  collectedAt: number[] = [];
  /** Whether it has marked its heap by itself, which it does at so many bytes. */
  marksAtBytes = Number.POSITIVE_INFINITY;
  isMarked = false;
  markings = 0;
  nowMs = 0;
  readonly note: (lengthBytes: number) => void;

  constructor(roomBytes = 32 * MIB) {
    this.roomBytes = roomBytes;
    this.note = startPacing({
      measure: () => ({ external_memory: this.external, used_heap_size: 80 * MIB + this.young }),
      measureRoom: () => this.roomBytes - this.young,
      makeGarbage: (lengthBytes) => {
        this.garbage.push(lengthBytes);
        this.young += lengthBytes;
        if (this.young >= this.roomBytes) this.collect();
      },
      hasBeenMarked: () => {
        const { isMarked } = this;
        this.isMarked = false;
        return isMarked;
      },
      now: () => this.nowMs,
    });
  }

  collect(): void {
    this.collectedAt.push(this.external);
    this.unswept = this.external;
    this.young = 0;
  }

  mark(): void {
    this.markings++;
    this.isMarked = true;
    this.collect();
  }

  receive(totalBytes: number, lengthBytes: number, bytesPerMs = Number.POSITIVE_INFINITY): void {
    for (let received = 0; received < totalBytes; received += lengthBytes) {
      if (this.unswept > 0 && this.external > this.unswept + 4 * MIB) {
        this.external -= this.unswept;
        this.unswept = 0;
      }
      this.external += lengthBytes;
      this.young += 100;
      this.nowMs += lengthBytes / bytesPerMs;
      if (this.external - this.unswept >= this.collectsAtBytes) this.collect();
      if (this.external - this.unswept >= this.marksAtBytes) this.mark();
      this.note(lengthBytes);
    }
  }
}

it.each([16_384, 65_536, MIB, 4 * MIB])(
  'has the engine collect before 64 MiB of messages of %i bytes',
  (lengthBytes) => {
    const engine = new Engine();
    engine.receive(512 * MIB, lengthBytes);
    expect(engine.collectedAt.length).toBeGreaterThanOrEqual(8);
    expect(Math.max(...engine.collectedAt)).toBeLessThanOrEqual(64 * MIB);
    expect(engine.external).toBeLessThanOrEqual(64 * MIB);
  },
);

it('has it collect soon of messages that are longer than a step', () => {
  const engine = new Engine();
  engine.receive(512 * MIB, 16 * MIB);
  expect(Math.max(...engine.collectedAt)).toBeLessThanOrEqual(96 * MIB);
});

it('makes garbage little by little, and all that there is room for', () => {
  const engine = new Engine();
  engine.receive(60 * MIB, 65_536);
  expect(engine.collectedAt).toHaveLength(1);
  expect(Math.max(...engine.garbage)).toBeLessThanOrEqual(engine.roomBytes / 16);
  expect(engine.garbage.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(0.99 * engine.roomBytes);
});

it('makes none where the engine collects by itself', () => {
  const engine = new Engine();
  engine.collectsAtBytes = 33 * MIB;
  engine.receive(512 * MIB, 65_536);
  expect(engine.collectedAt.length).toBeGreaterThan(10);
  expect(engine.garbage).toEqual([]);
});

it('has it collect earlier where it marks its heap by itself, as long as messages come slowly', () => {
  const slow = new Engine();
  slow.marksAtBytes = 20 * MIB;
  slow.receive(2048 * MIB, 65_536, MIB / 16);
  expect(slow.markings).toBeGreaterThan(0);
  expect(slow.markings).toBeLessThan(slow.collectedAt.length / 5);

  const fast = new Engine();
  fast.marksAtBytes = 20 * MIB;
  fast.receive(2048 * MIB, 65_536, MIB);
  expect(fast.markings).toBe(fast.collectedAt.length);
});

it('has it collect early from the first slow message on, so that it need not be marked first', () => {
  const engine = new Engine();
  engine.marksAtBytes = 20 * MIB;
  engine.receive(64 * MIB, 65_536, MIB / 16);
  expect(engine.collectedAt.length).toBeGreaterThan(3);
  expect(engine.markings).toBe(0);
});

it('goes back to as much as there may be once nothing is marked', () => {
  const engine = new Engine();
  engine.marksAtBytes = 20 * MIB;
  engine.receive(256 * MIB, 65_536, MIB / 16);
  engine.marksAtBytes = Number.POSITIVE_INFINITY;
  engine.receive(4096 * MIB, 65_536, MIB / 16);
  engine.collectedAt = [];
  engine.receive(512 * MIB, 65_536, MIB / 16);
  expect(Math.max(...engine.collectedAt) - Math.min(...engine.collectedAt)).toBeLessThan(24 * MIB);
  expect(Math.min(...engine.collectedAt)).toBeGreaterThanOrEqual(36 * MIB);
});

it('begins anew after a collection that has freed nothing', () => {
  const engine = new Engine();
  engine.receive(40 * MIB, MIB);
  expect(engine.garbage.length).toBeGreaterThan(0);
  // All of it is in use.
  engine.young = 0;
  engine.garbage = [];
  engine.receive(36 * MIB, MIB);
  expect(engine.garbage).toEqual([]);
  engine.receive(2 * MIB, MIB);
  expect(engine.garbage.length).toBeGreaterThan(0);
});

it.each(['getHeapStatistics', 'getHeapSpaceStatistics'])('does nothing in a runtime without %s', async (missing) => {
  let external = 0;
  const asked: string[] = [];
  const say = (name: string, answer: () => unknown) => () => {
    asked.push(name);
    if (name === missing) throw new TypeError('This runtime has no heap statistics');
    return answer();
  };
  const v8 = {
    getHeapStatistics: say('getHeapStatistics', () => {
      external += 64 * MIB;
      return { external_memory: external, used_heap_size: 0 };
    }),
    getHeapSpaceStatistics: say('getHeapSpaceStatistics', () => []),
  };
  const getBuiltinModule = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(v8 as never);
  onTestFinished(() => getBuiltinModule.mockRestore());
  vi.resetModules();
  const { noteAllocation } = await import('../../src/memory/young-collection.ts');
  for (let i = 0; i < 3; i++) noteAllocation(64 * MIB);
  expect(asked).toContain(missing);
});

/** How often V8 collects while 1 GiB of messages come and go beside an application's objects. */
async function collectionsUnder(allocation: string): Promise<{ young: number; full: number }> {
  const url = new URL('../../src/memory/message-memory.ts', import.meta.url);
  const program = `
    const { PerformanceObserver, constants } = await import('node:perf_hooks');
    const { allocateOwn } = await import(${JSON.stringify(fileURLToPath(url))});
    const application = Array.from({ length: 300_000 }, (_, id) => ({ id, place: { x: id } }));
    const counts = { young: 0, full: 0 };
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) {
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) counts.young++;
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) counts.full++;
      }
    }).observe({ entryTypes: ['gc'] });
    const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
    let last;
    const receive = async (bytes) => {
      for (let received = 0; received < bytes; received += 16_384) {
        last = ${allocation};
        if (received % (64 * 16_384) === 0) await nextTurn();
      }
      await nextTurn();
    };
    await receive(${64 * MIB});
    counts.young = counts.full = 0;
    await receive(${1024 * MIB});
    console.log(JSON.stringify({ ...counts, held: application.length, last: last.length }));
  `;
  // What other threads free is told at their pace.
  const args = ['--single-threaded-gc', '--import', 'tsx', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  return JSON.parse(stdout) as { young: number; full: number };
}

it('spares an application the marking of its heap while messages come and go', async () => {
  const [unpaced, paced] = await Promise.all([
    collectionsUnder('new Uint8Array(16_384)'),
    collectionsUnder('allocateOwn(16_384)'),
  ]);
  expect(paced.young).toBeGreaterThanOrEqual(8);
  // How far V8 lets its heap grow follows how fast it just was, so what it does by itself is the measure:
  // about fifteen full collections on Node.js 24, one or none on the others.
  expect(paced.full).toBeLessThanOrEqual(Math.max(4, unpaced.full / 2));
});
