import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, firstByteOf, Opcode } from '../../src/protocol/index.ts';
import { noFrames, shareMessage } from '../../src/transport/shared-frames.ts';
import { WriteBatch } from '../../src/transport/write-batch.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { nextTurn } from '../support/servers.ts';

const TEXT = firstByteOf(Opcode.Text, true);
const frameOf = (text: string) => shareMessage(text, false).frame;

function serverBatches(count: number) {
  const sockets = Array.from({ length: count }, () => new HeldDuplex());
  const batches = sockets.map((socket) => {
    const batch = new WriteBatch(socket, 'server');
    batch.owner = {
      connection: { isAwaitingFlush: false, flushed() {} },
      noticeBytes: 65_536,
      backlogGrew() {},
      backlogShrank() {},
      handle() {},
    };
    return batch;
  });
  return { sockets, batches };
}

describe('frames that many connections get', () => {
  it('are put together once for all that have the same, rooms by turns included', async () => {
    const { sockets, batches } = serverBatches(6);
    const rooms = [batches.slice(0, 3), batches.slice(3)];
    const frames = rooms.map((_, room) => [1, 2, 3].map((n) => frameOf(`room ${room}, message ${n}`)));
    for (const n of [0, 1, 2]) {
      for (const [room, members] of rooms.entries()) {
        for (const member of members) member.writeShared(frames[room]![n]!, 0);
      }
    }
    await nextTurn();
    for (const [room, own] of [sockets.slice(0, 3), sockets.slice(3)].entries()) {
      const pieces = own.map(({ chunks }) => chunks);
      expect(pieces[0]).toHaveLength(1);
      expect(Buffer.concat(frames[room]!).equals(pieces[0]![0]!)).toBe(true);
      expect(new Set(pieces.flat()).size).toBe(1);
    }
  });

  it('one alone is written as it is', async () => {
    const { sockets, batches } = serverBatches(2);
    const frame = frameOf('x'.repeat(200_000));
    for (const batch of batches) batch.writeShared(frame, 0);
    await nextTurn();
    expect(sockets.map(({ chunks }) => chunks.length)).toEqual([1, 1]);
    for (const { chunks } of sockets) expect(chunks[0]).toBe(frame);
  });

  it('no piece of many grows past 128 KiB', async () => {
    const { sockets, batches } = serverBatches(2);
    const frames = Array.from({ length: 20 }, (_, i) => frameOf(String(i % 10).repeat(20_000)));
    for (const frame of frames) for (const batch of batches) batch.writeShared(frame, 0);
    await nextTurn();
    for (const socket of sockets) {
      socket.release();
      expect(socket.written.equals(Buffer.concat(frames))).toBe(true);
      expect(socket.chunks.every(({ length }) => length <= 131_072)).toBe(true);
      expect(socket.chunks.length).toBeLessThan(5);
    }
    for (const [i, chunk] of sockets[0]!.chunks.entries()) expect(sockets[1]!.chunks[i]).toBe(chunk);
  });

  it('are let go with the tick', async () => {
    const first = noFrames();
    expect(noFrames()).toBe(first);
    await nextTurn();
    expect(noFrames()).not.toBe(first);
  });

  it('keep every stream whole and in order among frames of its own', async () => {
    const step = fc.record({
      to: fc.integer({ min: 0, max: 7 }),
      length: fc.constantFrom(0, 1, 60, 300, 20_000, 70_000),
      isShared: fc.boolean(),
      flushes: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { sockets, batches } = serverBatches(3);
        const expected: Uint8Array[][] = [[], [], []];
        for (const [i, { to, length, isShared, flushes }] of steps.entries()) {
          const text = String.fromCharCode(97 + (i % 26)).repeat(length);
          const frame = isShared ? frameOf(text) : undefined;
          for (const [at, batch] of batches.entries()) {
            if ((to & (1 << at)) === 0) continue;
            if (frame === undefined) batch.writeFrame(TEXT, text);
            else batch.writeShared(frame, 0);
            expected[at]!.push(frame ?? encodeFrame(TEXT, Buffer.from(text)));
            if (flushes && at === 1) batch.flush();
          }
        }
        await nextTurn();
        for (const [at, socket] of sockets.entries()) {
          socket.release();
          await nextTurn();
          expect(socket.written.equals(Buffer.concat(expected[at]!))).toBe(true);
        }
      }),
    );
  });
});
