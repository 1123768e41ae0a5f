import { describe, expect, it } from 'vitest';
import {
  bytesOfOneDirection,
  HexSyntaxError,
  InputError,
  readInput as readConversations,
} from '../../src/inspector/index.ts';

/** Of inputs of one direction. */
function readInput(content: Uint8Array | string) {
  const { conversations, form } = readConversations(content);
  return { bytes: bytesOfOneDirection(conversations[0]!)!, form };
}

/** Three frames of 7, 7 and 4 bytes: text "Hello", text "ab cd", binary 01 02. */
const BYTES = '81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02 01 02'
  .split(' ')
  .map((pair) => Number.parseInt(pair, 16));

const lines = (...all: string[]) => `${all.join('\n')}\n`;

describe('readInput: hex dumps with offsets', () => {
  const rows: [tool: string, form: string, text: string][] = [
    [
      'hexdump -C',
      'hex text with offsets (hexdump -C)',
      lines(
        '00000000  81 05 48 65 6c 6c 6f 81  05 61 62 20 63 64 82 02  |..Hello..ab cd..|',
        '00000010  01 02                                             |..|',
        '00000012',
      ),
    ],
    [
      'xxd',
      'hex text with offsets (xxd)',
      lines(
        '00000000: 8105 4865 6c6c 6f81 0561 6220 6364 8202  ..Hello..ab cd..',
        '00000010: 0102                                     ..',
      ),
    ],
    [
      'xxd -c 8',
      'hex text with offsets (xxd)',
      lines(
        '00000000: 8105 4865 6c6c 6f81  ..Hello.',
        '00000008: 0561 6220 6364 8202  .ab cd..',
        '00000010: 0102                 ..',
      ),
    ],
    [
      'od -A x -t x1',
      'hex text with offsets (od)',
      lines('000000 81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02', '000010 01 02', '000012'),
    ],
    [
      'od -t x1, which counts in octal',
      'hex text with octal offsets (od)',
      lines('0000000 81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02', '0000020 01 02', '0000022'),
    ],
    [
      'od -A d -t x1',
      'hex text with decimal offsets (od)',
      lines('0000000 81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02', '0000016 01 02', '0000018'),
    ],
    [
      'Wireshark',
      'hex text with offsets (Wireshark)',
      lines(
        '0000   81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02   ..Hello..ab cd..',
        '0010   01 02                                             ..',
      ),
    ],
    [
      "Wireshark's window, with a gap and its own dots",
      'hex text with offsets (Wireshark)',
      lines(
        '0000   81 05 48 65 6c 6c 6f 81  05 61 62 20 63 64 82 02   ··Hello· ·ab cd··',
        '0010   01 02                                              ··',
      ),
    ],
    [
      'tcpdump -X',
      'hex text with offsets (tcpdump -X)',
      lines(
        '\t0x0000:  8105 4865 6c6c 6f81 0561 6220 6364 8202  ..Hello..ab.cd..',
        '\t0x0010:  0102                                     ..',
      ),
    ],
    [
      'an excerpt that begins in the middle',
      'hex text with offsets (Wireshark)',
      lines(
        '0042   81 05 48 65 6c 6c 6f 81 05 61 62 20 63 64 82 02   ..Hello..ab cd..',
        '0052   01 02                                             ..',
      ),
    ],
    [
      'copied from a page, with spaces that do not break and line ends of Windows',
      'hex text with offsets (xxd)',
      '\ufeff00000000:\u00a08105\u00a04865 6c6c 6f81 0561 6220 6364 8202  ..Hello..ab cd..\r\n00000010: 0102  ..\r\n',
    ],
  ];
  for (const [tool, form, text] of rows) {
    it(tool, () => {
      const read = readInput(text);
      expect([...read.bytes]).toEqual(BYTES);
      expect(read.form).toBe(form);
    });
  }

  it('one line, by its colon, its gap or its zeros', () => {
    for (const text of [
      '00000000: 8105 4865 6c6c 6f',
      '0000   81 05 48 65 6c 6c 6f   ..Hello',
      '000000 81 05 48 65 6c 6c 6f',
    ]) {
      expect([text, [...readInput(text).bytes]]).toEqual([text, BYTES.slice(0, 7)]);
    }
  });

  it('characters that look like bytes are none', () => {
    const { bytes } = readInput(lines('00000000: 6162 2063 6420 6566  ab cd ef', '00000008: 6162  ab'));
    expect(String.fromCharCode(...bytes)).toBe('ab cd efab');
  });

  it('a star stands for lines like the one before', () => {
    const zeros = '00 00 00 00 00 00 00 00';
    const dump = lines(`00000000  ${zeros}  ${zeros}  |................|`, '*', '00000040  81 05  |..|', '00000042');
    expect([...readInput(dump).bytes]).toEqual([...new Array(64).fill(0), 0x81, 0x05]);
    // 0140 is 96 in octal, od's default with its seven digits.
    const octal = lines(`0000000 ${zeros} ${zeros}`, '*', '0000140 00 00 00 00', '0000144');
    expect(readInput(octal).bytes.length).toBe(100);
  });

  it('bytes without offsets stay bytes, whatever their groups look like', () => {
    for (const text of [
      '8105 4865 6c6c 6f',
      '81054865 6c6c 6f',
      '81:05:48:65:6c:6c:6f',
      '8105:4865:6c6c:6f',
      '8105\n4865\n6c6c6f',
    ]) {
      expect([text, [...readInput(text).bytes]]).toEqual([text, BYTES.slice(0, 7)]);
      expect(readInput(text).form).toBe('hex text');
    }
  });

  it('a Buffer as Node prints it', () => {
    expect([...readInput('<Buffer 81 05 48 65 6c 6c 6f>\n').bytes]).toEqual(BYTES.slice(0, 7));
    expect(readInput('<Buffer 81 05 ... 5 more bytes>').form).toContain('cut off');
  });

  const refused: [title: string, text: string, message: string][] = [
    [
      'a line that is missing',
      lines('00000000: 8105 4865', '00000010: 6c6c 6f'),
      'The offset of line 2 does not say how many',
    ],
    ['both directions', lines('00000000  81 05', '00000002  48 65', '00000000  6c 6c'), 'begin again in line 3'],
  ];
  for (const [title, text, message] of refused) {
    it(title, () => {
      expect(() => readInput(text)).toThrow(HexSyntaxError);
      expect(() => readInput(text)).toThrow(message);
    });
  }
});

