/** The fuzzer as a command: what it prints, what it ends with, and that what it found can be found again. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { equalsToken } from '../../src/handshake/header-fields.ts';
import { CORPUS, readCorpus } from './corpus.ts';
import { fuzz, USAGE } from './run.ts';
import { type FuzzTarget, propertyTarget } from './target.ts';
import { TARGETS } from './targets/index.ts';
import { asLatin1, bytesTarget, fromLatin1 } from './targets/support.ts';

/** Fails for inputs with both letters in them. */
const letters = bytesTarget({
  name: 'letters',
  title: 'no input has an a before a b',
  seeds: [fromLatin1('a'), fromLatin1('xb')],
  run(input) {
    if (/a.*b/s.test(asLatin1(input))) throw new Error('an a before a b');
  },
});
const sound = bytesTarget({ name: 'sound', title: 'bytes are bytes', run: () => {} });

const folder = mkdtempSync(join(tmpdir(), 'framewright-fuzz-'));
const folders = { corpus: folder, failures: join(folder, 'failures') };
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(folders.failures, { recursive: true, force: true }));

async function run(words: string[], targets: readonly FuzzTarget[] = [sound]) {
  let printed = '';
  const exitCode = await fuzz(
    words,
    targets,
    (text) => {
      printed += text;
    },
    folders,
  );
  return { exitCode, printed };
}

