// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the rows are source code of other programs
import { describe, expect, it } from 'vitest';
import { findExports, findImports, hasMember, type ImportKind, scanCode, scanSource } from './source-scanner.ts';

function names(source: string): string[] {
  return scanCode(source)
    .filter((token) => token.kind === 'word')
    .map((token) => token.text);
}

describe('scanner: what is code and what is not', () => {
  const rows: { title: string; source: string; words: string[] }[] = [
    { title: 'line comment', source: 'a // Buffer\nb', words: ['a', 'b'] },
    { title: 'block comment over lines', source: 'a /* Buffer\n * process */ b', words: ['a', 'b'] },
    { title: 'comment marks inside a string', source: "a = '/* // '; b", words: ['a', 'b'] },
    { title: 'string marks inside a comment', source: "a // it's\nb // don't\nc", words: ['a', 'b', 'c'] },
    { title: 'escaped quote', source: "a = 'it\\'s Buffer'; b", words: ['a', 'b'] },
    { title: 'template text is not code', source: 'a = `Buffer`; b', words: ['a', 'b'] },
    { title: 'template expression is code', source: 'a = `x ${Buffer} y`; b', words: ['a', 'Buffer', 'b'] },
    {
      title: 'nested templates and braces',
      source: 'a = `x ${f({ k: `y ${b} z` })} w`; c',
      words: ['a', 'f', 'k', 'b', 'c'],
    },
    { title: 'escaped dollar in a template', source: 'a = `\\${Buffer}`; b', words: ['a', 'b'] },
    { title: 'regular expression with quote', source: 'a = /[/\'"`]/g; b', words: ['a', 'b'] },
    { title: 'regular expression after return', source: 'return /Buffer/.test(a)', words: ['return', 'test', 'a'] },
    { title: 'division is not a regular expression', source: 'a / Buffer / b', words: ['a', 'Buffer', 'b'] },
    { title: 'division after a call', source: 'f(a) / Buffer / b', words: ['f', 'a', 'Buffer', 'b'] },
    { title: 'hashbang', source: '#!/usr/bin/env node\na', words: ['a'] },
    { title: 'numbers hold no names', source: 'a = 0xdeadbeef + 1e+5 + 10_000n', words: ['a'] },
    {
      title: 'JSX closing tags and apostrophes',
      source: "<p>don't</p>;\n<br />;\n<i>{a} /></i>;\nb",
      words: ['p', 'don', 't', 'p', 'br', 'i', 'a', 'i', 'b'],
    },
  ];
  for (const { title, source, words } of rows) it(title, () => expect(names(source)).toEqual(words));

  it('keeps comments as tokens, with their line', () => {
    expect(scanSource('a\n/* §5.2\n */ b')).toEqual([
      { kind: 'word', text: 'a', line: 1 },
      { kind: 'comment', text: '/* §5.2\n */', line: 2 },
      { kind: 'word', text: 'b', line: 3 },
    ]);
  });

  it('resolves escapes of strings', () => {
    expect(scanCode(String.raw`'a\'b\n\u00e9\x41\u{1F600}'`)[0]!.text).toBe("a'b\né\x41\u{1F600}");
  });

  it('refuses to guess when a comment or a template never ends', () => {
    expect(() => scanSource('a /* b')).toThrow('unterminated comment at line 1');
    expect(() => scanSource('a\n`b')).toThrow('unterminated template at line 2');
    expect(() => scanSource('a\n`b ${c')).toThrow('unterminated template at line 2');
  });
});

describe('scanner: imports', () => {
  const rows: { source: string; found: [string | undefined, ImportKind][] }[] = [
    { source: "import a from './a.ts';", found: [['./a.ts', 'value']] },
    { source: "import './a.ts'", found: [['./a.ts', 'value']] },
    { source: "import * as a from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "import a, {\n  b,\n  type C,\n} from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "import type { A } from './a.ts'", found: [['./a.ts', 'type']] },
    { source: "import type A from './a.ts'", found: [['./a.ts', 'type']] },
    { source: "import type from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "import a from './a.json' with { type: 'json' }", found: [['./a.json', 'value']] },
    { source: "export * from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "export * as a from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "export { a as b } from './a.ts'", found: [['./a.ts', 'value']] },
    { source: "export type { A } from './a.ts'", found: [['./a.ts', 'type']] },
    { source: "export { a as 'module.exports' };\nconst b = 'x'", found: [] },
    { source: "export { a as 'module.exports' }\nconst from = 'x'", found: [] },
    { source: "export const a = { from: 'b' }", found: [] },
    { source: "export type A = { from: 'b' }", found: [] },
    { source: "await import('./a.ts')", found: [['./a.ts', 'dynamic']] },
    { source: 'await import(path)', found: [[undefined, 'dynamic']] },
    { source: "await import('./a' + b)", found: [[undefined, 'dynamic']] },
    { source: 'await import(`./a.ts`)', found: [[undefined, 'dynamic']] },
    { source: "let a: typeof import('./a.ts')", found: [['./a.ts', 'dynamic']] },
    { source: "const a = require('a')", found: [['a', 'require']] },
    { source: 'import.meta.url', found: [] },
    { source: "loader.import('a'); loader.require('b')", found: [] },
    { source: "// import a from 'a'\n/* export * from 'b' */", found: [] },
    { source: 'const a = "import b from \'b\'"', found: [] },
    {
      source: "import a from 'a'\nimport b from 'b'",
      found: [
        ['a', 'value'],
        ['b', 'value'],
      ],
    },
  ];
  for (const { source, found } of rows) {
    it(source, () => expect(findImports(source).map((i) => [i.specifier, i.kind])).toEqual(found));
  }
});

describe('scanner: exports and members', () => {
  it('finds every form of export', () => {
    const source = `
      export class A {}
      export abstract class B {}
      export async function c() {}
      export function* d() {}
      export const e = 1;
      export interface F {}
      export type G = 1;
      export { h, i as j, type K };
      export type { L } from './l.ts';
      export * as m from './m.ts';
      export { n as 'module.exports' };
      export default 1;
      // export const absent = 1;
      class Absent {}
    `;
    expect([...findExports(source)].sort()).toEqual(
      ['A', 'B', 'F', 'G', 'K', 'L', 'c', 'd', 'default', 'e', 'h', 'j', 'm', 'module.exports'].sort(),
    );
  });

  it('finds members of the class named, and only there', () => {
    const source = `
      class A { x = 1; constructor(a: number) { this.hidden(); } get size(): number { return 1; } run<T>(b: T): void {} }
      interface B { y: number; z?(): void }
    `;
    const has = (name: string, member: string) => hasMember(source, name, member);
    expect([has('A', 'x'), has('A', 'size'), has('A', 'run'), has('B', 'y'), has('B', 'z')]).toEqual(
      Array(5).fill(true),
    );
    expect([has('A', 'hidden'), has('A', 'a'), has('A', 'y'), has('C', 'x')]).toEqual(Array(4).fill(false));
  });
});
