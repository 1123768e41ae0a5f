import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HttpHeadParser } from '../../src/handshake/index.ts';
import { type InspectOptions, inspect, isWholeAndLegal, parseHex, StreamInspector } from '../../src/inspector/index.ts';
import { encodeFrame } from '../../src/protocol/index.ts';
import { concat } from '../support/wire.ts';

const utf8 = new TextEncoder();

function view(hex: string, options?: InspectOptions) {
  return inspect(parseHex(hex), options);
}

describe('the examples of §5.7', () => {
  const rows: { title: string; hex: string; summaries: string[]; messages: string[]; role: string }[] = [
    {
      title: 'unmasked text',
      hex: '810548656c6c6f',
      summaries: ['text, 5 bytes'],
      messages: ['text "Hello" in 0'],
      role: 'client',
    },
    {
      title: 'masked text',
      hex: '818537fa213d7f9f4d5158',
      summaries: ['text, 5 bytes, masked'],
      messages: ['text "Hello" in 0'],
      role: 'server',
    },
    {
      title: 'fragments',
      hex: '010348656c 80026c6f',
      summaries: ['text, more to follow, 3 bytes', 'continuation, 2 bytes'],
      messages: ['text "Hello" in 0,1'],
      role: 'client',
    },
    {
      title: 'ping',
      hex: '890548656c6c6f',
      summaries: ['ping, 5 bytes'],
      messages: [],
      role: 'client',
    },
    {
      title: 'masked pong',
      hex: '8a8537fa213d7f9f4d5158',
      summaries: ['pong, 5 bytes, masked'],
      messages: [],
      role: 'server',
    },
    {
      title: '256 bytes',
      hex: `827e0100${'00'.repeat(256)}`,
      summaries: ['binary, 256 bytes'],
      messages: ['binary undefined in 0'],
      role: 'client',
    },
    {
      title: '64 KiB',
      hex: `827f0000000000010000${'00'.repeat(65536)}`,
      summaries: ['binary, 65536 bytes'],
      messages: ['binary undefined in 0'],
      role: 'client',
    },
  ];
  for (const { title, hex, summaries, messages, role } of rows) {
    it(`§5.7 ${title}`, () => {
      const found = view(hex);
      expect(found.frames.map((frame) => frame.summary)).toEqual(summaries);
      expect(
        found.messages.map(({ type, text, frames }) => `${type} ${text && JSON.stringify(text)} in ${frames}`),
      ).toEqual(messages);
      expect(found.role).toBe(role);
      expect(found.roleFrom).toBe('mask');
      expect(isWholeAndLegal(found)).toBe(true);
      expect(found.ignored).toBeUndefined();
    });
  }

  it('§5.2 every field of the masked text, bit by bit', () => {
    const [frame] = view('818537fa213d7f9f4d5158').frames;
    expect(frame!.fields.map((f) => [f.name, f.firstBit, f.bitLength, f.wire, f.value, f.section])).toEqual([
      ['FIN', 0, 1, '1', '1', '§5.2'],
      ['RSV1', 1, 1, '0', '0', '§5.2'],
      ['RSV2', 2, 1, '0', '0', '§5.2'],
      ['RSV3', 3, 1, '0', '0', '§5.2'],
      ['opcode', 4, 4, '0001', '0x1', '§5.6'],
      ['MASK', 8, 1, '1', '1', '§5.1'],
      ['payload length', 9, 7, '0000101', '5', '§5.2'],
      ['masking key', 16, 32, '37 fa 21 3d', '37 fa 21 3d', '§5.3'],
      ['payload', 48, 40, '7f 9f 4d 51 58', '"Hello"', '§5.2'],
    ]);
    expect(frame!.payload).toEqual({
      declaredLength: 5,
      presentLength: 5,
      wireHex: '7f 9f 4d 51 58',
      unmaskedHex: '48 65 6c 6c 6f',
      text: 'Hello',
    });
  });

  it('§5.5.1 the status code and reason of a Close frame', () => {
    const fields = view('88 05 03 e9 62 79 65').frames[0]!.fields.slice(-2);
    expect(fields.map((f) => [f.id, f.firstBit, f.bitLength, f.wire, f.value])).toEqual([
      ['statusCode', 16, 16, '03 e9', '1001'],
      ['closeReason', 32, 24, '62 79 65', '"bye"'],
    ]);
    expect(fields[0]!.meaning).toBe('Going Away');
  });

  it('§5.4 a ping between fragments belongs to no message', () => {
    const { frames, messages } = view('01 01 61 89 00 00 01 62 80 01 63');
    expect(frames.map((frame) => frame.message?.part)).toEqual([1, undefined, 2, 3]);
    expect(messages).toEqual([
      {
        index: 0,
        opcode: 1,
        type: 'text',
        frames: [0, 2, 3],
        length: 3,
        isComplete: true,
        isCompressed: false,
        text: 'abc',
      },
    ]);
  });

  it('§5.4 a code point cut by fragments is text of the message, not of the fragments', () => {
    const { frames, messages } = view('01 01 c3 80 01 a9');
    expect(frames.map((frame) => frame.payload.text)).toEqual([undefined, undefined]);
    expect(messages[0]!.text).toBe('é');
  });

  it('§5.2 lengths that are not minimal are accepted and flagged, or refused when strict', () => {
    const meaningOf = (hex: string) =>
      view(hex).frames[0]!.fields.find((field) => field.id === 'extendedPayloadLength')!.meaning;
    expect(meaningOf('827e007d'.padEnd(258, '0'))).toContain('7 bits would do');
    expect(meaningOf('827f0000000000000080'.padEnd(300, '0'))).toContain('16 bits would do');
    expect(meaningOf('827e007e'.padEnd(260, '0'))).toContain('the shortest form');
    expect(isWholeAndLegal(view('827e0001aa'))).toBe(true);
    expect(view('827e0001aa', { strictLengths: true }).violation?.id).toBe('lengthNotMinimal');
  });

  it('RFC 7692 §6.1 with the extension, RSV1 marks a message as compressed, and its payload is not read as text', () => {
    const compressed = view('c1 07 f2 48 cd c9 c9 07 00', { allowsRsv1: true });
    expect(compressed.violation).toBeUndefined();
    expect(compressed.messages[0]).toMatchObject({ isCompressed: true, type: 'text', length: 7, text: 'Hello' });
    expect(compressed.messages[0]!.inflated).toEqual({ length: 5, ratio: 0.71, hex: '48 65 6c 6c 6f', text: 'Hello' });
    expect(compressed.frames[0]!.payload.text).toBeUndefined();
    expect(view('c1 07 f2 48 cd c9 c9 07 00').violation?.id).toBe('unexpectedRsv1');
  });
});

