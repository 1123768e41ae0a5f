import { describe, expect, it } from 'vitest';
import { formatHead } from '../../src/handshake/head-writer.ts';
import { HeaderMap } from '../../src/handshake/header-map.ts';
import { HttpHeadParser } from '../../src/handshake/http-head.ts';
import { checkUpgradeRequest } from '../../src/handshake/server-handshake.ts';
import {
  buildRefusalResponse,
  buildUpgradeResponse,
  upgradeResponseLines,
} from '../../src/handshake/server-response.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
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
