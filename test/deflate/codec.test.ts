import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CodecClosedError,
  type CodecOptions,
  type InflateFault,
  MessageDeflater,
  MessageInflater,
} from '../../src/deflate/codec.ts';
import { collectYoung } from '../support/memory.ts';
import { inflateReference } from './inflate-reference.ts';
import { anyPayload, bytesOf, deflate, ENGINES, type Engine, inflate, makePayload, TAIL } from './support.ts';

const HELLO = new TextEncoder().encode('Hello');

function optionsFor(engine: Engine, options: Partial<CodecOptions> = {}): CodecOptions {
  return { contextTakeover: true, windowBits: 15, engine, ...options };
}

for (const engine of ENGINES) {
  const inflater = (options?: Partial<CodecOptions>) => new MessageInflater(optionsFor(engine, options));
  const deflater = (options?: Partial<CodecOptions>) => new MessageDeflater(optionsFor(engine, options));

  describe(`the messages of the RFC, ${engine}`, () => {
    const rows: readonly [title: string, messages: readonly [hex: string, text: string][]][] = [
      ['§7.2.3.1 one block', [['f248cdc9c90700', 'Hello']]],
      [
        '§7.2.3.2 a shared window',
        [
          ['f248cdc9c90700', 'Hello'],
          ['f200110000', 'Hello'],
        ],
      ],
      ['§7.2.3.3 no compression', [['00 0500faff 48656c6c6f 00', 'Hello']]],
      ['§7.2.3.4 a final block', [['f348cdc9c90700 00', 'Hello']]],
      ['§7.2.3.5 two blocks', [['f248050000 00ffff cac9c90700', 'Hello']]],
      ['§7.2.3.6 empty', [['00', '']]],
      ['§7.2.3.4 two final blocks', [['f348cdc9c90700 f348cdc9c90700 00', 'HelloHello']]],
      ['§7.2.3.4 a final block with nothing behind it', [['f348cdc9c90700', 'Hello']]],
      [
        '§7.2.3.4 a message after a final block begins anew',
        [
          ['f348cdc9c90700 00', 'Hello'],
          ['f248cdc9c90700', 'Hello'],
          ['f200110000', 'Hello'],
        ],
      ],
      [
        '§7.2.3.6 no octet at all leaves the context as it is',
        [
          ['f248cdc9c90700', 'Hello'],
          ['', ''],
          ['f200110000', 'Hello'],
        ],
      ],
    ];
    for (const [title, messages] of rows) {
      it(`RFC 7692 ${title}`, async () => {
        const codec = inflater();
        for (const [hex, text] of messages) {
          const { fault, output } = await inflate(codec, bytesOf(hex));
          expect([fault, new TextDecoder().decode(output)]).toEqual([undefined, text]);
        }
        codec.close();
      });
    }

    it('RFC 7692 §7.2.3.2 "Hello" twice is sent with a shared window', async () => {
      const codec = deflater();
      expect([...(await deflate(codec, HELLO))]).toEqual([...bytesOf('f248cdc9c90700')]);
      expect([...(await deflate(codec, HELLO))]).toEqual([...bytesOf('f200110000')]);
      codec.close();
    });

    it('RFC 7692 §7.1.1 "Hello" twice is sent without a context', async () => {
      const codec = deflater({ contextTakeover: false });
      const first = await deflate(codec, HELLO);
      expect([...(await deflate(codec, HELLO))]).toEqual([...first]);
      codec.close();
    });

    it('RFC 7692 §7.2.3.6 an empty message is one octet, wherever it stands', async () => {
      const codec = deflater();
      const empty = new Uint8Array(0);
      expect([...(await deflate(codec, empty))]).toEqual([0]);
      await deflate(codec, HELLO);
      expect([...(await deflate(codec, empty))]).toEqual([0]);
      expect([...(await deflate(codec, empty))]).toEqual([0]);
      codec.close();
    });

    it('RFC 7692 §7.2.1 fragments of a message keep their tails, the last one loses it', async () => {
      for (const last of [HELLO, new Uint8Array(0)]) {
        const codec = deflater({ contextTakeover: false });
        const parts = [await deflate(codec, HELLO, false), await deflate(codec, HELLO, false)];
        expect(parts.map((part) => [...part.subarray(-4)])).toEqual([[...TAIL], [...TAIL]]);
        parts.push(await deflate(codec, new Uint8Array(0), false), await deflate(codec, last));
        const { bytes } = inflateReference(Buffer.concat([...parts, TAIL]));
        expect(new TextDecoder().decode(bytes)).toBe(`HelloHello${last.length > 0 ? 'Hello' : ''}`);
        codec.close();
      }
    });
  });

  describe(`limits and faults, ${engine}`, () => {
    /** Zeros, compressed about a thousand to one. */
    const bombOf = (lengthBytes: number) =>
      deflateRawSync(Buffer.alloc(lengthBytes), { finishFlush: constants.Z_SYNC_FLUSH });

    it('A09 §10.4 a gigabyte of zeros stops at the limit, and memory stays near it', async () => {
      const limitBytes = 8 << 20;
      const bomb = Buffer.concat(Array<Uint8Array>(1024).fill(bombOf(1 << 20)));
      const codec = inflater();
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      // What is held counts, and not what V8 has still to collect.
      const timer = setInterval(() => {
        collectYoung();
        most = Math.max(most, process.memoryUsage().arrayBuffers);
      }, 1);
      const { fault, output } = await inflate(codec, bomb, limitBytes);
      clearInterval(timer);
      expect([fault, output.length]).toEqual([{ id: 'tooLong' }, 0]);
      collectYoung();
      expect(Math.max(most, process.memoryUsage().arrayBuffers) - before).toBeLessThan(2 * limitBytes);
      expect(await inflate(codec, bytesOf('00'))).toMatchObject({ fault: { id: 'closed' } });
    });

    it('A09 §10.4 the limit is exact', async () => {
      for (const lengthBytes of [5, 65_535, 65_536, 65_537, 1_000_000]) {
        const bomb = bombOf(lengthBytes).subarray(0, -4);
        const codecs = [inflater(), inflater()];
        expect((await inflate(codecs[0]!, bomb, lengthBytes)).output.length).toBe(lengthBytes);
        expect((await inflate(codecs[1]!, bomb, lengthBytes - 1)).fault).toEqual({ id: 'tooLong' });
        for (const codec of codecs) codec.close();
      }
    });

    it('A09 §10.4 a message that inflates to nothing fits a limit of 0', async () => {
      const codec = inflater();
      expect((await inflate(codec, bytesOf('00'), 0)).fault).toBeUndefined();
      expect((await inflate(codec, bytesOf('f248cdc9c90700'), 0)).fault).toEqual({ id: 'tooLong' });
    });

    it('A09 RFC 7692 §7.2.3.4 a message of final blocks only ends at their thousandth', async () => {
      const codec = inflater();
      expect((await inflate(codec, bytesOf(`${'0300'.repeat(1000)}00`))).fault).toBeUndefined();
      const { fault } = await inflate(codec, bytesOf(`${'0300'.repeat(1001)}00`));
      expect(fault).toMatchObject({ id: 'corrupt', error: { code: 'Z_DATA_ERROR' } });
    });

    const corrupt: readonly [title: string, hex: string][] = [
      ['no such block type', 'ffffffff'],
      ['a stored length that does not match', '00 0500ffff 48656c6c6f 00'],
      ['a distance before the beginning', 'f200110000'],
      ['bytes behind a final block that are no block', 'f348cdc9c90700 ff'],
    ];
    for (const [title, hex] of corrupt) {
      it(`RFC 7692 §7.2.2 ${title}`, async () => {
        const codec = inflater();
        const waiting: (InflateFault | undefined)[] = [];
        const first = inflate(codec, bytesOf(hex));
        codec.inflate(bytesOf('00'), 0, 1, 100, (fault) => waiting.push(fault));
        const { fault, output } = await first;
        expect(fault).toMatchObject({ id: 'corrupt', error: { code: 'Z_DATA_ERROR', errno: -3 } });
        expect(output.length).toBe(0);
        expect(waiting).toEqual([{ id: 'closed' }]);
      });
    }

    it('RFC 7692 §7.2.2 any bytes: an end, never a throw; what zlib takes is what the reference reads', async () => {
      const holds = async (bytes: Uint8Array) => {
        const codec = inflater({ maxSyncBytes: 16 });
        const { fault, output } = await inflate(codec, bytes, 4000);
        codec.close();
        let expected: Uint8Array | undefined;
        try {
          expected = inflateReference(Buffer.concat([bytes, TAIL])).bytes;
        } catch {
          return; // cut short or corrupt
        }
        const hasFinalBlock = fault?.id === 'tooLong' || output.length !== expected.length;
        if (!hasFinalBlock) expect(Buffer.compare(output, expected)).toBe(0);
      };
      await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), holds), { numRuns: 400 });
    });

    it('RFC 7692 §7.2.2 damaged messages: an end, never a throw', async () => {
      const whole = deflateRawSync(makePayload(20_000, 30, 7), { finishFlush: constants.Z_SYNC_FLUSH });
      const holds = async (at: number, value: number) => {
        const bytes = Uint8Array.from(whole);
        bytes[at % bytes.length] = value;
        const codec = inflater({ maxSyncBytes: at % 2 === 0 ? 0 : 1 << 20 });
        const { fault, output } = await inflate(codec, bytes, 100_000);
        codec.close();
        expect(fault === undefined || output.length === 0).toBe(true);
      };
      await fc.assert(fc.asyncProperty(fc.nat(), fc.nat(255), holds), { numRuns: 200 });
    });
  });

  describe(`order and closing, ${engine}`, () => {
    it('RFC 7692 §7.2 order is kept whatever the sizes', async () => {
      const sizes = [10, 200_000, 0, 5, 40_000, 1, 0, 70_000, 3];
      const out = deflater();
      const back = inflater();
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        sizes.forEach((size, i) => {
          out.deflate(makePayload(size, 30, i), true, (_, compressed) => {
            order.push(`deflated ${i}`);
            back.inflate(compressed, 0, compressed.length, 1 << 20, (fault, output) => {
              order.push(`inflated ${i}`);
              expect(fault).toBeUndefined();
              expect(Buffer.compare(output, makePayload(size, 30, i))).toBe(0);
              if (i === sizes.length - 1) resolve();
            });
          });
        });
      });
      for (const what of ['deflated', 'inflated']) {
        expect(order.filter((entry) => entry.startsWith(what))).toEqual(sizes.map((_, i) => `${what} ${i}`));
      }
      out.close();
      back.close();
    });

    it('RFC 7692 §7.2 a thousand small messages behind a large one', async () => {
      const codec = deflater({ contextTakeover: false });
      const seen: number[] = [];
      const all = [deflate(codec, makePayload(300_000, 30, 1))];
      for (let i = 0; i < 1000; i++) all.push(deflate(codec, HELLO).finally(() => seen.push(i)));
      await Promise.all(all);
      expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
      codec.close();
    });

    it('RFC 7692 §7.2 closing during an operation tells it and those that wait, once each', async () => {
      const large = makePayload(500_000, 200, 3);
      const compressed = deflateRawSync(large, { finishFlush: constants.Z_SYNC_FLUSH });
      const heard: string[] = [];
      const out = deflater({ maxSyncBytes: 0 });
      const back = inflater({ maxSyncBytes: 0 });
      for (const i of [1, 2]) {
        out.deflate(large, true, (error) => heard.push(`deflate ${i} ${error instanceof CodecClosedError}`));
        back.inflate(compressed, 0, compressed.length, 1 << 20, (fault) => heard.push(`inflate ${i} ${fault?.id}`));
      }
      out.close();
      back.close();
      const expected = ['deflate 1 true', 'deflate 2 true', 'inflate 1 closed', 'inflate 2 closed'];
      expect(heard).toEqual(expected);
      out.close();
      back.close();
      // Another codec goes through the pool after what was under way has come back.
      const other = deflater({ maxSyncBytes: 0 });
      for (let i = 0; i < 20; i++) await deflate(other, large);
      other.close();
      expect(heard).toEqual(expected);
    });

    it('RFC 7692 §7.2 a closed codec says so', async () => {
      const out = deflater();
      const back = inflater();
      out.close();
      back.close();
      await expect(deflate(out, HELLO)).rejects.toThrow(CodecClosedError);
      expect((await inflate(back, bytesOf('00'))).fault).toEqual({ id: 'closed' });
    });

    it('RFC 7692 §7.2 closing in the callback of a message', async () => {
      const out = deflater();
      const heard: boolean[] = [];
      await new Promise<void>((resolve) => {
        out.deflate(HELLO, true, (error) => {
          heard.push(error === undefined);
          out.close();
          resolve();
        });
        out.deflate(HELLO, true, (error) => heard.push(error === undefined));
      });
      expect(heard).toEqual([true, false]);
    });
  });

  describe(`properties, ${engine}`, () => {
    it('RFC 7692 §7.2 any messages come back, with any parameters, whole or in fragments', async () => {
      const anyShape = fc.record({
        contextTakeover: fc.boolean(),
        windowBits: fc.integer({ min: 8, max: 15 }),
        maxSyncBytes: fc.constantFrom(0, 100, 1 << 20),
        level: fc.integer({ min: -1, max: 9 }),
        memLevel: fc.integer({ min: 1, max: 9 }),
        strategy: fc.integer({ min: 0, max: 4 }),
      });
      type Shape = typeof anyShape extends fc.Arbitrary<infer T> ? T : never;
      const anyMessages = fc.array(fc.array(anyPayload, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
      const holds = async (shape: Shape, messages: Uint8Array[][]) => {
        const { level, memLevel, strategy, ...options } = shape;
        const out = deflater({ ...options, zlibOptions: { level, memLevel, strategy } });
        const back = inflater(options);
        for (const fragments of messages) {
          const parts: Uint8Array[] = [];
          for (const [i, fragment] of fragments.entries()) {
            parts.push(await deflate(out, fragment, i === fragments.length - 1));
          }
          const { fault, output } = await inflate(back, Buffer.concat(parts));
          expect(fault).toBeUndefined();
          expect(Buffer.compare(output, Buffer.concat(fragments))).toBe(0);
        }
        out.close();
        back.close();
      };
      await fc.assert(fc.asyncProperty(anyShape, anyMessages, holds), { numRuns: 150 });
    });
  });
}

describe('windows', () => {
  it('RFC 7692 §7.1.2 no match looks back further than the window, not even for 8 bits', async () => {
    const farthest = new Map<number, number>();
    for (const windowBits of [8, 9, 10, 12]) {
      for (const level of [1, 3, 6, 9]) {
        for (const strategy of [0, 1, 3]) {
          const codec = new MessageDeflater({ contextTakeover: true, windowBits, zlibOptions: { level, strategy } });
          const messages: Uint8Array[] = [];
          // A text that repeats itself at every distance around the window's size.
          for (let period = 200; period < 300; period += 7) {
            messages.push(await deflate(codec, Buffer.concat(Array(3).fill(makePayload(period, 200, period)))), TAIL);
          }
          for (const alphabet of [2, 5, 40]) {
            messages.push(await deflate(codec, makePayload(6000, alphabet, alphabet)), TAIL);
          }
          codec.close();
          const { maxDistance } = inflateReference(Buffer.concat(messages));
          farthest.set(windowBits, Math.max(maxDistance, farthest.get(windowBits) ?? 0));
        }
      }
    }
    // zlib takes 9 bits where 8 are asked for, and keeps 262 bytes of its window for looking ahead.
    expect(farthest.get(8)).toBe(512 - 262);
    for (const [windowBits, distance] of farthest) expect(distance).toBeLessThanOrEqual(1 << windowBits);
  });

  it('RFC 7692 §7.1.2 what needs a larger window than agreed is corrupt', async () => {
    const block = makePayload(2000, 200, 5);
    const wide = new MessageDeflater({ contextTakeover: true, windowBits: 15 });
    const narrow = new MessageInflater({ contextTakeover: true, windowBits: 9 });
    await inflate(narrow, await deflate(wide, block));
    const { fault } = await inflate(narrow, await deflate(wide, block));
    expect(fault).toMatchObject({ id: 'corrupt', error: { code: 'Z_DATA_ERROR' } });
    wide.close();
  });
});

describe('synchronous and asynchronous', () => {
  it('RFC 7692 §7.2 small messages are done within the call, large ones after it', async () => {
    const out = new MessageDeflater({ contextTakeover: true, windowBits: 15, maxSyncBytes: 1000 });
    const back = new MessageInflater({ contextTakeover: true, windowBits: 15, maxSyncBytes: 1000 });
    const heard: string[] = [];
    out.deflate(makePayload(1000, 2, 1), true, (_, compressed) => {
      heard.push('deflated');
      back.inflate(compressed, 0, compressed.length, 1000, () => heard.push('inflated'));
    });
    expect(heard).toEqual(['deflated', 'inflated']);
    const large = deflate(out, makePayload(1001, 2, 1));
    expect(heard.length).toBe(2);
    await large;
    out.close();
    back.close();
  });

  it('A09 §10.4 a small message that inflates to much leaves the main thread in time', async () => {
    const bomb = deflateRawSync(Buffer.alloc(4 << 20), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(bomb.length).toBeLessThan(8 * 1024);
    const codec = new MessageInflater({ contextTakeover: true, windowBits: 15, maxSyncBytes: 8 * 1024 });
    let isDone = false;
    const pending = inflate(codec, bomb.subarray(0, -4)).then((outcome) => {
      isDone = true;
      return outcome;
    });
    await Promise.resolve();
    expect(isDone).toBe(false);
    expect((await pending).output.length).toBe(4 << 20);
    codec.close();
  });

  it('A09 §10.4 what is as long as the memory that is lent, and about as long as the limit, is whole or too long', async () => {
    for (const contextTakeover of [true, false]) {
      const out = new MessageDeflater({ contextTakeover, windowBits: 15 });
      const back = new MessageInflater({ contextTakeover, windowBits: 15 });
      for (let length = 65_530; length < 65_545; length++) {
        const payload = makePayload(length, 1, 1);
        for (const maxBytes of [length, 1 << 20]) {
          const { fault, output } = await inflate(back, await deflate(out, payload), maxBytes);
          expect([fault, output.length, Buffer.compare(output, payload)]).toEqual([undefined, length, 0]);
        }
        const strict = new MessageInflater({ contextTakeover: false, windowBits: 15 });
        const alone = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
        expect((await inflate(strict, alone, length - 1)).fault).toEqual({ id: 'tooLong' });
        // Two streams, the first of which ends at the end of the memory.
        const streams = Buffer.concat([deflateRawSync(payload), alone]);
        expect((await inflate(back, streams)).output.length).toBe(2 * length);
      }
      out.close();
      back.close();
    }
  });

  it('RFC 7692 §7.2 what is lent is left alone by what its receiver has others do', async () => {
    const options = { contextTakeover: false, windowBits: 15, zlibOptions: {} };
    const [out, back] = [new MessageDeflater(options), new MessageInflater(options)];
    const [outer, inner] = [makePayload(300, 30, 1), makePayload(300, 30, 2)];
    const [outerBytes, innerBytes] = [await deflate(out, outer), await deflate(out, inner)];
    const heard: unknown[] = [];
    back.inflate(outerBytes, 0, outerBytes.length, 300, (_, output, isLent) => {
      const other = new MessageInflater(options);
      other.inflate(innerBytes, 0, innerBytes.length, 300, (_, second, isSecondLent) => {
        heard.push(isLent, isSecondLent, Buffer.compare(output, outer), Buffer.compare(second, inner));
      });
    });
    const wasTaken = out.deflateNow(outer, true, (output) => {
      heard.push(out.deflateNow(inner, true, () => heard.push('never')));
      out.deflate(inner, true, (_, second) => {
        heard.push(Buffer.compare(output, outerBytes), Buffer.compare(second, innerBytes));
      });
    });
    expect([...heard, wasTaken]).toEqual([true, false, 0, 0, false, 0, 0, true]);
    back.inflate(outerBytes, 0, outerBytes.length, 300, (_, output, isLent) => {
      expect([isLent, Buffer.compare(output, outer)]).toEqual([true, 0]);
    });
  });

  it('RFC 7692 §7.2 at once is only what is short, and nothing goes before', async () => {
    const codec = new MessageDeflater({ contextTakeover: true, windowBits: 15 });
    const outputs: Uint8Array[] = [];
    const now = (payload: Uint8Array, fin = true) =>
      codec.deflateNow(payload, fin, (output) => outputs.push(new Uint8Array(output)));
    expect([now(HELLO.subarray(0, 2), false), now(HELLO.subarray(2)), now(HELLO)]).toEqual([true, true, true]);
    const { bytes } = inflateReference(Buffer.concat([outputs[0]!, outputs[1]!, TAIL, outputs[2]!, TAIL]));
    expect(Buffer.from(bytes).toString()).toBe('HelloHello');
    expect([now(new Uint8Array(0)), now(makePayload(16_385, 2, 1))]).toEqual([false, false]);
    const large = deflate(codec, makePayload(16_385, 2, 1));
    expect(now(HELLO)).toBe(false);
    await large;
    expect(now(HELLO)).toBe(true);
    codec.close();
    expect(now(HELLO)).toBe(false);
  });

  it('RFC 7692 §7.2 bytes that are lent are read during the call', async () => {
    const options = { contextTakeover: false, windowBits: 15, zlibOptions: {} };
    const back = new MessageInflater(options);
    for (const length of [100, 40_000, 1_000_000]) {
      const payload = makePayload(length, 30, 1);
      const memory = deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      const output = await new Promise<Uint8Array>((resolve) => {
        back.inflate(memory, 0, memory.length, length, (_, bytes) => resolve(new Uint8Array(bytes)), true);
        memory.fill(0xff);
      });
      expect(Buffer.compare(output, payload)).toBe(0);
    }
  });

  it('RFC 7692 §7.2 what other threads have made is kept, whatever comes after it', async () => {
    const options = { contextTakeover: true, windowBits: 15 };
    const [out, back] = [new MessageDeflater(options), new MessageInflater(options)];
    const payloads = [40_000, 130_000, 70_000, 300_000].map((length) => makePayload(length, 200, length));
    const compressed: Uint8Array[] = [];
    const inflated: Uint8Array[] = [];
    for (const payload of payloads) compressed.push(await deflate(out, payload));
    for (const message of compressed) {
      await new Promise<void>((resolve) => {
        back.inflate(message, 0, message.length, 1 << 20, (_, output) => resolve(void inflated.push(output)));
      });
    }
    for (const [i, payload] of payloads.entries()) expect(Buffer.compare(inflated[i]!, payload)).toBe(0);
    // Exactly as long: a message that an application keeps is all that it keeps.
    expect(inflated.map(({ buffer }) => buffer.byteLength)).toEqual(payloads.map(({ length }) => length));
    out.close();
    back.close();
  });

  it('RFC 7692 §7.2 a callback that throws leaves the codec in order', async () => {
    const codec = new MessageDeflater({ contextTakeover: true, windowBits: 15 });
    const later: Promise<Uint8Array>[] = [];
    const call = () =>
      codec.deflate(HELLO, true, () => {
        later.push(deflate(codec, HELLO));
        throw new Error('of the application');
      });
    expect(call).toThrow('of the application');
    expect([...(await later[0]!)]).toEqual([...bytesOf('f200110000')]);
    codec.close();
  });
});

describe('shared streams', () => {
  it('RFC 7692 §7.1.1 fragments of two connections without a context do not mix', async () => {
    const options = { contextTakeover: false, windowBits: 15, zlibOptions: {} };
    const codecs = [new MessageDeflater(options), new MessageDeflater(options)];
    const parts: Uint8Array[][] = [[], []];
    for (const fin of [false, false, true]) {
      for (const i of [0, 1]) parts[i]!.push(await deflate(codecs[i]!, makePayload(300, 30, i), fin));
    }
    for (const i of [0, 1]) {
      const payload = makePayload(300, 30, i);
      const { bytes } = inflateReference(Buffer.concat([...parts[i]!, TAIL]));
      expect(Buffer.compare(bytes, Buffer.concat([payload, payload, payload]))).toBe(0);
    }
  });

  it('RFC 7692 §7.1.1 many connections without a context at once, and one that is closed meanwhile', async () => {
    const options = { contextTakeover: false, windowBits: 15, maxSyncBytes: 0, zlibOptions: {} };
    const codecs = Array.from({ length: 12 }, () => new MessageDeflater(options));
    const all = codecs.map((codec, i) => deflate(codec, makePayload(50_000, 30, i)));
    codecs[3]!.close();
    const results = await Promise.allSettled(all);
    for (const [i, result] of results.entries()) {
      if (i === 3) {
        expect(result.status).toBe('rejected');
        continue;
      }
      const output = (result as PromiseFulfilledResult<Uint8Array>).value;
      const { bytes } = inflateReference(Buffer.concat([output, TAIL]));
      expect(Buffer.compare(bytes, makePayload(50_000, 30, i))).toBe(0);
    }
  });

  it('RFC 7692 §7.2 a dictionary known to both sides', async () => {
    for (const contextTakeover of [true, false]) {
      for (const engine of ENGINES) {
        const dictionary = makePayload(2000, 200, 9);
        const zlibOptions = { dictionary: engine === 'handle' ? dictionary : (dictionary.buffer as ArrayBuffer) };
        const options = { contextTakeover, windowBits: 15, engine, zlibOptions };
        const out = new MessageDeflater(options);
        const back = new MessageInflater(options);
        for (let i = 0; i < 2; i++) {
          const compressed = await deflate(out, dictionary);
          expect(compressed.length).toBeLessThan(100);
          expect(Buffer.compare((await inflate(back, compressed)).output, dictionary)).toBe(0);
        }
        out.close();
        back.close();
      }
    }
  });

  it('RFC 7692 §7.2 what zlib does not take is refused when the codec is made', () => {
    for (const windowBits of [7, 16, 9.5, Number.NaN]) {
      expect(() => new MessageDeflater({ contextTakeover: true, windowBits })).toThrow(RangeError);
    }
    const options = { contextTakeover: true, windowBits: 15 };
    expect(() => new MessageDeflater({ ...options, zlibOptions: { level: 10 } })).toThrow(RangeError);
    expect(() => new MessageInflater({ ...options, zlibOptions: { memLevel: 0 } })).toThrow(RangeError);
  });

  it('where nothing is said of it, a message with a context is compressed at level 5, one without at level 3', async () => {
    const text = makePayload(8000, 2, 1);
    const lengthAt = async (contextTakeover: boolean, level?: number) => {
      const options = optionsFor('handle', { contextTakeover, ...(level !== undefined && { zlibOptions: { level } }) });
      return (await deflate(new MessageDeflater(options), text)).length;
    };
    const lengths = [await lengthAt(false, 3), await lengthAt(true, 5), await lengthAt(true, -1)];
    expect([await lengthAt(false), await lengthAt(true), await lengthAt(true, 6)]).toEqual(lengths);
    expect(new Set(lengths).size).toBe(3);
  });
});
