/** The inspector where TextEncoder is no global, as in the jsdom environment of Jest. */

import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it('loads, and reads a handshake, without a global TextEncoder', async () => {
  vi.resetModules();
  vi.stubGlobal('TextEncoder', undefined);
  const { deriveAccept } = await import('../../src/inspector/index.ts');
  expect(deriveAccept('dGhlIHNhbXBsZSBub25jZQ==')).toMatchObject({ accept: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' });
});
