/** What the fuzzer puts on the wire: frames, masked or not, fragments, and writes that are cut as a case demands. */

import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { FrameEncoder, fragmentCount, rawFirstByte } from '../../src/conformance/frame-encoding.ts';
import { FrameSender } from '../../src/conformance/frame-sender.ts';
import { SendQueue } from '../../src/conformance/send-queue.ts';
import { WireLog } from '../../src/conformance/wire-log.ts';
import { maskReference, Opcode, type Role, readFrames } from '../../src/protocol/index.ts';

const client = new FrameEncoder('client');

/** Frames as the other side reads them, `[opcode, fin, payload]`. */
function parse(bytes: Uint8Array, role: Role = 'server', allowsRsv1 = false): [number, boolean, string][] {
  const { frames, violation } = readFrames(bytes, { role, allowsRsv1, strictLengths: true });
  expect(violation).toBeUndefined();
  expect(frames.reduce((sum, { headerLength, payload }) => sum + headerLength + payload.length, 0)).toBe(bytes.length);
  return frames.map(({ opcode, fin, payload }) => [opcode, fin, Buffer.from(payload).toString()]);
}

describe('frame encoding', () => {
  it.each([
    [4_194_304, 64, 65_537],
    [4_194_304, 4_194_304, 1],
    [65_536, 1300, 51],
    [0, 0, 1],
    [5, 1, 6],
    [5, 2, 3],
    [5, 6, 1],
  ])('§5.4 a message of %i bytes in fragments of %i is %i frames', (lengthBytes, fragmentBytes, count) => {
    expect(fragmentCount(lengthBytes, fragmentBytes)).toBe(count);
  });

  it.each([
    ['hello', 2, ['he', 'll', 'o']],
    ['hell', 2, ['he', 'll', '']],
    ['he', 2, ['he']],
    ['', 2, ['']],
  ])('§5.4 %j in fragments of %i', (message, fragmentBytes, pieces) => {
    const expected = pieces.map((piece, i) => [i === 0 ? 2 : 0, i === pieces.length - 1, piece]);
    for (const [role, peer] of [['client', 'server'] as const, ['server', 'client'] as const]) {
      const bytes = new FrameEncoder(role).fragments(2, 0, Buffer.from(message), fragmentBytes);
      expect(parse(bytes, peer)).toEqual(expected);
    }
  });

  it('RFC 7692 §6.1 sets RSV1 on the first fragment only', () => {
    const bytes = client.fragments(1, 4, Buffer.from('abc'), 2);
    expect(bytes[0]).toBe(0x41);
    expect(parse(bytes, 'server', true)).toEqual([
      [1, false, 'ab'],
      [0, true, 'c'],
    ]);
  });

  it('§5.1 masks nothing as server', () => {
    const server = new FrameEncoder('server');
    expect(Buffer.from(server.frame(0x81, Buffer.from('Hello'))).toString('hex')).toBe('810548656c6c6f');
    expect(server.header(0x01, 300)).toEqual({ bytes: Uint8Array.of(0x01, 126, 1, 44), maskingKey: undefined });
  });

  it('§5.2 sets any RSV bits and opcode', () => {
    expect(client.frame(rawFirstByte(11, false, 5), Buffer.from('x')).slice(0, 2)).toEqual(Uint8Array.of(0x5b, 0x81));
  });

  it('§5.3 masks each frame with a key of its own', () => {
    const keys = Array.from({ length: 2000 }, () => Buffer.from(client.frame(0x81, Buffer.of(0)).slice(2, 6)));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBeGreaterThan(1990);
  });

  it('§5.2 a frame of any length is what the reference reader reads', () => {
    for (const lengthBytes of [0, 1, 2, 3, 4, 5, 125, 126, 127, 300, 65_535, 65_536, 70_001]) {
      const payload = Uint8Array.from({ length: lengthBytes }, (_, i) => 0x20 + ((i * 7) % 95));
      expect(parse(client.frame(0x82, payload))).toEqual([[2, true, Buffer.from(payload).toString()]]);
    }
  });

  it('§5.2 takes a payload behind its header in parts', () => {
    const payload = Buffer.from('in three parts');
    const { bytes, maskingKey } = client.header(0x01, payload.length);
    const parts = [payload.subarray(0, 3), payload.subarray(3, 4), payload.subarray(4)].map((part, i) => {
      const masked = Uint8Array.from(part);
      maskReference(masked, 0, masked.length, maskingKey!, [0, 3, 4][i]!);
      return masked;
    });
    expect(parse(Buffer.concat([bytes, ...parts]))).toEqual([[1, false, 'in three parts']]);
  });
});

