import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { acceptValue } from '../../src/handshake/index.ts';

const crypto = process.getBuiltinModule('node:crypto');

describe('the answer to a key', () => {
  beforeEach(() => void vi.resetModules());
  afterEach(() => void vi.restoreAllMocks());

  it('§4.2.2 is that of the core, by the SHA-1 of Node.js', async () => {
    const hash = vi.spyOn(crypto, 'hash');
    const { quickAcceptValue } = await import('../../src/server/accept-value.ts');
    expect(quickAcceptValue('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    for (let i = 0; i < 100; i++) {
      const key = randomBytes(16).toString('base64');
      expect(quickAcceptValue(key)).toBe(acceptValue(key));
    }
    expect(hash).toHaveBeenCalledTimes(102);
  });

  it('is that of the core also where SHA-1 is forbidden', async () => {
    vi.spyOn(crypto, 'hash').mockImplementation(() => {
      throw new Error('unsupported');
    });
    const { quickAcceptValue } = await import('../../src/server/accept-value.ts');
    expect(quickAcceptValue('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });
});
