import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/main.ts';
import { painterFor } from '../../src/cli/terminal.ts';
import { framewright } from './framewright.ts';
import { runCaptured } from './run-captured.ts';

describe('framewright', () => {
  it('without a command: help, on stderr, and exit status 2', async () => {
    const { status, stdout, stderr } = await framewright([]);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    for (const { name, summary } of COMMANDS) expect(stderr).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'));
  });

  for (const word of ['--help', '-h', 'help']) {
    it(`${word}: the same on stdout, and exit status 0`, async () => {
      const { status, stdout, stderr } = await runCaptured(word);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('Usage: framewright <command>');
    });
  }

  it('--version: that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await runCaptured('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const command of COMMANDS) {
    it(`${command.name}: help in three ways, within 100 columns`, async () => {
      expect(command.help).toContain(`Usage: framewright ${command.name}`);
      expect(Math.max(...command.help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
      for (const args of [['--help'], ['-h']]) {
        expect((await runCaptured(command.name, ...args)).stdout).toBe(command.help);
      }
      expect(await runCaptured('help', command.name)).toEqual({ status: 0, stdout: command.help, stderr: '' });
    });
  }

  const unknown: [word: string, hint: string][] = [
    ['decod', 'did you mean "decode"?'],
    ['sreve', 'did you mean "serve"?'],
    ['dec', 'did you mean "decode"?'],
    ['frobnicate', 'see "framewright --help"'],
  ];
  for (const [word, hint] of unknown) {
    it(`unknown command ${word}: ${hint}`, async () => {
      const expected = `framewright: there is no command "${word}": ${hint}\n`;
      expect(await runCaptured(word)).toEqual({ status: 2, stdout: '', stderr: expected });
    });
  }
});

describe('colours', () => {
  const rows: [title: string, stream: { isTTY?: boolean }, environment: Record<string, string>, isPainted: boolean][] =
    [
      ['on a terminal', { isTTY: true }, {}, true],
      ['not in a pipe', {}, {}, false],
      ['not with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, false],
      ['with NO_COLOR empty, which says nothing', { isTTY: true }, { NO_COLOR: '' }, true],
      ['not on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
    ];
  for (const [title, stream, environment, isPainted] of rows) {
    it(title, () => {
      const painted = painterFor(stream, environment)('x', 'fault');
      expect(painted).toBe(isPainted ? '\u001b[1;31mx\u001b[0m' : 'x');
    });
  }
});
