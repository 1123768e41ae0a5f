import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHead } from '../../src/handshake/head-writer.ts';
import { HeaderMap } from '../../src/handshake/header-map.ts';
import { HttpHeadParser } from '../../src/handshake/http-head.ts';
import {
  buildRefusalResponse,
  buildUpgradeResponse,
  checkUpgradeRequest,
  chooseSubprotocol,
  type UpgradeRequest,
  type UpgradeRequestOptions,
  upgradeResponseLines,
} from '../../src/handshake/server-handshake.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

const SAMPLE: readonly [name: string, value: string][] = [
  ['Host', 'server.example.com'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', KEY],
  ['Origin', 'http://example.com'],
  ['Sec-WebSocket-Protocol', 'chat, superchat'],
  ['Sec-WebSocket-Version', '13'],
];

interface Change {
  method?: string;
  target?: string;
  httpVersion?: string;
  /** Removed from the sample. */
  without?: string[];
  /** Take the place of the sample's fields of that name, or are added; several values make several fields. */
  set?: Record<string, string | string[]>;
}

/** The request of §1.3 with a change. */
function request({ method = 'GET', target = '/chat', httpVersion = '1.1', without = [], set = {} }: Change = {}) {
  const replaced = new Set([...without, ...Object.keys(set)].map((name) => name.toLowerCase()));
  const fields = SAMPLE.filter(([name]) => !replaced.has(name.toLowerCase()));
  const added = Object.entries(set).flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const));
  return { method, target, httpVersion, headers: new HeaderMap([...fields, ...added].flat()) } satisfies UpgradeRequest;
}

const ACCEPTED = {
  ok: true,
  key: KEY,
  version: 13,
  resourceName: '/chat',
  origin: 'http://example.com',
  subprotocols: ['chat', 'superchat'],
  extensions: [],
};

