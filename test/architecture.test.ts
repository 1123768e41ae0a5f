/**
 * The direction of imports in `src`: every specifier is read against the table of `architecture/import-rules.ts`, each
 * rule is shown to bite by a breach written for it, and the drawing in spec-notes is made anew.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawFolders } from './architecture/folder-diagram.ts';
import { findArchitectureFaults, findUnitImports } from './architecture/import-rules.ts';
import { ENTRIES } from './support/entries.ts';

const root = new URL('../', import.meta.url);

function readSourceFiles() {
  return readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.(ts|tsx|mts|cts|js|jsx|mjs|cjs)$/.test(path))
    .map((path) => ({ path, text: readFileSync(new URL(`src/${path}`, root), 'utf8') }));
}

/** Below `src`. */
const readEntryPoints = (): string[] =>
  Object.values(ENTRIES).flatMap(({ source, types = source }) =>
    [source, types].map((path) => path.replace('src/', '')),
  );

const ENTRY_POINTS = ['index.ts', 'protocol/index.ts'];

function check(path: string, text: string, ...others: [path: string, text: string][]): string[] {
  const files = [[path, text], ...others].map(([p, t]) => ({ path: p!, text: t! }));
  return findArchitectureFaults(files, ENTRY_POINTS);
}

describe('architecture', () => {
  it('src keeps to the direction of imports', () => {
    const files = readSourceFiles();
    expect(files.map((file) => file.path)).toContain('protocol/opcode.ts');
    expect(readEntryPoints()).toContain('index.ts');
    expect(findArchitectureFaults(files, readEntryPoints())).toEqual([]);
  });

  it('package.json exports the entries that are built', () => {
    const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { exports: object };
    expect(Object.keys(exports)).toEqual([...Object.keys(ENTRIES), './package.json']);
  });
});

