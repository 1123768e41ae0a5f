/** What HTTP asks of every request, and what stands behind one. */

import { describe, expect, it } from 'vitest';
import { HttpHeadParser } from '../../src/handshake/index.ts';
import { allowsNextRequest, checkRequest, effectiveHeaders } from '../../src/server/http-request.ts';

function headOf(fields: string[], version = '1.1', target = '/') {
  const parser = new HttpHeadParser({ kind: 'request' });
  const lines = [`GET ${target} HTTP/${version}`, 'Host: x', ...fields, '', ''];
  const result = parser.push(Buffer.from(lines.join('\r\n'), 'latin1'));
  if (result?.ok !== true) throw new Error('no head');
  return result.head;
}

describe('allowsNextRequest', () => {
  it.each([
    [[], '1.1', true],
    [['Connection: keep-alive'], '1.1', true],
    [['Connection: Close'], '1.1', false],
    [['Connection: x, close'], '1.1', false],
    [[], '1.0', false],
    [['Connection: keep-alive'], '1.0', false],
    [['Content-Length: 0'], '1.1', true],
    [['Content-Length: 1'], '1.1', false],
    [['Transfer-Encoding: chunked'], '1.1', false],
  ])('RFC 9112 §9.3 %j in HTTP/%s, another request: %s', (fields, version, expected) => {
    expect(allowsNextRequest(headOf(fields, version))).toBe(expected);
  });
});

describe('checkRequest', () => {
  const faultOf = (startLine: string, fields: string[]) => {
    const parser = new HttpHeadParser({ kind: 'request' });
    const result = parser.push(Buffer.from([startLine, ...fields, '', ''].join('\r\n'), 'latin1'));
    if (result?.ok !== true) throw new Error('no head');
    return checkRequest(result.head);
  };
  const GET = 'GET / HTTP/1.1';
  const HOST = 'Host: x';

  it.each([
    ['GET / HTTP/1.1', [HOST]],
    ['GET http://y/a HTTP/1.1', [HOST]],
    ['OPTIONS * HTTP/1.1', [HOST]],
    ['GET / HTTP/1.0', []],
    ['GET / HTTP/1.0', [HOST]],
    ['POST / HTTP/1.1', [HOST, 'Content-Length: 5']],
    ['POST / HTTP/1.1', [HOST, 'Transfer-Encoding: Chunked']],
  ])('RFC 9112 §3 takes %s with %j', (startLine, fields) => {
    expect(faultOf(startLine, fields)).toBeUndefined();
  });

  it.each([
    ['§3.2.3', 'CONNECT x:443 HTTP/1.1', [HOST]],
    ['§3.2.3', 'CONNECT / HTTP/1.1', [HOST]],
    ['§3.2', 'GET * HTTP/1.1', [HOST]],
    ['§3.2', 'GET x:80 HTTP/1.1', [HOST]],
    ['§3.2', 'GET x HTTP/1.1', [HOST]],
    ['§3.2', 'GET ftp://x/ HTTP/1.1', [HOST]],
    ['§3.2', 'GET http://u@x/ HTTP/1.1', [HOST]],
    ['§3.2', GET, []],
    ['§3.2', GET, [HOST, HOST]],
    ['§3.2', GET, ['Host:']],
    ['§3.2', GET, ['Host: a b']],
    ['§3.2', GET, ['Host: u@x']],
    ['§3.2', 'GET / HTTP/1.0', [HOST, 'Host: y']],
    ['§3.2', 'GET / HTTP/1.2', []],
    ['§6.1', 'POST / HTTP/1.0', ['Transfer-Encoding: chunked']],
    ['§6.3', GET, [HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['§6.3', GET, [HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['§6.3', GET, [HOST, 'Transfer-Encoding: chunked, identity']],
    ['§6.3', GET, [HOST, 'Transfer-Encoding: xchunked']],
    ['§6.3', GET, [HOST, 'Transfer-Encoding:']],
    ['§6.3', GET, [HOST, 'Content-Length: 5', 'Content-Length: 5']],
    ['§6.3', GET, [HOST, 'Content-Length: 5, 5']],
    ['§6.3', GET, [HOST, 'Content-Length: +5']],
    ['§6.3', GET, [HOST, 'Content-Length: 0x5']],
    ['§6.3', GET, [HOST, 'Content-Length:']],
  ])('RFC 9112 %s refuses %s with %j', (section, startLine, fields) => {
    expect(faultOf(startLine, fields)).toMatchObject({ ok: false, status: 400, section: `RFC 9112 ${section}` });
  });
});

describe('effectiveHeaders', () => {
  it('RFC 9112 §3.2.2 the host of an absolute target takes the place of Host, and nothing else changes', () => {
    const plain = headOf(['A: b']);
    expect(effectiveHeaders(plain)).toBe(plain.headers);
    const absolute = headOf(['A: b', 'c: d', 'A: e'], '1.1', 'http://y:81/z');
    const headers = effectiveHeaders(absolute);
    expect(headers.all('host')).toEqual(['y:81']);
    expect(headers.get('a')).toBe('b, e');
    expect(headers.get('c')).toBe('d');
    expect(absolute.headers.get('host')).toBe('x');
  });
});
