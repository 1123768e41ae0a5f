import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type HeadByKind, HttpHeadParser, type HttpHeadParserOptions } from '../../src/handshake/http-head.ts';

type Kind = keyof HeadByKind;

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Everything a parser says about `chunks`, in a form that can be compared; bytes it left unread are part of it. */
function outcome<K extends Kind>(options: HttpHeadParserOptions<K>, chunks: readonly Uint8Array[]): unknown {
  const parser = new HttpHeadParser(options);
  for (const [i, chunk] of chunks.entries()) {
    const result = parser.push(chunk);
    if (result === undefined) continue;
    if (!result.ok) return result;
    const { headers: _, ...head } = result.head;
    const rest = [result.rest, ...chunks.slice(i + 1)].map((bytes) => Buffer.from(bytes).toString('latin1')).join('');
    return { ok: true, head, rest };
  }
  return undefined;
}

/** Whole, byte by byte, and at every two-way split: always the same outcome, which is returned. */
function outcomeOfAnySplit<K extends Kind>(options: HttpHeadParserOptions<K>, text: string): unknown {
  const bytes = latin1(text);
  const whole = outcome(options, [bytes]);
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  expect(outcome(options, single)).toEqual(whole);
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(outcome(options, [bytes.subarray(0, cut), bytes.subarray(cut)]), `cut at ${cut}`).toEqual(whole);
  }
  return whole;
}

const SAMPLE_REQUEST = [
  'GET /chat HTTP/1.1',
  'Host: server.example.com',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Origin: http://example.com',
  'Sec-WebSocket-Protocol: chat, superchat',
  'Sec-WebSocket-Version: 13',
  '',
  '',
].join('\r\n');

interface AcceptedRow {
  name: string;
  kind: Kind;
  text: string;
  head: object;
}

const ACCEPTED: AcceptedRow[] = [
  {
    name: '§1.3 the sample request',
    kind: 'request',
    text: SAMPLE_REQUEST,
    head: {
      method: 'GET',
      target: '/chat',
      httpVersion: '1.1',
      rawHeaders: [
        ['Host', 'server.example.com'],
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
        ['Origin', 'http://example.com'],
        ['Sec-WebSocket-Protocol', 'chat, superchat'],
        ['Sec-WebSocket-Version', '13'],
      ].flat(),
    },
  },
  {
    name: '§1.3 the sample response',
    kind: 'response',
    text: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3p\r\n\r\n',
    head: {
      httpVersion: '1.1',
      statusCode: 101,
      reason: 'Switching Protocols',
      rawHeaders: ['Upgrade', 'websocket', 'Sec-WebSocket-Accept', 's3p'],
    },
  },
  {
    name: 'RFC 9112 §3 a request without header fields, of HTTP/1.0',
    kind: 'request',
    text: 'OPTIONS * HTTP/1.0\r\n\r\n',
    head: { method: 'OPTIONS', target: '*', httpVersion: '1.0', rawHeaders: [] },
  },
  {
    name: 'RFC 9112 §2.2 one empty line before the request',
    kind: 'request',
    text: '\r\nGET / HTTP/1.1\r\n\r\n',
    head: { method: 'GET', target: '/', httpVersion: '1.1', rawHeaders: [] },
  },
  {
    name: 'RFC 9112 §5 white space around values, empty values, values with colons, tabs and Latin-1',
    kind: 'request',
    text: 'GET / HTTP/1.1\r\nA:1\r\nb: \t x:y\tz \t\r\nC:\r\nd:   \r\nE: caf\u00e9\u0080\r\nA: 2\r\n\r\n',
    head: {
      method: 'GET',
      target: '/',
      httpVersion: '1.1',
      rawHeaders: ['A', '1', 'b', 'x:y\tz', 'C', '', 'd', '', 'E', 'caf\u00e9\u0080', 'A', '2'],
    },
  },
  {
    name: 'RFC 9112 §4 an empty reason',
    kind: 'response',
    text: 'HTTP/1.1 404 \r\n\r\n',
    head: { httpVersion: '1.1', statusCode: 404, reason: '', rawHeaders: [] },
  },
  {
    name: 'RFC 9112 §4 no reason, not even the space before it, of HTTP/1.0',
    kind: 'response',
    text: 'HTTP/1.0 502\r\n\r\n',
    head: { httpVersion: '1.0', statusCode: 502, reason: '', rawHeaders: [] },
  },
  {
    name: 'RFC 9112 §5.2 a response with folded lines, each a space',
    kind: 'response',
    text: 'HTTP/1.1 101 \r\nA: b \r\n\t c: d \r\nE:\r\n f\r\nG: h\r\n \t\r\n i\r\n\r\n',
    head: { httpVersion: '1.1', statusCode: 101, reason: '', rawHeaders: ['A', 'b c: d', 'E', 'f', 'G', 'h i'] },
  },
  {
    name: 'A14 a line longer than the first buffer',
    kind: 'request',
    text: `GET / HTTP/1.1\r\nCookie: ${'c'.repeat(600)}\r\n\r\n`,
    head: { method: 'GET', target: '/', httpVersion: '1.1', rawHeaders: ['Cookie', 'c'.repeat(600)] },
  },
];

