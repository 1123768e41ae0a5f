/** What the types of server, client and React let through, and what not, as tsc says. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { defineProtocol } from '../../src/realtime-protocol/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = 'test/realtime/types';

it('every use that is wrong is an error, and nothing else', async () => {
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const run = promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: root });
  const { stdout } = await run.catch((error: { stdout: string }) => {
    if (error.stdout === '') throw error;
    return error;
  });
  const faults = [...stdout.matchAll(/^(\S+)\((\d+),\d+\): error .*$/gm)];
  const isExpected = ([, file]: RegExpMatchArray) => file === `${folder}/wrong.ts`;
  expect(faults.filter((fault) => !isExpected(fault)).map(([text]) => text)).toEqual([]);

  const lines = readFileSync(`${root}${folder}/wrong.ts`, 'utf8').split('\n');
  const wrong = lines.filter((line) => line.includes('// wrong: '));
  expect(wrong.length).toBeGreaterThan(90);
  const refused = new Set(faults.filter(isExpected).map(([, , line]) => lines[Number(line) - 1]!));
  expect([...refused].sort()).toEqual([...wrong].sort());
});

const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) } };

it.each([
  [{ message: schema, histroy: { messages: 5 } }, "channels['a'] has no 'histroy': message, member, history, latestBy"],
  [{ message: schema, history: { messages: 5, age: 1 } }, "channels['a'].history has no 'age': messages, bytes, ageMs"],
])('a program without types is told of a name that is none: %#', (channel, message) => {
  expect(() => defineProtocol({ channels: { a: channel as never } })).toThrow(`defineProtocol(): ${message}`);
});
