import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MessageInflater } from '../../src/deflate/codec.ts';
import { type Claim, InflationRoom, inflationRoom, MAX_INFLATING_BYTES } from '../../src/deflate/inflation-room.ts';

const MIB = 1_048_576;

/** Claims by name, and in which order they were let go. */
function open(maxBytes: number) {
  const room = new InflationRoom(maxBytes);
  const log: string[] = [];
  const claims = new Map<string, Claim>();
  const claim = (name: string) => {
    if (!claims.has(name)) claims.set(name, { heldBytes: 0, isWaiting: false });
    return claims.get(name)!;
  };
  return {
    room,
    log,
    claim,
    take: (name: string, lengthBytes: number) => room.take(claim(name), lengthBytes, () => log.push(name)),
    release: (name: string) => room.release(claim(name)),
    held: () => [...claims.values()].reduce((sum, { heldBytes }) => sum + heldBytes, 0),
  };
}

describe('the room for what is being inflated', () => {
  it('is given at once as long as there is any', () => {
    const { take, log, held } = open(100);
    take('a', 60);
    take('b', 40);
    expect(log).toEqual(['a', 'b']);
    expect(held()).toBe(100);
  });

  it('A33 one goes past the bound, the others wait in order until there is room again', () => {
    const { take, release, log, held } = open(100);
    take('a', 80);
    take('b', 80);
    take('c', 50);
    take('d', 10);
    take('b', 1000);
    expect(log).toEqual(['a', 'b', 'b']);
    release('a');
    expect(log).toEqual(['a', 'b', 'b']);
    release('b');
    expect(log).toEqual(['a', 'b', 'b', 'c', 'd']);
    expect(held()).toBe(60);
  });

  it('A33 one that is larger than all of it comes through', () => {
    const { take, log } = open(10);
    take('a', 1000);
    take('a', 1000);
    expect(log).toEqual(['a', 'a']);
  });

  it('who gives up waiting is let go, and takes nothing', () => {
    const { take, release, log, held } = open(100);
    take('a', 150);
    take('b', 10);
    release('b');
    expect(log).toEqual(['a', 'b']);
    release('a');
    expect(held()).toBe(0);
  });

  it('what was not needed is given back, and lets others go', () => {
    const { room, take, release, log, held, claim } = open(100);
    take('a', 100);
    take('b', 150);
    take('c', 40);
    expect(log).toEqual(['a', 'b']);
    room.giveBack(claim('b'), 150);
    expect(log).toEqual(['a', 'b']);
    room.giveBack(claim('a'), 40);
    expect(log).toEqual(['a', 'b', 'c']);
    release('a');
    release('b');
    expect(held()).toBe(40);
  });

  it('thousands that give back what they get do not pile up on the stack', () => {
    const room = new InflationRoom(10);
    const first: Claim = { heldBytes: 0, isWaiting: false };
    room.take(first, 20, () => {});
    let count = 0;
    for (let i = 0; i < 20_000; i++) {
      const claim: Claim = { heldBytes: 0, isWaiting: false };
      room.take(claim, 20, () => {
        count++;
        room.release(claim);
      });
    }
    room.release(first);
    expect(count).toBe(20_000);
  });
});

const heldBytes = () => (inflationRoom as unknown as { heldBytes: number }).heldBytes;

/** So many DEFLATE streams of zeros, each with a final block. */
function manyStreams(count: number, lengthBytes: number): Uint8Array {
  return Buffer.concat(Array<Uint8Array>(count).fill(deflateRawSync(Buffer.alloc(lengthBytes))));
}