describe('HttpHeadParser accepts', () => {
  it.each(ACCEPTED)('$name', ({ kind, text, head }) => {
    expect(outcomeOfAnySplit({ kind }, text)).toEqual({ ok: true, head, rest: '' });
    const frames = '\x81\x85\x00\r\n\r\n\xff';
    expect(outcomeOfAnySplit({ kind }, text + frames)).toEqual({ ok: true, head, rest: frames });
  });

  it('§4.2.1 gives the fields by name', () => {
    const result = new HttpHeadParser({ kind: 'request' }).push(latin1(SAMPLE_REQUEST));
    expect(result?.ok === true && result.head.headers.get('sec-websocket-protocol')).toBe('chat, superchat');
  });

  it('§4.1 the bytes behind the head are a view of the chunk', () => {
    const chunk = latin1(`${SAMPLE_REQUEST}frames`);
    const result = new HttpHeadParser({ kind: 'request' }).push(chunk);
    expect(result?.ok === true && result.rest.buffer).toBe(chunk.buffer);
  });

  it('RFC 9112 §2.2 lines are decoded by what it is given, wherever they lie', () => {
    const decodeLatin1 = (bytes: Uint8Array, start: number, end: number) =>
      Buffer.from(bytes.subarray(start, end)).toString('latin1').toUpperCase();
    for (const cut of [0, 5, 20, SAMPLE_REQUEST.length - 1]) {
      const parser = new HttpHeadParser({ kind: 'request', decodeLatin1 });
      expect(parser.push(latin1(SAMPLE_REQUEST.slice(0, cut)))).toBeUndefined();
      const result = parser.push(latin1(SAMPLE_REQUEST.slice(cut)));
      expect(result?.ok === true && [result.head.target, result.head.rawHeaders[1]]).toEqual([
        '/CHAT',
        'SERVER.EXAMPLE.COM',
      ]);
    }
  });

  it('A07 the head does not change when a chunk is overwritten later', () => {
    const parser = new HttpHeadParser({ kind: 'request' });
    const chunk = latin1('GET /cut');
    parser.push(chunk);
    chunk.fill(0);
    const result = parser.push(latin1(' HTTP/1.1\r\n\r\n'));
    expect(result?.ok === true && result.head.target).toBe('/cut');
  });

  it('§4.1 once complete, takes no more bytes', () => {
    const parser = new HttpHeadParser({ kind: 'request' });
    parser.push(latin1(SAMPLE_REQUEST));
    expect(() => parser.push(latin1('x'))).toThrow('The head is complete');
  });
});

const START = 'GET / HTTP/1.1\r\n';

