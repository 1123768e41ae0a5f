import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/client/address.ts';
import { proxyFromEnvironment } from '../../src/client/proxy-environment.ts';

const P = 'http://proxy.example:3128';
const from = (address: string, environment: Record<string, string>) =>
  proxyFromEnvironment(parseAddress(address), environment);

describe('§4.1 proxies of the environment', () => {
  it.each<[address: string, environment: Record<string, string>, proxy: string | undefined]>([
    ['ws://h/', {}, undefined],
    ['ws://h/', { http_proxy: P }, P],
    ['ws://h/', { HTTP_PROXY: P }, P],
    ['ws://h/', { http_proxy: P, HTTP_PROXY: 'http://other' }, P],
    ['ws://h/', { http_proxy: '', HTTP_PROXY: P }, P],
    ['ws://h/', { https_proxy: P, HTTPS_PROXY: P }, undefined],
    ['wss://h/', { http_proxy: P, HTTP_PROXY: P }, undefined],
    ['wss://h/', { https_proxy: P }, P],
    ['wss://h/', { HTTPS_PROXY: P }, P],
    ['ws://h/', { http_proxy: 'proxy.example:3128' }, P],
    // What a client of a CGI program sends as a `Proxy` header.
    ['ws://h/', { HTTP_PROXY: P, REQUEST_METHOD: 'GET' }, undefined],
    ['ws://h/', { http_proxy: P, REQUEST_METHOD: 'GET' }, P],
    ['wss://h/', { HTTPS_PROXY: P, REQUEST_METHOD: 'GET' }, P],
    ['ws+unix:/tmp/s', { http_proxy: P }, undefined],
  ])('%s with %j: %s', (address, environment, proxy) => {
    expect(from(address, environment)).toBe(proxy);
  });

  it.each<[exceptions: string, address: string, isDirect: boolean]>([
    ['', 'ws://example.com/', false],
    ['*', 'ws://example.com/', true],
    ['example.com', 'ws://example.com/', true],
    ['EXAMPLE.com', 'ws://example.COM/', true],
    ['example.com', 'ws://example.com./', true],
    ['example.com', 'ws://a.example.com/', true],
    ['.example.com', 'ws://a.example.com/', true],
    ['.example.com', 'ws://example.com/', true],
    ['*.example.com', 'ws://a.b.example.com/', true],
    ['example.com', 'ws://badexample.com/', false],
    ['example.com', 'ws://example.com.evil/', false],
    ['example.com:8080', 'ws://example.com:8080/', true],
    ['example.com:8080', 'ws://example.com/', false],
    ['example.com:443', 'wss://example.com/', true],
    ['a, b ,,example.com', 'ws://example.com/', true],
    ['a b\texample.com', 'ws://example.com/', true],
    ['127.0.0.1', 'ws://127.0.0.1/', true],
    ['127.0.0.1:90', 'ws://127.0.0.1:90/', true],
    ['127.0.0.1:90', 'ws://127.0.0.1:91/', false],
    ['0.0.1', 'ws://127.0.0.1/', false],
    ['10.0.0.0/8', 'ws://10.200.3.4/', true],
    ['10.0.0.0/8', 'ws://11.0.0.1/', false],
    ['10.0.0.0/8', 'ws://ten.example/', false],
    ['10.0.0.0/33', 'ws://10.0.0.1/', false],
    ['::1', 'ws://[::1]/', true],
    ['[::1]', 'ws://[::1]/', true],
    ['[::1]:90', 'ws://[::1]:90/', true],
    ['[::1]:90', 'ws://[::1]:91/', false],
    ['fd00::/8', 'ws://[fd12::1]/', true],
    ['fd00::/8', 'ws://10.0.0.1/', false],
    ['.', 'ws://example.com/', false],
  ])('no_proxy=%j, %s: direct %s', (exceptions, address, isDirect) => {
    expect(from(address, { http_proxy: P, https_proxy: P, no_proxy: exceptions })).toBe(isDirect ? undefined : P);
    expect(from(address, { http_proxy: P, https_proxy: P, NO_PROXY: exceptions })).toBe(isDirect ? undefined : P);
  });
});
