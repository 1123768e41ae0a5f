import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import { type FrameOptions, Sender } from '../../src/ws-compat/sender.ts';
import { anyKey, anyPayload, fill } from '../support/arbitraries.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { nextTurn } from '../support/servers.ts';
import { toHex } from '../support/wire.ts';
import { type DeflateLike, type SenderLike, wsClasses as ws } from '../support/ws-classes.ts';

const setKey = (key: readonly number[]) => (buffer: Buffer) => buffer.set(key);

const anyFrame = fc.record({
  payload: fc.oneof(
    { weight: 40, arbitrary: anyPayload },
    { weight: 1, arbitrary: fc.constantFrom(fill(65_535, 1), fill(65_536, 2)) },
  ),
  isString: fc.boolean(),
  key: anyKey,
  mask: fc.boolean(),
  readOnly: fc.boolean(),
  fin: fc.boolean(),
  rsv1: fc.boolean(),
  opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
});

describe('§5.2 Sender.frame', () => {
  it('§5.2 gives the pieces that ws gives, and leaves of the data what ws leaves of it', () => {
    fc.assert(
      fc.property(anyFrame, ({ payload, isString, key, ...options }) => {
        const frameWith = (frame: typeof Sender.frame) => {
          const data = isString ? Buffer.from(payload).toString('latin1') : Buffer.from(payload);
          const list = frame(data, { ...options, generateMask: setKey(key), maskBuffer: Buffer.alloc(4) });
          return { list: list.map((part) => part.toString('hex')), data: data.toString('hex' as never) };
        };
        expect(frameWith(Sender.frame)).toEqual(frameWith(ws.Sender.frame));
      }),
      { numRuns: 2000 },
    );
  });

  it('§5.3 without generateMask every frame has a key of its own, and unmasks to its payload', () => {
    const keys = Array.from({ length: 50 }, () => {
      const [frame] = Sender.frame(Buffer.from('abcd'), { opcode: 2, fin: true, mask: true, readOnly: true });
      const key = frame!.subarray(2, 6);
      expect(Buffer.from(frame!.subarray(6).map((byte, i) => byte ^ key[i & 3]!)).toString()).toBe('abcd');
      return toHex(key);
    });
    expect(new Set(keys).size).toBe(50);
  });

  it('§5.2 as socket.io-adapter calls it: the payload itself behind a header', () => {
    const data = Buffer.from('4{"type":2}');
    const list = Sender.frame(data, { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true });
    expect(list[0]).toEqual(Buffer.of(0x81, data.length));
    expect(list[1]).toBe(data);
  });
});

/** Sends by a script on a sender of each kind; what comes out of the socket, and the order of the callbacks. */
async function run(
  SenderClass: new (...args: ConstructorParameters<typeof ws.Sender>) => SenderLike,
  deflate: DeflateLike | undefined,
  script: (sender: SenderLike, called: (name: string) => (error?: Error | null) => void) => void,
) {
  const socket = new HeldDuplex(false);
  const calls: string[] = [];
  const sender = new SenderClass(socket, deflate && { 'permessage-deflate': deflate }, setKey([1, 2, 3, 4]));
  const until = new Promise<void>((resolve) => {
    script(sender, (name) => (error) => {
      calls.push(error ? `${name}: ${error.message}` : name);
      if (name === 'last') resolve();
    });
  });
  await until;
  return { written: toHex(socket.written), calls, bufferedBytes: sender._bufferedBytes };
}

const MESSAGE = { binary: false, compress: true, fin: true, mask: false };

