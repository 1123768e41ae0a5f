/**
 * Where programs of the guide run: a folder with framewright, made of src, and the packages of this checkout beside it,
 * and with `key.pem` and `cert.pem` for localhost. Each is a process of its own, as it would be for its reader.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { ENTRIES } from '../support/entries.ts';
import { isAnswering } from '../support/is-answering.ts';
import { testCertificate } from '../support/servers.ts';
import { PAGE_PORT, type Program } from './programs.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODULES = join(ROOT, 'node_modules');

const nameOf = (entry: string) => (entry === '.' ? 'index' : entry.slice(2));

/** Makes one module of framewright for each entry. What they share, they share here too. */
async function bundleInto(folder: string): Promise<void> {
  const entries = Object.entries(ENTRIES);
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map(([entry, { source }]) => [nameOf(entry), join(ROOT, source)])),
    platform: 'node',
    external: /^(node:|react)/,
    tsconfig: false,
    logLevel: 'warn',
    checks: { pluginTimings: false },
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: 'parts/[name].mjs' });
  await bundle.close();
  const exports = Object.fromEntries(entries.map(([entry]) => [entry, `./${nameOf(entry)}.mjs`]));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'framewright', type: 'module', exports }));
}

/** Programs that look for a Redis say so: there is none here. */
const NO_REDIS =
  /^(?:\(node:\d+\) Warning: redis\(\): Redis cannot be used as it is: connect ECONNREFUSED|\(Use `node --trace-warnings ).*\n/gm;

export class Stage {
  readonly folder: string;
  readonly #running = new Map<ChildProcess, readonly number[]>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async set(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-guide-'));
    const own = join(folder, 'node_modules/framewright');
    mkdirSync(own, { recursive: true });
    for (const name of readdirSync(MODULES)) {
      if (!name.startsWith('.') && name !== 'framewright') {
        symlinkSync(join(MODULES, name), join(folder, 'node_modules', name));
      }
    }
    await bundleInto(own);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const { key, cert } = await testCertificate();
    writeFileSync(join(folder, 'key.pem'), key);
    writeFileSync(join(folder, 'cert.pem'), cert);
    return new Stage(folder);
  }

  /** @returns what tsc says of the programs, a line for each fault, with their places on the pages */
  async check(programs: readonly Program[]): Promise<string[]> {
    const places = new Map<string, string>();
    for (const [i, { page, place, language, source, module }] of programs.entries()) {
      const path = `checked-${page}/${module ?? `program-${i}.${language}`}`;
      mkdirSync(join(this.folder, `checked-${page}`), { recursive: true });
      writeFileSync(join(this.folder, path), source);
      places.set(path, place);
    }
    const paths = Object.fromEntries(
      Object.entries(ENTRIES).map(([entry, { source, types = source }]) => [
        `framewright${entry.slice(1)}`,
        [join(ROOT, types)],
      ]),
    );
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        // As tsc has it by default; some programs are those of pages.
        lib: ['ES2023', 'DOM', 'DOM.Iterable'],
        jsx: 'react-jsx',
        // Programs in JavaScript say nothing of types.
        noImplicitAny: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
        noImplicitReturns: false,
        // They may await at their top, and each has names of its own.
        moduleDetection: 'force',
        paths,
        typeRoots: [join(MODULES, '@types')],
      },
      files: [...places.keys()],
      include: [],
      exclude: [],
    };
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(MODULES, 'typescript/bin/tsc');
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', '.'], { cwd: this.folder }).catch(
      (error: { stdout?: string }) => {
        if (!error.stdout) throw error;
        return { stdout: error.stdout };
      },
    );
    // Of src, which is checked without the DOM's types, and elsewhere, nothing counts here.
    const faults = stdout.matchAll(/^checked-[^(]*(?:.*\n)(?: .*\n)*/gm);
    return [...faults].flatMap(([fault]) => {
      const text = fault.replace(/^checked-[^(]*/, (path) => places.get(path) ?? path);
      return text.trimEnd().split('\n');
    });
  }

  /** Runs those of a page, one after the other. Servers go on for the programs behind them. */
  async play(programs: readonly Program[], ports: Ports): Promise<void> {
    const folder = mkdtempSync(join(this.folder, 'page-'));
    for (const { module, source } of programs) {
      if (module !== undefined) writeFileSync(join(folder, module), withPorts(source, ports));
    }
    for (const program of programs) if (program.module === undefined) await this.#run(folder, program, ports);
  }

  /**
   * Runs a program until it has ended well, or listens on all its ports and has printed what it has to; servers go on for
   * the programs behind them.
   * @param ports those of the page, and those that stand for them here
   * @throws {Error} with all that it said, when it complains, fails, or ends without having printed what it has to
   */
  async #run(folder: string, program: Program, ports: Ports): Promise<void> {
    const { place, language, source, prints, listensOn } = program;
    const path = join(folder, `program-${Math.random().toString(36).slice(2)}`);
    writeFileSync(`${path}.${language === 'js' ? 'mjs' : language}`, withPorts(source, ports));
    if (language !== 'js') await stripTypes(`${path}.${language}`, `${path}.mjs`);
    const listening = listensOn.map((port) => ports.get(port)!);
    await this.#stopThoseOn(listening);

    const child = spawn(process.execPath, [`${path}.mjs`], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: join(this.folder, 'cert.pem') },
    });
    this.#running.set(child, listening);
    let output = '';
    let complaints = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk).replace(NO_REDIS, '')));
    let status: number | null | undefined;
    const ended = once(child, 'close').then(([code]) => (status = code as number | null));

    const hasPrinted = () => {
      let from = 0;
      return prints.every((said) => {
        const at = output.indexOf(said, from);
        from = at + said.length;
        return at !== -1;
      });
    };
    const isListening = async () => {
      for (const port of listening) if (!(await isAnswering(port))) return false;
      return listening.length > 0;
    };
    while (status === undefined && complaints === '' && !(hasPrinted() && (await isListening()))) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
    if ((status ?? 0) === 0 && complaints === '' && hasPrinted()) return;
    const wanted = prints.map((said) => `  ${said}\n`).join('');
    throw new Error(
      `${place}: ${status === undefined ? 'complains' : `ended with ${status}`}\n${complaints}it has to print:\n${wanted}it printed:\n${output}`,
    );
  }

  async strike(): Promise<void> {
    for (const child of this.#running.keys()) await stop(child);
    rmSync(this.folder, { recursive: true });
  }

  /** Pages show one server in two ways. */
  async #stopThoseOn(ports: readonly number[]): Promise<void> {
    for (const [child, own] of this.#running) {
      if (own.some((port) => ports.includes(port))) await stop(child);
    }
  }
}

function withPorts(source: string, ports: Ports): string {
  // Nobody listens on port 1, where Redis may be on this machine.
  return source.replace(PAGE_PORT, (port) => String(ports.get(port))).replace('//127.0.0.1:6379', '//127.0.0.1:1');
}

/** What it imports from its own page comes along. */
async function stripTypes(input: string, file: string): Promise<void> {
  const bundle = await rolldown({ input, external: /^[^./]/, tsconfig: false, logLevel: 'silent' });
  await bundle.write({ file, format: 'esm' });
  await bundle.close();
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

/** Those of a page, and those that stand for them. */
export type Ports = ReadonlyMap<string, number>;

const given = new Set<number>();

/** Below those that systems give away by themselves, so that nobody is given one of them meanwhile. */
export async function findPorts(markdown: string): Promise<Ports> {
  const ports = new Map<string, number>();
  for (const [port] of markdown.matchAll(PAGE_PORT)) {
    while (!ports.has(port)) {
      const candidate = 10_000 + Math.floor(Math.random() * 20_000);
      if (!given.has(candidate) && (await isFree(candidate))) ports.set(port, candidate);
      given.add(candidate);
    }
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, () => resolve(true));
  });
  if (!isListening) return false;
  server.close();
  await once(server, 'close');
  return true;
}
