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
