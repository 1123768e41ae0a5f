import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** `vitest run --mode browser` runs the files named *.browser.ts, and so on; without a mode, *.test.ts. */
const SUITES = ['browser', 'conformance', 'ecosystem', 'package'];

export default defineConfig(({ mode }) => {
  const suite = SUITES.includes(mode) ? mode : 'test';
  return {
    plugins: [react()],
    base: './',
    build: { outDir: '../../dist/playground', emptyOutDir: true },
    test: {
      include: [`test/**/*.${suite}.ts`],
      // Against tests that hang; no test is about how fast this machine is today.
      testTimeout: 120_000,
      hookTimeout: 120_000,
      coverage: {
        provider: 'v8',
        include: ['src/protocol/**/*.ts', 'src/handshake/**/*.ts', 'src/deflate/negotiate.ts'],
        thresholds: { branches: 100, functions: 100, lines: 100, statements: 100 },
      },
    },
  };
});
