import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deriveAccept,
  describeReading,
  inspect,
  parseHex,
  renderText,
  sectionLabel,
  sectionUrl,
} from '../../src/inspector/index.ts';
import { VIOLATIONS } from '../../src/protocol/index.ts';

const utf8 = new TextEncoder();

describe('renderText', () => {
  it('§5.7 the masked "Hello", to the letter', () => {
    expect(renderText(inspect(parseHex('818537fa213d7f9f4d5158')))).toBe(
      `11 bytes, read as a server reads it (client to server), to judge by the MASK bit of the first frame

Frame 1 at byte 0: text, 5 bytes, masked
  81 85 37 fa 21 3d  header, 6 bytes
  bit 0        FIN             §5.2    1           the last frame of its message
  bit 1        RSV1            §5.2    0           clear
  bit 2        RSV2            §5.2    0           clear
  bit 3        RSV3            §5.2    0           clear
  bits 4–7     opcode          §5.6    0001        text, the start of a message
  bit 8        MASK            §5.1    1           masked
  bits 9–15    payload length  §5.2    0000101     5 bytes, said in 7 bits
  bits 16–47   masking key     §5.3    37 fa 21 3d payload byte i is XORed with key byte i mod 4
  payload as sent, masked
    0000  7f 9f 4d 51 58
  payload unmasked
    0000  48 65 6c 6c 6f                                   Hello
    "Hello"

1 frame, all legal
`,
    );
  });

  const rows: [title: string, hex: string, lines: string[]][] = [
    [
      '§5.1 a violation',
      '8105',
      [
        'Violation: Invalid WebSocket frame: MASK must be set',
        '  rule      RFC 6455 §5.1 (expectedMask, WS_ERR_EXPECTED_MASK)',
        '  remedy    mask every frame that a client sends to a server',
        '  answer    the connection fails with Close 1002 (Protocol error)',
      ],
    ],
    [
      '§5.2 an incomplete payload',
      '818500000000',
      ['Incomplete: the bytes end inside a frame: 5 bytes of 5 of its payload missing'],
    ],
    [
      '§5.2 a 64-bit length on two lines',
      '82ff0000000000010000',
      [
        '  bits 16–79   extended length §5.2    00 00 00 00 00 01 00 00',
        `${' '.repeat(51)}65536: in 64 bits, the shortest form for it`,
      ],
    ],
    [
      '§5.4 fragments',
      '01800000000080800000 0000',
      ['  part 2 of message 1', 'Message 1: text, 0 bytes in frames 1, 2'],
    ],
    [
      '§5.5.1 a close',
      '8882 0000000003e8',
      ['  bits 48–63   status code     §7.4    03 e8       1000: Normal Closure'],
    ],
  ];
  for (const [title, hex, lines] of rows) {
    it(title, () => {
      const report = renderText(inspect(parseHex(hex), { role: 'server' })).split('\n');
      for (const line of lines) expect(report).toContain(line);
    });
  }

  it('keeps to 100 columns and prints nothing that could steer a terminal, whatever the bytes', () => {
    const hostile = fc.stringMatching(/^[\u0000-\u001f\u007f-\u009f\u202e a-z]{0,300}$/);
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      hostile.map((text) => {
        const payload = utf8.encode(text);
        return Uint8Array.from([0x81, 0x7e, payload.length >>> 8, payload.length & 0xff, ...payload]);
      }),
      hostile.map((text) => utf8.encode(`HTTP/1.1 101 x\r\nUpgrade: ${text}\r\n\r\n`)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        const report = renderText(inspect(bytes));
        expect(Math.max(...report.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
        expect(report).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      }),
    );
  });

  it('says in its first line what the input was taken for', () => {
    const head =
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab' +
      'HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n';
    const bytes = Uint8Array.from([...utf8.encode(head), 0xc1, 0]);
    const report = renderText(inspect(bytes), { form: 'raw bytes' }).split('\n');
    expect(report.slice(0, 2).join(' ').replace(/ +/g, ' ')).toBe(
      'Read as: raw bytes, 1 HTTP response before the handshake, the response of the handshake, then frames of a server, permessage-deflate (as the response agrees)',
    );
    expect(report).toContain(
      'HTTP response before the handshake at byte 0, 38 bytes and 2 bytes of body: HTTP/1.1 200 OK',
    );
    expect(describeReading(inspect(parseHex('8100')), 'hex text')).toBe('hex text, frames of a server');
    expect(describeReading(inspect(parseHex('c180 00000000'), { allowsRsv1: true }), 'hex text')).toBe(
      'hex text, frames of a client, permessage-deflate (as asked for)',
    );
  });

  it('§4.2.1 says of frames behind a handshake at fault that they are shown all the same', () => {
    const head = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n';
    const report = renderText(inspect(Uint8Array.from([...utf8.encode(head), 0x89, 0x80, 0, 0, 0, 0])));
    expect(report).toContain('Frame 1 at byte');
    expect(report.replace(/\s+/g, ' ')).toContain('Handshake at fault: ');
    expect(report.replace(/\s+/g, ' ')).toContain('what stands behind it is shown as frames all the same');
  });

  it('cuts long payloads unless told otherwise', () => {
    const view = inspect(parseHex(`827e0200${'ab'.repeat(512)}`));
    expect(renderText(view)).toContain('… and 256 more bytes');
    const whole = renderText(view, { maxPayloadBytes: 512 });
    expect(whole).not.toContain('more bytes');
    expect(whole).toContain('    01f0  ab');
  });

  it('says what is what to whoever paints', () => {
    const report = renderText(inspect(parseHex('8300')), { paint: (text, tone) => `<${tone}>${text}</>` });
    expect(report).toContain('<heading>Frame 1 at byte 0: reserved data, 0 bytes</>');
    expect(report).toContain('<fault>Violation: Invalid WebSocket frame: invalid opcode 3</>');
  });
});

describe('sections', () => {
  it('are RFC 6455 unless they say otherwise', () => {
    expect(sectionLabel('§5.5.1')).toBe('RFC 6455 §5.5.1');
    expect(sectionUrl('§5.5.1')).toBe('https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1');
    expect(sectionUrl('RFC 7692 §6.1')).toBe('https://www.rfc-editor.org/rfc/rfc7692#section-6.1');
  });

  it('of every violation lead somewhere', () => {
    for (const { section } of Object.values(VIOLATIONS)) expect(sectionUrl(section)).toMatch(/#section-[\d.]+$/);
  });
});

describe('deriveAccept', () => {
  it('§1.3 the worked example, step by step', () => {
    const { guid, sha1Hex, accept } = deriveAccept('dGhlIHNhbXBsZSBub25jZQ==');
    expect(guid).toBe('258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
    expect(sha1Hex).toBe('b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea');
    expect(accept).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(btoa(String.fromCharCode(...parseHex(sha1Hex)))).toBe(accept);
  });
});
