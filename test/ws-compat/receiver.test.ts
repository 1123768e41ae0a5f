import type { Writable } from 'node:stream';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import { Receiver, type ReceiverOptions } from '../../src/ws-compat/receiver.ts';
import { anyCuts, anyGarbage, anyStream, applyCuts } from '../support/arbitraries.ts';
import { eventOf } from '../support/servers.ts';
import { frame, hex, toHex } from '../support/wire.ts';
import { wsClasses as ws } from '../support/ws-classes.ts';

type ReceiverClass = new (options?: ReceiverOptions) => Writable;
const OurReceiver: ReceiverClass = Receiver;
const BOTH: readonly (readonly [name: string, Receiver: ReceiverClass])[] = [
  ['ours', OurReceiver],
  ['ws', ws.Receiver],
];

/** Everything that a receiver says about these chunks: events in order, the error last. */
function hear(ReceiverUnderTest: ReceiverClass, options: ReceiverOptions, chunks: readonly Uint8Array[]): string[] {
  const receiver = new ReceiverUnderTest(options);
  const heard = listen(receiver);
  for (const chunk of chunks) {
    if (receiver.writableEnded || receiver.errored !== null) break;
    receiver.write(chunk);
  }
  const error = receiver.errored as (Error & { code: string }) | null;
  if (error !== null) heard.push(`${error.name} ${error.code} ${error.message}`);
  return heard;
}

function listen(receiver: Writable): string[] {
  const heard: string[] = [];
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    heard.push(`${isBinary ? 'binary' : 'text'} ${toHex(data)}`),
  );
  for (const name of ['ping', 'pong']) receiver.on(name, (data: Buffer) => heard.push(`${name} ${toHex(data)}`));
  receiver.on('conclude', (code: number, reason: Buffer) => heard.push(`conclude ${code} ${toHex(reason)}`));
  receiver.on('error', () => {});
  return heard;
}

const INVALID_TEXT = 'Error WS_ERR_INVALID_UTF8 Invalid WebSocket frame: invalid UTF-8 sequence';
const isMessage = (event: string) => /^(text|binary) /.test(event);

describe('§5.4 Receiver hears what ws’s hears', () => {
  it.each([
    ['any frames, legal or with one fault', anyStream],
    ['any bytes', anyGarbage],
  ])(
    '§5.4 %s, in any chunks',
    (_what, anyInput) => {
      const anyLimits = fc.record({
        maxPayload: fc.constantFrom(0, 0, 1, 20, 125),
        maxFragments: fc.constantFrom(0, 0, 1, 3),
        skipUTF8Validation: fc.boolean(),
      });
      fc.assert(
        fc.property(anyInput, anyCuts, anyLimits, ({ role, wire }, cuts, limits) => {
          const options = { isServer: role === 'server', ...limits };
          const ours = hear(OurReceiver, options, applyCuts(wire, cuts));
          const theirs = hear(ws.Receiver, options, applyCuts(wire, cuts));
          if (JSON.stringify(ours) === JSON.stringify(theirs)) return;
          // §8.1: text is refused at its first bad byte here, and as a whole there; a limit on fragments is met at the
          // header here, and behind the payload there. What ws hears meanwhile can be control frames, or another error.
          const end = ours.pop()!;
          const isEarlier = end === INVALID_TEXT || end.includes('WS_ERR_TOO_MANY_BUFFERED_PARTS');
          const later = theirs.slice(ours.length);
          const isSameBefore = ours.every((event, i) => event === theirs[i]);
          if (!isEarlier || !isSameBefore || later.some(isMessage)) expect([...ours, end]).toEqual(theirs);
        }),
        { numRuns: 2000 },
      );
    },
    60_000,
  );

  it.each<[string, ReceiverOptions, string]>([
    ['too many fragments', { maxFragments: 2 }, '01 01 61 00 01 62 00 01 63'],
    ['a message that is too long', { maxPayload: 2 }, '81 03 61 62 63'],
    ['a reserved bit', {}, 'a1 00'],
    ['compression that nobody agreed on', {}, 'c1 00'],
    ['a masked frame at the client', {}, '81 81 00 00 00 00 61'],
    ['an unmasked frame at the server', { isServer: true }, '81 01 61'],
    ['a code that must not be sent', {}, '88 02 03 ed'],
    ['a length beyond 2^53', {}, '82 7f ff 00 00 00 00 00 00 00'],
  ])('§7.1.7 %s: the same error', (_name, options, wire) => {
    const ours = hear(OurReceiver, options, [hex(wire)]);
    expect(ours).toEqual(hear(ws.Receiver, options, [hex(wire)]));
    expect(ours.at(-1)).toMatch(/^(Range)?Error WS_ERR_/);
  });
});

