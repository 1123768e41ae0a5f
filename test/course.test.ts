/**
 * The exercises of spec-notes/course: the checks that readers run are run on the solutions, and each is shown to bite by a
 * solution that is wrong. The last one, a server, passes the conformance cases that its task names.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSuite, selectCases } from '../src/conformance/index.ts';

const page = (name: string) => readFileSync(new URL(`../spec-notes/course/${name}`, import.meta.url), 'utf8');
const blocksOf = (markdown: string, info: string) =>
  [...markdown.matchAll(new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => match[1]!);

const exercises = page('exercises.md');
const solution = blocksOf(page('solutions.md'), 'js').join('\n');
const [preamble] = blocksOf(exercises, 'js');
const checks = exercises
  .split(/^## (?=\d)/m)
  .slice(1)
  .map((section) => ({ title: section.slice(0, section.indexOf('\n')), check: blocksOf(section, 'js check')[0] }));

const PASSING: readonly string[] = ['OK', 'NON-STRICT', 'INFORMATIONAL'];

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-course-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns what `source` exports */
async function load(source: string): Promise<Record<string, unknown>> {
  const path = join(folder, `${++files}.mjs`);
  writeFileSync(path, source);
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as Record<string, unknown>;
}

/** Runs what a reader runs. @throws {Error} the first check that does not hold */
async function runCheck(check: string, mine: string): Promise<void> {
  const path = join(folder, `${++files}.mjs`);
  writeFileSync(path, mine);
  await load(`${preamble!.replace('./my.mjs', pathToFileURL(path).href)}${check}`);
}

describe('the exercises', () => {
  it('have eight tasks, and checks for all but the server', () => {
    expect(checks.map(({ check }) => check !== undefined)).toEqual([true, true, true, true, true, true, true, false]);
  });

  it.each(checks.slice(0, 7))('$title: the solution passes its checks', async ({ check }) => {
    await runCheck(check!, solution);
  });

  it.each<[exercise: number, right: string, wrong: string]>([
    [1, "digest('base64')", "digest('hex')"],
    [2, 'number * 256 + byte', '(number << 8) + byte'],
    [2, 'if (bytes.length < headerLength) return undefined;', ''],
    [2, '(bytes[0] >> 4) & 7', '(bytes[0] >> 4) & 15'],
    [3, 'Uint8Array.from(payload, (byte, i) => byte ^ key[i % 4])', 'payload.map((byte) => byte ^ key[0])'],
    [
      3,
      'return Uint8Array.from(payload, (byte, i) => byte ^ key[i % 4]);',
      'payload.forEach((byte, i) => (payload[i] = byte ^ key[i % 4])); return payload;',
    ],
    [4, 'length < 126) header', 'length <= 126) header'],
    [4, 'length < 65536) header', 'length < 65535) header'],
    [5, '(opcode === 0) !== isMessageOpen', 'isMessageOpen'],
    [5, 'rsv !== 0', 'rsv > 4'],
    [5, 'key === undefined', 'false'],
    [5, '(!fin || length > 125)', 'length > 125'],
    [6, '![1004, 1005, 1006].includes(code)', 'true'],
    [6, 'return code < 5000', 'return true'],
    [6, 'fatal: true', 'fatal: false'],
    [7, 'ignoreBOM: true', 'ignoreBOM: false'],
    [7, 'utf8().decode(bytes)', "payloads.map((part) => utf8().decode(part)).join('')"],
  ])('the checks of %i refuse a wrong one: %s', async (exercise, right, wrong) => {
    const broken = solution.replace(right, () => wrong);
    expect(broken).not.toBe(solution);
    await expect(runCheck(checks[exercise - 1]!.check!, broken)).rejects.toThrow(/equal|Missing expected|not valid/);
  });

  it('the server passes the cases that its task names', async () => {
    const [, patterns] = /--cases '([^']+)'/.exec(exercises)!;
    const cases = selectCases(patterns!);
    expect(exercises).toContain(`checked by ${cases.length} cases`);
    const { serve } = (await load(solution)) as { serve: (port: number) => Promise<Server> };
    const server = await serve(0);
    const { port } = server.address() as AddressInfo;
    const { results } = await runSuite({ url: `ws://127.0.0.1:${port}`, cases: patterns! });
    await new Promise((resolve) => server.close(resolve));
    expect(results.filter(({ behavior }) => !PASSING.includes(behavior)).map(({ id }) => id)).toEqual([]);
    expect(results).toHaveLength(cases.length);
  });
});