// [title, text up to the byte that is refused, status, words of the message]
const REFUSED_REQUESTS: [name: string, text: string, status: number, message: string][] = [
  ['RFC 9112 §2.2 bare LF after the request line', 'GET / HTTP/1.1\n', 400, 'LF without CR at byte 14'],
  ['RFC 9112 §2.2 bare LF as the last line', `${START}A: b\r\n\n`, 400, 'LF without CR at byte 22'],
  ['RFC 9112 §2.2 bare CR in a value', `${START}A: b\rc`, 400, 'CR without LF at byte 21'],
  ['RFC 9112 §2.2 two CR', `${START}A: b\r\r`, 400, 'CR without LF at byte 21'],
  ['RFC 9112 §2.2 two empty lines first', '\r\n\r\n', 400, 'first line'],
  ['RFC 9110 §5.5 NUL in a value', `${START}A: \0`, 400, 'Control character 0x00 at byte 19'],
  ['RFC 9110 §5.5 DEL in a value', `${START}A: \x7f`, 400, 'Control character 0x7f at byte 19'],
  ['RFC 9110 §5.5 ESC in a value', `${START}A: \x1b`, 400, 'Control character 0x1b at byte 19'],
  ['RFC 9112 §2.2 a TLS ClientHello', '\x16', 400, 'Control character 0x16 at byte 0'],
  ['RFC 9112 §5.2 a folded line', `${START}A: b\r\n c\r\n`, 400, 'Header line 2 starts with white space'],
  ['RFC 9112 §5.2 a line folded with a tab', `${START}A: b\r\n\tc\r\n`, 400, 'Header line 2 starts with white space'],
  ['RFC 9112 §2.2 white space after the request line', `${START} A: b\r\n`, 400, 'Header line 1 starts with white'],
  ['RFC 9112 §5.1 white space before the colon', `${START}Host : x\r\n`, 400, 'illegal character'],
  ['RFC 9112 §5.1 a tab before the colon', `${START}Host\t: x\r\n`, 400, 'illegal character'],
  ['RFC 9112 §5.1 an empty name', `${START}: x\r\n`, 400, 'Header line 1 has an empty name'],
  ['RFC 9112 §5.1 a separator in a name', `${START}A(b): x\r\n`, 400, 'illegal character'],
  ['RFC 9112 §5.1 Latin-1 in a name', `${START}\u00e9: x\r\n`, 400, 'illegal character'],
  ['RFC 9112 §5 no colon', `${START}nonsense\r\n`, 400, 'Header line 1 has no colon'],
  ['RFC 9112 §3 no version', 'GET /\r\n', 400, 'first line'],
  ['RFC 9112 §3 no target', 'GET  HTTP/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §3 two spaces', 'GET  / HTTP/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §3 a tab for a space', 'GET\t/ HTTP/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §3 a space behind', 'GET / HTTP/1.1 \r\n', 400, 'first line'],
  ['RFC 9112 §3 a space in the target', 'GET /a b HTTP/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §3 an illegal method', 'G(T / HTTP/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §2.3 a protocol name in lower case', 'GET / http/1.1\r\n', 400, 'first line'],
  ['RFC 9112 §2.3 a version of two digits', 'GET / HTTP/1.10\r\n', 400, 'first line'],
  ['RFC 9112 §3 a response', 'HTTP/1.1 200 OK\r\n', 400, 'first line'],
  ['RFC 9112 §3.2 a fragment', 'GET /a#b HTTP/1.1\r\n', 400, 'request-target'],
  ['RFC 9112 §3.2 a tab in the target', 'GET /\t HTTP/1.1\r\n', 400, 'request-target'],
  ['RFC 9112 §3.2 Latin-1 in the target', 'GET /\u00e9 HTTP/1.1\r\n', 400, 'request-target'],
  ['RFC 9110 §15.6.6 HTTP/2', 'PRI * HTTP/2.0\r\n', 505, 'HTTP/2.0 is not supported'],
  ['RFC 9110 §15.6.6 HTTP/0.9', 'GET / HTTP/0.9\r\n', 505, 'HTTP/0.9 is not supported'],
];

