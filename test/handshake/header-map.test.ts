import { describe, expect, it } from 'vitest';
import { HeaderMap } from '../../src/handshake/header-map.ts';

describe('HeaderMap', () => {
  it('§4.1 finds a field whatever its case, and keeps duplicates in order', () => {
    const headers = new HeaderMap(['Sec-WebSocket-Protocol', 'a', 'Host', 'h', 'SEC-WEBSOCKET-PROTOCOL', 'b, c']);
    expect(headers.get('sec-websocket-protocol')).toBe('a, b, c');
    expect(headers.all('sec-websocket-protocol')).toEqual(['a', 'b, c']);
    expect(headers.count('sec-websocket-protocol')).toBe(2);
    expect(headers.count('host')).toBe(1);
  });

  it('§4.1 an absent field is undefined, empty and zero', () => {
    const headers = new HeaderMap([]);
    expect(headers.get('host')).toBeUndefined();
    expect(headers.all('host')).toEqual([]);
    expect(headers.count('host')).toBe(0);
  });

  it('A03 fields named like object properties are fields', () => {
    const headers = new HeaderMap(['__proto__', 'x', 'constructor', 'y']);
    expect(headers.get('__proto__')).toBe('x');
    expect(headers.get('constructor')).toBe('y');
    expect(headers.get('toString')).toBeUndefined();
  });

  it('RFC 9110 §5.5 strips space and tab around a value, and nothing else', () => {
    const headers = new HeaderMap(['a', ' \t x y\t ', 'b', '\u00a0z', 'c', ' \t']);
    expect(headers.get('a')).toBe('x y');
    expect(headers.get('b')).toBe('\u00a0z');
    expect(headers.get('c')).toBe('');
  });

  it('RFC 9110 §5.3 a name without a value at the end is ignored', () => {
    expect(new HeaderMap(['a', '1', 'b']).count('b')).toBe(0);
  });

  it('RFC 9110 §5.3 sees the fields that are added to its list later', () => {
    const rawHeaders = ['a', '1'];
    const headers = new HeaderMap(rawHeaders);
    rawHeaders.push('A', '2');
    expect(headers.get('a')).toBe('1, 2');
  });

  it('RFC 9110 §5.3 can be made from an object with numbers, arrays and gaps', () => {
    const headers = HeaderMap.fromObject({ 'Sec-WebSocket-Version': 13, cookie: ['a', 'b'], host: undefined });
    expect(headers.get('sec-websocket-version')).toBe('13');
    expect(headers.all('cookie')).toEqual(['a', 'b']);
    expect(headers.count('host')).toBe(0);
  });
});
