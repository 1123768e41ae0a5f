/** The reference reader, beside the RFC: the examples of §5.7, each rule once, and what is not there yet. */

import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as protocol from '../../src/protocol/index.ts';
import {
  closeFaults,
  headerFaults,
  type ReferenceOptions,
  readFrame,
  readFrames,
  readHeader,
  readMessages,
  resolveLimits,
} from '../../src/protocol/index.ts';
import { hex, toHex } from '../support/wire.ts';

const AS_CLIENT: ReferenceOptions = { role: 'client' };
const KEY = '37fa213d';

/** What is read: `text:48 69`, and the violation behind it. */
function read(wire: string, options: ReferenceOptions = AS_CLIENT): string[] {
  const { events, violation } = readMessages(hex(wire), options);
  const seen = events.map(({ type, payload }) => `${type}:${toHex(payload)}`);
  return violation === undefined ? seen : [...seen, `${violation.id} ${violation.detail} at ${violation.offset}`];
}

describe('§5.7 the examples', () => {
  const hello = 'text:48 65 6c 6c 6f';
  it.each<[string, string, string[], ReferenceOptions]>([
    ['unmasked text', '81 05 48656c6c6f', [hello], AS_CLIENT],
    ['masked text', `81 85 ${KEY} 7f9f4d5158`, [hello], { role: 'server' }],
    ['fragmented text', '01 03 48656c 80 02 6c6f', [hello], AS_CLIENT],
    ['unmasked ping', '89 05 48656c6c6f', ['ping:48 65 6c 6c 6f'], AS_CLIENT],
    ['masked pong', `8a 85 ${KEY} 7f9f4d5158`, ['pong:48 65 6c 6c 6f'], { role: 'server' }],
    ['256 bytes', `82 7e 0100 ${'ab'.repeat(256)}`, [`binary:${Array(256).fill('ab').join(' ')}`], AS_CLIENT],
  ])('§5.7 %s', (_, wire, expected, options) => {
    expect(read(wire, options)).toEqual(expected);
  });
});

describe('§5.2 a header', () => {
  it('§5.2 is read field by field', () => {
    expect(readHeader(hex(`00 c1 fe 0102 ${KEY} 00`), 1)).toEqual({
      fin: true,
      rsv: 4,
      opcode: 1,
      masked: true,
      length7: 126,
      payloadLength: 0x102,
      maskingKey: 0x37fa213d,
      headerLength: 8,
      isHeaderWhole: true,
    });
    expect(readHeader(hex('70 7f 001fffff ffffffff'))).toMatchObject({
      fin: false,
      rsv: 7,
      payloadLength: 2 ** 53 - 1,
    });
  });

  it('§5.2 is read as far as it is there', () => {
    expect(readHeader(hex('81'))).toBe('more');
    expect(readHeader(hex('82 fe 01'))).toMatchObject({ payloadLength: undefined, maskingKey: undefined });
    expect(readHeader(hex('82 fe 0100 37fa21'))).toMatchObject({ payloadLength: 256, isHeaderWhole: false });
    for (const part of ['', '81', '82 7e 00', '82 ff 0000 0000 0000', '81 81 37fa21'])
      expect(readFrame(hex(part), { role: part.includes('f') ? 'server' : 'client' })).toBe('more');
  });

  it('§5.2 each fault is told, in the order of judgement', () => {
    const header = readHeader(hex('79 fe 0001'));
    if (header === 'more') throw new Error('the header is there');
    const faults = headerFaults(header, { role: 'client', strictLengths: true });
    expect(faults.map(({ id }) => id)).toEqual([
      'unexpectedRsv23',
      'expectedFin',
      'controlPayloadTooLong',
      'unexpectedMask',
      'lengthNotMinimal',
    ]);
  });
});