const REFUSED_RESPONSES: [name: string, text: string, status: number, message: string][] = [
  ['RFC 9112 §4 an empty line first', '\r\n', 400, 'first line'],
  ['RFC 9112 §4 a status of two digits', 'HTTP/1.1 99 x\r\n', 400, 'first line'],
  ['RFC 9112 §4 a status of four digits', 'HTTP/1.1 1010\r\n', 400, 'first line'],
  ['RFC 9112 §4 no status', 'HTTP/1.1 \r\n', 400, 'first line'],
  ['RFC 9112 §4 another protocol', 'SSH-2.0-OpenSSH\r\n', 400, 'first line'],
  ['RFC 9112 §4 a request', START, 400, 'first line'],
  ['RFC 9110 §15.6.6 HTTP/2', 'HTTP/2.0 101 x\r\n', 505, 'HTTP/2.0 is not supported'],
  ['RFC 9112 §2.2 bare LF', 'HTTP/1.1 101 x\n', 400, 'LF without CR'],
  ['RFC 9112 §2.2 white space after it', 'HTTP/1.1 101 x\r\n A: b\r\n', 400, 'Header line 1 starts with white'],
];

describe('HttpHeadParser refuses', () => {
  const rows = [
    ...REFUSED_REQUESTS.map((row) => ['request', ...row] as const),
    ...REFUSED_RESPONSES.map((row) => ['response', ...row] as const),
  ].map(([kind, name, text, status, message]) => ({ kind, name, text, status, message }));

  it.each(rows)('$name ($kind)', ({ kind, text, status, message }) => {
    // Nothing is wrong before the last byte, and nothing that follows it makes a difference.
    expect(outcome({ kind }, [latin1(text.slice(0, -1))])).toBeUndefined();
    const result = outcomeOfAnySplit({ kind }, text);
    expect(result).toMatchObject({ ok: false, status, message: expect.stringContaining(message) });
    expect(result).toMatchObject({ section: expect.stringMatching(/^RFC \d+ §\d/) });
    expect(outcomeOfAnySplit({ kind }, `${text}x\r\n\r\n`)).toEqual(result);
  });

  it('RFC 9112 §2.2 a failure is returned again for later bytes', () => {
    const parser = new HttpHeadParser({ kind: 'request' });
    const result = parser.push(latin1('\n'));
    expect(result).toMatchObject({ ok: false, status: 400 });
    expect(parser.push(latin1(SAMPLE_REQUEST))).toBe(result);
  });
});

