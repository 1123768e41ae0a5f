import { describe, expect, it } from 'vitest';
import {
  type Chunk,
  encodeFrame,
  FrameParser,
  firstByteOf,
  Opcode,
  type Role,
  resolveLimits,
} from '../../src/protocol/index.ts';
import { LONG_PAYLOAD_BYTES, WriteBatch } from '../../src/transport/write-batch.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { parseFrame } from '../support/raw-peer.ts';
import { nextTurn } from '../support/servers.ts';
import { hex, toHex } from '../support/wire.ts';

const BINARY = firstByteOf(Opcode.Binary, true);
const TEXT = firstByteOf(Opcode.Text, true);

/** A batch on a stream of its own. `owner` may ask to hear of flushes. */
function batchOn(socket: HeldDuplex, role: Role = 'server', isAwaitingFlush = false) {
  const owner = {
    flushes: 0,
    connection: { isAwaitingFlush, flushed: () => void owner.flushes++ },
    noticeBytes: 65_536,
    backlogGrew() {},
    backlogShrank() {},
    handle() {},
  };
  const batch = new WriteBatch(socket, role);
  batch.owner = owner;
  return { batch, owner };
}

describe('one write for what belongs together', () => {
  it('frames sent in one tick leave in one write at its end', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    batch.writeFrame(TEXT, 'one');
    batch.writeFrame(BINARY, hex('0102'));
    expect(socket.writes).toBe(0);
    expect(batch.unwrittenBytes).toBe(9);
    expect(batch.bufferedBytes).toBe(5);
    await nextTurn();
    expect(socket.writes).toBe(1);
    expect(toHex(socket.written)).toBe('81 03 6f 6e 65 82 02 01 02');
    expect(batch.bufferedBytes).toBe(0);
  });

  it('while held, frames wait for the release, and leave at once then', () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    batch.isHeld = true;
    batch.writeFrame(TEXT, 'a');
    batch.writeFrame(TEXT, 'b');
    expect(socket.writes).toBe(0);
    batch.isHeld = false;
    batch.flush();
    expect(socket.writes).toBe(1);
    batch.isHeld = true;
    batch.isHeld = false;
    batch.flush();
    expect(socket.writes).toBe(1);
  });

  it('a small frame, a large one and a small one leave together and in order', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    const large = new Uint8Array(LONG_PAYLOAD_BYTES + 1).fill(7);
    batch.writeFrame(TEXT, 'before');
    batch.writeFrame(BINARY, large);
    batch.writeFrame(TEXT, 'behind');
    await nextTurn();
    // The small frame shares a piece with the large one's header; corked, all pieces go in one writev.
    expect(socket.chunks.map((chunk) => chunk.length)).toEqual([8 + 4, large.length, 8]);
    let rest = socket.written;
    for (const payload of [Buffer.from('before'), Buffer.from(large), Buffer.from('behind')]) {
      const found = parseFrame(rest)!;
      expect(found.payload.equals(payload)).toBe(true);
      rest = rest.subarray(found.end);
    }
    expect(rest.length).toBe(0);
  });
});

