import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildConnectRequest,
  buildUpgradeRequest,
  checkUpgradeResponse,
  isOnlyInHttp1,
  isOpened,
  type UpgradeExpectation,
  type UpgradeRequestParts,
} from '../../src/handshake/client-handshake.ts';
import { HeaderMap } from '../../src/handshake/header-map.ts';
import { HttpHeadParser } from '../../src/handshake/http-head.ts';
import { buildUpgradeResponse, checkUpgradeRequest } from '../../src/handshake/server-handshake.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const parts: UpgradeRequestParts = { host: 'server.example.com', target: '/chat', key };
const deflateOffer = { name: 'permessage-deflate', params: [{ name: 'client_max_window_bits', value: true as const }] };

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe('buildUpgradeRequest', () => {
  it('§4.1 what every request has', () => {
    expect(buildUpgradeRequest(parts)).toBe(
      'GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
  });

  it('§4.1 Origin, subprotocols, extensions, then further fields', () => {
    const request = buildUpgradeRequest({
      ...parts,
      origin: 'http://example.com',
      subprotocols: ['chat', 'superchat'],
      extensions: [deflateOffer, { name: 'x', params: [] }],
      headers: [
        ['Cookie', 'a=1'],
        ['Authorization', 'Bearer b'],
      ],
    });
    expect(request.split('\r\n').slice(6)).toEqual([
      'Origin: http://example.com',
      'Sec-WebSocket-Protocol: chat,superchat',
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x',
      'Cookie: a=1',
      'Authorization: Bearer b',
      '',
      '',
    ]);
  });

  it('§4.1 Origin may come among the further fields', () => {
    expect(buildUpgradeRequest({ ...parts, headers: [['origin', 'http://a']] })).toContain('\r\norigin: http://a\r\n');
  });

  it.each<[name: string, change: object]>([
    ['A13 a line break in host', { host: 'a\r\nX: y' }],
    ['A13 a line break in target', { target: '/a\r\nX: y' }],
    ['A13 a line break in key', { key: `${key}\r\n` }],
    ['A13 a line break in origin', { origin: 'http://a\r\nX: y' }],
    ['A13 a line break in a subprotocol', { subprotocols: ['a\r\nX: y'] }],
    ['A13 a line break in an extension', { extensions: [{ name: 'a\r\nX: y', params: [] }] }],
    ['A13 a line break in a header value', { headers: [['X-A', 'b\r\nX: y']] }],
    ['A13 a line break in a header name', { headers: [['X-A\r\nX', 'b']] }],
    ['A13 NUL in a header value', { headers: [['X-A', '\0']] }],
    ['A13 a character that only looks harmless in UTF-16', { headers: [['X-A', '\u560d\u560a']] }],
    ['§4.1 an empty host', { host: '' }],
    ['§4.1 a host with a path', { host: 'a/b' }],
    ['§4.1 a host with a user', { host: 'user@a' }],
    ['§4.1 an empty target', { target: '' }],
    ['§4.1 a target with a space', { target: '/a b' }],
    ['§3 a target with a fragment', { target: '/a#b' }],
    ['§4.1 a target with a character to be escaped', { target: '/\u00e9' }],
    ['§4.1 a relative target', { target: 'chat' }],
    ['§4.1 a key of another length', { key: 'AAAA' }],
    ['§4.1 an empty subprotocol', { subprotocols: [''] }],
    ['§4.1 a subprotocol that is no token', { subprotocols: ['a,b'] }],
    ['§4.1 a subprotocol twice', { subprotocols: ['a', 'b', 'a'] }],
    ['§4.1 a second Host', { headers: [['host', 'x']] }],
    ['§11.3.1 a second key', { headers: [['sec-websocket-key', key]] }],
    ['§11.3.5 a second version', { headers: [['Sec-WebSocket-Version', '13']] }],
    ['§4.1 a subprotocol header of the caller', { headers: [['Sec-WebSocket-Protocol', 'x']] }],
    ['§4.1 a second Origin', { origin: 'http://a', headers: [['Origin', 'http://b']] }],
    ['§4.1 a Content-Length', { headers: [['Content-Length', '3']] }],
  ])('%s is refused', (_name, change) => {
    expect(() => buildUpgradeRequest({ ...parts, ...change })).toThrow(TypeError);
  });

  it('§4.1 the error names the part, what it was and what it must be', () => {
    expect(() => buildUpgradeRequest({ ...parts, host: 'a b' })).toThrow(
      'Invalid host "a b": it must be a host name or address with an optional :port',
    );
  });
});

const RESPONSE: Record<string, string | string[]> = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Accept': accept,
};

function response(change: Record<string, string | string[]> = {}, statusCode = 101) {
  const raw = Object.entries({ ...RESPONSE, ...change }).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
  return { statusCode, headers: new HeaderMap(raw) };
}

