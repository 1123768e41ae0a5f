/**
 * The programs of the README and of spec-notes/use.md, as they stand: each is a file of its own, servers keep running while the next ones start, and
 * programs without one end by themselves. Only their ports are exchanged for free ones. `npm run build` has to have run
 * before.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAnswering } from '../support/is-answering.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PORT = /\b80\d\d\b/g;

interface Program {
  readonly name: string;
  readonly source: string;
  /** What it listens on, as the README has it. */
  readonly listensOn: readonly string[];
}

const pages = ['README.md', 'spec-notes/use.md'].map((page) => readFileSync(join(ROOT, page), 'utf8')).join('\n');
const programs: Program[] = [...pages.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, source], i) => ({
  name: `program ${i + 1}, ${source!.split('\n').find((line) => line !== '' && !line.startsWith('import'))}`,
  source: source!,
  listensOn: [...source!.matchAll(/\bport: (80\d\d)\b/g)].map(([, port]) => port!),
}));

let folder = '';
const freePorts = new Map<string, number>();
const running: ChildProcess[] = [];

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-readme-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/framewright'));
  symlinkSync(join(ROOT, 'node_modules/zod'), join(folder, 'node_modules/zod'));
  for (const [port] of pages.matchAll(PORT)) if (!freePorts.has(port)) freePorts.set(port, await findFreePort());
});

afterAll(() => {
  for (const child of running) child.kill();
  rmSync(folder, { recursive: true });
});

describe('the programs of the README and of the page of use', () => {
  it('import what they use, and listen on ports of their own', () => {
    expect(programs.length).toBeGreaterThan(5);
    expect(programs.filter(({ source }) => !/^import .* from 'framewright/m.test(source))).toEqual([]);
    const ports = programs.flatMap(({ listensOn }) => listensOn);
    expect(ports).toEqual([...new Set(ports)]);
  });

  it.each(programs.map((program) => [program.name, program] as const))('%s', async (_, { source, listensOn }) => {
    const file = join(folder, `program-${running.length}.mjs`);
    writeFileSync(
      file,
      source.replace(PORT, (port) => String(freePorts.get(port))),
    );
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
    running.push(child);
    let output = '';
    let complaints = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk));
    const exited = once(child, 'close').then(([status]) => status as number);
    const servesAll = async (): Promise<'serves'> => {
      for (const port of listensOn) {
        while (!(await isAnswering(freePorts.get(port)!))) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return 'serves';
    };
    expect([0, 'serves']).toContain(await (listensOn.length > 0 ? Promise.race([exited, servesAll()]) : exited));
    expect(complaints).toBe('');
    for (const [, said] of source.matchAll(/\/\/ prints (.*)$/gm)) {
      while (!output.includes(said!)) await once(child.stdout, 'data');
    }
  });
});