describe('Sender', () => {
  const agree = (deflate: DeflateLike) => {
    deflate.accept([{ client_no_context_takeover: [true], server_no_context_takeover: [true] }]);
    return deflate;
  };
  const ours = (isServer = true) => agree(new PerMessageDeflate({ isServer, threshold: 4 }));
  const theirs = (isServer = true) => agree(new ws.PerMessageDeflate({ isServer, threshold: 4 }));
  const OurSender = Sender as unknown as typeof ws.Sender;

  it('§5.4 messages, fragments, control frames and a Blob leave in the order of the calls, as from ws', async () => {
    const script: Parameters<typeof run>[2] = (sender, called) => {
      sender.send('plain', { ...MESSAGE, compress: false }, called('plain'));
      sender.send(new Blob(['blob']), { ...MESSAGE, binary: true, compress: false }, called('blob'));
      sender.ping('p', false, called('ping'));
      sender.send(Buffer.from('abc'), { ...MESSAGE, binary: true, fin: false, mask: true, compress: false });
      sender.pong(new Uint8Array([1]), true, called('pong'));
      sender.send('def', { ...MESSAGE, mask: true, compress: false });
      sender.ping(new Blob(['q']), false);
      sender.close(3000, 'bye', false, called('last'));
    };
    const result = await run(OurSender, undefined, script);
    expect(result).toEqual(await run(ws.Sender, undefined, script));
    expect(result.calls).toEqual(['plain', 'blob', 'ping', 'pong', 'last']);
    expect(result.bufferedBytes).toBe(0);
  });

  it('§6.1 what leaves is what was there at the call, also behind a Blob; a callback reports no success of what was cut off', async () => {
    const socket = new HeldDuplex();
    const sender = new Sender(socket);
    const bytes = Buffer.from('a');
    const errors: (Error | null | undefined)[] = [];
    sender.send(bytes, { ...MESSAGE, compress: false }, (error) => errors.push(error));
    sender.send(new Blob(['b']), { ...MESSAGE, compress: false });
    sender.send(bytes.fill('c'), { ...MESSAGE, compress: false });
    bytes.fill('x');
    while (sender._bufferedBytes > 0) await nextTurn();
    socket.release();
    await nextTurn();
    expect(toHex(socket.written)).toBe('81 01 61 81 01 62 81 01 63');
    expect(errors[0] ?? undefined).toBeUndefined();

    const cutOff = new HeldDuplex();
    new Sender(cutOff).sendFrame([Buffer.from([0x81, 0])], (error) => errors.push(error));
    cutOff.destroy();
    cutOff.release();
    await nextTurn();
    expect(errors[1]).toMatchObject({ message: 'The connection was closed while the message was written' });
  });

  it('§5.2 the socket is given the same pieces as by ws: Buffers, and text that is not masked as text', () => {
    const piecesOf = (SenderClass: typeof OurSender) => {
      const pieces: unknown[] = [];
      const socket = { cork() {}, uncork() {}, write: (piece: unknown) => void pieces.push(piece) };
      const sender = new SenderClass(socket as unknown as Duplex, undefined, setKey([1, 2, 3, 4]));
      const bytes = Uint8Array.of(1, 2);
      for (const data of ['text', '', bytes, bytes.buffer]) {
        sender.ping(data, false);
        sender.pong(data, true);
        sender.send(data, { ...MESSAGE, compress: false });
      }
      return pieces;
    };
    const pieces = piecesOf(OurSender);
    expect(pieces).toStrictEqual(piecesOf(ws.Sender));
    expect(pieces.slice(0, 2)).toStrictEqual([Buffer.of(0x89, 4), 'text']);
  });

  it('RFC 7692 §7.2.1 compressed messages, fragments among them, are the same bytes as from ws', async () => {
    const script: Parameters<typeof run>[2] = (sender, called) => {
      sender.send('compressed compressed', MESSAGE, called('first'));
      sender.send('abc', MESSAGE, called('below the threshold'));
      sender.send('fragment', { ...MESSAGE, fin: false }, called('fragment'));
      sender.ping('p', false);
      sender.send(Buffer.from('rest'), MESSAGE, called('rest'));
      sender.send(new Blob(['compressed blob']), { ...MESSAGE, binary: true }, called('blob'));
      sender.close(1000, undefined, false, called('last'));
    };
    const result = await run(OurSender, ours(), script);
    expect(result).toEqual(await run(ws.Sender, theirs(), script));
  });

  it.each<[string, (sender: SenderLike) => void, ErrorConstructor, string]>([
    ['ping', (s) => s.ping(Buffer.alloc(126)), RangeError, 'The data size must not be greater than 125 bytes'],
    ['pong', (s) => s.pong('x'.repeat(126)), RangeError, 'The data size must not be greater than 125 bytes'],
    ['close', (s) => s.close(1005), TypeError, 'First argument must be a valid error code number'],
    ['close', (s) => s.close(1000, 'x'.repeat(124)), RangeError, 'The message must not be greater than 123 bytes'],
  ])('§5.5 %s refuses what must not be sent, with ws’s words', (_name, call, ErrorClass, message) => {
    for (const sender of [new Sender(new HeldDuplex()), new ws.Sender(new HeldDuplex())]) {
      expect(() => call(sender as SenderLike)).toThrow(new ErrorClass(message));
    }
  });

  it.each([
    ['data was being compressed', 'a message to be compressed'],
    ['the blob was being read', new Blob(['x'])],
  ])('a socket closed while %s: every callback is told', async (doing, data) => {
    for (const [SenderClass, deflate] of [
      [OurSender, ours()],
      [ws.Sender, theirs()],
    ] as const) {
      const socket = new HeldDuplex(false);
      const sender = new SenderClass(socket, { 'permessage-deflate': deflate });
      const told = new Promise<string[]>((resolve) => {
        const calls: string[] = [];
        sender.send(data, { ...MESSAGE, compress: typeof data === 'string' }, (error) => calls.push(error!.message));
        sender.ping('p', false, (error) => {
          calls.push(error!.message);
          resolve(calls);
        });
      });
      socket.destroy();
      const message = `The socket was closed while ${doing}`;
      expect(await told).toEqual([message, message]);
      expect(socket.written.length).toBe(0);
    }
  });

  it('a Blob that cannot be read: callbacks and onerror are told', async () => {
    const fault = new Error('unreadable');
    const blob = new Blob(['x']);
    blob.arrayBuffer = () => Promise.reject(fault);
    const sender = new Sender(new HeldDuplex());
    const told: unknown[] = [];
    sender.onerror = (error) => told.push(['onerror', error]);
    sender.send(blob, MESSAGE, (error) => told.push(['callback', error]));
    await nextTurn();
    expect(told).toEqual([
      ['callback', fault],
      ['onerror', fault],
    ]);
  });

  it('sendFrame writes the parts together and calls back when they are out', async () => {
    const socket = new HeldDuplex(false);
    const options: FrameOptions = { opcode: 1, fin: true };
    await new Promise<void>((resolve) => new Sender(socket).sendFrame(Sender.frame('hi', options), () => resolve()));
    expect(toHex(socket.written)).toBe('81 02 68 69');
    expect(socket.writes).toBe(1);
  });
});