describe('checkUpgradeResponse', () => {
  const EXTENSIONS = { extensions: ['permessage-deflate', 'x'] };

  it.each<
    [name: string, change: Record<string, string | string[]>, expectation: Partial<UpgradeExpectation>, result: object]
  >([
    ['§1.3 the sample response', {}, {}, {}],
    ['§4.1 names of protocols in another case', { Upgrade: 'WebSocket', Connection: 'keep-alive, UPGRADE' }, {}, {}],
    ['§4.1 white space around the accept value', { 'Sec-WebSocket-Accept': `\t${accept} ` }, {}, {}],
    [
      '§4.1 a subprotocol that was offered',
      { 'sec-websocket-protocol': 'b' },
      { subprotocols: ['a', 'b'] },
      { subprotocol: 'b' },
    ],
    [
      '§9.1 extensions that were offered, in the order of the response',
      { 'sec-websocket-extensions': 'x, permessage-deflate; server_no_context_takeover' },
      EXTENSIONS,
      {
        extensions: [
          { name: 'x', params: [] },
          { name: 'permessage-deflate', params: [{ name: 'server_no_context_takeover', value: true }] },
        ],
      },
    ],
    ['§4.1 extensions offered and none accepted', {}, EXTENSIONS, {}],
    [
      'RFC 9110 §5.6.1.2 empty elements in the lists of a response',
      { Connection: ', Upgrade,', 'sec-websocket-extensions': 'x, ,' },
      EXTENSIONS,
      { extensions: [{ name: 'x', params: [] }] },
    ],
  ])('%s is accepted', (_name, change, expectation, result) => {
    const expected = { ok: true, subprotocol: undefined, extensions: [], ...result };
    expect(checkUpgradeResponse(response(change), { key, ...expectation })).toEqual(expected);
  });

  const ACCEPT_MESSAGE = 'Invalid Sec-WebSocket-Accept header';
  const NOT_REQUESTED = 'Server indicated an extension that was not requested';
  const NO_EXTENSION = 'Server sent a Sec-WebSocket-Extensions header but no extension was requested';
  const BAD_EXTENSION = 'Invalid Sec-WebSocket-Extensions header';
  const NONE_REQUESTED = 'Server sent a subprotocol but none was requested';
  const INVALID_SUBPROTOCOL = 'Server sent an invalid subprotocol';

  it.each<
    [name: string, change: Record<string, string | string[]>, expectation: Partial<UpgradeExpectation>, message: string]
  >([
    ['§4.1 no Upgrade', { Upgrade: [] }, {}, 'Invalid Upgrade header'],
    ['§4.1 another Upgrade', { Upgrade: 'foo' }, {}, 'Invalid Upgrade header'],
    ['§4.1 Upgrade twice', { Upgrade: ['websocket', 'websocket'] }, {}, 'Invalid Upgrade header'],
    ['§4.1 Upgrade that matches in Unicode only', { Upgrade: 'websoc\u212aet' }, {}, 'Invalid Upgrade header'],
    ['§4.1 no Connection', { Connection: [] }, {}, 'Invalid Connection header'],
    ['§4.1 another Connection', { Connection: 'close' }, {}, 'Invalid Connection header'],
    ['§4.1 no accept value', { 'Sec-WebSocket-Accept': [] }, {}, ACCEPT_MESSAGE],
    ['§4.1 another accept value', { 'Sec-WebSocket-Accept': 'CxYS6+NgJSBG74mdgLvGscRvpns=' }, {}, ACCEPT_MESSAGE],
    ['§4.1 the accept value in another case', { 'Sec-WebSocket-Accept': accept.toLowerCase() }, {}, ACCEPT_MESSAGE],
    ['§11.3.3 the accept value twice', { 'Sec-WebSocket-Accept': [accept, accept] }, {}, ACCEPT_MESSAGE],
    ['§4.1 a subprotocol nobody asked for', { 'sec-websocket-protocol': 'a' }, {}, NONE_REQUESTED],
    ['§4.1 an empty subprotocol', { 'sec-websocket-protocol': '' }, {}, NONE_REQUESTED],
    ['§4.1 another subprotocol', { 'sec-websocket-protocol': 'c' }, { subprotocols: ['a'] }, INVALID_SUBPROTOCOL],
    ['§4.1 it in another case', { 'sec-websocket-protocol': 'A' }, { subprotocols: ['a'] }, INVALID_SUBPROTOCOL],
    ['§11.3.4 it twice', { 'sec-websocket-protocol': ['a', 'a'] }, { subprotocols: ['a'] }, INVALID_SUBPROTOCOL],
    ['§4.1 no subprotocol', {}, { subprotocols: ['a'] }, 'Server sent no subprotocol'],
    ['§4.1 an extension, none offered', { 'sec-websocket-extensions': 'x' }, {}, NO_EXTENSION],
    ['§4.1 an extension not offered', { 'sec-websocket-extensions': 'x, y' }, EXTENSIONS, NOT_REQUESTED],
    ['A03 an extension named constructor', { 'sec-websocket-extensions': 'constructor' }, EXTENSIONS, NOT_REQUESTED],
    ['§9.1 malformed extensions', { 'sec-websocket-extensions': 'x;' }, EXTENSIONS, BAD_EXTENSION],
    ['§9.1 an empty list of extensions', { 'sec-websocket-extensions': '' }, EXTENSIONS, BAD_EXTENSION],
    ['§11.3.2 extensions twice', { 'sec-websocket-extensions': ['x', 'x'] }, EXTENSIONS, BAD_EXTENSION],
  ])('%s fails the connection', (_name, change, expectation, message) => {
    const result = checkUpgradeResponse(response(change), { key, ...expectation });
    expect(result).toEqual({ ok: false, section: expect.stringMatching(/^§\d/), message });
  });

  it.each([200, 301, 401, 426, 503])('§4.1 status %i fails the connection', (status) => {
    const result = checkUpgradeResponse(response({}, status), { key });
    expect(result).toEqual({ ok: false, section: '§4.1', message: `Unexpected server response: ${status}` });
  });
});

