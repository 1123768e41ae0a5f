import { describe, expect, it } from 'vitest';
import { hasHostCharacters, resourceNameOf } from '../../src/handshake/request-target.ts';

describe('resourceNameOf', () => {
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
    ['example.com:80', undefined],
    ['chat', undefined],
    ['*', undefined],
    ['', undefined],
    ['/a#b', undefined],
    ['/a b', undefined],
    ['/a\r\n', undefined],
    ['/\u00e9', undefined],
  ])('§4.2.1 request-target %j names %j', (target, expected) => {
    expect(resourceNameOf(target)).toBe(expected);
  });
});

describe('hasHostCharacters', () => {
  it.each([
    ['example.com', true],
    ['example.com:8080', true],
    ['[::1]:9001', true],
    ['xn--bcher-kva.example', true],
    ['', false],
    ['a b', false],
    ['a/b', false],
    ['user@host', false],
    ['a\r\nX: y', false],
    ['b\u00fccher.example', false],
  ])('§4.1 host %j: %s', (host, expected) => {
    expect(hasHostCharacters(host)).toBe(expected);
  });
});
