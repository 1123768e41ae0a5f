// biome-ignore-all lint/suspicious/noTemplateCurlyInString: injected breaches are source code of other programs
/**
 * The traceability table of spec-notes, checked against `src` and `test`, and the links of the notes. Each rule is
 * shown to bite by a breach written for it.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TRANSITIONS } from '../src/protocol/closing-handshake.ts';
import { drawTransitions } from './traceability/closing-diagram.ts';
import { findCitations, findTraceabilityFaults, type ProjectFiles } from './traceability/faults.ts';
import { findAnchors, findLinkFaults, findRelativeLinks } from './traceability/links.ts';
import { type Row, readRows } from './traceability/rows.ts';

const root = new URL('../', import.meta.url);

function readFile(path: string): string | undefined {
  const url = new URL(path, root);
  if (!existsSync(url)) return undefined;
  return statSync(url).isDirectory() ? '' : readFileSync(url, 'utf8');
}

function listFiles(folder: string, ending: RegExp): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => ending.test(path));
}

describe('traceability of RFC 6455 and RFC 8441', () => {
  it('every row of the table holds, and every section cited in src has a row', () => {
    const rows = readRows(readFile('spec-notes/traceability.md')!);
    expect(rows.length).toBeGreaterThan(150);
    const files: ProjectFiles = {
      sourcePaths: listFiles('src/', /\.tsx?$/),
      readSource: (path) => readFile(`src/${path}`),
      readTest: (path) => readFile(`test/${path}`),
    };
    expect(findTraceabilityFaults(rows, files)).toEqual([]);
  });

  it('every relative link in spec-notes resolves', () => {
    const pages = listFiles('spec-notes/', /\.md$/);
    expect(pages).toContain('README.md');
    expect(
      pages.flatMap((page) => findLinkFaults(`spec-notes/${page}`, readFile(`spec-notes/${page}`)!, readFile)),
    ).toEqual([]);
  });
});

it('§5.2 the bits on the page of §5 are those of frame-header.ts', () => {
  const drawn = /<!-- bits[^\n]*\n\n```\n([\s\S]*?)```/.exec(readFile('spec-notes/rfc6455/05-framing.md')!)?.[1];
  const inCode = readFile('src/protocol/frame-header.ts')!.matchAll(/^ \* {4}(.*[01┌│├└].*)$/gm);
  expect(drawn).toBe([...inCode].map(([, line]) => `${line!.trimEnd()}\n`).join(''));
});

describe('§7.1 diagram of the closing handshake', () => {
  it('§7.1 the diagram in 07-closing.md is that of the transition table', () => {
    const page = readFile('spec-notes/rfc6455/07-closing.md')!;
    const drawn = /<!-- transitions -->\n([\s\S]*?)<!-- \/transitions -->/.exec(page)?.[1];
    expect(drawn?.trim()).toBe(drawTransitions(TRANSITIONS, 'open'));
  });

  it('§7.1 an arrow for each transition', () => {
    const table = { ...TRANSITIONS, closed: { fail: 'failed' } } as const;
    expect(drawTransitions(table, 'open')).toContain('  closed --> failed: fail\n');
    expect(drawTransitions(TRANSITIONS, 'open')).not.toContain('closed --> failed');
  });
});

const ROW: Row = {
  id: 'R5.5.1-01',
  section: '5.5.1',
  requirement: 'a reason is UTF-8',
  symbol: 'protocol/close.ts#readClose',
  test: 'protocol/close.test.ts > §5.5.1 reason "Hello"',
  status: 'covered',
  line: 1,
};

const SOURCES: Record<string, string> = {
  'protocol/close.ts':
    '// §5.5.1 and RFC 7692 §99.1\nexport function readClose() {}\nexport class Close { start() {} }',
};

const TESTS: Record<string, string> = {
  'protocol/close.test.ts':
    "it('§5.5.1 reason \"Hello\"', run);\nit(`§5.5.1 code ${code}`, run);\n// it('§5.5.1 commented out')\n" +
    "it('§5.5.1 empty body', run); it('§5.5.1 empty reason', run); f('reason');",
};

function check(rows: readonly Row[], sources: Record<string, string> = SOURCES): string[] {
  return findTraceabilityFaults(rows, {
    sourcePaths: Object.keys(sources),
    readSource: (path) => sources[path],
    readTest: (path) => TESTS[path],
  });
}

describe('traceability: what holds', () => {
  const rows: { title: string; row: Partial<Row> }[] = [
    { title: 'a row with symbol and test', row: {} },
    { title: 'a member of an exported class', row: { symbol: 'protocol/close.ts#Close.start' } },
    { title: 'a title as far as its first placeholder', row: { test: 'protocol/close.test.ts > §5.5.1 code' } },
    { title: 'an exception with neither', row: { symbol: '', test: '', status: 'exception: only browsers do this' } },
  ];
  for (const { title, row } of rows) it(title, () => expect(check([{ ...ROW, ...row }])).toEqual([]));

  it('a citation of a subsection counts for the row of its parent', () => {
    const parent = { ...ROW, id: 'R5.5-01', section: '5.5' };
    expect(check([parent, ROW])).toEqual([]);
  });

  it('a citation of a whole chapter or part needs only some row below it', () => {
    expect(check([ROW], { ...SOURCES, 'a.ts': '// §5 and §5.5; RFC 6455 §5.5.1' })).toEqual([]);
  });
});

describe('traceability: each rule bites', () => {
  const rows: { rule: string; row: Partial<Row>; fault: string }[] = [
    { rule: 'file of the symbol', row: { symbol: 'protocol/gone.ts#a' }, fault: 'src/protocol/gone.ts does not exist' },
    { rule: 'exported symbol', row: { symbol: 'protocol/close.ts#gone' }, fault: 'does not export gone' },
    { rule: 'member', row: { symbol: 'protocol/close.ts#Close.gone' }, fault: 'has no member gone' },
    { rule: 'form of the symbol', row: { symbol: 'protocol/close.ts' }, fault: 'is no file#exportedName' },
    { rule: 'file of the test', row: { test: 'gone.test.ts > §5.5.1 a' }, fault: 'test/gone.test.ts does not exist' },
    { rule: 'title of the test', row: { test: 'protocol/close.test.ts > §5.5.1 gone' }, fault: 'has no test titled' },
    { rule: 'title, not data', row: { test: 'protocol/close.test.ts > reason' }, fault: 'has no test titled' },
    {
      rule: 'titles in comments',
      row: { test: 'protocol/close.test.ts > §5.5.1 commented out' },
      fault: 'has no test titled',
    },
    { rule: 'unique title', row: { test: 'protocol/close.test.ts > §5.5.1 empty' }, fault: 'begins 2 titles' },
    { rule: 'form of the test', row: { test: 'protocol/close.test.ts' }, fault: 'is no file.test.ts > title' },
    { rule: 'covered by a symbol', row: { symbol: '' }, fault: 'covered, but by no symbol' },
    { rule: 'covered by a test', row: { test: '' }, fault: 'covered, but by no test' },
    { rule: 'reason', row: { status: 'exception:  ' }, fault: 'an exception needs a reason' },
    { rule: 'status', row: { status: 'partly' }, fault: "neither 'covered' nor" },
    { rule: 'form of the id', row: { id: '5.5.1-1' }, fault: 'an id looks like' },
    { rule: 'section of the id', row: { id: 'R5.5.2-01' }, fault: 'stands in §5.5.1' },
    { rule: 'requirement', row: { requirement: '' }, fault: 'the requirement is empty' },
  ];
  for (const { rule, row, fault } of rows) {
    it(rule, () => {
      const faults = check([{ ...ROW, ...row }]);
      expect(faults.length).toBe(1);
      expect(faults[0]).toContain(fault);
    });
  }

  it('unique id', () => expect(check([ROW, ROW])).toEqual(['R5.5.1-01: the id is used twice']));

  it('citation of the section in the file of the symbol: its parent, a sibling or another RFC will not do', () => {
    const sibling = { ...ROW, id: 'R5.5.2-01', section: '5.5.2' };
    expect(check([ROW, sibling])).toEqual(['R5.5.2-01: src/protocol/close.ts does not cite §5.5.2']);
    const text = '// §5.5 and RFC 7692 §5.5.1\nexport function readClose() {}';
    expect(check([ROW], { 'protocol/close.ts': text })).toEqual([
      'R5.5.1-01: src/protocol/close.ts does not cite §5.5.1',
    ]);
  });

  it('RFC 8441 has rows and citations of its own', () => {
    const row = { ...ROW, id: 'R8441-5-01', section: '8441-5' };
    const cites = (text: string) => ({ 'protocol/close.ts': `// ${text}\nexport function readClose() {}` });
    expect(check([row], cites('RFC 8441 §5'))).toEqual([]);
    expect(check([row], cites('§5'))).toEqual([
      'R8441-5-01: src/protocol/close.ts does not cite RFC 8441 §5',
      'src/protocol/close.ts:1: cites §5, which no row of the table names',
    ]);
    expect(check([{ ...ROW, section: '5' }], cites('§5 and RFC 8441 §4')).at(-1)).toContain('cites RFC 8441 §4, which');
    expect(check([{ ...row, id: 'R5-01' }], cites('RFC 8441 §5'))).toEqual(['R5-01: stands in RFC 8441 §5']);
  });

  it('row for every cited section: its parent or a sibling will not do', () => {
    const sources = { ...SOURCES, 'a.ts': "// nothing\nconst section = '§5.5.1.2'; // §5.5.3, §51" };
    expect(check([ROW], sources)).toEqual(
      ['5.5.1.2', '5.5.3', '51'].map((s) => `src/a.ts:2: cites §${s}, which no row of the table names`),
    );
  });
});

describe('traceability: reading', () => {
  it('citations belong to RFC 6455 unless another RFC stands right before them', () => {
    const text = 'RFC 7692 §7.2.1, RFC 6455 §5.2, §5.4\n * RFC 8441\n * §5 and §7.1';
    expect(findCitations(text).map((c) => `${c.line}:${c.section}`)).toEqual(['1:5.2', '1:5.4', '2:8441-5', '3:7.1']);
  });

  it('citations of a range name what lies between, where both ends have one parent', () => {
    const cited = (text: string) => findCitations(text).map(({ section }) => section);
    expect(cited('§11.3.9 to §11.3.11')).toEqual(['11.3.9', '11.3.10', '11.3.11']);
    expect(cited('§5 to §8')).toEqual(['5', '6', '7', '8']);
    expect(cited('§5.1 to §7.2')).toEqual(['5.1', '7.2']);
    expect(cited('§5.3 to §5.1')).toEqual(['5.3', '5.1']);
    expect(cited('RFC 7692 §7.1 to §7.3')).toEqual([]);
  });

  it('rows, with bars escaped, in code or not, and other tables left out', () => {
    const page = [
      '| id | note |',
      '| --- | --- |',
      '| R1 | no row |',
      '',
      '| id | section | requirement | symbol | test | status |',
      '| --- | --- | --- | --- | --- | --- |',
      '| R5.2-01 | §5.2 | a \\| b | `a.ts#b` | `a.test.ts > §5.2 x \\| y` | covered |',
      '| R5.2-02 | §5.2 | c | – | ? | exception: why |',
      '| D8441-3-01 | RFC 8441 §3 | d | – | ? | exception: why |',
    ].join('\n');
    expect(readRows(page)).toEqual([
      {
        id: 'R5.2-01',
        section: '5.2',
        requirement: 'a | b',
        symbol: 'a.ts#b',
        test: 'a.test.ts > §5.2 x | y',
        status: 'covered',
        line: 7,
      },
      { id: 'R5.2-02', section: '5.2', requirement: 'c', symbol: '', test: '', status: 'exception: why', line: 8 },
      {
        id: 'D8441-3-01',
        section: '8441-3',
        requirement: 'd',
        symbol: '',
        test: '',
        status: 'exception: why',
        line: 9,
      },
    ]);
  });

  it('a row with a cell too many or too few', () => {
    const page =
      '| id | section | requirement | symbol | test | status |\n|-|-|-|-|-|-|\n| R5.2-01 | §5.2 | a | b | c |';
    expect(() => readRows(page)).toThrow('traceability.md:3: 5 cells');
  });
});

describe('links: each rule bites', () => {
  const files: Record<string, string> = {
    'spec-notes/b.md': '# Part *one*, `two`\n```\n# not a heading\n```\n',
    'src/a.ts': '// gone\nexport const here = 1;',
    src: '',
  };
  const rows: { title: string; markdown: string; faults: string[] }[] = [
    {
      title: 'file, folder, heading and name that exist',
      faults: [],
      markdown: '[b](../b.md) [s](../../src)\n[b](../b.md#part-one-two) [`here`](../../src/a.ts)',
    },
    { title: 'heading of its own page', faults: [], markdown: '# Here\n[up](#here)' },
    {
      title: 'other schemes and examples',
      faults: [],
      markdown: '[a](https://a.example/x) [m](mailto:a@b.example)\n```\n[x](gone.md)\n```',
    },
    { title: 'missing file', markdown: '\n[b](gone.md)', faults: ['spec-notes/x/a.md:2: gone.md leads nowhere'] },
    {
      title: 'missing heading',
      markdown: '[b](../b.md#not-a-heading)',
      faults: ['spec-notes/x/a.md:1: spec-notes/b.md has no heading #not-a-heading'],
    },
    {
      title: 'missing heading of its own page',
      markdown: '[b](#gone)',
      faults: ['spec-notes/x/a.md:1: spec-notes/x/a.md has no heading #gone'],
    },
    {
      title: 'name that stands only in a comment',
      markdown: '[`gone`](../../src/a.ts)',
      faults: ['spec-notes/x/a.md:1: src/a.ts no longer speaks of gone'],
    },
  ];
  for (const { title, markdown, faults } of rows) {
    it(title, () => expect(findLinkFaults('spec-notes/x/a.md', markdown, (path) => files[path])).toEqual(faults));
  }

  it('finds links and headings', () => {
    expect(
      findRelativeLinks('a [`b]` c](d.md "h") e\n![f](g.png)\n<img alt="" src="h.svg">\n[i]: j.md').map(
        (link) => link.target,
      ),
    ).toEqual(['d.md', 'g.png', 'h.svg', 'j.md']);
    expect([...findAnchors('## 5.2 Base: the *frame*\ntext')]).toEqual(['52-base-the-frame']);
  });
});