describe('architecture: one place for each thing', () => {
  const files = readSourceFiles().filter(({ path }) => !/^(?:examples|conformance)\//.test(path));
  const filesWith = (pattern: RegExp) => files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

  it.each([
    ['the range of a whole number', /is(?:Safe)?Integer\([^)]*\)[^;\n]*[<>]=? ?-?\w/, 'protocol/whole-number.ts'],
    ['the longest time of a timer', /2 \*\* 31|2_?147_?483_?647/, 'protocol/whole-number.ts'],
    ['the statuses that refuse', /(?:>=|<|,) ?300\b[^;\n]*599/, 'handshake/server-handshake.ts'],
    ['how long an answer lingers', /setTimeout\(\(\) => \w+\.destroy\(\), [A-Z]/, 'transport/linger.ts'],
    ['the extension’s name', /(?:const|readonly) \w+ = 'permessage-deflate'/, 'deflate/negotiate.ts'],
    ['the alphabet of Base64', /wxyz0123456789\+\//, 'handshake/key.ts'],
  ])('%s', (_, pattern, path) => expect(filesWith(pattern)).toEqual([path]));
});

it('architecture: a head is read, and what comes behind it is its rest, but where ws has named it', () => {
  // A tool may have the bytes of a head itself.
  const own = readSourceFiles().filter(({ path }) => !/^(?:conformance|examples|inspector)\//.test(path));
  const named = own.flatMap(({ path, text }) =>
    Array.from(
      text.matchAll(/(\w*)\((?:[^()]|\(\))*?\bhead\??: (?:Buffer|Uint8Array)/g),
      ([, name]) => `${path} ${name}`,
    ),
  );
  expect(named).toEqual([
    'server/websocket-server.ts handleUpgrade',
    'server/websocket-server.ts completeUpgrade',
    'socket/websocket.ts setSocket',
  ]);
});

it('architecture: protocol and handshake together, with the plain reader, stay less than 3516 lines', () => {
  const core = readSourceFiles().filter(({ path }) => /^(?:protocol|handshake)\//.test(path));
  expect(core.length).toBeGreaterThan(25);
  const lines = core.reduce((sum, { text }) => sum + text.split('\n').length - 1, 0);
  expect(lines).toBeLessThan(3516);
});

/**
 * V8 takes a function that is written down right behind `object.property =` for a method, and makes it among old objects.
 * What it refers to, a connection say, then lasts until the next collection of the whole heap.
 */
it('architecture: of what connections are made of, no property is set to a function where it is written down', () => {
  const functionSet = /\.#?\w+ (?:\?\?|\|\|)?= (?:async )?(?:function\b|\([^()]*\) =>|\w+ =>)/;
  const ofConnections = /^(?:protocol|memory|deflate|transport|socket)\//;
  const lines = readSourceFiles()
    .filter(({ path }) => ofConnections.test(path))
    .flatMap(({ path, text }) => text.split('\n').map((line) => `${path}: ${line.trim()}`));
  expect(lines.length).toBeGreaterThan(5000);
  expect('  this.open = (error) => {').toMatch(functionSet);
  expect(lines.filter((line) => functionSet.test(line))).toEqual([]);
});

describe('architecture: the drawing of the folders', () => {
  const unitImports = (...files: [path: string, text: string][]) =>
    findUnitImports(files.map(([path, text]) => ({ path, text })));

  it('is the one in spec-notes', () => {
    const page = readFileSync(new URL('spec-notes/README.md', root), 'utf8');
    const drawn = /<!-- folders -->\n([\s\S]*?)<!-- \/folders -->/.exec(page)?.[1];
    expect(drawn?.trim()).toBe(drawFolders(findUnitImports(readSourceFiles())));
  });

  it('has an arrow for each import that does not follow from others, types counted', () => {
    const imports = unitImports(
      ['server/a.ts', "import type { B } from '../socket/b.ts';\nimport { c } from '../protocol/c.ts';"],
      ['socket/b.ts', "import { c } from '../transport/c.ts';\nimport { d } from './d.ts';"],
      ['transport/c.ts', "import { c } from '../protocol/c.ts';\nimport 'node:net';"],
    );
    expect(drawFolders(imports).split('\n')).toEqual([
      '```mermaid',
      'flowchart TD',
      '  server --> socket',
      '  socket --> transport',
      '  transport --> protocol',
      '```',
    ]);
  });
});

describe('architecture: what is allowed', () => {
  const rows: [path: string, text: string][] = [
    ['handshake/a.ts', "import { b } from '../protocol/b.ts';"],
    ['deflate/negotiate.ts', "import { b } from '../handshake/b.ts';"],
    ['deflate/codec.ts', "import zlib from 'node:zlib';\nimport { b } from './negotiate.ts';"],
    ['transport/a.ts', "import { b } from '../deflate/codec.ts';\nconst c: Buffer = process.d;"],
    ['deflate/codec.ts', "import { b } from '../options/b.ts';"],
    ['server/a.ts', "import { b } from '../transport/b.ts';\nimport { c } from '../socket/c.ts';"],
    ['client/a.ts', "import { b } from '../protocol/b.ts';"],
    ['socket/a.ts', "import { b } from '../transport/b.ts';\nimport { c } from '../client/c.ts';"],
    ['realtime/a.ts', "import { b } from '../socket/b.ts';"],
    ['realtime/a.ts', "import { b } from '../sse/b.ts';"],
    ['sse/a.ts', "import { b } from '../server/b.ts';"],
    ['live/a.ts', "import { b } from '../realtime-protocol/b.ts';\nimport { c } from '../sse/event-format.ts';"],
    ['react/a.ts', "import { b } from 'react';\nimport { c } from '../live/c.ts';"],
    ['web/a.ts', "import { b } from '../socket/b.ts';\nimport { c } from '../client/c.ts';"],
    ['ws-compat/a.ts', "import { b } from '../web/b.ts';\nimport { c } from '../server/c.ts';"],
    ['index.ts', "export { b } from './socket/b.ts';\nexport { c } from './protocol/c.ts';"],
    ['inspector/a.ts', "import { b } from '../deflate/negotiate.ts';"],
    ['playground/a.tsx', "import { b } from 'react';\nimport { c } from '../inspector/c.ts';\nimport './a.css';"],
    ['conformance/a.ts', "import { b } from '../transport/b.ts';\nimport net from 'node:net';"],
    ['cli/a.ts', "import { b } from '../realtime/b.ts';\nawait import(c);"],
    ['examples/a.ts', "import { b } from '../index.ts';\nimport { c } from './c.ts';\nimport express from 'express';"],
    ['protocol/a.ts', '// Buffer and process are for Node\nconst b = "require";\nconst c: ArrayBuffer = d;'],
  ];
  for (const [path, text] of rows) it(`${path}: ${text}`, () => expect(check(path, text)).toEqual([]));
});

describe('architecture: each rule bites', () => {
  const rows: { rule: string; path: string; text: string; fault: string }[] = [
    ...[
      ['protocol/a.ts', '../handshake/b.ts'],
      ['handshake/a.ts', '../deflate/negotiate.ts'],
      ['deflate/negotiate.ts', './codec.ts'],
      ['options/a.ts', '../ws-compat/b.ts'],
      ['memory/a.ts', '../options/b.ts'],
      ['options/a.ts', '../deflate/codec.ts'],
      ['deflate/a.ts', '../transport/b.ts'],
      ['transport/a.ts', '../client/b.ts'],
      ['client/a.ts', '../socket/b.ts'],
      ['socket/a.ts', '../server/b.ts'],
      ['socket/a.ts', '../ws-compat/b.ts'],
      ['server/a.ts', '../web/b.ts'],
      ['web/a.ts', '../ws-compat/b.ts'],
      ['ws-compat/a.ts', '../realtime/b.ts'],
      ['socket/a.ts', '../realtime/b.ts'],
      ['realtime-protocol/a.ts', '../socket/b.ts'],
      ['engines/engine.ts', '../sse/event-format.ts'],
      ['live/a.ts', '../realtime/b.ts'],
      ['live/a.ts', '../sse/b.ts'],
      ['react/a.ts', '../realtime/b.ts'],
      ['sse/a.ts', '../realtime/b.ts'],
      ['index.ts', './realtime/b.ts'],
      ['inspector/a.ts', '../transport/b.ts'],
      ['inspector/a.ts', '../deflate/codec.ts'],
      ['inspector/a.ts', '../live/b.ts'],
      ['playground/a.tsx', '../socket/b.ts'],
      ['playground/a.tsx', '../live/b.ts'],
      ['conformance/a.ts', '../socket/b.ts'],
      ['conformance/a.ts', '../deflate/codec.ts'],
      ['transport/a.ts', '../index.ts'],
    ].map(([path, target]) => ({
      rule: 'direction',
      path: path!,
      text: `import { b } from '${target}';`,
      fault: `${path}:1: imports '${target}', but `,
    })),
    ...[
      'protocol/a.ts',
      'handshake/a.ts',
      'inspector/a.ts',
      'deflate/negotiate.ts',
      'realtime-protocol/a.ts',
      'live/a.ts',
    ].flatMap((path) => [
      { rule: 'no Node', path, text: "import type { A } from 'node:net';", fault: `${path}:1: imports 'node:net'` },
      { rule: 'no Buffer', path, text: '\nBuffer.alloc(1);', fault: `${path}:2: names 'Buffer'` },
      { rule: 'no process', path, text: 'globalThis.process;', fault: `${path}:1: names 'process'` },
      { rule: 'no require', path, text: 'const a = require;', fault: `${path}:1: names 'require'` },
    ]),
    {
      rule: 'type imports count',
      path: 'protocol/a.ts',
      text: "import type { B } from '../socket/b.ts';",
      fault: 'direction',
    },
    { rule: 're-exports count', path: 'protocol/a.ts', text: "export * from '../socket/b.ts';", fault: 'direction' },
    { rule: 'dynamic imports count', path: 'protocol/a.ts', text: "import('../socket/b.ts');", fault: 'direction' },
    { rule: 'no packages', path: 'server/a.ts', text: "import ws from 'ws';", fault: "imports the package 'ws'" },
    { rule: 'no packages', path: 'cli/a.ts', text: "import ws from 'ws';", fault: "imports the package 'ws'" },
    { rule: 'no packages by require', path: 'socket/a.ts', text: "require('ws');", fault: "imports the package 'ws'" },
    { rule: 'node: prefix', path: 'server/a.ts', text: "import fs from 'fs';", fault: "imports the package 'fs'" },
    { rule: 'computed import', path: 'server/a.ts', text: 'import(name);', fault: 'computed import()' },
    { rule: 'computed require', path: 'server/a.ts', text: 'require(name);', fault: 'computed require()' },
    { rule: 'leaves src', path: 'server/a.ts', text: "import a from '../../package.json';", fault: 'outside src' },
    {
      rule: 'entry points',
      path: 'examples/a.ts',
      text: "import '../socket/b.ts';",
      fault: 'examples may import only',
    },
    { rule: 'known units', path: 'helpers/a.ts', text: '', fault: "'helpers' is no unit" },
    { rule: 'known top files', path: 'extra.ts', text: '', fault: "'' is no unit" },
  ];
  for (const { rule, path, text, fault } of rows) {
    it(`${rule}: ${path}: ${text.trim()}`, () => {
      const faults = check(path, text);
      expect(faults.length).toBe(1);
      expect(faults[0]).toContain(fault === 'direction' ? 'may import only' : fault);
    });
  }

  it('import cycles, each reported once', () => {
    const text = (target: string) => `import { x } from './${target}.ts';`;
    expect(check('protocol/a.ts', text('b'), ['protocol/b.ts', text('c')], ['protocol/c.ts', text('a')])).toEqual([
      'import cycle: protocol/a.ts -> protocol/b.ts -> protocol/c.ts -> protocol/a.ts',
    ]);
    expect(check('protocol/a.ts', text('a'))).toEqual(['import cycle: protocol/a.ts -> protocol/a.ts']);
  });

  for (const back of [
    "import type { B } from './b.ts';",
    "import { type B } from './b.ts';",
    "export type { B } from './b.ts';",
    "let b: import('./b.ts').B;",
    "await import('./b.ts');",
  ]) {
    it(`import cycles closed by ${back}`, () => {
      expect(check('socket/a.ts', back, ['socket/b.ts', "import { a } from './a.ts';"])).toEqual([
        'import cycle: socket/a.ts -> socket/b.ts -> socket/a.ts',
      ]);
    });
  }
});
