import { expect, it } from 'vitest';
import { completeAddress } from '../../src/playground/worker/address.ts';

it.each([
  ['ws://127.0.0.1:8080', 'ws://127.0.0.1:8080/'],
  ['127.0.0.1:8080/chat?a=b', 'ws://127.0.0.1:8080/chat?a=b'],
  ['localhost:8080', 'ws://localhost:8080/'],
  ['example.com', 'ws://example.com/'],
  ['WSS://Example.com/A', 'wss://example.com/A'],
  ['https://example.com', 'wss://example.com/'],
  ['ftp://example.com', 'ftp://example.com/'],
  ['a b', 'ws://a b'],
])('%s: %s', (text, address) => {
  expect(completeAddress(text)).toBe(address);
});