describe('readInput: what content is taken for', () => {
  const utf8 = new TextEncoder();
  const hello = BYTES.slice(0, 7);

  const text: [title: string, content: string][] = [
    ['a byte order mark', '\ufeff81 05 48 65 6c 6c 6f'],
    ['no-break spaces', '81\u00a005\u00a048\u00a065\u202f6c 6c 6f'],
    ['a zero-width space', '81 05\u200b48 65 6c 6c 6f'],
    ['dashes of a word processor', '81–05—48‑65−6c 6c 6f'],
    ['an ellipsis at the end', '81 05 48 65 6c 6c 6f …\n'],
  ];
  for (const [title, content] of text) {
    it(`hex with ${title}, as text and as bytes`, () => {
      for (const input of [content, utf8.encode(content)]) {
        expect([...readInput(input).bytes]).toEqual(hello);
        expect(readInput(input).form).toBe('hex text');
      }
    });
  }

  it('hex in UTF-16, as PowerShell writes it', () => {
    const units = Uint16Array.from('\ufeff81 05 48 65 6c 6c 6f\r\n', (character) => character.charCodeAt(0));
    expect([...readInput(new Uint8Array(units.buffer)).bytes]).toEqual(hello);
  });

  it('an ellipsis among bytes is a gap, and named', () => {
    expect(() => readInput(utf8.encode('81 05 … 6f'))).toThrow('"…" (character 7) stands for bytes that were left out');
  });

  it('raw bytes of frames, and heads', () => {
    const head = utf8.encode('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    for (const content of [Uint8Array.from(BYTES), head]) {
      expect(readInput(content)).toEqual({ bytes: content, form: 'raw bytes' });
    }
    // A text field has ends of lines of its own.
    expect(readInput('GET / HTTP/1.1\nHost: a\n\n')).toEqual({ bytes: head, form: 'text' });
  });

  const foreign: [title: string, content: Uint8Array | string, what: string][] = [
    ['pcap', Uint8Array.from([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]), 'a pcap capture of packets: give the file itself'],
    ['pcap, big-endian', Uint8Array.from([0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4]), 'a pcap capture'],
    ['pcap with nanoseconds', Uint8Array.from([0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]), 'a pcap capture'],
    ['pcapng', Uint8Array.from([0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0, 0, 0]), 'a pcapng capture of packets'],
    ['pcapng, in hex', '0a 0d 0d 0a 1c 00 00 00', 'a pcapng capture of packets, in hex'],
    ['a HAR without messages', '{"log": {"version": "1.2", "entries": []}}', 'a HAR file without WebSocket messages'],
    ['other JSON', utf8.encode('{"a": 1}\n'), 'JSON'],
    ['XML', '<?xml version="1.0"?>', 'XML'],
    ['gzip', Uint8Array.from([0x1f, 0x8b, 8, 0]), 'gzip-compressed data: unpack it'],
    ['zip', Uint8Array.from([0x50, 0x4b, 3, 4]), 'a ZIP archive'],
    ['zstd', Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd]), 'zstd-compressed'],
    ['PNG', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'a PNG image'],
    ['snoop', Buffer.from('snoop\0\0\0\0\0\0\x02'), 'a capture of packets in a form of its own'],
    ['TLS', Uint8Array.from([0x16, 0x03, 0x01, 2, 0]), 'a TLS connection, which is encrypted'],
    ['HTTP/2', utf8.encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'an HTTP/2 connection'],
  ];
  for (const [title, content, what] of foreign) {
    it(`names ${title}, with what to do`, () => {
      expect(() => readInput(content)).toThrow(InputError);
      expect(() => readInput(content)).toThrow(`This is ${what}`);
    });
  }

  it('§5.5.2 a ping that only begins like a PNG is a ping', () => {
    expect(readInput(Uint8Array.from([0x89, 0x02, 0x4e, 0x47])).form).toBe('raw bytes');
  });
});