describe('violations: which, where, in which field, and what its receiver answers', () => {
  type Row = [
    section: string,
    title: string,
    hex: string,
    id: string,
    faultOffset: number,
    fields: string[],
    close: number,
  ];
  const rows: Row[] = [
    ['§5.2', 'RSV2', 'a100', 'unexpectedRsv23', 0, ['rsv2'], 1002],
    ['§5.2', 'RSV3', '9100', 'unexpectedRsv23', 0, ['rsv3'], 1002],
    ['§5.2', 'RSV1', 'c100', 'unexpectedRsv1', 0, ['rsv1'], 1002],
    ['§5.2', 'a reserved opcode', '8300', 'reservedOpcode', 0, ['opcode'], 1002],
    ['§5.4', 'a continuation of nothing', '8000', 'unexpectedContinuation', 0, ['opcode'], 1002],
    ['§5.4', 'text inside a message', '0100 8100', 'expectedContinuation', 2, ['opcode'], 1002],
    ['§5.5', 'a fragmented ping', '0900', 'expectedFin', 0, ['fin'], 1002],
    ['§5.5', 'a ping too long', '897e0080', 'controlPayloadTooLong', 1, ['payloadLength'], 1002],
    ['§5.5.1', 'a close body of one byte', '880103', 'closePayloadOneByte', 1, ['payloadLength'], 1002],
    [
      '§5.2',
      'a length with its top bit set',
      '827f8000000000000000',
      'lengthUnsupported',
      2,
      ['extendedPayloadLength'],
      1009,
    ],
    ['§7.4', 'a close code that is local only', '880203ed', 'invalidCloseCode', 2, ['statusCode'], 1002],
    ['§5.5.1', 'a close reason that is no UTF-8', '880403e861ff', 'invalidCloseReason', 5, ['closeReason'], 1007],
    ['§8.1', 'text that is no UTF-8', '8103e28228', 'invalidText', 4, ['payload'], 1007],
    ['§8.1', 'text that ends inside a code point', '8102e282', 'invalidText', 4, ['payload'], 1007],
    ['§8.1', 'text wrong in its second fragment', '0101e2 800128', 'invalidText', 5, ['payload'], 1007],
    ['§8.1', 'text wrong before its frame has arrived', '8105 ff', 'invalidText', 2, ['payload'], 1007],
  ];
  for (const [section, title, hex, id, faultOffset, fields, closeCode] of rows) {
    it(`${section} ${title}`, () => {
      const { violation, frames, incomplete } = view(hex, { role: 'client' });
      expect(violation).toMatchObject({ id, section, faultOffset, closeCode });
      expect(violation!.remedy.length).toBeGreaterThan(10);
      expect(violation!.frame).toBe(frames.length - 1);
      expect(violation!.offset).toBe(frames.at(-1)!.offset);
      expect(
        frames
          .at(-1)!
          .fields.filter((field) => field.isFault)
          .map((field) => field.id),
      ).toEqual(fields);
      expect(
        frames
          .slice(0, -1)
          .flatMap((frame) => frame.fields)
          .filter((field) => field.isFault),
      ).toEqual([]);
      expect(incomplete).toBeUndefined();
    });
  }

  it('§5.1 the mask, by role', () => {
    expect(view('8100', { role: 'server' }).violation).toMatchObject({ id: 'expectedMask', faultOffset: 1 });
    expect(view('818000000000', { role: 'client' }).violation).toMatchObject({ id: 'unexpectedMask', faultOffset: 1 });
  });

  it('§7.1.7 nothing is read behind a violation', () => {
    const { frames, ignored } = view('8300 8100', { role: 'client' });
    expect(frames.map((frame) => frame.state)).toEqual(['refused']);
    expect(ignored).toMatchObject({ offset: 2, length: 2, hex: '81 00', section: '§7.1.7' });
  });

  it('§5.5.1 nothing is read behind a Close frame', () => {
    const found = view('8800 8100');
    expect(found.ignored).toMatchObject({ offset: 2, length: 2, section: '§5.5.1' });
    expect(isWholeAndLegal(found)).toBe(true);
  });
});

