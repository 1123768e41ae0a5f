import { describe, expect, it } from 'vitest';
import { parseAddress, parseRedirect } from '../../src/client/address.ts';

const plain = { isSecure: false, socketPath: undefined, credentials: undefined };

describe('parseAddress', () => {
  it.each([
    ['ws://example.com', { url: 'ws://example.com/', host: 'example.com', port: 80, resourceName: '/' }],
    ['ws://example.com:8080/chat?x=1&y', { host: 'example.com', port: '8080', resourceName: '/chat?x=1&y' }],
    ['ws://example.com?x=1', { resourceName: '/?x=1' }],
    ['wss://example.com/a', { isSecure: true, port: 443, resourceName: '/a' }],
    ['wss://example.com:80/', { isSecure: true, port: '80' }],
    ['http://example.com:81/', { url: 'ws://example.com:81/', port: '81' }],
    ['https://example.com/b', { url: 'wss://example.com/b', isSecure: true, port: 443 }],
    ['ws://[::1]:9/', { host: '::1', port: '9', authority: '[::1]:9' }],
    ['ws://127.1/', { host: '127.0.0.1' }],
    ['WS://EXAMPLE.com/A', { url: 'ws://example.com/A', host: 'example.com', resourceName: '/A' }],
  ])('§3 %s', (address, expected) => {
    expect(parseAddress(address)).toMatchObject({ ...plain, ...expected });
    expect(parseAddress(new URL(address))).toEqual(parseAddress(address));
  });

  it('§3 a percent-encoded # stays in the resource name', () => {
    expect(parseAddress('ws://h/a%23b?c=%23').resourceName).toBe('/a%23b?c=%23');
  });

  it('§11.1.1 host, path and query beyond ASCII', () => {
    for (const scheme of ['ws', 'wss']) {
      expect(parseAddress(`${scheme}://bücher.example/größe?q=ß€`)).toMatchObject({
        host: 'xn--bcher-kva.example',
        resourceName: '/gr%C3%B6%C3%9Fe?q=%C3%9F%E2%82%AC',
      });
    }
  });

  it.each([
    ['ws+unix:/tmp/s', { socketPath: '/tmp/s', resourceName: '/' }],
    ['ws+unix:/tmp/s:', { socketPath: '/tmp/s', resourceName: '/' }],
    ['ws+unix:/tmp/s:/chat?x=1', { socketPath: '/tmp/s', resourceName: '/chat?x=1' }],
    ['ws+unix:/tmp/s:/a:b', { socketPath: '/tmp/s', resourceName: '/a:b' }],
    ['ws+unix:\\\\.\\pipe\\name:/x', { socketPath: '\\\\.\\pipe\\name', resourceName: '/x' }],
  ])('unix socket %s', (address, expected) => {
    expect(parseAddress(address)).toMatchObject({ ...plain, host: '', authority: expected.socketPath, ...expected });
  });

  it.each([
    ['ws://user:pa%20ss@h/', 'user:pa ss'],
    ['ws://user@h/', 'user:'],
    ['ws://:secret@h/', ':secret'],
    ['ws://100%:%zz@h/', '100%:%zz'],
    ['ws://%C3%BC:%F0@h/', 'ü:�'],
  ])('credentials of %s are decoded, leniently', (address, credentials) => {
    expect(parseAddress(address).credentials).toBe(credentials);
  });

  it('leaves a URL object alone', () => {
    const url = new URL('http://example.com/x');
    expect(parseAddress(url).url).toBe('ws://example.com/x');
    expect(url.href).toBe('http://example.com/x');
  });

  it('resolves what a redirect says against the address before', () => {
    const base = 'wss://example.com/a/b';
    expect(parseAddress('c?d', base).url).toBe('wss://example.com/a/c?d');
    expect(parseAddress('//other.example/', base).url).toBe('wss://other.example/');
    expect(parseAddress('http://other.example/', base).url).toBe('ws://other.example/');
  });

  const SCHEMES = 'The URL\'s protocol must be one of "ws:", "wss:", "http:", "https:", or "ws+unix:"';
  it.each([
    ['', 'Invalid URL: '],
    ['example.com', 'Invalid URL: example.com'],
    ['/relative', 'Invalid URL: /relative'],
    ['ws://', 'Invalid URL: ws://'],
    ['ws://h:99999/', 'Invalid URL: ws://h:99999/'],
    ['ws://bad host/', 'Invalid URL: ws://bad host/'],
    ['ftp://h/', SCHEMES],
    ['mailto:x', SCHEMES],
    ['ws+unix:', "The URL's pathname is empty"],
    ['ws://h/#x', 'The URL contains a fragment identifier'],
    ['ws+unix:/s:/#x', 'The URL contains a fragment identifier'],
  ])('§3 refuses %j', (address, message) => {
    expect(() => parseAddress(address)).toThrow(new SyntaxError(message));
  });
});

describe('parseRedirect', () => {
  it.each([
    ['ws://a/b/c', 'd?e', 'ws://a/b/d?e'],
    ['ws://a/b/c', '/d', 'ws://a/d'],
    ['wss://a/b', '//c/d', 'wss://c/d'],
    ['ws://a/', 'https://c/d', 'wss://c/d'],
    ['ws+unix:/tmp/s:/b/c', 'd?e', 'ws+unix:/tmp/s:/b/d?e'],
    ['ws+unix:/tmp/s:/b/c', '/run/docker.sock', 'ws+unix:/tmp/s:/run/docker.sock'],
    ['ws+unix:/tmp/s:/b/c', '//h/../x', 'ws+unix:/tmp/s:/x'],
    ['ws+unix:/tmp/s', 'ws+unix:/tmp/t:/u', 'ws+unix:/tmp/t:/u'],
    ['ws+unix:/tmp/s', 'ws://a/', 'ws://a/'],
  ])('RFC 9110 §10.2.2 from %s to %s: %s', (from, location, expected) => {
    expect(parseRedirect(location, parseAddress(from)).url).toBe(expected);
  });

  it.each([
    ['ws://a/', 'ws+unix:/run/docker.sock', Error],
    ['wss://a/', 'ws+unix:/run/docker.sock:/x', Error],
    ['ws://a/', 'file:///etc/passwd', SyntaxError],
    ['ws://a/', 'unix:/run/docker.sock', SyntaxError],
    ['ws+unix:/tmp/s:/b', '/c#d', SyntaxError],
    ['ws+unix:/tmp/s:/b', 'http://', SyntaxError],
  ])('A32 from %s to %s is refused', (from, location, error) => {
    expect(() => parseRedirect(location, parseAddress(from))).toThrow(error);
  });
});
