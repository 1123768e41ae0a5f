/** The forms in which people paste bytes, and what is refused and why. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHex, HexSyntaxError, InputError, parseHex, readInput } from '../../src/inspector/index.ts';
import { ipPacket, LINKS, TcpScript } from '../support/captures.ts';

/** Of a client: text "Hello", a ping, a Close frame. Of a server: text "Hello", a pong. */
const CLIENT = parseHex('818537fa213d7f9f4d5158 8982010203046968 888501020304 02ea616161');
const SERVER = parseHex('810548656c6c6f 8a026869');

const hex = (bytes: Uint8Array, separator = '') => formatHex(bytes, separator);
const mapped = (bytes: Uint8Array, format: (byte: number) => string, separator = ', ') =>
  Array.from(bytes, format).join(separator);
const hexByte = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;
const shortHex = (prefix: string) => (byte: number) => `${prefix}${byte.toString(16)}`;
const characters = (bytes: Uint8Array) =>
  mapped(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'), '');
const signed = (byte: number) => `${byte > 127 ? byte - 256 : byte}`;
const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f && byte !== 0x5c && byte !== 0x27 && byte !== 0x22;
const escaped = (bytes: Uint8Array) =>
  mapped(bytes, (byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`), '');
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const rows = (bytes: Uint8Array, width: number, row: (offset: number, bytes: Uint8Array) => string) =>
  Array.from({ length: Math.ceil(bytes.length / width) }, (_, i) =>
    row(i * width, bytes.subarray(i * width, (i + 1) * width)),
  ).join('\n');
const offset = (at: number, digits: number, base = 16) => at.toString(base).padStart(digits, '0');
const words = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => {
    const word = new Uint8Array(size);
    word.set(bytes.subarray(i * size, (i + 1) * size));
    return hex(word.reverse());
  });

/** `>` and hex for what goes to the server, `<` for the other way, nothing where nobody says. */
function summaryOf(content: string): string[] {
  const marks = { clientToServer: '>', serverToClient: '<' };
  return readInput(content).conversations.flatMap(({ passages }) =>
    passages.map(({ direction, bytes }) => `${direction === undefined ? '' : marks[direction]}${hex(bytes)}`),
  );
}

it('few bits by four are no words of hex', () => {
  expect(summaryOf('1000 1010 0000 0001 0110 0001')).toEqual(['8a0161']);
});

it.each([
  'text: 0x81 0x00, and cut off: 0x',
  'text: 0x81 0x00, and a number: 0x0100',
  'recv: 81 00\nrecv x: 81 0',
  'recv: 81 00\nand no more',
])('bytes among words, but not all of them: %s', (text) => {
  expect(() => readInput(text)).toThrow();
});

describe('one direction', () => {
  const end = (digits: number, base: number) => `\n${offset(CLIENT.length, digits, base)}`;
  const forms: [title: string, form: string, text: string][] = [
    ['a hex stream', 'hex text', hex(CLIENT)],
    ['xxd -p', 'hex text', rows(CLIENT, 12, (_, bytes) => hex(bytes))],
    ['binary digits', 'binary digits', mapped(CLIENT, (byte) => byte.toString(2).padStart(8, '0'), ' ')],
    ['decimal numbers', 'decimal numbers', mapped(CLIENT, String, ' ')],
    [
      'xxd -b',
      'binary digits with offsets (xxd)',
      rows(
        CLIENT,
        6,
        (at, bytes) => `${offset(at, 8)}: ${mapped(bytes, (b) => b.toString(2).padStart(8, '0'), ' ').padEnd(54)} ..`,
      ),
    ],
    [
      'xxd -e',
      'words of hex, the lowest byte first, with offsets (xxd -e)',
      rows(CLIENT, 16, (at, bytes) => {
        const groups = rows(bytes, 4, (_, some) => hex(some.slice().reverse()).padStart(8)).replaceAll('\n', ' ');
        const characters = mapped(bytes, (b) => (b > 0x20 && b < 0x7f ? String.fromCharCode(b) : '.'), '');
        return `${offset(at, 8)}: ${groups.padEnd(35)}  ${characters}`;
      }),
    ],
    [
      'hexdump',
      'words of hex, the lowest byte first, with offsets (hexdump)',
      rows(CLIENT, 16, (at, bytes) => `${offset(at, 7)} ${words(bytes, 2).join(' ')}`) + end(7, 16),
    ],
    [
      'od -t x4',
      'words of hex, the lowest byte first, with octal offsets (od)',
      rows(CLIENT, 16, (at, bytes) => `${offset(at, 7, 8)} ${words(bytes, 4).join(' ')}`) + end(7, 8),
    ],
    [
      'od -b',
      'octal bytes with octal offsets (od)',
      rows(CLIENT, 16, (at, bytes) => `${offset(at, 7, 8)} ${mapped(bytes, (b) => offset(b, 3, 8), ' ')}`) + end(7, 8),
    ],
    [
      'od -c',
      'characters with octal offsets (od)',
      rows(
        CLIENT,
        16,
        (at, bytes) =>
          offset(at, 7, 8) +
          mapped(bytes, (b) => (b >= 0x20 && b < 0x7f ? `   ${String.fromCharCode(b)}` : ` ${offset(b, 3, 8)}`), ''),
      ) + end(7, 8),
    ],
    [
      'od -t u1',
      'decimal bytes with octal offsets (od)',
      rows(CLIENT, 16, (at, bytes) => `${offset(at, 7, 8)}${mapped(bytes, (b) => String(b).padStart(4), '')}`) +
        end(7, 8),
    ],
    [
      'Format-Hex of PowerShell 5',
      'hex text with offsets (Format-Hex)',
      `\r\n           00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\r\n\r\n${rows(
        CLIENT,
        16,
        (at, bytes) => `${offset(at, 8).toUpperCase()}   ${hex(bytes, ' ').toUpperCase().padEnd(47)}  ab cd\r`,
      )}`,
    ],
    [
      'Format-Hex of PowerShell 7',
      'hex text with offsets (Format-Hex)',
      `\n   Label: String (System.String) <1F3A4B5C>\n\n          Offset Bytes                                           Ascii\n                 00 01 02 03\n          ------ ----- -----\n${rows(
        CLIENT,
        16,
        (at, bytes) => `${offset(at, 16)} ${hex(bytes, ' ').toUpperCase().padEnd(47)} ab cd ef`,
      )}`,
    ],
    ['a Buffer', 'a Buffer as Node prints it', `<Buffer ${hex(CLIENT, ' ')}>`],
    [
      'an ArrayBuffer',
      'hex text in angle brackets',
      `ArrayBuffer { [Uint8Contents]: <${hex(CLIENT, ' ')}>, byteLength: 30 }`,
    ],
    ['a Uint8Array', 'a Uint8Array', `Uint8Array(30) [\n  ${mapped(CLIENT, String)}\n]`],
    [
      'a Uint8Array, cut off',
      'a Uint8Array, cut off',
      `Uint8Array(99) [ ${mapped(CLIENT, String)}, ... 69 more items ]`,
    ],
    [
      "Chrome's Uint8Array",
      'a Uint8Array',
      `Uint8Array(30) [${mapped(CLIENT, String)}, buffer: ArrayBuffer(30), byteLength: 30]`,
    ],
    ['JSON numbers', 'JSON', JSON.stringify([...CLIENT])],
    ['JSON of a Buffer', 'JSON', JSON.stringify(Buffer.from(CLIENT))],
    ['JSON of a Uint8Array', 'JSON', JSON.stringify({ ...CLIENT })],
    ['C', 'a C array', `const unsigned char packet[] = { /* all */\n  ${mapped(CLIENT, hexByte)}, // end\n};`],
    ['C++', 'a C array', `std::array<std::byte, 30>{${mapped(CLIENT, (byte) => `std::byte{${hexByte(byte)}}`)}}`],
    ['Go', 'a Go array', `[]byte{${mapped(CLIENT, hexByte)}}`],
    ['Go printed', 'an array of numbers', `[${mapped(CLIENT, String, ' ')}]`],
    ['Rust', 'a Rust array', `let frame: [u8; 30] = [${mapped(CLIENT, hexByte)}];`],
    ['Rust, vec!', 'a Rust array', `vec![${mapped(CLIENT, (byte) => `${byte}u8`)}]`],
    ['Rust, {:02x?}', 'hex text in brackets', `[${hex(CLIENT, ', ')}]`],
    ['Lua', 'a string with escapes', `"${mapped(CLIENT, (byte) => `\\${String(byte).padStart(3, '0')}`, '')}"`],
    [
      'MIME',
      'Base64',
      `Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n${base64(CLIENT)}`,
    ],
    ['Java', 'a Java or C# array', `new byte[] {${mapped(CLIENT, (byte) => `(byte) ${hexByte(byte)}`)}}`],
    ['Java, signed', 'an array of numbers', `{${mapped(CLIENT, signed)}}`],
    ['Kotlin', 'a Kotlin array', `byteArrayOf(${mapped(CLIENT, (byte) => `${hexByte(byte)}.toByte()`)})`],
    ['Python bytes', 'a byte string', `b'${escaped(CLIENT)}'`],
    ['Python bytearray', 'a byte string', `bytearray(b"${escaped(CLIENT)}")`],
    ['C string', 'a string with escapes', `"${escaped(CLIENT.subarray(0, 9))}" \\\n  "${escaped(CLIENT.subarray(9))}"`],
    ['octal escapes', 'a string with escapes', `"${mapped(CLIENT, (byte) => `\\${offset(byte, 3, 8)}`, '')}"`],
    ['escapes without quotes', 'an escaped string', escaped(CLIENT)],
    ['hex in code', 'a string of hex text', `bytes.fromhex('${hex(CLIENT)}')`],
    ['Base64', 'Base64', base64(CLIENT)],
    ['Base64 in lines', 'Base64', base64(CLIENT).replace(/.{16}/g, '$&\n')],
    ['Base64 in JSON', 'Base64', JSON.stringify(base64(CLIENT))],
    ['a data URL', 'Base64', `data:application/octet-stream;base64,${base64(CLIENT)}`],
    ['percent-encoded', 'percent-encoded text', mapped(CLIENT, (byte) => `%${hexByte(byte).slice(2)}`, '')],
    ['behind a label', 'hex text', `payload: ${hex(CLIENT, ' ')}`],
    ['binary numbers', 'an array of numbers', mapped(CLIENT, (byte) => `0b${byte.toString(2)}`)],
    ['octal numbers', 'an array of numbers', mapped(CLIENT, (byte) => `0o${byte.toString(8)}`)],
    ['octal numbers of C', 'an array of numbers', `{${mapped(CLIENT, (byte) => `0${byte.toString(8)}`)}}`],
    ['numbers of assemblers', 'an array of numbers', `db ${mapped(CLIENT, (byte) => `0${byte.toString(16)}h`)}`],
    ['PowerShell, without brackets', 'an array of numbers', `[byte[]]$x = ${mapped(CLIENT, shortHex('0x'), ',')}`],
    ['Delphi', 'an array of numbers', `TBytes.Create(${mapped(CLIENT, shortHex('$'))})`],
    ['Visual Basic', 'an array of numbers', `New Byte() {${mapped(CLIENT, shortHex('&H'))}}`],
    ['Erlang, hex', 'an Erlang binary', `<<${mapped(CLIENT, shortHex('16#'), ',')}>>`],
    ['Scheme', 'an array of numbers', `#u8(${mapped(CLIENT, shortHex('#x'), ' ')})`],
    ['Scala', 'a Kotlin array', `Array(${mapped(CLIENT, (byte) => `${hexByte(byte)}.toByte`)})`],
    ['Nim', 'an array of numbers', `@[${mapped(CLIENT, (byte) => `${byte}'u8`)}]`],
    ['Perl', 'an array of numbers', `pack("C*", ${mapped(CLIENT, String)})`],
    ['PHP, chr', 'an array of numbers', mapped(CLIENT, (byte) => `chr(${byte})`, '.')],
    [
      'PHP, print_r',
      'numbers with their indices',
      `Array\n(\n${Array.from(CLIENT, (byte, i) => `    [${i}] => ${byte}\n`).join('')})`,
    ],
    [
      'PHP, var_dump of an array',
      'numbers with their indices',
      `array(30) {\n${Array.from(CLIENT, (byte, i) => `  [${i}]=>\n  int(${byte})\n`).join('')}}`,
    ],
    ['PHP, var_dump of a string', 'a string of hex text', `string(60) "${hex(CLIENT)}"`],
    [
      'an array that a console has opened',
      'numbers with their indices',
      `Uint8Array(30) [129, 133, …]\n${Array.from(CLIENT, (byte, i) => `${i}: ${byte}\n`).join('')}length: 30`,
    ],
    ['a string with its encoding', 'a string with escapes', `"${escaped(CLIENT)}".force_encoding('ASCII-8BIT')`],
    ['escapes of one digit', 'a string with escapes', `"${mapped(CLIENT, shortHex('\\x'), '')}"`],
    ['curly quotes', 'a string of hex text', `“${hex(CLIENT)}”`],
    ['code in Markdown', 'hex text', `\`\`\`hex\n${hex(CLIENT, ' ')}\n\`\`\``],
    ['colours', 'hex text', `\u001b[1;32m${hex(CLIENT, '\u001b[0m \u001b[31m')}\u001b[0m`],
    ...[';', '|', '.', '/'].map((mark): (typeof forms)[number] => [`between ${mark}`, 'hex text', hex(CLIENT, mark)]),
    [
      'lines with comments',
      'hex text with comments',
      `# what a client sends\n${rows(CLIENT, 6, (at, bytes) => `${hex(bytes, ' ')} ${at % 12 ? '#' : '//'} byte ${at}`)}\n// the end`,
    ],
    ['a row of a table', 'hex text', `| ${hex(CLIENT, ' | ')} |`],
    ['strings of JSON', 'strings of hex text', JSON.stringify(hex(CLIENT, ' ').split(' '))],
    [
      'an example of §5.7',
      'hex text among words',
      `   o  A single-frame masked text message\n\n      *  ${mapped(CLIENT, hexByte, ' ')}\n         (contains "Hello")`,
    ],
    [
      'a line of a log',
      'hex text among words',
      `2026-11-28 02:00:00 DEBUG ws received ${CLIENT.length} bytes: ${hex(CLIENT, ' ')}`,
    ],
    ['without zeros in front', 'hex text without zeros in front', mapped(CLIENT, shortHex(''), ' ')],
    ['what Swift prints', 'hex text', `{length = 30, bytes = 0x${hex(CLIENT).replace(/.{8}/g, '$& ')} }`],
    [
      'characters behind bytes without offsets',
      'hex text',
      rows(CLIENT, 16, (_, bytes) => ` ${hex(bytes, ' ').padEnd(49)}${characters(bytes)}`),
    ],
    [
      "Netty's dump",
      'hex text with offsets (xxd)',
      `         +------+\n         |  0  1  2  3 |\n+--------+------+\n${rows(CLIENT, 16, (at, bytes) => `|${offset(at, 8)}| ${hex(bytes, ' ').padEnd(48)}|${characters(bytes).padEnd(16)}|`)}\n+--------+------+`,
    ],
    [
      'hexyl in ASCII',
      'hex text with offsets (xxd)',
      rows(CLIENT, 16, (at, bytes) => {
        const [left, right] = [bytes.subarray(0, 8), bytes.subarray(8)];
        return `|${offset(at, 8)}| ${hex(left, ' ')} : ${hex(right, ' ').padEnd(24)}| ${characters(left)}:${characters(right)}|`;
      }),
    ],
    [
      'radare2',
      'hex text with offsets (hexdump -C)',
      `- offset -  5051 5253  0123\n${rows(CLIENT, 16, (at, bytes) => `0x7ffe12${offset(0x50 + at, 2)}  ${hex(bytes).replace(/.{4}/g, '$& ')}  ${characters(bytes)}`)}`,
    ],
    [
      'WinDbg',
      'hex text with offsets (Format-Hex)',
      rows(
        CLIENT,
        16,
        (at, bytes) => `00000000\`${offset(0x1000 + at, 8)}  ${hex(bytes, ' ').replace(/^(.{23}) /, '$1-')}  abc`,
      ),
    ],
    [
      'ncat --hex-dump',
      'hex text with offsets (xxd)',
      rows(
        CLIENT,
        16,
        (at, bytes) => `[${offset(at, 4)}]   ${hex(bytes, ' ').replace(/^(.{23}) /, '$1   ')}       abc`,
      ),
    ],
    [
      'hexdump -d',
      'decimal words with offsets (hexdump)',
      rows(
        CLIENT,
        16,
        (at, bytes) =>
          `${offset(at, 7)}${words(bytes, 2)
            .map((word) => `   ${String(Number.parseInt(word, 16)).padStart(5, '0')}`)
            .join('')}`,
      ) + end(7, 16),
    ],
    [
      'od -t x1c',
      'hex text with octal offsets (od)',
      rows(
        CLIENT,
        16,
        (at, bytes) =>
          `${offset(at, 7, 8)}  ${hex(bytes, '  ')}\n       ${mapped(bytes, (b) => (isPlain(b) ? `   ${String.fromCharCode(b)}` : ` ${offset(b, 3, 8)}`), '')}`,
      ) + end(7, 8),
    ],
  ];
  for (const [title, form, text] of forms) {
    it(title, () => {
      expect(summaryOf(text)).toEqual([hex(CLIENT)]);
      expect(readInput(text).form).toBe(form);
    });
  }

  it('brackets and quotes in a payload are payload', () => {
    const bytes = parseHex('810d7b2261223a5b312c2027225d7d');
    expect(summaryOf(`b'\\x81\\r{"a":[1, \\'"]}'`)).toEqual([hex(bytes)]);
  });
});

describe('both directions', () => {
  const both = [`>${hex(CLIENT)}`, `<${hex(SERVER)}`];
  const [client, server] = [hex(CLIENT, ' '), hex(SERVER, ' ')];
  const dump = (bytes: Uint8Array, indent = '') =>
    rows(bytes, 16, (at, some) => `${indent}${offset(at, 8)}  ${hex(some, ' ')}`);
  const forms: [title: string, text: string][] = [
    ['> and <', `> ${client}\n< ${server}`],
    ['the log of a server, to whom the client is <', `< ${client}\n> ${server}`],
    ['names', `client: ${client}\nserver: ${server}`],
    ['names of both', `C->S ${client}\nS->C ${server}`],
    ['words', `sent: ${client}\nreceived: ${server}`],
    ['arrows and times', `12:00:01.123 → ${client}\n12:00:01.200 ← ${server}`],
    ['short words', `OUT ${client}\nIN  ${server}`],
    ['lines of a log', `10:00:01 DEBUG ws: out 30 bytes: ${client}\n10:00:02 DEBUG ws: in 11 bytes: ${server}`],
    ['examples of §5.7', `*  0x${hex(CLIENT, ' 0x')} (contains "Hello")\n\n*  0x${hex(SERVER, ' 0x')} (the answer)`],
    ['marks on lines of their own', `>>>\n${client}\n<<<\n${server}`],
    [
      'each message on a line',
      `> <Buffer ${hex(CLIENT.subarray(0, 11), ' ')}>\n> ${hex(CLIENT.subarray(11))}\n< ${base64(SERVER)}`,
    ],
    ['two Buffers', `<Buffer ${client}>\n<Buffer ${server}>`],
    ["Wireshark's followed stream", `${dump(CLIENT)}\n${dump(SERVER, '    ')}`],
    [
      "Wireshark's C arrays",
      `char peer0_0[] = { ${mapped(CLIENT, hexByte)} };\nchar peer1_0[] = { ${mapped(SERVER, hexByte)} };`,
    ],
    [
      'curl --trace',
      `== Info: x\n=> Send data, 30 bytes (0x1e)\n0000: ${client}\n<= Recv data, 11 bytes (0xb)\n0000: ${server}`,
    ],
    [
      'curl --trace with times and numbers',
      `12:00:00.000001 [0-0] => Send data, 30 bytes (0x1e)\n0000: ${client}\n12:00:00.000002 [0-x] <= Recv data, 11 bytes (0xb)\n0000: ${server}`,
    ],
    [
      'socat -x',
      `> 2026/01/01 10:00:00.000123  length=30 from=0 to=29\n ${client}\n--\n< 2026/01/01 10:00:00.000456  length=11 from=0 to=10\n ${server}\n--\n`,
    ],
    [
      'ngrep -x',
      `T 127.0.0.1:5000 -> 127.0.0.1:80 [AP] #1\n  ${client}\n\nT 127.0.0.1:80 -> 127.0.0.1:5000 [AP] #2\n  ${server}   ...\n`.replace(
        '   ...',
        `   ${characters(SERVER)}`,
      ),
    ],
    [
      'YAML of Wireshark',
      `peers:\n  - peer: 0\n    host: a\npackets:\n  - packet: 4\n    peer: 0\n    index: 0\n    timestamp: 1.5\n    data: !!binary |\n      ${base64(CLIENT)}\n  - packet: 5\n    peer: 1\n    index: 0\n    timestamp: 1.6\n    data: !!binary |\n      ${base64(SERVER)}\n`,
    ],
    ["Wireshark's followed stream, raw", `${hex(CLIENT)}\n${hex(SERVER)}\n`],
    [
      'lines of JSON',
      `${JSON.stringify({ direction: 'send', hex: hex(CLIENT) })}\n${JSON.stringify({ direction: 'receive', hex: hex(SERVER) })}`,
    ],
  ];
  for (const [title, text] of forms) it(title, () => expect(summaryOf(text)).toEqual(both));

  const head = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n';
  const answer = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n';
  const hexOf = (text: string) => hex(Buffer.from(text));

  it('§4.1 heads alone, without the empty line at their end, and in front of bytes in any form', () => {
    for (const text of [head, head.trim(), head.replaceAll('\r', '')]) expect(summaryOf(text)).toEqual([hexOf(head)]);
    expect(summaryOf(`${head}${client}`)).toEqual([hexOf(head) + hex(CLIENT)]);
    expect(summaryOf(`${head}<Buffer ${client}>`)).toEqual([hexOf(head) + hex(CLIENT)]);
    expect(summaryOf(`${head}${answer}> ${client}\n< ${server}`)).toEqual([
      `>${hexOf(head)}`,
      `<${hexOf(answer)}`,
      ...both,
    ]);
    expect(summaryOf(`${head}${answer}`)).toEqual([`>${hexOf(head)}`, `<${hexOf(answer)}`]);
  });

  it('curl -v', () => {
    const marked = (mark: string, text: string) =>
      text
        .trim()
        .split('\r\n')
        .map((line) => `${mark} ${line}\n`)
        .join('');
    expect(summaryOf(`* Connected\n${marked('>', head)}>\n* more\n${marked('<', answer)}<\n`)).toEqual([
      `>${hexOf(head)}`,
      `<${hexOf(answer)}`,
    ]);
  });

  it('messages of DevTools become frames, each as if it had come in one', () => {
    const messages = [
      { type: 'send', time: 1.5, opcode: 1, data: 'hi' },
      { type: 'receive', time: 2, opcode: 2, data: 'AQI=' },
      { type: 'error', time: 3, opcode: -1, data: 'lost' },
    ];
    const frames = ['>8182000000006869', '<82020102'];
    for (const value of [
      { _webSocketMessages: messages },
      messages,
      { log: { entries: [{ _webSocketMessages: messages }] } },
    ]) {
      expect(summaryOf(JSON.stringify(value))).toEqual(frames);
    }
    const [conversation] = readInput(JSON.stringify(messages)).conversations;
    expect(conversation).toMatchObject({ areMessages: true, notes: [{ text: 'lost', atMs: 3000, before: 2 }] });
    expect(conversation!.passages.map(({ atMs }) => atMs)).toEqual([1500, 2000]);
    const events = [
      {
        method: 'Network.webSocketFrameSent',
        params: { timestamp: 1, response: { opcode: 1, mask: true, payloadData: 'hi' } },
      },
      {
        method: 'Network.webSocketFrameReceived',
        params: { timestamp: 2, response: { opcode: 2, mask: false, payloadData: 'AQI=' } },
      },
    ];
    expect(summaryOf(JSON.stringify(events))).toEqual(frames);
  });
});

describe('packets that were copied with their headers', () => {
  const script = new TcpScript().open().send('client', CLIENT).send('server', SERVER);
  const wrap = LINKS.Ethernet!.wrap;
  const [sent, answer] = script.segments.slice(3).map((segment) => ipPacket(segment));
  const dump = (bytes: Uint8Array) => rows(bytes, 16, (at, some) => `${offset(at, 4)}   ${hex(some, ' ')}`);

  it('one, in any form', () => {
    for (const text of [hex(sent!), hex(wrap(sent!)), dump(wrap(sent!)), `{ ${mapped(sent!, hexByte)} }`]) {
      expect(summaryOf(text)).toEqual([hex(CLIENT)]);
      expect(readInput(text).form).toContain('of packets with their headers');
    }
  });

  it('several, each a dump of its own, with what tools say in between', () => {
    const both = [`>${hex(CLIENT)}`, `<${hex(SERVER)}`];
    expect(summaryOf(`${dump(sent!)}\n\n${dump(answer!)}`)).toEqual(both);
    const tcpdump = (packet: Uint8Array) =>
      `12:00:00.123456 IP a.1 > b.2: Flags [P.], length 30\n${rows(packet, 16, (at, some) => `\t0x${offset(at, 4)}:  ${hex(some)}`)}\n`;
    expect(summaryOf(tcpdump(sent!) + tcpdump(answer!))).toEqual(both);
    const tshark = `Frame (84 bytes):\n${dump(wrap(sent!))}\nUnmasked data (5 bytes):\n0000  48 65 6c 6c 6f\n\n${dump(wrap(answer!))}`;
    expect(summaryOf(tshark)).toEqual(both);
  });

  it('one without payload', () => {
    expect(() => readInput(hex(ipPacket(script.segments[0]!)))).toThrow('packets of TCP that carry nothing');
  });
});

describe('an odd number of bytes, as programs print them: nothing is added to fill the last word', () => {
  const odd = '818537fa213d7f9f4d5158';
  const printed: [command: string, text: string][] = [
    ['od -An -x', ' 8581 fa37 3d21 9f7f 514d 0058'],
    ['od -An -t x4', ' fa378581 9f7f3d21 0058514d'],
    ['od -An -t x8', ' 9f7f3d21fa378581 000000000058514d'],
    ['od -An --endian=big -t x4', ' 818537fa 213d7f9f 4d515800'],
    ['od -An', ' 102601 175067 036441 117577 050515 000130'],
    ['od -An -t o4', ' 37215702601 23737636441 00026050515'],
    ['od -An -t d2', ' -31359  -1481  15649 -24705  20813     88'],
    ['od -An -t u4', ' 4197942657 2675916065    5787981'],
    ['od -An -c', ' 201 205   7 372   !   = 177 237   M   Q   X'],
    ['od -An -t x1z', ' 81 85 37 fa 21 3d 7f 9f 4d 51 58                 >..7.!=..MQX<'],
    ['od -Ad -c', '0000000 201 205   7 372   !   = 177 237   M   Q   X\n0000011'],
    ['od -Ax -c', '000000 201 205   7 372   !   = 177 237   M   Q   X\n00000b'],
    ['od -Ad -t x4', '0000000 fa378581 9f7f3d21 0058514d\n0000011'],
    ['od -Ao -t u4', '0000000 4197942657 2675916065    5787981\n0000013'],
    ['od -t o8', '0000000 1175771722077215702601 0000000000000026050515\n0000013'],
    ['xxd -e', '00000000: fa378581 9f7f3d21   58514d           ..7.!=..MQX'],
    ['xxd -e -g8', '00000000: 9f7f3d21fa378581           58514d  ..7.!=..MQX'],
    ['hexdump, without its last line', '0000000 8581 fa37 3d21 9f7f 514d 0058          '],
    [
      'basenc --base2msbf',
      '1000000110000101001101111111101000100001001111010111111110011111010011010101\n000101011000',
    ],
    [
      'Python, [hex(byte) for byte in frame]',
      `[${odd
        .match(/../g)!
        .map((byte) => `'0x${byte}'`)
        .join(', ')}]`,
    ],
  ];
  it.each(printed)('%s', (_, text) => expect(summaryOf(text)).toEqual([odd]));

  it('zeros at the end that are a part of the frame stay', () => {
    expect(summaryOf(' 0582 0000 0000 0000')).toEqual(['82050000000000']);
    expect(summaryOf(' 0682 0000 0000 0000')).toEqual(['8206000000000000']);
  });

  it('spaces at the end of a line of characters are characters', () => {
    expect(summaryOf('0000000 202 002        \n0000004')).toEqual(['82022020']);
  });
});

describe('refused, with why and where', () => {
  const refused: [title: string, text: string, message: string][] = [
    ['lines that od -An leaves out', ' 82 10 00 00\n 00 00 00 00\n*', 'nobody knows how many'],
    ['lines left out before an end that is missing', '0000000 82 02\n0000002 00 00\n*', 'Behind line 2, * stands for'],
    ['od -a', '0000000 soh enq   H   e\n0000004', 'has lost the highest bit'],
    ['Base32', 'QGCTP6RBHV7Z6TKRLA======', 'This looks like Base32'],
    ['an odd digit', '81054', 'The text ends in the middle of a byte (character 6)'],
    ['a line of xxd that is cut', '00000000: 8105 486', '"486" (line 1, character 16) ends in the middle of a byte'],
    [
      'a line that lacks bytes',
      '00000000  81 05 48\n00000010  01',
      'The offset of line 2 does not say how many bytes stand before it',
    ],
    ['a line without its offset', '00000000: 8105 4865\n6c6c 6f', 'Line 2 of the dump has no offset'],
    ['a Buffer', '<Buffer 81 05 48', 'The Buffer that begins at character 1 has no end'],
    ['half a byte in a Buffer', '<Buffer 81 0>', 'ends in the middle of a byte'],
    ['an array', '{ 0x81, 0x05,', 'The array that begins at character 1 has no end'],
    ['a byte string of Python', "b'\\x81\\x5'", 'The escape "\\\\x5\'" (character 7) is cut off or not known'],
    ['names of characters, of Haskell', '"\\129\\DEL"', 'The escape "\\\\DEL" (character 6) is cut off or not known'],
    [
      'the last digit of hex without zeros',
      '81 5 48 65 6c 6c 6',
      '" " (character 5) stands where the second hex digit',
    ],
    ['numbers that are none of an array', 'read (5 bytes => 5 (0x5)) of [0x56] at once', 'is no byte'],
    [
      'a line of od -t x1c that is missing',
      '0000000  81  05\n        201 005\n0000002  48\n0000003',
      'Line 2 of the dump has no offset',
    ],
    ['binary numbers', '0b10000001, 0b', 'One of these binary numbers has no digits'],
    ['a JSON array', '[129, 5, 72', 'The array that begins at character 1 has no end'],
    [
      'an array that is shorter than it says',
      'Uint8Array(7) [129, 5]',
      '7 bytes are announced (character 15), and 2 are there',
    ],
    ['a number that is no byte', '[129, 256]', '256 (character 7) is no byte'],
    ['a word in an array', '{ 0x81, 0x05, BYTE }', '"BYTE" (character 15) is no byte'],
    ['a string', "b'\\x81\\x05", 'The string that begins at character 2 has no end'],
    ['an escape', '\\x81\\x0', 'The escape "\\\\x0" (character 5) is cut off'],
    ['Base64', 'gQVIZWxsb===', 'This looks like Base64 and is cut off'],
    ['a typo in hex', '8105486g6c6f', '"g" (character 8) stands where the second hex digit of a byte belongs'],
    ['words', 'no bytes in here, really', 'This is no form of bytes that is read here'],
    ['XML', '<a>81 05</a>', 'This is XML or HTML'],
    [
      'a log of TLS keys',
      `# SSL/TLS secrets log file\nCLIENT_HANDSHAKE_TRAFFIC_SECRET ${'ab'.repeat(32)} ${'cd'.repeat(32)}\n`,
      'This is a log of TLS keys',
    ],
    ['JSON without bytes', '{"a": 1}', 'This is JSON without bytes'],
    ['a typo in one direction', '> 81 05\n< 81 0g', '"g" (line 2'],
    ['a pcap as hex', 'd4c3b2a1 02000400', 'This is a pcap capture of packets, in hex text'],
  ];
  for (const [title, text, message] of refused) {
    it(title, () => {
      const read = () => readInput(text);
      expect(read).toThrow(message);
      try {
        read();
      } catch (error) {
        expect([HexSyntaxError, InputError].some((kind) => error instanceof kind)).toBe(true);
      }
    });
  }
});

it('whatever is pasted is read or refused, and nothing else', () => {
  const token = fc.constantFrom(
    ...[
      '81',
      '05',
      '0x81',
      '\\x81',
      '129',
      ', ',
      ' ',
      '\n',
      '\t',
      '[',
      ']',
      '{',
      '}',
      '(',
      ')',
      '<',
      '>',
      '"',
      "'",
      'b',
      '...',
      '…',
    ],
    ...[
      '<Buffer ',
      'Uint8Array(3) [',
      '00000000: ',
      '0000010 ',
      '0000   ',
      '*\n',
      '> ',
      '< ',
      'client: ',
      '=> Send data\n',
      '==',
      'gQVI',
    ],
    ...[
      'GET / HTTP/1.1\n',
      'Upgrade: websocket\n',
      'HTTP/1.1 101 OK\n',
      '\n\n',
      '{"data":',
      '"opcode":2',
      '%81',
      '\\',
      '8g',
      '0',
    ],
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 30 }), (tokens) => {
      try {
        readInput(tokens.join(''));
      } catch (error) {
        if (!(error instanceof HexSyntaxError || error instanceof InputError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

it('long input takes time in proportion to its length', () => {
  const bytes = new Uint8Array(40_010).fill(0x61);
  bytes.set([0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0x9c, 0x40]);
  for (const text of [
    hex(bytes, ' '),
    rows(bytes, 16, (at, some) => `${offset(at, 8)}: ${hex(some)}`),
    `[${mapped(bytes, String)}]`,
    `b'${escaped(bytes)}'`,
    base64(bytes),
    hex(bytes, '  '),
    hex(bytes, '|'),
    hex(bytes, '\n\n'),
    mapped(bytes, (byte) => `0b${byte.toString(2)}`, ' '),
    mapped(bytes, (byte) => `chr(${byte})`, '.'),
    Array.from(bytes, (byte, i) => `[${i}] => ${byte}\n`).join(''),
    rows(bytes, 16, (_, some) => `${hex(some, ' ')}   ${characters(some)}`),
  ]) {
    expect(summaryOf(text)).toEqual([hex(bytes)]);
  }
  for (const open of [
    '[',
    '{',
    '(',
    '<',
    '"',
    '[1,',
    '<Buffer ',
    '/*',
    '\\x',
    '> \n',
    '\n',
    '\n#',
    '81  ',
    '81:1 ',
    '0b1 ',
    '1: ',
    '| ',
    'zz (x)\n'.repeat(10),
    ': 81 ',
    '0x81 z ',
    '\u001b[',
    `${'81 05 '.repeat(8)}> 81\n< 82\n`,
  ]) {
    expect(() => {
      try {
        readInput(open.repeat(10_000));
      } catch (error) {
        if (!(error instanceof HexSyntaxError || error instanceof InputError)) throw error;
      }
    }).not.toThrow();
  }
});