describe('reading on', () => {
  const readOn = (hex: string, options: InspectOptions = {}) =>
    view(hex, { role: 'client', readsOn: true, ...options });

  it('§7.1.7 goes on behind each violation, and marks its frame', () => {
    const found = readOn('8300 8103e28228 810141 8802ffff 810142');
    expect(found.frames.map(({ violation }) => violation?.id)).toEqual([
      'reservedOpcode',
      'invalidText',
      undefined,
      'invalidCloseCode',
      undefined,
    ]);
    expect(found.frames.map(({ violation }) => violation?.faultOffset)).toEqual([0, 6, undefined, 12, undefined]);
    expect(found.violation).toEqual(found.frames[0]!.violation);
    expect(found.messages.map(({ text }) => text)).toEqual([undefined, 'A', 'B']);
    expect(found.ignored).toBeUndefined();
  });

  it('§5.4 a message that another one cuts off, and a continuation of nothing', () => {
    const found = readOn('010161 810162 800163');
    expect(found.frames.map(({ violation }) => violation?.id)).toEqual([
      undefined,
      'expectedContinuation',
      'unexpectedContinuation',
    ]);
    expect(found.messages.map(({ text }) => text)).toEqual(['b']);
  });

  it('§5.1 reads what a client should have masked, and shows it', () => {
    const found = readOn('810548656c6c6f', { role: 'server' });
    expect([found.violation?.id, found.messages[0]?.text]).toEqual(['expectedMask', 'Hello']);
  });

  it('§5.2 a length past 2^53 is told exactly', () => {
    const found = readOn('827fffffffffffffffff0000');
    expect(found.frames[0]!.payload).toMatchObject({ exactLength: '18446744073709551615', presentLength: 2 });
    expect(found.frames[0]).toMatchObject({ state: 'cut', summary: 'binary, 18446744073709551615 bytes' });
    expect(found.incomplete!.explanation).toContain('18446744073709551613 bytes of 18446744073709551615');
  });
});

