import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('debug-log-program.ts', import.meta.url));

async function run(NODE_DEBUG: string | undefined): Promise<string[]> {
  const env = { ...process.env, NODE_DEBUG, NODE_OPTIONS: '' };
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', PROGRAM], { env });
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\d+\.\d ms/g, 'N ms').replace(/\b127\.0\.0\.1[: ]\d+/g, 'ADDRESS'));
}

it('NODE_DEBUG=framewright prints a line for each event, and peers cannot forge one', async () => {
  const lines = await run('framewright');
  for (const line of lines) expect(line).toMatch(/^FRAMEWRIGHT \d+: [\x20-\x7e…]+$/);
  const all = lines.map((line) => line.replace(/^FRAMEWRIGHT \d+: /, '').replace(/\d+ bytes (in|out)/g, 'N bytes $1'));
  // One for each request or answer that is hostile as a whole.
  const told = all.filter((line) => !/^refused .*: 400, |Invalid Sec-WebSocket-Accept/.test(line));
  expect(all.length - told.length).toBe(15);
  const end = String.raw`1000 "a\u001b[2J\nFRAMEWRIGHT 1: forged\u009b"`;
  const life = (by: string, sent = '') => `closed by ${by}: ${end}${sent} after N ms, N bytes in, N bytes out`;
  expect(told.sort()).toEqual(
    [
      '#1 open, server of ADDRESS',
      '#1 accepted GET "/chat?…" after N ms',
      '#2 open, client of ADDRESS',
      '#2 message out: text, 5 bytes',
      '#1 message in: text, 5 bytes',
      '#1 message out: binary, 5 bytes',
      '#2 message in: binary, 5 bytes',
      `#1 ${life('peer')}`,
      `#2 ${life('us', ', sent 1000')}`,
      'refused GET "/nowhere?…" from ADDRESS: 404, path, "No WebSocket is served at this path: use /chat"',
      '#3 could not connect to "ws://ADDRESS/nowhere?…": "Unexpected server response: 404"',
    ].sort(),
  );
});

it('prints nothing otherwise', async () => {
  expect(await run(undefined)).toEqual([]);
  expect(await run('http2x')).toEqual([]);
});