describe('memory', () => {
  it.each([1, 125, 4000, 16_384, 16_385, 65_536, 131_072, 131_073, 1_000_001])(
    '§6.1 what leaves of %d bytes is what was there at the call',
    async (lengthBytes) => {
      const socket = new HeldDuplex();
      const { batch } = batchOn(socket);
      const payload = Buffer.alloc(lengthBytes);
      for (const byte of [1, 2, 3]) batch.writeFrame(BINARY, payload.fill(byte));
      for (const byte of [4, 5]) batch.writeEncoded([Buffer.from(encodeFrame(BINARY, payload.fill(byte))), payload]);
      payload.fill(9);
      await nextTurn();
      socket.release();
      await nextTurn();
      const expected = [1, 2, 3, 4, 5].flatMap((byte) => {
        const frame = encodeFrame(BINARY, new Uint8Array(lengthBytes).fill(byte));
        return byte < 4 ? [frame] : [frame, new Uint8Array(lengthBytes).fill(byte)];
      });
      expect(socket.written.equals(Buffer.concat(expected))).toBe(true);
    },
  );

  it('what a stream keeps is one copy of a large payload, and long text as it became bytes', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket);
    batch.writeFrame(BINARY, new Uint8Array(200_000));
    batch.writeFrame(TEXT, 'x'.repeat(200_000));
    await nextTurn();
    socket.release();
    await nextTurn();
    expect(socket.chunks.map(({ length }) => length)).toEqual([10, 200_000, 200_010]);
    expect(socket.chunks[1]!.buffer.byteLength).toBe(200_000);
    expect(socket.chunks[2]!.buffer.byteLength).toBeLessThan(200_020);
  });

  it.each(['server', 'client'] as const)('§5.6 text of a %s is UTF-8, whatever its characters take', async (role) => {
    const ends = ['', 'é', '€', '𝄞', '\ud834'];
    const lengths = [0, 1, 125, 126, 16_384, 16_385, 65_530, 65_536, 131_072];
    const texts = lengths.flatMap((length) =>
      ends.flatMap((end) => ['a'.repeat(length) + end, end.repeat(length / 2)]),
    );
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket, role);
    for (const text of texts) batch.writeFrame(TEXT, text);
    await nextTurn();
    const found: string[] = [];
    const sink = {
      framePart: (_: unknown, { bytes }: Chunk, start: number, end: number) =>
        void found.push(Buffer.from(bytes).toString('utf8', start, end)),
      violation: (id: string) => expect.fail(id),
    };
    const limits = resolveLimits({});
    new FrameParser(sink, { role: role === 'server' ? 'client' : 'server', limits }).push(socket.written);
    expect(found.length).toBe(texts.length);
    // The text of half a character is that of its replacement.
    expect(found.findIndex((text, i) => text !== Buffer.from(texts[i]!).toString())).toBe(-1);
  });

  it('§5.3 a client masks small and large payloads with fresh keys and leaves the given ones alone', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket, 'client');
    const small = new Uint8Array(8).fill(5);
    const large = new Uint8Array(LONG_PAYLOAD_BYTES + 4).fill(6);
    batch.writeFrame(BINARY, small);
    batch.writeFrame(BINARY, large);
    batch.writeFrame(TEXT, 'é'.repeat(LONG_PAYLOAD_BYTES));
    await nextTurn();
    expect(small.every((byte) => byte === 5) && large.every((byte) => byte === 6)).toBe(true);
    const wire = socket.written;
    const keys = new Set<string>();
    let at = 0;
    for (const payload of [small, large, Buffer.from('é'.repeat(LONG_PAYLOAD_BYTES))]) {
      expect(wire[at + 1]! >= 128).toBe(true);
      const keyAt = at + (payload.length < 126 ? 2 : 4);
      const key = wire.subarray(keyAt, keyAt + 4);
      keys.add(toHex(key));
      const masked = wire.subarray(keyAt + 4, keyAt + 4 + payload.length);
      expect(Buffer.from(masked.map((byte, i) => byte ^ key[i % 4]!)).equals(payload)).toBe(true);
      at = keyAt + 4 + payload.length;
    }
    expect(at).toBe(wire.length);
    expect(keys.size).toBe(3);
  });

  it('streams that keep what they are given get memory of their own, never the shared slab', async () => {
    const holding = Array.from({ length: 5 }, () => new HeldDuplex());
    const batches = holding.map((socket) => batchOn(socket).batch);
    // Interleaved, in one tick and over several, with more than a slab in all.
    for (let round = 0; round < 200; round++) {
      for (const [i, batch] of batches.entries()) batch.writeFrame(TEXT, `${i}:${round}:${'x'.repeat(round)}`);
      if (round % 7 === 0) await nextTurn();
    }
    await nextTurn();
    for (const [i, socket] of holding.entries()) {
      socket.release();
      await nextTurn();
      const texts: string[] = [];
      for (let rest = socket.written; rest.length > 0; ) {
        const { payload, end } = parseFrame(rest)!;
        texts.push(payload.toString());
        rest = rest.subarray(end);
      }
      expect(texts).toEqual(Array.from({ length: 200 }, (_, round) => `${i}:${round}:${'x'.repeat(round)}`));
    }
  });
});

describe('callbacks', () => {
  it('run in order once the stream has let go, and not before', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket);
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      batch.writeFrame(TEXT, name);
      batch.whenWritten((error) => log.push(`${name}:${error?.message ?? 'written'}`));
    }
    await nextTurn();
    expect(log).toEqual([]);
    socket.release();
    await nextTurn();
    expect(log).toEqual(['a:written', 'b:written', 'c:written']);
  });

  it('get the error of a stream that was destroyed', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket);
    const errors: (Error | null | undefined)[] = [];
    batch.writeFrame(TEXT, 'a');
    batch.whenWritten((error) => errors.push(error));
    socket.destroy();
    await nextTurn();
    expect(errors).toMatchObject([{ code: 'ERR_STREAM_DESTROYED' }]);
  });

  it('get an error when the stream, destroyed meanwhile, says that all went well', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket);
    const errors: (Error | null | undefined)[] = [];
    batch.writeFrame(TEXT, 'a');
    batch.whenWritten((error) => errors.push(error));
    batch.flush();
    socket.destroy();
    socket.release();
    await nextTurn();
    expect(errors).toMatchObject([{ message: 'The connection was closed while the message was written' }]);
  });

  it('get none when the stream had said so before it was destroyed', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    const errors: (Error | null | undefined)[] = [];
    batch.writeFrame(TEXT, 'a');
    batch.whenWritten((error) => errors.push(error));
    batch.flush();
    socket.destroy();
    await nextTurn();
    expect(errors).toEqual([undefined]);
  });

  it('get an error, once, when the stream is closed and never answers', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket);
    const errors: (Error | null | undefined)[] = [];
    for (const text of ['a', 'b']) {
      batch.writeFrame(TEXT, text);
      batch.whenWritten((error) => errors.push(error));
      batch.flush();
    }
    socket.on('close', () => batch.socketClosed());
    socket.destroy();
    await nextTurn();
    expect(errors).toHaveLength(2);
    expect(errors.every((error) => error instanceof Error)).toBe(true);
    socket.release();
    await nextTurn();
    expect(errors).toHaveLength(2);
  });

  it('the owner hears of a flush when it waits for one, after the stream has let go', async () => {
    const socket = new HeldDuplex();
    const { batch, owner } = batchOn(socket, 'server', true);
    batch.writeFrame(TEXT, 'a');
    batch.flush();
    await nextTurn();
    expect(owner.flushes).toBe(0);
    socket.release();
    await nextTurn();
    expect(owner.flushes).toBe(1);
  });
});

