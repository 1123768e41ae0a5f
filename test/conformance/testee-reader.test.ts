/** The fuzzer reads as strictly as it expects the testee to: what it reports of bytes that the testee sent. */

import { describe, expect, it } from 'vitest';
import {
  TesteeReader,
  type TesteeReaderHandler,
  type TesteeReaderOptions,
} from '../../src/conformance/testee-reader.ts';
import { WireLog } from '../../src/conformance/wire-log.ts';

const AS_CLIENT: TesteeReaderOptions = { role: 'client' };
const WITH_DEFLATE: TesteeReaderOptions = { role: 'client', deflate: { windowBits: 15, keepsContext: true } };

/** What is reported of these bytes, given in hexadecimal and read in pieces of `pieceBytes`. */
function read(hex: string, pieceBytes = Number.POSITIVE_INFINITY, options = AS_CLIENT): string[] {
  const reports: string[] = [];
  const show = (payload: Uint8Array): string => Buffer.from(payload).toString('hex');
  const handler: TesteeReaderHandler = {
    message: (payload, isBinary) => reports.push(`${isBinary ? 'binary' : 'text'} ${show(payload)}`),
    ping: (payload) => reports.push(`ping ${show(payload)}`),
    pong: (payload) => reports.push(`pong ${show(payload)}`),
    close: (statusCode) => reports.push(`close ${statusCode}`),
    breach: (closeCode) => reports.push(`breach ${closeCode}`),
    corruption: () => reports.push('corruption'),
  };
  const reader = new TesteeReader(handler, new WireLog(), options);
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
  return reports;
}

const closeWith = (code: number): string => `8802${code.toString(16).padStart(4, '0')}`;
const allowed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999];
const forbidden = [0, 999, 1004, 1005, 1006, 1012, 1014, 1015, 1016, 2999, 5000];

const ROWS: readonly [title: string, hex: string, reports: string[]][] = [
  ['§5.6 text', '8103 616263', ['text 616263']],
  ['§5.6 binary', '8201 ff', ['binary ff']],
  ['§5.4 fragments with a ping between them', '0101 61 8901 70 8001 62', ['ping 70', 'text 6162']],
  ['§5.5.3 pong', '8a02 6869', ['pong 6869']],
  ['§5.5.1 Close without body', '8800', ['close undefined']],
  ['§5.5.1 what comes behind a Close frame', '8800 8a00', ['close undefined', 'pong ']],
  ['§5.2 RSV1 without an extension', 'c100', ['breach 1002', 'text ']],
  ['§5.2 reserved opcode', '8300', ['breach 1002', 'text ']],
  ['§5.2 reserved control opcode', '8b00 8a00', ['breach 1002', 'pong ']],
  ['§5.4 continuation of nothing', '8000', ['breach 1002', 'text ']],
  ['§5.4 text inside a message', '0100 8100', ['breach 1002', 'text ']],
  ['§5.5 fragmented ping', '0900', ['breach 1002', 'ping ']],
  ['§5.5 pong of 126 bytes', `8a7e007e ${'00'.repeat(126)}`, ['breach 1002', `pong ${'00'.repeat(126)}`]],
  ['§5.2 two faults in one header', 'f100', ['breach 1002', 'text ']],
  ['§5.2 two faults in one header', '1900', ['breach 1002', 'breach 1002', 'ping ']],
  ['§5.2 length not in its shortest form', '827e0001 00', ['breach 1002', 'binary 00']],
  ['§5.1 masked frame', '8180 00000000', ['breach 1002', 'text ']],
  ['§5.5.1 Close body of one byte', '8801 03', ['breach 1002', 'close undefined']],
  ['§5.5.1 Close reason that is not UTF-8', '8803 03e8 ff', ['breach 1007', 'close 1000']],
  ['§8.1 text that is not UTF-8, again at its end', '8101 ff 8101 61', ['breach 1007', 'breach 1007', 'text 61']],
  ['§8.1 text that ends inside a code point', '8101 c3', ['breach 1007']],
  ['§8.1 a bad fragment with nothing behind it', '0101 ff 8800', ['breach 1007', 'close undefined']],
  ['§8.1 a bad fragment with another behind it', '0101 ff 0001 61', ['breach 1007', 'breach 1007']],
  ...allowed.map((code): [string, string, string[]] => [`§7.4.1 code ${code}`, closeWith(code), [`close ${code}`]]),
  ...forbidden.map((code): [string, string, string[]] => [
    `§7.4.1 code ${code}`,
    closeWith(code),
    ['breach 1002', `close ${code}`],
  ]),
];

describe('testee reader', () => {
  it.each(ROWS)('%s', (_, hex, reports) => {
    expect(read(hex)).toEqual(reports);
    expect(read(hex, 1)).toEqual(reports);
  });

  it.each([
    ['§5.1 masked frame', '8182 37fa213d 5f93', ['text 6869']],
    ['§5.1 unmasked frame', '8102 6869', ['breach 1002', 'text 6869']],
  ])('%s, sent by a client', (_, hex, reports) => {
    expect(read(hex, undefined, { role: 'server' })).toEqual(reports);
  });

  const hello = '48656c6c6f';
  it.each<[string, string, string[]]>([
    ['RFC 7692 §7.2.3.1 a compressed message', 'c107 f248cdc9c90700', [`text ${hello}`]],
    ['RFC 7692 §7.2.3.1 in two frames', '4103 f248cd 8004 c9c90700', [`text ${hello}`]],
    ['RFC 7692 §7.2.3.2 sharing the window', 'c107 f248cdc9c90700 c105 f200110000', [`text ${hello}`, `text ${hello}`]],
    ['RFC 7692 §7.2.3.3 without compression', 'c10b 000500faff48656c6c6f00', [`text ${hello}`]],
    ['RFC 7692 §7.2.3.4 with BFINAL', 'c108 f348cdc9c9070000', [`text ${hello}`]],
    ['RFC 7692 §7.2.3.5 in two blocks', 'c10d f248050000 00ffff cac9c90700', [`text ${hello}`]],
    ['RFC 7692 §6 not compressed', `8105 ${hello}`, [`text ${hello}`]],
    ['RFC 7692 §7.2.3.6 empty', 'c201 00', ['binary ']],
    ['RFC 7692 §6.1 RSV1 on a continuation frame', '0101 61 c001 62', ['breach 1002', 'text 6162']],
    ['RFC 7692 §6.1 RSV1 on a control frame', 'c900', ['breach 1002', 'ping ']],
    ['not DEFLATE', 'c102 ffff', ['corruption']],
    ['a window that was never filled', 'c105 f200110000', ['corruption']],
    ['§8.1 text that is not UTF-8 once it is whole', 'c107 000100feff ff 00', ['breach 1007', 'breach 1007']],
  ])('%s, with deflate', (_, hex, reports) => {
    expect(read(hex, undefined, WITH_DEFLATE)).toEqual(reports);
    expect(read(hex, 1, WITH_DEFLATE)).toEqual(reports);
  });

  it('§8.1 finds the first bad byte before the frame is complete', () => {
    expect(read('8110 61 ff')).toEqual(['breach 1007']);
  });

  it('§10.4 lets no message of more than 64 MiB into memory', () => {
    expect(read('827f 0000 0000 0400 0001')).toEqual(['breach 1009']);
  });
});