describe('checkUpgradeRequest accepts', () => {
  it('§1.3 the sample request, in both profiles', () => {
    expect(checkUpgradeRequest(request())).toEqual(ACCEPTED);
    expect(checkUpgradeRequest(request(), { profile: 'ws' })).toEqual(ACCEPTED);
  });

  it('§4.2.1 what the head parser gives', () => {
    const text = `GET /chat HTTP/1.1\r\n${SAMPLE.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    const parsed = new HttpHeadParser({ kind: 'request' }).push(new TextEncoder().encode(text));
    expect(parsed?.ok === true && checkUpgradeRequest(parsed.head)).toEqual(ACCEPTED);
  });

  const ROWS: [name: string, change: Change, expected: object, options?: UpgradeRequestOptions][] = [
    ['§4.2.1 Upgrade as a list in another case', { set: { upgrade: 'h2c, WebSocket' } }, {}],
    ['§4.2.1 Upgrade in two fields', { set: { upgrade: ['h2c', 'websocket'] } }, {}],
    ['§4.2.1 Connection as a list in another case', { set: { connection: 'keep-alive, UPGRADE' } }, {}],
    ['§4.2.1 Connection in two fields', { set: { connection: ['keep-alive', 'upgrade'] } }, {}],
    ['§4.2.1 a higher version of HTTP', { httpVersion: '1.2' }, {}],
    ['§4.2.1 an absolute target', { target: 'http://server.example.com/x?y' }, { resourceName: '/x?y' }],
    ['§4.2.1 white space around the key', { set: { 'sec-websocket-key': ` ${KEY}\t` } }, { key: KEY }],
    ['§4.2.1 a Content-Length of zero', { set: { 'content-length': ['0', '00'] } }, {}],
    ['§4.2.1 no subprotocols', { without: ['sec-websocket-protocol'] }, { subprotocols: [] }],
    [
      '§11.3.4 subprotocols in two fields',
      { set: { 'sec-websocket-protocol': ['b', 'a, c'] } },
      { subprotocols: ['b', 'a', 'c'] },
    ],
    ['§4.2.1 no Origin', { without: ['origin'] }, { origin: undefined }],
    [
      '§11.3.2 extensions in two fields',
      { set: { 'sec-websocket-extensions': ['foo', 'bar; baz=2'] } },
      {
        extensions: [
          { name: 'foo', params: [] },
          { name: 'bar', params: [{ name: 'baz', value: '2' }] },
        ],
      },
    ],
    [
      '§9.1 malformed extensions that nobody reads',
      { set: { 'sec-websocket-extensions': ';' } },
      {},
      { parsesExtensions: false },
    ],
    ['§4.2.1 ws: no Connection', { without: ['connection'] }, {}, { profile: 'ws' }],
    [
      '§4.1 the specimen key, with an unused bit set',
      { set: { 'sec-websocket-key': 'AQIDBAUGBwgJCgsMDQ4PEC==' } },
      { key: 'AQIDBAUGBwgJCgsMDQ4PEC==' },
    ],
    [
      'RFC 9110 §5.6.1.2 empty elements in every list',
      {
        set: {
          upgrade: ', websocket,',
          connection: ',,Upgrade , ',
          'sec-websocket-protocol': ['chat, ', '', ',superchat'],
          'sec-websocket-extensions': ',x,',
        },
      },
      { extensions: [{ name: 'x', params: [] }] },
    ],
    ['§4.2.1 ws: any target', { target: 'chat' }, { resourceName: 'chat' }, { profile: 'ws' }],
    [
      '§4.2.2 ws: version 8, with its own Origin header',
      { set: { 'sec-websocket-version': '8', 'sec-websocket-origin': 'o' } },
      { version: 8, origin: 'o' },
      { profile: 'ws' },
    ],
    [
      '§10.2 ws: version 8 without its own Origin header: the usual one counts',
      { set: { 'sec-websocket-version': '8' } },
      { version: 8 },
      { profile: 'ws', origins: ['http://example.com'] },
    ],
    [
      '§10.2 ws: version 8 with two Origins of the list',
      { set: { 'sec-websocket-version': '8', 'sec-websocket-origin': 'http://a' } },
      { version: 8, origin: 'http://a' },
      { profile: 'ws', origins: ['http://example.com', 'http://a'] },
    ],
    [
      '§10.2 an Origin of the list, in any case',
      { set: { origin: 'HTTP://Example.com' } },
      { origin: 'HTTP://Example.com' },
      { origins: ['http://a', 'http://EXAMPLE.com'] },
    ],
    ['§10.2 no Origin although there is a list', { without: ['origin'] }, { origin: undefined }, { origins: [] }],
    ['§10.2 what a function accepts', {}, {}, { origins: (origin) => origin === 'http://example.com' }],
  ];

  it.each(ROWS)('%s', (_name, change, expected, options) => {
    expect(checkUpgradeRequest(request(change), options)).toEqual({ ...ACCEPTED, ...expected });
  });

  it('§4.2.1 ws: a made-up request of plain values', () => {
    const headers = HeaderMap.fromObject({
      upgrade: 'websocket',
      connection: 'upgrade',
      'sec-websocket-version': 13,
      'sec-websocket-key': KEY,
    });
    const madeUp = { method: 'GET', target: '/', httpVersion: '1.0', headers, wireHeaders: null };
    expect(checkUpgradeRequest(madeUp, { profile: 'ws' })).toMatchObject({ ok: true, version: 13, key: KEY });
  });
});

const V13 = ['Sec-WebSocket-Version', '13'];
const TWO_KEYS = { set: { 'sec-websocket-key': [KEY, KEY] } };

interface RefusedRow {
  name: string;
  change: Change;
  check: string;
  section: string;
  status: number;
  message: RegExp;
  headers?: string[][];
  options?: UpgradeRequestOptions;
}

describe('checkUpgradeRequest, strict, refuses', () => {
  const version = (value: string | string[]): Change => ({ set: { 'sec-websocket-version': value } });
  const ROWS: RefusedRow[] = [
    ...['POST', 'get', 'HEAD', 'CONNECT'].map((method) => ({
      name: `the method ${method}`,
      change: { method },
      check: 'method',
      section: '§4.2.1',
      status: 405,
      message: /GET/,
      headers: [['Allow', 'GET']],
    })),
    ...['1.0', '0.9', 'x'].map((httpVersion) => ({
      name: `HTTP/${httpVersion}`,
      change: { httpVersion },
      check: 'httpVersion',
      section: '§4.2.1',
      status: 400,
      message: /HTTP\/1\.1/,
    })),
    ...['chat', '*', 'ws://server.example.com/', '/a#b', 'http://user@server.example.com/'].map((target) => ({
      name: `the target ${target}`,
      change: { target },
      check: 'target',
      section: '§4.2.1',
      status: 400,
      message: /request-target/,
    })),
    ...[[], ['a', 'a'], [''], ['a', ''], ['a/b'], ['user@a'], ['a b'], ['a:b'], ['::1']].map((host) => ({
      name: `Host ${JSON.stringify(host)}`,
      change: { without: ['host'], set: { host } },
      check: 'host',
      section: '§4.2.1',
      status: 400,
      message: /Exactly one Host header/,
    })),
    ...[
      { 'content-length': '1' },
      { 'content-length': ['0', '5'] },
      { 'content-length': '-0' },
      { 'content-length': '' },
      { 'transfer-encoding': 'chunked' },
    ].map((set) => ({
      name: `a body: ${JSON.stringify(set)}`,
      change: { set } as Change,
      check: 'body',
      section: '§4.2.1',
      status: 400,
      message: /no body/,
    })),
    ...[[], '', 'h2c', 'websocket/13', 'web socket', 'websoc\u212aet'].map((upgrade) => ({
      name: `Upgrade ${JSON.stringify(upgrade)}`,
      change: { set: { upgrade } },
      check: 'upgrade',
      section: '§4.2.1',
      status: 400,
      message: /websocket/,
    })),
    ...[[], 'keep-alive', 'upgraded', 'close Upgrade'].map((connection) => ({
      name: `Connection ${JSON.stringify(connection)}`,
      change: { set: { connection } },
      check: 'connection',
      section: '§4.2.1',
      status: 400,
      message: /Upgrade/,
    })),
    ...[{ without: ['sec-websocket-key'] }, TWO_KEYS, { set: { 'sec-websocket-key': 'AQIDBAUGBwgJCgsMDQ4P' } }].map(
      (change) => ({
        name: `the key: ${JSON.stringify(change)}`,
        change,
        check: 'key',
        section: '§4.2.1',
        status: 400,
        message: /Sec-WebSocket-Key/,
      }),
    ),
    ...[version([]), version(['13', '13']), version(['13', '8'])].map((change) => ({
      name: `no or two versions: ${JSON.stringify(change.set)}`,
      change,
      check: 'versionHeader',
      section: '§11.3.5',
      status: 400,
      message: /Exactly one Sec-WebSocket-Version/,
      headers: [V13],
    })),
    ...['12', '14', '8', '0', '013', '13.0', '', 'x', '13, 8'].map((value) => ({
      name: `the version "${value}"`,
      change: version(value),
      check: 'version',
      section: '§4.2.2',
      status: 426,
      message: /use 13/,
      headers: [['Connection', 'close, Upgrade'], ['Upgrade', 'websocket'], V13],
    })),
    ...['', ', ,', 'a b', 'a, a', ['a', 'a']].map((value) => ({
      name: `subprotocols ${JSON.stringify(value)}`,
      change: { set: { 'sec-websocket-protocol': value } },
      check: 'subprotocols',
      section: '§4.1',
      status: 400,
      message: /^Invalid Sec-WebSocket-Protocol header: ./,
    })),
    ...['', 'a;', ',', 'a; b="'].map((value) => ({
      name: `extensions ${JSON.stringify(value)}`,
      change: { set: { 'sec-websocket-extensions': value } },
      check: 'extensions',
      section: '§9.1',
      status: 400,
      message: /^Invalid Sec-WebSocket-Extensions header: Unexpected/,
    })),
    ...[
      { origins: [] },
      { origins: ['https://example.com', 'http://example.com:8080', 'http://example.com.evil'] },
      { origins: () => false },
    ].map((options) => ({
      name: `A16 an Origin not in ${options.origins}`,
      change: {},
      check: 'origin',
      section: '§10.2',
      status: 403,
      message: /origin/,
      options,
    })),
    {
      name: 'A16 two Origins of which one is in the list',
      change: { set: { origin: ['http://example.com', 'http://evil.example'] } },
      check: 'origin',
      section: '§10.2',
      status: 403,
      message: /origin/,
      options: { origins: ['http://example.com'] },
    },
    {
      name: 'no Origin where a function wants one',
      change: { without: ['origin'] },
      check: 'origin',
      section: '§10.2',
      status: 403,
      message: /^Connections without an Origin header are not allowed$/,
      options: { origins: (origin) => origin !== undefined },
    },
  ];

  it.each(ROWS)('$section $name', ({ change, check, section, status, message, headers = [], options }) => {
    expect(checkUpgradeRequest(request(change), options)).toEqual({
      ok: false,
      check,
      section,
      status,
      message: expect.stringMatching(message),
      contentType: 'text/plain; charset=utf-8',
      headers,
    });
  });

  it('§4.2.2 what is not served, before it looks at what is offered', () => {
    const explainPath = (resourceName: string) => (resourceName === '/chat' ? undefined : `Not ${resourceName}`);
    expect(checkUpgradeRequest(request(), { explainPath })).toEqual(ACCEPTED);
    const other = request({ target: 'http://a/b?c', set: { 'sec-websocket-protocol': '' } });
    const refusal = { ok: false, check: 'path', section: '§4.2.2', headers: [] };
    expect(checkUpgradeRequest(other, { explainPath })).toMatchObject({ ...refusal, status: 404, message: 'Not /b?c' });
    expect(checkUpgradeRequest(other, { explainPath, profile: 'ws' })).toMatchObject({
      ...refusal,
      status: 400,
      message: 'Bad Request',
    });
  });

  it('A05 a request whose Upgrade was lost among too many headers', () => {
    const fields = Array.from({ length: 3000 }, (_, i) => [`X-${i}`, 'x']).flat();
    const headers = new HeaderMap(['Host', 'a', ...fields]);
    const result = checkUpgradeRequest({ method: 'GET', target: '/', httpVersion: '1.1', headers });
    expect(result).toMatchObject({ ok: false, status: 400, check: 'upgrade' });
  });
});

describe('checkUpgradeRequest, as ws, refuses', () => {
  const VERSIONS = [['Sec-WebSocket-Version', '13, 8']];
  const VERSION_MESSAGE = 'Missing or invalid Sec-WebSocket-Version header';
  const KEY_MESSAGE = 'Missing or invalid Sec-WebSocket-Key header';
  const HOST_MESSAGE = 'Exactly one Host header with a valid host is required';
  const BODY_MESSAGE = 'A request for a WebSocket must have no body';

  it.each<[name: string, change: Change, status: number, message: string, headers?: string[][]]>([
    ['§4.2.1 another method', { method: 'POST' }, 405, 'Invalid HTTP method'],
    ['§4.2.1 no Upgrade', { without: ['upgrade'] }, 400, 'Invalid Upgrade header'],
    ['§4.2.1 another Upgrade', { set: { upgrade: 'foo' } }, 400, 'Invalid Upgrade header'],
    ['§4.2.1 no key', { without: ['sec-websocket-key'] }, 400, KEY_MESSAGE],
    ['§11.3.1 two keys', TWO_KEYS, 400, KEY_MESSAGE],
    ['§4.2.1 a short key', { set: { 'sec-websocket-key': 'P5l8BJcZwRc=' } }, 400, KEY_MESSAGE],
    ['§4.2.2 no version', { without: ['sec-websocket-version'] }, 400, VERSION_MESSAGE, VERSIONS],
    ['§4.2.2 two versions', { set: { 'sec-websocket-version': ['13', '8'] } }, 400, VERSION_MESSAGE, VERSIONS],
    ['§4.2.2 another version', { set: { 'sec-websocket-version': '12' } }, 400, VERSION_MESSAGE, VERSIONS],
    ['§4.2.1 HTTP/1.0', { httpVersion: '1.0' }, 400, 'A WebSocket needs HTTP/1.1 or higher'],
    ['§4.2.1 no Host', { without: ['host'] }, 400, HOST_MESSAGE],
    ['§4.2.1 two Hosts', { set: { host: ['a', 'b'] } }, 400, HOST_MESSAGE],
    ['§4.2.1 a body', { set: { 'content-length': '4' } }, 400, BODY_MESSAGE],
    ['§4.2.1 a chunked body', { set: { 'transfer-encoding': 'chunked' } }, 400, BODY_MESSAGE],
    ['§4.1 subprotocols', { set: { 'sec-websocket-protocol': 'a b' } }, 400, 'Invalid Sec-WebSocket-Protocol header'],
    [
      '§9.1 extensions',
      { set: { 'sec-websocket-extensions': 'a;' } },
      400,
      'Invalid or unacceptable Sec-WebSocket-Extensions header',
    ],
  ])('%s', (_name, change, status, message, headers = []) => {
    expect(checkUpgradeRequest(request(change), { profile: 'ws' })).toMatchObject({
      ok: false,
      status,
      message,
      contentType: 'text/html',
      headers,
    });
  });

  it.each([
    [{ set: { 'sec-websocket-version': '8', 'sec-websocket-origin': 'http://good' } }],
    [{ set: { 'sec-websocket-version': '8' } }],
    [{ set: { 'sec-websocket-version': '8', origin: 'http://good', 'sec-websocket-origin': 'http://evil' } }],
  ])('A16 version 8 with a foreign Origin in either header: %j', (change) => {
    const options = { profile: 'ws', origins: ['http://good'] } as const;
    expect(checkUpgradeRequest(request(change), options)).toMatchObject({ ok: false, check: 'origin', status: 403 });
  });

  it('§4.2.1 what a program has changed is taken, but for what was on the wire', () => {
    const { method, target, httpVersion, headers: wireHeaders } = request({ set: { 'content-length': '3' } });
    const changed = { method, target, httpVersion, headers: request().headers, wireHeaders };
    expect(checkUpgradeRequest(changed, { profile: 'ws' })).toMatchObject({ ok: false, check: 'body' });
  });

  it('§4.2.1 the first of several faults, in the order in which ws looks for them', () => {
    const faults: [check: string, name: string, bad: string][] = [
      ['upgrade', 'upgrade', 'x'],
      ['key', 'sec-websocket-key', 'x'],
      ['version', 'sec-websocket-version', '1'],
      ['host', 'host', ''],
      ['subprotocols', 'sec-websocket-protocol', ''],
      ['extensions', 'sec-websocket-extensions', ''],
    ];
    const set = Object.fromEntries(faults.map(([, name, bad]) => [name, bad]));
    expect(checkUpgradeRequest(request({ method: 'PUT', set }), { profile: 'ws' })).toMatchObject({ check: 'method' });
    for (const [check, name] of faults) {
      expect(checkUpgradeRequest(request({ set }), { profile: 'ws' })).toMatchObject({ ok: false, check });
      delete set[name];
    }
    expect(checkUpgradeRequest(request({ set }), { profile: 'ws' })).toMatchObject({ ok: true });
  });
});

describe('checkUpgradeRequest, for any headers,', () => {
  it('§4.2.1 decides without throwing, and never accepts in strict what it refuses as ws', () => {
    const name = fc.constantFrom(...SAMPLE.map(([field]) => field), 'Sec-WebSocket-Extensions', '__proto__');
    const value = fc.oneof(fc.constantFrom('websocket', 'Upgrade', KEY, '13', 'a', 'a;b="c"'), fc.string());
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 10 }), fc.nat({ max: 7 }), (fields, kept) => {
        const headers = new HeaderMap([...SAMPLE.slice(0, kept), ...fields].flat());
        const head = { method: 'GET', target: '/', httpVersion: '1.1', headers };
        const strict = checkUpgradeRequest(head);
        const lenient = checkUpgradeRequest(head, { profile: 'ws' });
        if (strict.ok) expect(lenient).toEqual(strict);
        else expect(strict.status).toBeGreaterThanOrEqual(400);
      }),
      { numRuns: 500 },
    );
  });
});

describe('chooseSubprotocol', () => {
  it.each([
    [['a', 'b'], ['b', 'a'], 'a'],
    [['x', 'b'], ['b', 'a'], 'b'],
    [['A'], ['a'], undefined],
    [[], ['a'], undefined],
    [['a'], [], undefined],
  ])('§4.2.2 of %j with %j supported: %s', (offered, supported, expected) => {
    expect(chooseSubprotocol(offered, supported)).toBe(expected);
  });
});

const key = KEY;
const deflate = { name: 'permessage-deflate', params: [{ name: 'server_max_window_bits', value: '10' }] };

describe('buildUpgradeResponse', () => {
  it('§1.3 the sample response', () => {
    expect(buildUpgradeResponse({ key })).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
  });

  it('§4.2.2 subprotocol, extensions, then further fields', () => {
    const headers = [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ] as const;
    const lines = upgradeResponseLines({ key, subprotocol: 'chat', extensions: [deflate], headers });
    expect(lines.slice(4)).toEqual([
      'Sec-WebSocket-Protocol: chat',
      'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
    ]);
    expect(formatHead(lines)).toBe(buildUpgradeResponse({ key, subprotocol: 'chat', extensions: [deflate], headers }));
  });

  it('§4.2.2 no subprotocol and no extensions make no header, for an empty one would be illegal', () => {
    const response = buildUpgradeResponse({ key, subprotocol: undefined, extensions: [] });
    expect(response).not.toMatch(/Sec-WebSocket-(Protocol|Extensions)/);
  });

  it.each([
    ['A13 a line break in a value', { headers: [['X-A', 'b\r\nX-B: c']] }],
    ['A13 a line break in a name', { headers: [['X-A: b\r\nX-B', 'c']] }],
    ['A13 a line break in the subprotocol', { subprotocol: 'a\r\nX: y' }],
    ['§4.2.2 an empty subprotocol', { subprotocol: '' }],
    ['§9.1 an extension that is no token', { extensions: [{ name: 'a b', params: [] }] }],
    ['§11.3.3 a second Sec-WebSocket-Accept', { headers: [['sec-websocket-accept', 'x']] }],
    ['§11.3.4 a Sec-WebSocket-Protocol of the caller', { headers: [['Sec-WebSocket-Protocol', 'x']] }],
    ['§11.3.2 a Sec-WebSocket-Extensions of the caller', { headers: [['Sec-WebSocket-Extensions', 'x']] }],
    ['§4.2.2 a second Upgrade', { headers: [['UPGRADE', 'x']] }],
    ['RFC 9110 §8.6 a Content-Length', { headers: [['Content-Length', '5']] }],
  ] as [string, object][])('%s is refused', (_name, parts) => {
    expect(() => buildUpgradeResponse({ key, ...parts })).toThrow(TypeError);
  });
});

describe('buildRefusalResponse', () => {
  it('§4.2.2 a refusal of the check, as ws writes it', () => {
    const headers = new HeaderMap(['Upgrade', 'websocket', 'Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', '7']);
    const request = { method: 'GET', target: '/', httpVersion: '1.1', headers };
    const refusal = checkUpgradeRequest(request, { profile: 'ws' });
    expect(refusal.ok === false && buildRefusalResponse(refusal)).toBe(
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 47\r\n' +
        'Sec-WebSocket-Version: 13, 8\r\n\r\nMissing or invalid Sec-WebSocket-Version header',
    );
  });

  it('§4.2.2 the strict 426 names the protocol and its version', () => {
    const headers = [
      ['Host', 'a'],
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Key', key],
    ];
    const map = new HeaderMap([...headers, ['Sec-WebSocket-Version', '7']].flat());
    const refusal = checkUpgradeRequest({ method: 'GET', target: '/', httpVersion: '1.1', headers: map });
    expect(refusal.ok === false && buildRefusalResponse(refusal).split('\r\n')).toEqual([
      'HTTP/1.1 426 Upgrade Required',
      'Content-Type: text/plain; charset=utf-8',
      expect.stringMatching(/^Content-Length: \d+$/),
      'Connection: close, Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      '',
      'This version of the WebSocket protocol is not supported: use 13',
    ]);
  });

  it('§4.2.2 the body is the reason phrase by default', () => {
    expect(buildRefusalResponse({ status: 503 })).toMatch(/Content-Length: 19\r\n\r\nService Unavailable$/);
    expect(buildRefusalResponse({ status: 499 })).toMatch(/^HTTP\/1\.1 499 \r\n(.*\r\n)*Content-Length: 0\r\n\r\n$/);
  });

  it.each([300, 599])('§4.2.2 %i may refuse', (status) => {
    expect(buildRefusalResponse({ status })).toContain(`HTTP/1.1 ${status} `);
  });

  it('§4.2.2 the length is that of the body in UTF-8, one character per byte', () => {
    const response = buildRefusalResponse({ status: 403, message: 'caf\u00e9 \u{1f600}' });
    const body = response.slice(response.indexOf('\r\n\r\n') + 4);
    expect(response).toContain(`Content-Length: ${body.length}\r\n`);
    expect(Buffer.from(body, 'latin1').toString('utf8')).toBe('caf\u00e9 \u{1f600}');
  });

  it('§4.2.2 a field of the caller takes the place of the default one', () => {
    const headers = [['content-type', 'application/json']] as const;
    const response = buildRefusalResponse({ status: 401, message: '{}', headers, contentType: 'text/html' });
    expect(response.match(/content-type/gi)).toHaveLength(1);
    expect(response).toContain('content-type: application/json\r\n');
  });

  it('§4.2.2 what a failed head asks for can be sent as it is', () => {
    const failure = new HttpHeadParser({ kind: 'request' }).push(Uint8Array.of(0));
    expect(failure?.ok === false && buildRefusalResponse(failure)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it.each([
    ['A13 a line break in a value', { status: 401, headers: [['WWW-Authenticate', 'a\r\nb']] }, TypeError],
    ['A13 a line break in the content type', { status: 401, contentType: 'a\nb' }, TypeError],
    ['A13 an illegal name', { status: 401, headers: [['a b', 'c']] }, TypeError],
    ['§4.2.2 101', { status: 101 }, RangeError],
    ['§4.2.2 200', { status: 200 }, RangeError],
    ['§4.2.2 600', { status: 600 }, RangeError],
    ['§4.2.2 a fraction', { status: 400.5 }, RangeError],
    ['A13 a status that is text', { status: '400\r\nX: y' }, RangeError],
  ] as [string, Parameters<typeof buildRefusalResponse>[0], ErrorConstructor][])(
    '%s is refused',
    (_name, parts, error) => {
      expect(() => buildRefusalResponse(parts)).toThrow(error);
    },
  );
});

describe('WebSockets over HTTP/2', () => {
  const { headers } = request({ without: ['Upgrade', 'Connection', 'Sec-WebSocket-Key'] });
  const connect: UpgradeRequest = {
    method: 'CONNECT',
    target: '/chat',
    httpVersion: '2.0',
    headers,
    protocol: 'websocket',
  };
  const withVersion = (...versions: string[]): HeaderMap =>
    new HeaderMap(['Host', 'a', ...versions.flatMap((version) => ['Sec-WebSocket-Version', version])]);

  it('RFC 8441 §5 an extended CONNECT is judged as a request without key, Upgrade and Connection', () => {
    expect(checkUpgradeRequest(connect)).toEqual({ ...ACCEPTED, key: '' });
  });

  it.each<
    [fault: string, change: Partial<UpgradeRequest>, options: UpgradeRequestOptions, check: string, status: number]
  >([
    ['another method', { method: 'GET' }, {}, 'method', 400],
    ['another :protocol', { protocol: 'connect-udp' }, {}, 'protocol', 501],
    ['a :path that is none', { target: 'chat' }, {}, 'target', 400],
    ['no version', { headers: withVersion() }, {}, 'versionHeader', 400],
    ['another version, for which there is no 426', { headers: withVersion('8') }, {}, 'version', 400],
    ['version 8, in ws too', { headers: withVersion('8') }, { profile: 'ws' }, 'version', 400],
    ['no :authority', { headers: new HeaderMap(['Sec-WebSocket-Version', '13']) }, {}, 'host', 400],
    [
      'a body',
      { headers: new HeaderMap(['Host', 'a', 'Sec-WebSocket-Version', '13', 'Content-Length', '1']) },
      {},
      'body',
      400,
    ],
    ['a path that is not served', {}, { explainPath: () => 'no' }, 'path', 404],
    ['an origin that may not', {}, { origins: [] }, 'origin', 403],
  ])('RFC 8441 §4 refuses %s', (_fault, change, options, check, status) => {
    expect(checkUpgradeRequest({ ...connect, ...change }, options)).toMatchObject({ ok: false, check, status });
  });

  it('RFC 8441 §5 the answer is a 200 with what was agreed on', () => {
    const extensions = [{ name: 'permessage-deflate', params: [] }];
    expect(upgradeResponseLines({ key: '', subprotocol: 'chat', extensions, headers: [['A', 'b']] })).toEqual([
      'HTTP/2 200',
      'Sec-WebSocket-Protocol: chat',
      'Sec-WebSocket-Extensions: permessage-deflate',
      'A: b',
    ]);
    expect(upgradeResponseLines({ key: '' })).toEqual(['HTTP/2 200']);
  });
});