describe('both halves together', () => {
  it('§4.2.2 any offer leads to a response that the client accepts', () => {
    const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}$/);
    const extension = fc.record({
      name: token,
      params: fc.array(fc.record({ name: token, value: fc.oneof(token, fc.constant<true>(true)) }), { maxLength: 3 }),
    });
    const offer = fc.record({
      nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      subprotocols: fc.uniqueArray(token, { maxLength: 4 }),
      extensions: fc.array(extension, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(offer, ({ nonce, subprotocols, extensions }) => {
        const clientKey = Buffer.from(nonce).toString('base64');
        const request = buildUpgradeRequest({ ...parts, key: clientKey, subprotocols, extensions });
        const requestHead = new HttpHeadParser({ kind: 'request' }).push(latin1(request));
        if (requestHead?.ok !== true) throw new Error('the request is not a valid head');
        const decision = checkUpgradeRequest(requestHead.head);
        expect(decision).toMatchObject({ ok: true, key: clientKey, subprotocols, extensions });
        const subprotocol = subprotocols.at(-1);
        const answer = buildUpgradeResponse({ key: clientKey, subprotocol, extensions });
        const responseHead = new HttpHeadParser({ kind: 'response' }).push(latin1(answer));
        if (responseHead?.ok !== true) throw new Error('the response is not a valid head');
        const names = extensions.map(({ name }) => name);
        expect(checkUpgradeResponse(responseHead.head, { key: clientKey, subprotocols, extensions: names })).toEqual({
          ok: true,
          subprotocol,
          extensions,
        });
      }),
    );
  });
});

describe('WebSockets over HTTP/2', () => {
  const { host, target } = parts;

  it('RFC 8441 §5 asks with an extended CONNECT, without key, Upgrade, Connection and Host', () => {
    expect(buildConnectRequest({ host, target, isSecure: true })).toEqual([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'https'],
      [':authority', 'server.example.com'],
      [':path', '/chat'],
      ['sec-websocket-version', '13'],
    ]);
    const headers = [['X-Y', 'Z']] as const;
    const request = buildConnectRequest({
      host,
      target,
      isSecure: false,
      subprotocols: ['a', 'b'],
      origin: 'http://o',
      headers,
    });
    expect(request.slice(2)).toEqual([
      [':scheme', 'http'],
      [':authority', 'server.example.com'],
      [':path', '/chat'],
      ['sec-websocket-version', '13'],
      ['origin', 'http://o'],
      ['sec-websocket-protocol', 'a,b'],
      ['x-y', 'Z'],
    ]);
  });

  it.each(['Host', 'connection', 'Upgrade', 'Sec-WebSocket-Key', 'TE', 'Sec-WebSocket-Protocol', 'Content-Length'])(
    'RFC 8441 §5 refuses %s among the further fields',
    (name) => {
      expect(() => buildConnectRequest({ host, target, isSecure: true, headers: [[name, 'a']] })).toThrow(TypeError);
    },
  );

  it('RFC 8441 §5 refuses parts with illegal characters', () => {
    expect(() => buildConnectRequest({ host: 'a b', target, isSecure: true })).toThrow(TypeError);
    expect(() => buildConnectRequest({ host, target, isSecure: true, headers: [['a', 'b\n']] })).toThrow(TypeError);
  });

  it('RFC 8441 §5 takes any 2xx, without an answer to a key', () => {
    const accepted = { ok: true, subprotocol: undefined, extensions: [] };
    expect(checkUpgradeResponse({ statusCode: 200, headers: new HeaderMap([]) }, { key: undefined })).toEqual(accepted);
    for (const statusCode of [101, 199, 300, 404]) {
      const answer = checkUpgradeResponse({ statusCode, headers: new HeaderMap([]) }, { key: undefined });
      expect(answer).toMatchObject({ ok: false, message: `Unexpected server response: ${statusCode}` });
    }
    expect([199, 200, 299, 300].map(isOpened)).toEqual([false, true, true, false]);
  });

  it('RFC 9113 §8.2.2 knows the fields that HTTP/2 has not', () => {
    expect(['Upgrade', 'connection', 'Cookie'].map(isOnlyInHttp1)).toEqual([true, true, false]);
  });
});
