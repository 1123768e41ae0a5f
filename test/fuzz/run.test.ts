/** The fuzzer as a command: what it prints, what it ends with, and that what it found can be found again. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FuzzProperty } from '../support/fuzz.ts';
import { PROPERTIES } from './properties.ts';
import { fuzz, USAGE } from './run.ts';

function propertyOf(holds: (number: number) => void): FuzzProperty['property'] {
  return fc.property(fc.nat(), holds) as unknown as FuzzProperty['property'];
}

/** Holds, but for numbers from 1000 on. */
const small: FuzzProperty = {
  name: 'utf8-random-bytes',
  title: 'numbers are small',
  property: propertyOf((number) => {
    if (number >= 1000) throw new Error(`${number} is not small`);
  }),
};
const sound: FuzzProperty = {
  name: 'utf8-damaged-text',
  title: 'numbers are numbers',
  property: propertyOf(() => {}),
};

async function run(words: string[], properties: readonly FuzzProperty[] = [sound]) {
  let printed = '';
  const exitCode = await fuzz(words, properties, (text) => {
    printed += text;
  });
  return { exitCode, printed };
}

describe('fuzzer', () => {
  it('goes on as long as asked, and prints its seed and how many cases it tried in a second', async () => {
    const { exitCode, printed } = await run(['--seconds', '0.05', '--seed', '7']);
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^seed 7, 0.05 s, utf8-damaged-text\n/);
    expect(printed).toMatch(/\n[\d,]+ cases in \d+\.\d s: [\d,]+ cases per second\n$/);
  });

  it('prints the property, the seed and the path of a failure, which fail again', async () => {
    const { exitCode, printed } = await run(['--seconds', '20', '--seed', '2147483647'], [sound, small]);
    expect(exitCode).toBe(1);
    expect(printed).toContain('FAILED utf8-random-bytes: numbers are small\n  1000 is not small\n');
    expect(printed).toContain('counterexample: [1000]');
    const words = /repeat with: npm run fuzz -- (.*)\n/.exec(printed)![1]!.split(' ');
    const again = await run(words, [sound, small]);
    expect(again.exitCode).toBe(1);
    expect(again.printed).toContain('  1000 is not small\n  counterexample: [1000]\n');
    expect(again.printed).not.toContain('cases per second');
  });

  it('the same seed tries the same inputs', async () => {
    const words = ['--seconds', '20', '--seed', '99'];
    const failureOf = ({ printed }: { printed: string }) => /FAILED[\s\S]*--path \S+/.exec(printed)![0];
    expect(failureOf(await run(words, [small]))).toBe(failureOf(await run(words, [small])));
  });

  it('a failure that has been mended holds when it is repeated', async () => {
    const words = ['--property', 'utf8-damaged-text', '--seed', '3', '--path', '4:1'];
    expect(await run(words)).toEqual({ exitCode: 0, printed: 'utf8-damaged-text holds at seed 3, path 4:1\n' });
  });

  it('tries only the property that is named', async () => {
    const { exitCode } = await run(['--seconds', '0.05', '--property', 'utf8-damaged-text'], [small, sound]);
    expect(exitCode).toBe(0);
  });

  it('--help and --list', async () => {
    expect(await run(['--help'])).toEqual({ exitCode: 0, printed: USAGE });
    const { exitCode, printed } = await run(['--list'], PROPERTIES);
    expect(exitCode).toBe(0);
    for (const { name, title } of PROPERTIES)
      expect(printed).toMatch(new RegExp(`^${name} .*${title.slice(0, 8)}`, 'm'));
  });

  const WRONG: [words: string[], reason: string][] = [
    [['--seconds', '0'], "--seconds must be a number above 0; got '0'"],
    [['--seconds', 'long'], "--seconds must be a number above 0; got 'long'"],
    [['--seconds', ''], "--seconds must be a number above 0; got ''"],
    [['--seconds', 'Infinity'], "--seconds must be a number above 0; got 'Infinity'"],
    [['--seconds=-1'], "--seconds must be a number above 0; got '-1'"],
    [['--seed', '1.5'], "--seed must be a whole number from 0 to 2147483647; got '1.5'"],
    [['--seed=-1'], "--seed must be a whole number from 0 to 2147483647; got '-1'"],
    [['--seed', '2147483648'], "--seed must be a whole number from 0 to 2147483647; got '2147483648'"],
    [['--property', 'none'], "--property 'none' is unknown; there are: utf8-damaged-text"],
    [['--path', 'x', '--seed', '1', '--property', 'utf8-damaged-text'], "--path looks like 12:0:3; got 'x'"],
    [['--path', '1:2'], '--path needs the --seed and the --property'],
    [['--minutes', '1'], "Unknown option '--minutes'"],
    [['ever'], "Unexpected argument 'ever'"],
  ];
  it.each(WRONG)('%j ends with 2 and says why', async (words, reason) => {
    const { exitCode, printed } = await run(words);
    expect(exitCode).toBe(2);
    expect(printed).toContain(reason);
    expect(printed).toContain(USAGE);
  });

  it('the program itself ends with what the fuzzer says', () => {
    const main = fileURLToPath(new URL('main.ts', import.meta.url));
    const start = (...words: string[]) =>
      spawnSync(process.execPath, ['--import', 'tsx', main, ...words], { encoding: 'utf8' });
    const help = start('--help');
    expect([help.status, help.stdout]).toEqual([0, USAGE]);
    const found = start('--seconds', '0.2', '--property', 'frame-round-trip');
    expect([found.status, found.stderr]).toEqual([0, '']);
    expect(found.stdout).toContain('cases per second');
    expect(start('--never').status).toBe(2);
  });
});