describe('fuzzer', () => {
  it('goes on as long as asked, and prints its seed and how many cases it tried in a second', async () => {
    const { exitCode, printed } = await run(['--seconds', '0.05', '--seed', '7']);
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^seed 7, 0.05 s, sound\n/);
    expect(printed).toMatch(/\n[\d,]+ cases in \d+\.\d s: [\d,]+ cases per second; 0 inputs reached new branches\n$/);
  });

  it('makes the input of a failure small and writes it down, and both ways to repeat it repeat it', async () => {
    const { exitCode, printed } = await run(['--seconds', '100', '--seed', '2147483647'], [sound, letters]);
    expect(exitCode).toBe(1);
    expect(printed).toContain('FAILED letters: no input has an a before a b\n  an a before a b\n');
    expect(printed).toContain('input: [61 62]');
    const path = join(folders.failures, 'letters.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ target: 'letters', input: 'YWI=' });
    expect(printed).toContain('npm run fuzz -- --target letters --input YWI=\n');
    for (const words of [
      ['--replay', path],
      ['--target', 'letters', '--input', 'YWI='],
    ]) {
      const again = await run(words, [sound, letters]);
      expect(again.exitCode).toBe(1);
      expect(again.printed).toMatch(/^FAILED letters: .*\n {2}an a before a b\n/);
    }
  });

  it('the same seed tries the same inputs', async () => {
    const tried = async () => {
      const inputs: string[] = [];
      const target = bytesTarget({ ...sound, run: (input) => void inputs.push(asLatin1(input)) });
      await run(['--seconds', '0.05', '--seed', '99'], [target]);
      return inputs.slice(0, 64);
    };
    expect(await tried()).toEqual(await tried());
  });

  it('a failure that has been mended holds when it is repeated', async () => {
    const words = ['--target', 'letters', '--input', 'YmE='];
    expect(await run(words, [letters])).toEqual({ exitCode: 0, printed: 'letters holds for this input\n' });
  });

  it('what is thrown behind the back of a target is a failure of its input too', async () => {
    const late = bytesTarget({
      name: 'late',
      title: 'nothing is thrown later',
      async run() {
        void Promise.reject(new Error('thrown later'));
      },
    });
    const { exitCode, printed } = await run(['--target', 'late', '--input', ''], [late]);
    expect(exitCode).toBe(1);
    expect(printed).toContain('thrown later');
  });

  it('keeps the inputs that reach new branches, and only those that are needed for that', async () => {
    const texts = ['websocket', 'WEBSOCKET', 'a b'];
    const words = bytesTarget({
      name: 'words',
      title: 'any text is a token or not',
      seeds: texts.map(fromLatin1),
      run: (input) => void equalsToken(asLatin1(input), 'websocket'),
    });
    const { printed } = await run(['--seconds', '0.05', '--seed', '1', '--keep'], [words]);
    const kept = readCorpus(folder, 'words').map(asLatin1);
    expect(printed).toContain(`words: ${kept.length} inputs are kept\n`);
    expect(kept.length).toBeGreaterThan(1);
    expect(kept).not.toEqual(expect.arrayContaining(['websocket', 'WEBSOCKET']));
    expect(kept.map(({ length }) => length)).toEqual(kept.map(({ length }) => length).sort((a, b) => a - b));
  });

  it('a property of the test run is a target: its inputs are the choices of its generators', async () => {
    const small = propertyTarget({
      name: 'utf8-random-bytes',
      title: 'numbers are small',
      property: fc.property(fc.nat(), (number) => {
        if (number >= 1000) throw new Error(`${number} is not small`);
      }) as unknown as fc.IProperty<[unknown]>,
    });
    const { exitCode, printed } = await run(['--seconds', '100', '--seed', '3'], [small]);
    expect(exitCode).toBe(1);
    expect(printed).toMatch(/ {2}input: \[\d{4,5}\]\n/);
  });

  it('--help and --list', async () => {
    expect(await run(['--help'])).toEqual({ exitCode: 0, printed: USAGE });
    const { exitCode, printed } = await run(['--list'], TARGETS);
    expect(exitCode).toBe(0);
    for (const { name, title } of TARGETS) expect(printed).toContain(`${name.padEnd(32)} ${title}\n`);
  });

  const damaged = join(folder, 'damaged.json');
  writeFileSync(damaged, '{}');
  const WRONG: [words: string[], reason: string][] = [
    [['--seconds', '0'], "--seconds must be a number above 0; got '0'"],
    [['--seconds', 'long'], "--seconds must be a number above 0; got 'long'"],
    [['--seconds', ''], "--seconds must be a number above 0; got ''"],
    [['--seconds', 'Infinity'], "--seconds must be a number above 0; got 'Infinity'"],
    [['--seconds=-1'], "--seconds must be a number above 0; got '-1'"],
    [['--seed', '1.5'], "--seed must be a whole number from 0 to 2147483647; got '1.5'"],
    [['--seed=-1'], "--seed must be a whole number from 0 to 2147483647; got '-1'"],
    [['--seed', '2147483648'], "--seed must be a whole number from 0 to 2147483647; got '2147483648'"],
    [['--target', 'none'], "--target 'none' is unknown; there are: sound"],
    [['--input', 'YWI='], '--input needs the --target'],
    [['--input', '?', '--target', 'sound'], '--input must be base64'],
    [['--replay', join(folder, 'absent.json')], 'ENOENT'],
    [['--replay', damaged], 'no "target" and "input" in it'],
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
    const words = ['--target', 'frame-round-trip', '--input', ''];
    const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', main, ...words], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, 'frame-round-trip holds for this input\n']);
  });

  it('an input that nothing comes back from is written down, and ends the program', () => {
    const program = fileURLToPath(new URL('hanging.ts', import.meta.url));
    const { signal, stdout } = spawnSync(process.execPath, ['--import', 'tsx', program, folders.failures], {
      encoding: 'utf8',
    });
    expect(signal).toBe('SIGKILL');
    expect(stdout).toContain('FAILED hanging: still running after 300 ms\n');
    expect(stdout).toContain('--target hanging --input YWI=\n');
    expect(JSON.parse(readFileSync(join(folders.failures, 'hanging.json'), 'utf8'))).toMatchObject({ input: 'YWI=' });
  });
});

describe('kept inputs', () => {
  it.each(TARGETS)('$name: $title', async ({ name, run: holds }) => {
    expect(existsSync(join(CORPUS, `${name}.txt`))).toBe(true);
    for (const input of readCorpus(CORPUS, name)) await holds(input);
  });
});
