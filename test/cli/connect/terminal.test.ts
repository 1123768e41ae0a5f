/** `framewright connect` on a terminal of its own, which `script` makes. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { echo, startServer } from '../../support/servers.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
/** That of util-linux: others have other options. */
const hasScript = /util-linux/.test(String(spawnSync('script', ['--version']).stdout));

describe.skipIf(!hasScript)('connect on a terminal', () => {
  it('talks, edits, keeps a history, and leaves the terminal as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const history = join(folder, 'history');
    const { url } = await startServer('node:net', {}, echo);
    const command = `${process.execPath} --import tsx ${MAIN} connect ${url()}`;
    const env = { ...process.env, FRAMEWRIGHT_HISTORY: history, TERM: 'xterm', NO_COLOR: '1' };
    const child = spawn('script', ['-qec', command, '/dev/null'], { env });
    onTestFinished(() => void child.kill());
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const says = async (text: string): Promise<void> => {
      while (!said.includes(text)) await once(child.stdout, 'data');
    };
    const closed = once(child, 'close');
    await says('> ');
    // A slip, taken back.
    child.stdin.write('helo\u007f');
    child.stdin.write('lo\r');
    await says('← hello');
    child.stdin.write('/ping\r');
    await says('← pong after ');
    child.stdin.write('\u0004');
    expect((await closed)[0]).toBe(0);
    expect(said).toContain('1000 Normal Closure; 1 sent, 1 received');
    expect(readFileSync(history, 'utf8')).toBe('hello\n/ping\n');
  });
});
