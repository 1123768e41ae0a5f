/** Examples as programs of their own, on free ports. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
type Environment = Readonly<Record<string, string>>;

/** The example as it stands in src. */
export const sourceOf = (name: string) => join(ROOT, `src/examples/${name}.ts`);

/**
 * Makes JavaScript of many at once: to have each compiled by itself takes ten times as long as to run it.
 * @param sources by the names of the programs
 */
export async function compile(sources: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-examples-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const bundle = await rolldown({
    input: { ...sources },
    platform: 'node',
    external: /^[^./]/,
    tsconfig: false,
    logLevel: 'warn',
    checks: { pluginTimings: false },
    plugins: [
      {
        name: 'files-beside-the-source',
        transform: (code, id) => code.replaceAll('import.meta.url', `'${pathToFileURL(id)}'`),
      },
    ],
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs' });
  await bundle.close();
  return {
    programOf: (name: string) => join(folder, `${name}.mjs`),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Resolves when it has printed its address. Whatever comes of the test, it has to be killed in the end. */
export async function start(program: string, args: readonly string[] = [], environment: Environment = {}) {
  const running = spawnExample(program, ['--port', '0', ...args], environment);
  const address = await Promise.race([
    once(createInterface(running.child.stdout), 'line').then(([line]) => String(line)),
    running.ended.then(() => Promise.reject(new Error(`${program} has ended:\n${running.said.complaints}`))),
  ]);
  return { ...running, address };
}

/** @returns all that it has said, and how it ended */
export async function run(program: string, args: readonly string[], environment: Environment = {}) {
  const { child, ended, said } = spawnExample(program, args, environment);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk));
  const [code] = await ended;
  return { code, output, complaints: said.complaints };
}

function spawnExample(program: string, args: readonly string[], environment: Environment) {
  const loader = program.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const child = spawn(process.execPath, [...loader, program, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { complaints: '' };
  child.stderr.on('data', (chunk: Buffer) => (said.complaints += chunk));
  return { child, ended: once(child, 'close') as Promise<[code: number | null, signal: string | null]>, said };
}