describe('violations', () => {
  const deflate = {
    role: 'client',
    inflate: (payload: Uint8Array) => (payload.length > 1 ? payload : undefined),
  } as const;
  const bomb = {
    role: 'client',
    inflate: () => new Uint8Array(5),
    limits: resolveLimits({ maxMessageBytes: 4 }),
  } as const;
  const strict = { role: 'client', strictLengths: true } as const;
  const limits = resolveLimits({ maxMessageBytes: 4, maxFrameBytes: 3, maxFragments: 2 });
  const costly = resolveLimits({ maxMessageBytes: 99, maxFragments: 1 });
  it.each<[string, string, string[], ReferenceOptions]>([
    ['§5.2 RSV2', '81 00 a1 00', ['text:', 'unexpectedRsv23 1 at 2'], AS_CLIENT],
    ['§5.2 RSV1', 'c1', [], AS_CLIENT],
    ['§5.2 RSV1', 'c1 00', ['unexpectedRsv1 1 at 0'], AS_CLIENT],
    ['RFC 7692 §6.1 RSV1 on a continuation', '01 00 c0 00', ['unexpectedRsv1 0 at 2'], deflate],
    ['RFC 7692 §6.1 RSV1 on a ping', 'c9 00', ['unexpectedRsv1 9 at 0'], deflate],
    ['§5.2 opcode', '83 00', ['reservedOpcode 3 at 0'], AS_CLIENT],
    ['§5.4 nothing to continue', '80 00', ['unexpectedContinuation 0 at 0'], AS_CLIENT],
    ['§5.4 text inside a message', '01 00 8a 00 81 00', ['pong:', 'expectedContinuation 1 at 4'], AS_CLIENT],
    ['§5.5 FIN', '09 00', ['expectedFin 9 at 0'], AS_CLIENT],
    ['§5.5 length', '89 7e', ['controlPayloadTooLong 126 at 0'], AS_CLIENT],
    ['§5.5.1 one byte', '88 01', ['closePayloadOneByte 1 at 0'], AS_CLIENT],
    ['§5.1 no mask', '81 00', ['expectedMask 1 at 0'], { role: 'server' }],
    ['§5.1 mask', '81 80', ['unexpectedMask 1 at 0'], AS_CLIENT],
    ['§5.2 63 bits', '82 7f 00200000 00000000', ['lengthUnsupported 0 at 0'], AS_CLIENT],
    ['§5.2 a long form', '82 7e 007d', ['lengthNotMinimal 125 at 0'], strict],
    ['§5.2 the longest form', '82 7f 00000000 0000ffff', ['lengthNotMinimal 65535 at 0'], strict],
    ['§5.2 the shortest form', '82 7f 00000000 00010000', [], strict],
    ['§5.2 any form', '82 7e 0001 ff', ['binary:ff'], AS_CLIENT],
    ['§10.4 a long frame', '82 04', ['frameTooLong 4 at 0'], { role: 'client', limits }],
    ['§10.4 a long message', '02 03 000000 80 02', ['messageTooLong 2 at 5'], { role: 'client', limits }],
    ['§10.4 many fragments', '02 00 00 00 80 00', ['tooManyFragments 0 at 4'], { role: 'client', limits }],
    ['§10.4 a second fragment', '02 00 80 00', ['tooManyFragments 0 at 2'], { role: 'client', limits: costly }],
    ['§10.4 an inflated message', 'c2 01 00', ['messageTooLong 0 at 0'], bomb],
    ['RFC 7692 §7.2.2 no compressed message', 'c2 01 00', ['invalidCompression 0 at 0'], deflate],
    ['§8.1 text, inflated', 'c1 02 ffff', ['invalidText 0 at 0'], deflate],
    ['§8.1 text, not inflated yet', '41 02 ffff', [], deflate],
    ['§8.1 text, before the frame is there', '81 05 61ff', ['invalidText 0 at 0'], AS_CLIENT],
    ['§8.1 text, across fragments', '01 01 c3 80 01 61', ['invalidText 0 at 3'], AS_CLIENT],
    ['§8.1 text that ends too early', '81 01 c3', ['invalidText 0 at 0'], AS_CLIENT],
    ['§7.4 a close code', '88 02 03ed', ['invalidCloseCode 1005 at 0'], AS_CLIENT],
    ['§5.5.1 a close reason', '88 03 03e8 ff', ['invalidCloseReason 1000 at 0'], AS_CLIENT],
  ])('%s', (_, wire, expected, options) => {
    expect(read(wire, options)).toEqual(expected);
  });

  it('§7.4 a Close body with two faults, and codes of the reader’s choice', () => {
    expect(closeFaults(hex('0000 ff')).map(({ id }) => id)).toEqual(['invalidCloseCode', 'invalidCloseReason']);
    expect(closeFaults(hex('0000'), () => true)).toEqual([]);
  });
});

describe('messages', () => {
  it('RFC 7692 §6.1 RSV1 of the first frame says that the message is compressed', () => {
    const inflate = (payload: Uint8Array) => payload.slice().reverse();
    expect(read('41 01 61 80 02 6263 81 01 64', { role: 'client', inflate })).toEqual(['text:63 62 61', 'text:64']);
    expect(read('c2 02 6162', { role: 'client', allowsRsv1: true })).toEqual(['binary:61 62']);
  });

  it('§5.5.1 nothing is read behind a Close frame, which readFrames does', () => {
    const wire = '88 00 89 00 ff 00';
    expect(read(wire)).toEqual(['close:']);
    expect(readFrames(hex(wire), AS_CLIENT)).toMatchObject({
      frames: [{ opcode: 8 }, { opcode: 9, offset: 2 }],
      violation: { id: 'unexpectedRsv23', offset: 4 },
    });
  });

  it('§5.4 what is not there yet is no message', () => {
    expect(read('81 02 61')).toEqual([]);
    expect(read('89 02 61')).toEqual([]);
    const wire = hex('82 04 0102');
    expect(readFrames(wire, AS_CLIENT).frames).toMatchObject([{ payloadLength: 4, payload: hex('01 02') }]);
  });

  it('§5.3 leaves the bytes as they are', () => {
    const wire = hex(`81 81 ${KEY} 00`);
    expect(readFrame(wire, { role: 'server' })).toMatchObject({ payload: hex('37') });
    expect(wire).toEqual(hex(`81 81 ${KEY} 00`));
  });
});

describe('the notes', () => {
  it('§5.7 the example of 05-framing.md prints what it says', () => {
    const page = readFileSync(new URL('../../spec-notes/rfc6455/05-framing.md', import.meta.url), 'utf8');
    const code = /```js\n([\s\S]*?)```/.exec(page)![1]!;
    const printed: string[] = [];
    const program = code.replace(/^import (.*) from 'framewright\/protocol';/, 'const $1 = protocol;');
    const log = (...words: unknown[]) => printed.push(`// ${format(...words)}`.trimEnd());
    new Function('protocol', 'console', program)(protocol, { log });
    // A comment that is a sentence ends with a full stop; the others are what is printed.
    expect(printed).toEqual(code.split('\n').filter((line) => /^\/\/.*[^.]$/.test(line)));
  });
});
