/** How much of a page the client is: bundled with what it needs, shortened, compressed. */

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';
import { describe, expect, it } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../src/live/index.ts', import.meta.url));

async function bundle(names: string): Promise<string> {
  const { output } = await build({
    input: 'page',
    platform: 'browser',
    write: false,
    tsconfig: false,
    logLevel: 'silent',
    output: { format: 'esm', minify: true },
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === 'page' ? id : null),
        load: (id) => (id === 'page' ? `export { ${names} } from ${JSON.stringify(ENTRY)};` : null),
      },
    ],
  });
  return output[0].code;
}

describe('the client for pages', () => {
  it.each([
    ['connect', 6 * 1024],
    ['reconnecting', 3 * 1024],
    ['RealtimeError', 300],
  ])('%s is one file of at most %i bytes', async (names, maxBytes) => {
    const code = await bundle(names);
    expect(gzipSync(code).length).toBeLessThanOrEqual(maxBytes);
    expect(code).not.toMatch(/\bimport\b|\brequire\b|\bBuffer\b|\bprocess\b|node:|'zod'/);
  });
});