describe('compressed messages', () => {
  const inflating = (hex: string) => view(hex, { allowsRsv1: true });

  it('RFC 7692 §7.2.3.2 a message refers to the one before it', () => {
    const { messages } = inflating('c107f248cdc9c90700 c105f200110000');
    expect(messages.map(({ text }) => text)).toEqual(['Hello', 'Hello']);
  });

  it('RFC 7692 §7.2.3 stored blocks, a final block, two blocks, and fragments', () => {
    for (const hex of [
      'c10b000500faff48656c6c6f00',
      'c108f348cdc9c9070000',
      'c10df248050000 00ffffcac9c90700'.replace(' ', ''),
      '4103f248cd 8004c9c90700',
    ]) {
      expect([hex, inflating(hex).messages[0]!.text]).toEqual([hex, 'Hello']);
    }
  });

  it('RFC 7692 §7.2.2 what cannot be inflated, and what is no text then, fails the connection', () => {
    const corrupt = inflating('c10106');
    expect(corrupt.violation).toMatchObject({ id: 'invalidCompression', closeCode: 1007, faultOffset: 3 });
    expect(corrupt.messages[0]!.fault).toContain('it cannot be inflated: a block has type 3');
    const noText = inflating('c107000100feffff00');
    expect(noText.violation).toMatchObject({ id: 'invalidText', frame: 0 });
  });

  it('keeps no more than it is told to of what comes out', () => {
    const zeros = `c272ecc13101000000c2a0f54f6d0d0fa0${'0'.repeat(192)}805703`;
    const found = inspect(parseHex(zeros), { allowsRsv1: true, maxPayloadBytes: 4 });
    expect(found.messages[0]!.inflated).toEqual({ length: 100_000, ratio: 877.19, hex: '00 00 00 00' });
  });
});

describe('incomplete input', () => {
  const rows: [title: string, hex: string, within: string, missingBytes: number, offset: number][] = [
    ['one byte of a header', '81', 'header', 1, 0],
    ['half of a 16-bit length', '827e01', 'header', 1, 0],
    ['a masking key that is not there', '818537fa', 'header', 2, 0],
    ['a payload that is not there', '8105', 'payload', 5, 0],
    ['half of a payload, in the second frame', '8100 820401', 'payload', 3, 2],
  ];
  for (const [title, hex, within, missingBytes, offset] of rows) {
    it(`§5.2 ${title}`, () => {
      const found = view(hex);
      expect(found.incomplete).toMatchObject({ within, missingBytes, offset });
      expect(found.frames.at(-1)!.state).toBe('cut');
      expect(isWholeAndLegal(found)).toBe(false);
    });
  }

  it('§5.4 a message whose last fragment is not there is said to be open, and is no fault', () => {
    const found = view('010161');
    expect(found.messages[0]).toMatchObject({ isComplete: false, frames: [0] });
    expect(isWholeAndLegal(found)).toBe(true);
  });

  it('no bytes at all', () => {
    expect(inspect(new Uint8Array(0))).toMatchObject({ frames: [], roleFrom: 'default', length: 0 });
  });
});