describe('Receiver with names of ours', () => {
  const { POSITIVE_INFINITY: none } = Number;
  it.each<[string, ReceiverOptions, string, string]>([
    ['maxMessageBytes', { limits: { maxMessageBytes: 2 } }, '81 03 61 62 63', 'UNSUPPORTED_MESSAGE_LENGTH'],
    ['maxFrameBytes', { limits: { maxFrameBytes: 2 }, maxPayload: 9 }, '81 03 61 62 63', 'UNSUPPORTED_MESSAGE_LENGTH'],
    ['maxFragments', { limits: { maxFragments: 1, maxFrameBytes: none } }, '01 01 61 80 00', 'TOO_MANY_BUFFERED_PARTS'],
    ['control frames', { limits: { maxControlFramesBetweenData: 1 } }, '89 00 89 00', 'TOO_MANY_CONTROL_FRAMES'],
    ['strictLengths', { strictLengths: true }, '81 7e 00 01 61', 'LENGTH_NOT_MINIMAL'],
  ])('§10.4 %s', (_name, options, wire, code) => {
    expect(hear(OurReceiver, options, [hex(wire)]).at(-1)).toContain(`WS_ERR_${code} `);
    expect(hear(OurReceiver, {}, [hex(wire)]).at(-1)).not.toContain(code);
  });

  it('§8.1 skipsUtf8Validation and spreadsEvents', async () => {
    expect(hear(OurReceiver, { skipsUtf8Validation: true }, [hex('81 01 ff')])).toEqual(['text ff']);
    const receiver = new Receiver({ spreadsEvents: true, maxPayload: 0, limits: { maxMessageBytes: none } });
    const heard = listen(receiver);
    receiver.write(hex('81 01 61'));
    expect(heard).toEqual([]);
    await eventOf(receiver, 'message');
    expect(heard).toEqual(['text 61']);
  });

  it.each<[ReceiverOptions, ErrorConstructor, string]>([
    [{ maxPayload: 1, limits: { maxMessageBytes: 2 } }, TypeError, 'maxPayload (1) and limits.maxMessageBytes (2)'],
    [{ limits: { maxPayload: 1 } as object }, TypeError, 'it is called maxMessageBytes here'],
    [{ limits: { maxMessageBytes: -1 } }, RangeError, 'maxMessageBytes must be'],
    [{ maxPayload: -1 }, RangeError, 'maxPayload must be'],
    [{ skipUTF8Validation: 1 as never }, TypeError, 'Receiver: skipUTF8Validation must be true or false'],
  ])('refuses %o', (options, kind, message) => {
    expect(() => new Receiver(options)).toThrow(kind);
    expect(() => new Receiver(options)).toThrow(message);
  });
});

