import { describe, expect, it } from 'vitest';
import { HeaderMap } from '../../src/handshake/header-map.ts';
import { announcesBody, isHost, namesOneHost, parseTarget } from '../../src/handshake/http-request.ts';

describe('parseTarget', () => {
  it.each([
    ['/', '/'],
    ['/chat?room=1', '/chat?room=1'],
    ['//double', '//double'],
    ['/%23', '/%23'],
    ['http://example.com/chat?a', '/chat?a'],
    ['HTTPS://example.com:8443/chat', '/chat'],
    ['http://example.com', '/'],
    ['http://example.com?q', '/?q'],
    ['ws://example.com/', undefined],
    ['http:///chat', undefined],
    ['http://user@example.com/', undefined],
    ['http://a:b@example.com/', undefined],
    ['http://exa%mple.com/', undefined],
    ['example.com:80', undefined],
    ['chat', undefined],
    ['*', undefined],
    ['', undefined],
    ['/a#b', undefined],
    ['/a b', undefined],
    ['/a\r\n', undefined],
    ['/\u00e9', undefined],
  ])('§4.2.1 request-target %j names %j', (target, expected) => {
    expect(parseTarget(target)?.resourceName).toBe(expected);
  });
});

describe('isHost', () => {
  it.each([
    ['example.com', true],
    ['example.com:8080', true],
    ['[::1]:9001', true],
    ['xn--bcher-kva.example', true],
    ['127.0.0.1', true],
    ['[::ffff:127.0.0.1]', true],
    ['a%20b', true],
    ['example.com:', true],
    ['', false],
    [':80', false],
    ['::1', false],
    ['[::1', false],
    ['[]', false],
    ['a:b', false],
    ['a:80:80', false],
    ['a:123456', false],
    ['a%2', false],
    ['a, b', false],
    ['a\\b', false],
    ['http://a', false],
    ['a b', false],
    ['a/b', false],
    ['user@host', false],
    ['a\r\nX: y', false],
    ['b\u00fccher.example', false],
  ])('§4.1 host %j: %s', (host, expected) => {
    expect(isHost(host)).toBe(expected);
  });
});

describe('namesOneHost', () => {
  it.each<[hosts: string[], expected: boolean]>([
    [['a'], true],
    [['A:81'], true],
    [[], false],
    [['a', 'a'], false],
    [['a', ''], false],
    [['a b'], false],
  ])('RFC 9112 §3.2 Host %j: %s', (hosts, expected) => {
    const headers = new HeaderMap(hosts.flatMap((host) => ['Host', host]));
    expect(namesOneHost(headers)).toBe(expected);
  });
});

describe('announcesBody', () => {
  it.each([
    [[], false],
    [['Content-Length', '0'], false],
    [['Content-Length', '000'], false],
    [['Content-Length', '1'], true],
    [['Content-Length', '0', 'Content-Length', '5'], true],
    [['Content-Length', 'none'], true],
    [['Transfer-Encoding', 'chunked'], true],
  ])('RFC 9112 §6.3 with %j a body: %s', (rawHeaders, expected) => {
    expect(announcesBody(new HeaderMap(rawHeaders))).toBe(expected);
  });
});