describe('handshakes in front', () => {
  const request =
    'GET /chat?x=1 HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\nX-Other: y\r\n\r\n';
  const response =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';

  it('§4.1 a request, then frames of a client', () => {
    const found = inspect(concat(utf8.encode(request), parseHex('818537fa213d7f9f4d5158')));
    expect(found).toMatchObject({ role: 'server', roleFrom: 'handshake' });
    expect(found.handshake).toMatchObject({
      kind: 'request',
      startLine: 'GET /chat?x=1 HTTP/1.1',
      length: request.length,
    });
    expect(found.handshake!.fields.map(({ name, section }) => [name, section])).toEqual([
      ['Host', '§4.1'],
      ['Upgrade', '§4.1'],
      ['Connection', '§4.1'],
      ['Sec-WebSocket-Key', '§4.1'],
      ['Sec-WebSocket-Version', '§4.1'],
      ['X-Other', undefined],
    ]);
    expect(found.frames[0]).toMatchObject({ offset: request.length, summary: 'text, 5 bytes, masked' });
  });

  it('§4.2.2 a response, then frames of a server; a violation counts from the first byte of all', () => {
    const found = inspect(concat(utf8.encode(response), parseHex('8100 8300')));
    expect(found.role).toBe('client');
    expect(found.violation).toMatchObject({ offset: response.length + 2, frame: 1 });
  });

  it('§4.2.1 a request that opens no WebSocket, and what follows is not read as frames', () => {
    const plain = 'GET / HTTP/1.1\r\nHost: a\r\n\r\nrest';
    const found = inspect(utf8.encode(plain));
    expect(found.handshake).toMatchObject({ opensWebSocket: false, fault: { section: '§4.2.1' } });
    expect(found.frames).toEqual([]);
    expect(found.ignored).toMatchObject({ offset: plain.length - 4, length: 4 });
    expect(isWholeAndLegal(found)).toBe(false);
  });

  it('§4.1 a response that refuses', () => {
    const found = inspect(utf8.encode('HTTP/1.1 403 Forbidden\r\n\r\n'));
    expect(found.handshake?.fault?.message).toContain('403');
    expect(isWholeAndLegal(found)).toBe(false);
  });

  it('§4.1 a head that is cut, and one that is no HTTP', () => {
    expect(inspect(utf8.encode(request.slice(0, 40))).incomplete).toMatchObject({ within: 'handshake' });
    expect(inspect(utf8.encode('GET / HTTP/1.1\nHost: a\n\n')).handshake?.fault?.message).toContain('LF without CR');
  });

  const masked = parseHex('818537fa213d7f9f4d5158');

  it('§4.2.1 a bad key is flagged, and the frames behind it are shown', () => {
    const found = inspect(concat(utf8.encode(request.replace('AQIDBAUGBwgJCgsMDQ4PEA==', 'short')), masked));
    expect(found.handshake).toMatchObject({ opensWebSocket: false, fault: { section: '§4.2.1' } });
    expect(found.frames.map((frame) => frame.summary)).toEqual(['text, 5 bytes, masked']);
    expect(found.ignored).toBeUndefined();
    expect(isWholeAndLegal(found)).toBe(false);
  });

  const faulty: [title: string, head: string][] = [
    ['no Host', request.replace('Host: server.example\r\n', '')],
    ['another version', request.replace('Version: 13', 'Version: 7')],
    ['a head that is no HTTP', request.replace('X-Other: y', 'X-Other y')],
    ['LF without CR', request.replaceAll('\r\n', '\n')],
    ['a method that is not GET', request.replace('GET', 'POST')],
  ];
  for (const [title, head] of faulty) {
    it(`§4.2.1 so are frames behind ${title}`, () => {
      const found = inspect(concat(utf8.encode(head), masked));
      expect(found.handshake!.fault).toBeDefined();
      expect(found.handshake!.length).toBe(head.length);
      expect(found.frames[0]).toMatchObject({ offset: head.length, summary: 'text, 5 bytes, masked' });
    });
  }

  const before: [title: string, head: string, bodyLength: number][] = [
    ['GET', 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n', 0],
    ['HEAD', 'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n', 0],
    ['POST with Content-Length', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /', 5],
    [
      'PUT in chunks, with trailer fields',
      'PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n',
      38,
    ],
    ['CONNECT, through a proxy', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 0],
    ['an upgrade that was refused', request, 0],
  ];
  for (const [title, message, bodyLength] of before) {
    it(`RFC 9112 §9.3 a request before the handshake: ${title}`, () => {
      const found = inspect(concat(utf8.encode(message + message + request), masked));
      expect(found.preceding).toEqual(
        [0, message.length].map((offset) => ({
          kind: 'request',
          offset,
          length: message.length - bodyLength,
          bodyLength,
          startLine: message.split('\r\n')[0],
        })),
      );
      expect(found.handshake).toMatchObject({ offset: 2 * message.length, opensWebSocket: true });
      expect(found.frames[0]!.offset).toBe(2 * message.length + request.length);
      expect(isWholeAndLegal(found)).toBe(true);
    });
  }

  const answers: [title: string, message: string][] = [
    ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'],
    ['100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['an answer to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n'],
    ["a proxy's answer to CONNECT", 'HTTP/1.1 200 Connection established\r\n\r\n'],
    ['401', 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [title, message] of answers) {
    it(`RFC 9112 §6.3 a response before the handshake: ${title}`, () => {
      const found = inspect(concat(utf8.encode(message + response), parseHex('8100')));
      expect(found.preceding).toMatchObject([{ kind: 'response', startLine: message.split('\r\n')[0] }]);
      expect(found.frames[0]!.offset).toBe(message.length + response.length);
      expect(isWholeAndLegal(found)).toBe(true);
    });
  }

  it('RFC 9112 §6.3 a body that is cut', () => {
    const found = inspect(utf8.encode('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'));
    expect(found.incomplete).toMatchObject({
      within: 'handshake',
      explanation: 'the bytes end inside the body of an HTTP request',
    });
    expect(found.preceding).toMatchObject([{ bodyLength: 3 }]);
  });

  it('§4.1 both directions in one recording are named as that', () => {
    const found = inspect(concat(utf8.encode(request + response), masked));
    expect(found.handshake!.fault!.message).toContain('give the bytes of each direction alone');
    expect(found.ignored!.offset).toBe(request.length);
  });

  const compressed = 'c1 07 f2 48 cd c9 c9 07 00';
  const extension = 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n\r\n';

  it('RFC 7692 §5.1 behind a 101 that agrees to permessage-deflate, RSV1 is read with it', () => {
    const found = inspect(concat(utf8.encode(response.replace(/\r\n$/, extension)), parseHex(compressed)));
    expect(found.deflate).toEqual({ from: 'response', parameters: 'permessage-deflate; server_max_window_bits=10' });
    expect(found.violation).toBeUndefined();
    expect(found.messages[0]).toMatchObject({ isCompressed: true, type: 'text' });
    const without = inspect(concat(utf8.encode(response), parseHex(compressed)));
    expect([without.deflate, without.violation?.id]).toEqual([undefined, 'unexpectedRsv1']);
  });

  it('RFC 7692 §7 parameters that no client can have offered are flagged, and the frames read all the same', () => {
    for (const parameter of ['server_max_window_bits=16', 'server_no_context_takeover=1', 'level=9']) {
      const head = response.replace(/\r\n$/, `Sec-WebSocket-Extensions: permessage-deflate; ${parameter}\r\n\r\n`);
      const found = inspect(concat(utf8.encode(head), parseHex(compressed)));
      expect(found.handshake!.fault).toMatchObject({ section: 'RFC 7692 §7' });
      expect([found.violation, found.messages[0]?.isCompressed]).toEqual([undefined, true]);
    }
  });

  it('RFC 7692 §5.1 behind a request that offers it, too: the answer stands in the other direction', () => {
    const offer = request.replace(/\r\n$/, extension);
    const found = inspect(concat(utf8.encode(offer), parseHex('c1 87 00000000 f2 48 cd c9 c9 07 00')));
    expect(found.deflate?.from).toBe('request');
    expect(isWholeAndLegal(found)).toBe(true);
  });

  it('RFC 7692 §6.1 the option goes before the handshake', () => {
    const bytes = concat(utf8.encode(response.replace(/\r\n$/, extension)), parseHex(compressed));
    expect(inspect(bytes, { allowsRsv1: false }).violation?.id).toBe('unexpectedRsv1');
    expect(inspect(parseHex(compressed), { allowsRsv1: true }).deflate).toEqual({ from: 'option', parameters: '' });
  });

  it('§9.1 extensions that are malformed, or others, agree to nothing', () => {
    for (const value of ['permessage-deflate; =', 'x-webkit-deflate-frame']) {
      const head = response.replace(/\r\n$/, `Sec-WebSocket-Extensions: ${value}\r\n\r\n`);
      expect(inspect(utf8.encode(head)).deflate).toBeUndefined();
    }
  });

  it('a field named like a member of every object has no meaning', () => {
    const found = inspect(utf8.encode(response.replace('Upgrade:', 'constructor:')));
    expect(found.handshake!.fields[0]).toEqual({ name: 'constructor', value: 'websocket' });
  });
});

describe('inspect, for any bytes', () => {
  const role = fc.constantFrom<'server' | 'client' | 'auto'>('server', 'client', 'auto');
  const frame = fc
    .record({
      byte0: fc.constantFrom(0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8a, 0xc1, 0xf1, 0x83),
      payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 120, maxLength: 140 })),
      maskingKey: fc.option(fc.integer(), { nil: undefined }),
    })
    .map(({ byte0, payload, maskingKey }) => encodeFrame(byte0, payload, maskingKey));
  const stream = fc.tuple(fc.array(frame, { maxLength: 5 }), fc.nat(20)).map(([frames, cut]) => {
    const bytes = concat(...frames);
    return bytes.subarray(0, Math.max(0, bytes.length - cut));
  });
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 60 }), stream);

  it('§5.2 the frames, and what is not read, make up the input; the input stays as it is', () => {
    fc.assert(
      fc.property(bytes, role, fc.boolean(), (input, receiver, allowsRsv1) => {
        const original = input.slice();
        const found = inspect(input, { role: receiver, allowsRsv1 });
        expect(input).toEqual(original);
        const parts = found.frames.flatMap((f) => [f.headerHex, f.payload.wireHex]);
        expect(concat(...[...parts, found.ignored?.hex ?? ''].map(parseHex))).toEqual(original);
        expect(found.incomplete === undefined || found.violation === undefined).toBe(true);
      }),
    );
  });

  it('§5.2 the fields of a frame lie end to end, and hold its bits', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        for (const { fields, headerHex, payload, state } of inspect(input).frames) {
          let bit = 0;
          for (const field of fields) {
            expect(field.firstBit).toBe(bit);
            bit += field.bitLength;
          }
          if (state === 'whole') expect(bit).toBe(8 * (parseHex(headerHex).length + payload.presentLength));
          const bits = fields.map(({ wire, bitLength }) => (bitLength < 8 ? wire : binary(parseHex(wire)))).join('');
          const wholeBits = binary(parseHex(`${headerHex} ${payload.wireHex}`));
          expect(wholeBits.startsWith(bits)).toBe(true);
        }
      }),
    );
  });

  it('§5.2 the same frames and findings, whichever way the bytes are cut into reads', () => {
    const head = utf8.encode(
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n',
    );
    fc.assert(
      fc.property(
        bytes,
        fc.boolean(),
        role,
        fc.array(fc.integer({ min: 1, max: 30 })),
        (frames, hasHead, role, sizes) => {
          const input = hasHead ? concat(head, frames) : frames;
          const whole = inspect(input, { role });
          const inspector = new StreamInspector({ role });
          const found = [];
          let at = 0;
          for (const size of sizes) {
            found.push(...inspector.push(input.subarray(at, at + size)));
            at += size;
          }
          found.push(...inspector.push(input.subarray(at)), ...inspector.finish());
          expect(inspector.handshake).toEqual(whole.handshake);
          expect(inspector.violation).toEqual(whole.violation);
          // What is wrong with a frame is noticed before the rest of it has come.
          const settled = whole.violation === undefined ? undefined : -1;
          expect(found.slice(0, settled)).toEqual(whole.frames.slice(0, settled));
        },
      ),
    );
  });

  it('RFC 9112 §6 the same opening, whichever way the bytes are cut into reads, and its frame at once', () => {
    const http = [
      'POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\nGET / HTTP/1.1\n\nHTTP/1.1 101 OK\r\n\r\n12345',
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nGET\r\n1f\r\n0123456789abcdef\r\n\r\n0123456789a\r\n0\r\na: b\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n',
    ];
    const answers = ['HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTT'];
    const accepting = 'HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n\r\n';
    // The second is no HTTP, and ends all the same.
    const opening = fc.constantFrom(http[2]!, 'GET / HTTP/1.1\nUpgrade: websocket\n\n');
    const requests = fc.tuple(fc.array(fc.constantFrom(...http)), opening).map((messages) => messages.flat());
    const responses = fc.array(fc.constantFrom(...answers)).map((messages) => [...messages, accepting]);
    fc.assert(
      fc.property(fc.oneof(requests, responses), fc.array(fc.integer({ min: 1, max: 40 })), (messages, sizes) => {
        const input = concat(utf8.encode(messages.join('')), parseHex('8900'));
        const whole = inspect(input);
        const inspector = new StreamInspector();
        const found = [];
        let at = 0;
        for (const size of [...sizes, input.length]) {
          found.push(...inspector.push(input.subarray(at, at + size)));
          at += size;
        }
        expect(found).toEqual(whole.frames.slice(0, found.length));
        expect([...found, ...inspector.finish()]).toEqual(whole.frames);
        expect(inspector.handshake).toEqual(whole.handshake);
        expect(inspector.preceding).toEqual(whole.preceding ?? []);
        if (whole.handshake !== undefined) expect(found).toHaveLength(1);
      }),
    );
  });

  describe('§4.1 what stands before the frames is not read anew with every few bytes', () => {
    const chunk = utf8.encode('a'.repeat(64));
    const rows: [title: string, start: string][] = [
      ['a head without an end', 'GET / HTTP/1.1\r\nX: '],
      ['a long body', 'POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n'],
      ['a long chunk', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n'],
    ];
    for (const [title, start] of rows) {
      it(title, () => {
        const reads = vi.spyOn(HttpHeadParser.prototype, 'push');
        onTestFinished(() => reads.mockRestore());
        const inspector = new StreamInspector();
        inspector.push(utf8.encode(start));
        const before = reads.mock.calls.length;
        for (let i = 0; i < 4000; i++) inspector.push(chunk);
        expect(reads.mock.calls.length).toBeLessThanOrEqual(before + 1);
        for (let i = 0; i < 4000; i++) inspector.push(chunk);
        inspector.finish();
        expect(reads.mock.calls.length).toBeLessThanOrEqual(before + 3);
      });
    }

    it('a head that is too long is none, before its end has come', () => {
      const inspector = new StreamInspector();
      inspector.push(utf8.encode('GET / HTTP/1.1\r\nX: '));
      for (let i = 0; i < 4096; i++) inspector.push(chunk);
      expect(inspector.handshake?.fault?.message).toBe('The head is longer than 262144 bytes');
    });
  });

  it('keeps of each payload what it is told to, and counts the rest', () => {
    const inspector = new StreamInspector({ role: 'client', maxPayloadBytes: 4 });
    const text = utf8.encode('añañañ');
    const frame = concat(Uint8Array.of(0x81, text.length), text);
    expect(inspector.push(frame.subarray(0, 5))).toEqual([]);
    const [view] = inspector.push(frame.subarray(5));
    expect(view!.payload).toEqual({
      declaredLength: 9,
      presentLength: 9,
      wireHex: '61 c3 b1 61',
      unmaskedHex: '61 c3 b1 61',
      text: 'aña',
    });
    expect(view!.fields.at(-1)).toMatchObject({ id: 'payload', bitLength: 72 });
    const [close] = inspector.push(parseHex('88 08 03e8 616263646566'));
    expect(close!.payload.text).toBe('abcdef');
    expect(inspect(frame, { maxPayloadBytes: 4 }).messages[0]).toEqual({
      index: 0,
      opcode: 1,
      type: 'text',
      frames: [0],
      length: 9,
      isComplete: true,
      isCompressed: false,
    });
  });

  it('§5.3 a Buffer, whose slices are no copies, stays as it is and is shown as it was sent', () => {
    const buffer = Buffer.from('818537fa213d7f9f4d5158', 'hex');
    expect(inspect(buffer).frames[0]!.payload).toMatchObject({ wireHex: '7f 9f 4d 51 58', text: 'Hello' });
    expect(buffer.toString('hex')).toBe('818537fa213d7f9f4d5158');
  });

  it('can be printed as JSON and read back as it was', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const found = inspect(input);
        expect(JSON.parse(JSON.stringify(found))).toEqual(found);
      }),
    );
  });
});

function binary(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
}