describe('HttpHeadParser limits', () => {
  it('A14 takes a head of exactly maxHeadBytes and refuses one byte more with 431', () => {
    const { length } = SAMPLE_REQUEST;
    expect(outcomeOfAnySplit({ kind: 'request', maxHeadBytes: length }, SAMPLE_REQUEST)).toMatchObject({ ok: true });
    expect(outcomeOfAnySplit({ kind: 'request', maxHeadBytes: length - 1 }, SAMPLE_REQUEST)).toMatchObject({
      ok: false,
      status: 431,
      message: `The head is longer than ${length - 1} bytes`,
      section: 'RFC 6585 §5',
    });
  });

  it('A14 the default limit is 16384 bytes, also without any line end', () => {
    expect(outcome({ kind: 'request' }, [new Uint8Array(16_384).fill(0x61)])).toBeUndefined();
    expect(outcome({ kind: 'request' }, [new Uint8Array(16_385).fill(0x61)])).toMatchObject({ status: 431 });
  });

  it('A05 takes maxHeaderCount fields and refuses one more with 431', () => {
    const head = (count: number): string => `${START}${'A: b\r\n'.repeat(count)}\r\n`;
    expect(outcomeOfAnySplit({ kind: 'request', maxHeaderCount: 3 }, head(3))).toMatchObject({ ok: true });
    expect(outcomeOfAnySplit({ kind: 'request', maxHeaderCount: 3 }, head(4))).toMatchObject({
      ok: false,
      status: 431,
      message: 'The head has more than 3 header fields',
    });
    expect(outcome({ kind: 'request' }, [latin1(head(128))])).toMatchObject({ ok: true });
    expect(outcome({ kind: 'request' }, [latin1(head(129))])).toMatchObject({ status: 431 });
  });

  it('A14 a head dribbled a byte at a time is read once and decoded once', () => {
    const head = `${START}${Array.from({ length: 100 }, (_, i) => `X-${i}: ${'v'.repeat(150)}\r\n`).join('')}\r\n`;
    let reads = 0;
    const counting: ProxyHandler<Uint8Array> = {
      get(bytes, property) {
        if (typeof property === 'string' && /^\d+$/.test(property)) reads++;
        const value = Reflect.get(bytes, property, bytes);
        return typeof value === 'function' ? value.bind(bytes) : value;
      },
    };
    const decode = vi.spyOn(String, 'fromCharCode');
    const parser = new HttpHeadParser({ kind: 'request', maxHeadBytes: 20_000 });
    let result: ReturnType<typeof parser.push>;
    for (const character of head) result = parser.push(new Proxy(latin1(character), counting));
    const decoded = decode.mock.calls.reduce((sum, codes) => sum + codes.length, 0);
    decode.mockRestore();
    expect(result).toMatchObject({ ok: true });
    expect(reads).toBe(head.length);
    expect(decoded).toBeLessThanOrEqual(head.length);
  });

  it('A14 a line longer than one decoding slice comes out whole', () => {
    const value = Array.from({ length: 12_000 }, (_, i) => String.fromCharCode(0x21 + (i % 90))).join('');
    const result = outcome({ kind: 'request' }, [latin1(`${START}A: ${value}\r\n\r\n`)]);
    expect(result).toMatchObject({ head: { rawHeaders: ['A', value] } });
  });
});

describe('HttpHeadParser properties', () => {
  const kind = fc.constantFrom<Kind>('request', 'response');
  const nearlyHead = fc
    .array(
      fc.constantFrom(
        'GET',
        ' ',
        '/',
        'HTTP/1.1',
        '\r\n',
        '\r\n',
        '\r',
        '\n',
        'A: b',
        ':',
        '\t',
        '\0',
        ' 101 ',
        '\xff',
      ),
      { maxLength: 24 },
    )
    .map((parts) => latin1(parts.join('')));
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 8 });

  it('RFC 9112 §2.2 any way of cutting the bytes gives the same outcome', () => {
    const valid = fc.constantFrom(...ACCEPTED.map(({ text }) => latin1(`${text}\x81\x00`)));
    fc.assert(
      fc.property(kind, fc.oneof(nearlyHead, valid), cuts, (headKind, bytes, positions) => {
        const edges = [0, ...positions.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
        const options = { kind: headKind, maxHeadBytes: 200 };
        expect(outcome(options, chunks)).toEqual(outcome(options, [bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it('RFC 9112 §2.2 no bytes make it throw', () => {
    fc.assert(
      fc.property(kind, fc.oneof(nearlyHead, fc.uint8Array({ maxLength: 200 })), (headKind, bytes) => {
        const result = new HttpHeadParser({ kind: headKind }).push(bytes);
        expect(result === undefined || typeof result.ok === 'boolean').toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('RFC 9112 §5 any legal fields come back as they were written', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9-]{1,10}$/);
    const value = fc.stringMatching(/^([!-~\x80-\xff]([ \t!-~\x80-\xff]{0,10}[!-~\x80-\xff])?)?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (fields) => {
        const text = fields.map(([n, v]) => `${n}: ${v}\r\n`).join('');
        const result = outcome({ kind: 'request' }, [latin1(`${START}${text}\r\n`)]);
        expect(result).toMatchObject({ ok: true, head: { rawHeaders: fields.flat() } });
      }),
    );
  });
});
