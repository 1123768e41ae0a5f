/** What the README and the page of use say, checked where it can be: the error table, the commands and the links. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VIOLATIONS } from '../src/protocol/index.ts';
import { formatErrorTable } from './support/error-table.ts';
import { findLinkFaults } from './traceability/links.ts';

const root = new URL('../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const use = readFileSync(new URL('spec-notes/use.md', root), 'utf8');
const work = readFileSync(new URL('spec-notes/work-on-it.md', root), 'utf8');

function readFile(path: string): string | undefined {
  const url = new URL(path, root);
  if (!existsSync(url)) return undefined;
  return statSync(url).isDirectory() || /\.(png|svg)$/.test(path) ? '' : readFileSync(url, 'utf8');
}

/** What stands between the markers. */
function findErrorTable(markdown: string): string | undefined {
  return /<!-- errors: [^>]*-->\n([\s\S]*?)\n?<!-- \/errors -->/.exec(markdown)?.[1]?.trim();
}

/** The scripts that a text tells its readers to run. */
function findScripts(markdown: string): string[] {
  const named = [...markdown.matchAll(/\bnpm (?:run ([\w:.-]+)|(start|test)\b)/g)];
  return [...new Set(named.map(([, script, short]) => script ?? short!))];
}

describe('README', () => {
  it('§7.4.1 the error table is that of the violations', () => {
    const expected = formatErrorTable(Object.values(VIOLATIONS));
    expect(findErrorTable(use), `put this between the markers of spec-notes/use.md:\n\n${expected}\n`).toBe(expected);
  });

  it('every script that it names is in package.json', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object };
    const named = findScripts(readme + use + work);
    expect(named).toContain('test:conformance');
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  it('the commands to start and to test stand at its head', () => {
    const head = readme.split('\n').slice(0, 20);
    for (const command of ['npm ci && npm start', 'npm ci && npm test']) {
      expect(head.filter((line) => line.startsWith(command))).toHaveLength(1);
    }
  });

  it('is one screen', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(60);
  });

  it('every relative link resolves', () => {
    expect(findLinkFaults('README.md', readme, readFile)).toEqual([]);
  });
});

describe('README: each rule bites', () => {
  it('one message used in several sections is one row; numbers are ellipses', () => {
    const { reservedOpcode, unexpectedContinuation, expectedContinuation, invalidText } = VIOLATIONS;
    const table = formatErrorTable([reservedOpcode, unexpectedContinuation, expectedContinuation, invalidText]);
    expect(table.split('\n').slice(2)).toEqual([
      '| Invalid WebSocket frame: invalid opcode … | 1002 | `WS_ERR_INVALID_OPCODE` | §5.2, §5.4 |',
      '| Invalid WebSocket frame: invalid UTF-8 sequence | 1007 | `WS_ERR_INVALID_UTF8` | §8.1 |',
    ]);
  });

  it('a table between markers, and none without them', () => {
    expect(findErrorTable('<!-- errors: x -->\n\n| a |\n| b |\n\n<!-- /errors -->')).toBe('| a |\n| b |');
    expect(findErrorTable('<!-- errors: x -->\n<!-- /errors -->')).toBe('');
    expect(findErrorTable('| a |')).toBeUndefined();
  });

  it('scripts in any place, each once', () => {
    expect(findScripts('`npm run a:b` npm run c-d -- --x, npm test; npm start\nnpm run a:b npm ci')).toEqual([
      'a:b',
      'c-d',
      'test',
      'start',
    ]);
  });
});