/** Nothing is left for anybody else until it is released. */
function takeAll(): Claim {
  const claim: Claim = { heldBytes: 0, isWaiting: false };
  inflationRoom.take(claim, MAX_INFLATING_BYTES + 1, () => {});
  return claim;
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe.each(['handle', 'stream'] as const)(
  'RFC 7692 §7.2.3.4 A33 many final blocks, with the engine %s',
  (engine) => {
    const optionsFor = (maxSyncBytes: number) => ({ contextTakeover: true, windowBits: 15, engine, maxSyncBytes });

    it.each([
      ['within the call', 16_384],
      ['off the main thread', 0],
    ])('their message holds its claim until it has been handed over, inflated %s', async (_where, maxSyncBytes) => {
      const inflater = new MessageInflater(optionsFor(maxSyncBytes));
      const payload = manyStreams(300, 10_000);
      const [heldWhenDone, outputBytes] = await new Promise<[number, number]>((resolve) => {
        inflater.inflate(payload, 0, payload.length, 100 * MIB, (_fault, output) =>
          resolve([heldBytes(), output.length]),
        );
      });
      expect(outputBytes).toBe(3_000_000);
      // What the last one gave is handed over within the call that it came in.
      expect(heldWhenDone).toBeGreaterThanOrEqual(outputBytes - 10_000);
      expect(heldWhenDone).toBeLessThanOrEqual(outputBytes + 10_000);
      expect(heldBytes()).toBe(0);
      inflater.close();
    });

    it.each([
      ['within the call', 16_384],
      ['off the main thread', 0],
    ])('their message waits where there is no room, inflated %s', async (_where, maxSyncBytes) => {
      const inflater = new MessageInflater(optionsFor(maxSyncBytes));
      const payload = manyStreams(3, 10_000);
      const filler = takeAll();
      let isDone = false;
      const done = new Promise<number>((resolve) => {
        inflater.inflate(payload, 0, payload.length, 100 * MIB, (_fault, output) => {
          isDone = true;
          resolve(output.length);
        });
      });
      const { waiting } = inflationRoom as unknown as { waiting: unknown[] };
      while (waiting.length === 0) await nextTurn();
      expect(isDone).toBe(false);
      inflationRoom.release(filler);
      // Not within the call that gave room.
      expect(isDone).toBe(false);
      expect(await done).toBe(30_000);
      expect(heldBytes()).toBe(0);
      inflater.close();
    });

    it.each([
      ['within the call', 16_384],
      ['off the main thread', 0],
    ])('one that is closed while it waits takes nothing, inflated %s', async (_where, maxSyncBytes) => {
      const inflater = new MessageInflater(optionsFor(maxSyncBytes));
      const payload = manyStreams(3, 10_000);
      const filler = takeAll();
      const faults: unknown[] = [];
      inflater.inflate(payload, 0, payload.length, 100 * MIB, (fault) => faults.push(fault?.id));
      const { waiting } = inflationRoom as unknown as { waiting: unknown[] };
      while (waiting.length === 0) await nextTurn();
      inflater.close();
      expect(waiting).toEqual([]);
      expect(faults).toEqual(['closed']);
      inflationRoom.release(filler);
      await nextTurn();
      expect(heldBytes()).toBe(0);
      expect(faults).toEqual(['closed']);
    });

    it.each<[string, Uint8Array, number]>([
      ['corrupt', Uint8Array.of(0xff, 0xff), 100 * MIB],
      ['tooLong', manyStreams(1, 10_000), 300_000],
    ])('a message that is %s in the end gives everything back', async (id, rest, maxBytes) => {
      for (const maxSyncBytes of [0, 16_384]) {
        const inflater = new MessageInflater(optionsFor(maxSyncBytes));
        const payload = Buffer.concat([manyStreams(30, 10_000), rest]);
        const fault = await new Promise((resolve) => {
          inflater.inflate(payload, 0, payload.length, maxBytes, (found) => resolve(found?.id));
        });
        expect(fault).toBe(id);
        expect(heldBytes()).toBe(0);
      }
    });
  },
);

describe.each(['handle', 'stream'] as const)('A33 inflating with the engine %s', (engine) => {
  it('eight messages of 12 MiB come through, in order on each connection, and hold little at a time', async () => {
    const payload = deflateRawSync(Buffer.alloc(12 * MIB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const short = deflateRawSync(Buffer.alloc(1000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    // Off the main thread from the first byte.
    const options = { contextTakeover: false, windowBits: 15, engine, maxSyncBytes: 100 };
    const inflaters = Array.from({ length: 8 }, () => new MessageInflater(options));
    let mostBytes = 0;
    const { heldBytes } = inflationRoom as unknown as { heldBytes: number };
    expect(heldBytes).toBe(0);
    const order: string[] = [];
    const done = inflaters.flatMap((inflater, i) =>
      [payload, short].map(
        (bytes, turn) =>
          new Promise<void>((resolve, reject) => {
            inflater.inflate(bytes, 0, bytes.length, 100 * MIB, (fault, output) => {
              mostBytes = Math.max(mostBytes, (inflationRoom as unknown as { heldBytes: number }).heldBytes);
              order.push(`${i}.${turn}`);
              if (fault !== undefined || output.length !== (turn === 0 ? 12 * MIB : 1000))
                reject(new Error(`${fault?.id}`));
              else resolve();
            });
          }),
      ),
    );
    await Promise.all(done);
    expect(mostBytes).toBeLessThanOrEqual(MAX_INFLATING_BYTES + 13 * MIB);
    for (let i = 0; i < 8; i++) expect(order.indexOf(`${i}.0`)).toBeLessThan(order.indexOf(`${i}.1`));
    expect((inflationRoom as unknown as { heldBytes: number }).heldBytes).toBe(0);
    for (const inflater of inflaters) inflater.close();
  });

  it('those that are closed meanwhile give everything back', async () => {
    const payload = deflateRawSync(Buffer.alloc(16 * MIB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const options = { contextTakeover: false, windowBits: 15, engine, maxSyncBytes: 100 };
    const inflaters = Array.from({ length: 8 }, () => new MessageInflater(options));
    const faults: unknown[] = [];
    for (const inflater of inflaters) {
      inflater.inflate(payload, 0, payload.length, 100 * MIB, (fault) => faults.push(fault?.id));
    }
    const held = () => (inflationRoom as unknown as { heldBytes: number }).heldBytes;
    while (held() < MAX_INFLATING_BYTES / 2) await new Promise((resolve) => setImmediate(resolve));
    for (const inflater of inflaters) inflater.close();
    expect(faults).toEqual(Array(8).fill('closed'));
    while (held() > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

// The last ones: the limit is the process's from here on.
describe.each(['handle', 'stream'] as const)('A33 a gate for one at a time, with the engine %s', (engine) => {
  it('eight messages come through one gate, whoever of them goes past the bound', async () => {
    const payload = manyStreams(12, MIB);
    const options = { contextTakeover: true, windowBits: 15, engine, maxSyncBytes: 0, concurrencyLimit: 1 };
    const inflaters = Array.from({ length: 8 }, () => new MessageInflater(options));
    let mostBytes = 0;
    const lengths = await Promise.all(
      inflaters.map(
        (inflater) =>
          new Promise<number>((resolve) => {
            inflater.inflate(payload, 0, payload.length, 100 * MIB, (_fault, output) => {
              mostBytes = Math.max(mostBytes, heldBytes());
              resolve(output.length);
            });
          }),
      ),
    );
    expect(lengths).toEqual(Array(8).fill(12 * MIB));
    expect(mostBytes).toBeLessThanOrEqual(MAX_INFLATING_BYTES + 13 * MIB);
    expect(heldBytes()).toBe(0);
    for (const inflater of inflaters) inflater.close();
  });
});
