import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { collectDeclarations } from './src/playground/learn/declarations.ts';
import { collectLessonCases } from './test/support/lesson-cases.ts';

/** `vitest run --mode browser` runs the files named *.browser.ts, and so on; without a mode, *.test.ts. */
const SUITES = ['browser', 'conformance', 'ecosystem', 'package', 'promises', 'proxies', 'redis', 'runtimes'];

/** The page's script and styles are minified and nobody reads them: so they take a quarter of the room in the package. */
function compressAssets(): Plugin {
  return {
    name: 'compress-assets',
    apply: 'build',
    writeBundle({ dir }, bundle) {
      for (const name of Object.keys(bundle).filter((file) => /\.(js|css)$/.test(file))) {
        const path = join(dir!, name);
        writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
        rmSync(path);
      }
    },
  };
}

/** A package that is not installed makes no fault of the build, but a page that does not load. */
function refuseMissingPackages(): Plugin {
  return {
    name: 'refuse-missing-packages',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk') continue;
        const missing = [...output.imports, ...output.dynamicImports].find((name) => bundle[name] === undefined);
        if (missing !== undefined) this.error(`${missing} is imported and not installed: npm ci installs it`);
      }
    },
  };
}

/** The lines of source and the conformance cases that the lessons of the playground lead to, and no others. */
function lessonSources(): Plugin {
  const id = 'virtual:lesson-sources';
  const root = import.meta.dirname;
  return {
    name: 'lesson-sources',
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load(resolved) {
      if (resolved !== `\0${id}`) return undefined;
      const found = collectDeclarations((file) => readFileSync(join(root, 'src', file), 'utf8'));
      return `export default ${JSON.stringify(found)};\nexport const cases = ${JSON.stringify(collectLessonCases())};`;
    },
  };
}

/** The page is written for React and built with what does the same in a quarter of the room. */
const SMALLER_REACT = [
  { find: /^react-dom\/client$/, replacement: 'preact/compat/client' },
  { find: /^react\/jsx-runtime$/, replacement: 'preact/jsx-runtime' },
  { find: /^react(-dom)?$/, replacement: 'preact/compat' },
];

export default defineConfig(({ command, mode }) => {
  const suite = SUITES.includes(mode) ? mode : 'test';
  return {
    plugins: [react(), lessonSources(), refuseMissingPackages(), compressAssets()],
    base: './',
    ...(command === 'build' && { resolve: { alias: SMALLER_REACT } }),
    build: {
      outDir: '../../dist/playground',
      emptyOutDir: true,
      // What the views share in one file: many small ones weigh more.
      rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'parts', test: /playground.parts/ }] } } },
    },
    test: {
      include: [`test/**/*.${suite}.ts`],
      reporters: ['default', './test/support/last-words.ts'],
      ...(suite === 'test' && { setupFiles: 'test/support/warnings.ts' }),
      // As test/conformance/testee.ts has it for the testees.
      ...(suite === 'conformance' && { execArgv: ['--initial-old-space-size=512'] }),
      // They wait for sockets, programs and pages as often as they compute.
      // Those with Redis wait most of the time.
      maxWorkers: suite === 'redis' ? 5 : '100%',
      // Against tests that hang; no test is about how fast this machine is today.
      testTimeout: 120_000,
      hookTimeout: 120_000,
      coverage: {
        provider: 'v8',
        include: [
          'src/protocol/**/*.ts',
          'src/handshake/**/*.ts',
          'src/deflate/negotiate.ts',
          'src/server/http-request.ts',
        ],
        thresholds: { branches: 100, functions: 100, lines: 100, statements: 100 },
      },
    },
  };
});