describe.each(BOTH)('Receiver as a stream: %s', (_name, ReceiverUnderTest) => {
  it('§5.5.1 finishes behind a Close frame, and emits an error as an event', async () => {
    const receiver = new ReceiverUnderTest();
    const finish = eventOf(receiver, 'finish');
    const heard = listen(receiver);
    receiver.write(hex('88 04 03 e8 6f 6b'));
    await finish;
    expect(heard).toEqual(['conclude 1000 6f 6b']);

    const failing = new ReceiverUnderTest();
    const error = eventOf(failing, 'error');
    failing.write(hex('83 00'));
    expect((await error)[0]).toMatchObject({ code: 'WS_ERR_INVALID_OPCODE', name: 'RangeError' });
  });

  it('what a listener throws reaches whoever writes', () => {
    const receiver = new ReceiverUnderTest();
    const fault = new Error('in a listener');
    receiver.on('message', () => {
      throw fault;
    });
    expect(() => receiver.write(hex('81 01 61'))).toThrow(fault);
  });

  it('allowSynchronousEvents: false gives each event a turn of its own, in order, and holds writes back', async () => {
    const receiver = new ReceiverUnderTest({ allowSynchronousEvents: false });
    const heard = listen(receiver);
    receiver.on('message', () => setImmediate(() => heard.push('turn')));
    receiver.on('ping', () => setImmediate(() => heard.push('turn')));
    let isTaken = false;
    receiver.write(hex('81 01 61 89 01 62 82 01 63'), () => {
      isTaken = true;
    });
    receiver.write(hex('88 00'));
    expect(heard).toEqual([]);
    expect(isTaken).toBe(false);
    await eventOf(receiver, 'finish');
    expect(heard.filter((entry) => entry !== 'turn')).toEqual(['text 61', 'ping 62', 'binary 63', 'conclude 1005 ']);
    expect(heard.indexOf('turn')).toBeLessThan(heard.indexOf('ping 62') + 2);
    expect(isTaken).toBe(true);
  });

  it.each([
    ['arraybuffer', new Uint8Array([1, 2]).buffer],
    ['nodebuffer', Buffer.of(1, 2)],
  ] as const)('binaryType %s', (binaryType, expected) => {
    const receiver = new ReceiverUnderTest({ binaryType });
    const heard: unknown[] = [];
    receiver.on('message', (data) => heard.push(data));
    receiver.write(hex('82 02 01 02'));
    expect(heard).toEqual([expected]);
  });

  const compressed = (text: string) => deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4);
  const receiverWithDeflate = (options: ReceiverOptions = {}) => {
    const deflateOptions = { isServer: true, maxPayload: options.maxPayload ?? 0 };
    const deflate =
      ReceiverUnderTest === OurReceiver
        ? new PerMessageDeflate(deflateOptions)
        : new ws.PerMessageDeflate(deflateOptions);
    deflate.accept([{}]);
    return new ReceiverUnderTest({ isServer: true, extensions: { 'permessage-deflate': deflate }, ...options });
  };
  const key = [1, 2, 3, 4];

  it('RFC 7692 §7.2.2 compressed messages, fragments among them; what follows waits', async () => {
    const receiver = receiverWithDeflate();
    const heard = listen(receiver);
    const payload = compressed('Hello');
    receiver.write(frame({ opcode: 1, rsv: 4, key, payload }));
    receiver.write(frame({ opcode: 2, rsv: 4, fin: false, key, payload: compressed('abcabc').subarray(0, 3) }));
    receiver.write(frame({ opcode: 9, key, payload: 'p' }));
    receiver.write(frame({ opcode: 0, key, payload: compressed('abcabc').subarray(3) }));
    receiver.write(frame({ opcode: 8, key, payload: [] }));
    await eventOf(receiver, 'finish');
    expect(heard).toEqual(['text 48 65 6c 6c 6f', 'ping 70', 'binary 61 62 63 61 62 63', 'conclude 1005 ']);
  });

  it.each<[string, ReceiverOptions, Uint8Array, string]>([
    [
      'a message that inflates past maxPayload',
      { maxPayload: 50 },
      compressed('a'.repeat(200)),
      'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
    ],
    ['corrupt data', {}, hex('ff ff ff'), 'Z_DATA_ERROR'],
    ['text that is not UTF-8', {}, hex('01 02 00 fd ff c3 28 00'), 'WS_ERR_INVALID_UTF8'],
  ])('RFC 7692 §7.2.2 %s', async (_what, options, payload, code) => {
    const receiver = receiverWithDeflate(options);
    const error = eventOf(receiver, 'error');
    receiver.write(frame({ opcode: 1, rsv: 4, key, payload }));
    expect((await error)[0]).toMatchObject({ code });
  });
});