describe('what may be dropped', () => {
  it('is dropped with its callbacks, and what stood before it leaves', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    const log: string[] = [];
    for (const [i, text] of ['kept', 'one', 'two'].entries()) {
      if (i > 0) batch.mayDrop();
      batch.writeFrame(TEXT, text);
      batch.whenWritten((error) => log.push(`${text}: ${error ?? 'written'}`));
    }
    expect(batch.bufferedBytes).toBe(10);
    for (const callback of batch.drop()) callback(new Error('dropped'));
    expect(batch.bufferedBytes).toBe(4);
    expect(batch.drop()).toEqual([]);
    await nextTurn();
    expect(log).toEqual(['one: Error: dropped', 'two: Error: dropped', 'kept: written']);
    expect(toHex(socket.written)).toBe(`81 04 ${toHex(Buffer.from('kept'))}`);
  });

  it('is all there is, or nothing once it has been written; the next frames leave as ever', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    batch.mayDrop();
    batch.writeFrame(TEXT, 'dropped');
    batch.drop();
    await nextTurn();
    expect(socket.writes).toBe(0);
    batch.mayDrop();
    batch.writeFrame(TEXT, 'a');
    batch.flush();
    batch.writeFrame(TEXT, 'b');
    batch.drop();
    await nextTurn();
    expect(toHex(socket.written)).toBe('81 01 61 81 01 62');
  });
});

describe('a stream whose write throws', () => {
  it('is destroyed with what it threw; batches behind it in the same tick leave all the same', async () => {
    const faulty = new HeldDuplex(false);
    faulty._write = () => {
      throw new Error('faulty stream');
    };
    const errors: unknown[] = [];
    faulty.on('error', (error) => errors.push(error));
    const sound = new HeldDuplex(false);
    const { batch } = batchOn(faulty);
    batch.writeFrame(TEXT, 'a');
    const told: unknown[] = [];
    for (const _ of [1, 2]) batch.whenWritten((error) => told.push(error));
    batchOn(sound).batch.writeFrame(TEXT, 'b');
    await nextTurn();
    expect(errors).toMatchObject([{ message: 'faulty stream' }]);
    expect(told).toEqual([errors[0], errors[0]]);
    expect(toHex(sound.written)).toBe('81 01 62');
  });
});

describe('end', () => {
  it('writes what is there, ends the stream, and takes no frame after that', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    batch.writeFrame(TEXT, 'last');
    batch.end();
    batch.end();
    batch.writeFrame(TEXT, 'too late');
    await nextTurn();
    expect(socket.writableFinished).toBe(true);
    expect(toHex(socket.written)).toBe(`81 04 ${toHex(Buffer.from('last'))}`);
    expect(batch.bufferedBytes).toBe(0);
  });
});

describe('frames encoded elsewhere', () => {
  it('stand between those encoded here, whatever their size, and are left as they are', async () => {
    const socket = new HeldDuplex();
    const { batch } = batchOn(socket, 'client');
    const large = Buffer.alloc(LONG_PAYLOAD_BYTES + 1, 5);
    const small = hex('81 02 68 69');
    batch.writeEncoded([small]);
    batch.writeEncoded([Buffer.from(hex('82 7e 40 01')), large]);
    batch.writeEncoded([small]);
    expect(batch.bufferedBytes).toBe(4 + 4 + large.length + 4);
    await nextTurn();
    socket.release();
    expect(socket.chunks.map((chunk) => chunk.length)).toEqual([8, large.length, 4]);
    expect(socket.chunks[1]!.buffer).not.toBe(large.buffer);
    expect(socket.written.subarray(0, 8)).toEqual(Buffer.from(hex('81 02 68 69 82 7e 40 01')));
    expect(toHex(small)).toBe('81 02 68 69');
    expect(large.every((byte) => byte === 5)).toBe(true);
  });

  it('behind the end nothing is taken', async () => {
    const socket = new HeldDuplex(false);
    const { batch } = batchOn(socket);
    batch.end();
    batch.writeEncoded([hex('81 00')]);
    await nextTurn();
    expect(batch.bufferedBytes).toBe(0);
    expect(socket.written.length).toBe(0);
  });
});