it('§5.4 answers a ping behind a frame that it is sending in parts', async () => {
  const stream = new PassThrough();
  const sender = new FrameSender(stream, 'client', new WireLog());
  sender.pong(Buffer.from('before'));
  sender.frameHeader(Opcode.Text, 8);
  sender.framePart(Buffer.from('in '));
  sender.pong(Buffer.from('during'));
  sender.framePart(Buffer.from('parts'));
  sender.pong(Buffer.from('after'));
  sender.end();
  expect(parse(Buffer.concat(await stream.toArray()))).toEqual([
    [Opcode.Pong, true, 'before'],
    [Opcode.Text, false, 'in parts'],
    [Opcode.Pong, true, 'during'],
    [Opcode.Pong, true, 'after'],
  ]);
});

/** Notes in which turn of the event loop something is written, and what. */
class FakeSocket {
  readonly writes: string[] = [];
  destroyed = false;
  private corked: string[] | undefined;

  cork(): void {
    this.corked = [];
  }

  uncork(): void {
    this.writes.push((this.corked ?? []).join(''));
    this.corked = undefined;
  }

  end(): void {
    this.writes.push('end');
  }

  write(bytes: Uint8Array, callback?: () => void): void {
    const text = Buffer.from(bytes).toString();
    if (this.corked !== undefined) this.corked.push(text);
    else this.writes.push(text);
    if (callback) process.nextTick(callback);
  }
}

/** Each piece takes a turn, some a millisecond; twenty are enough for all that is sent here. */
async function twentyTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function written(send: (queue: SendQueue) => void): Promise<string[]> {
  const socket = new FakeSocket();
  send(new SendQueue(socket as unknown as Socket));
  await twentyTurns();
  return socket.writes;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

describe('send queue', () => {
  it('sends together what is sent in one turn', async () => {
    const writes = await written((queue) => {
      queue.send(bytesOf('ab'));
      queue.send(bytesOf('cd'));
    });
    expect(writes).toEqual(['abcd']);
  });

  it('sends in pieces, and what follows behind them', async () => {
    const writes = await written((queue) => {
      queue.send(bytesOf('first'));
      queue.sendApart(bytesOf('abcde'), 2);
      queue.send(bytesOf('last'));
    });
    expect(writes).toEqual(['first', 'ab', 'cd', 'e', 'last']);
  });

  it('sends each frame that is to be alone by itself', async () => {
    const writes = await written((queue) => {
      queue.sendApart(bytesOf('ab'));
      queue.sendApart(bytesOf('cd'));
    });
    expect(writes).toEqual(['ab', 'cd']);
  });

  it('starts together again once the pieces are written', async () => {
    const socket = new FakeSocket();
    const queue = new SendQueue(socket as unknown as Socket);
    queue.sendApart(bytesOf('ab'), 1);
    await twentyTurns();
    queue.send(bytesOf('c'));
    queue.send(bytesOf('d'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.writes).toEqual(['a', 'b', 'cd']);
  });

  it('stops when the socket is gone', async () => {
    const socket = new FakeSocket();
    const queue = new SendQueue(socket as unknown as Socket);
    queue.sendApart(bytesOf('abc'), 1);
    socket.destroyed = true;
    await twentyTurns();
    expect(socket.writes).toEqual(['a']);
  });

  it('ends the connection behind what is still to be written', async () => {
    const writes = await written((queue) => {
      queue.sendApart(bytesOf('abc'), 2);
      queue.send(bytesOf('last'));
      queue.end();
    });
    expect(writes).toEqual(['ab', 'c', 'last', 'end']);
    expect(await written((queue) => queue.end())).toEqual(['end']);
  });
});
