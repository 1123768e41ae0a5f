/**
 * The project in `project/` as npm installs it with another package in place of ws: framewright packed from this
 * checkout, or what ECOSYSTEM_ENGINE names. Kept under the temporary folder by the hash of what went into it, so that
 * only the first run installs.
 */

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROJECT = fileURLToPath(new URL('./project/', import.meta.url));
const CACHE_PREFIX = 'framewright-ecosystem-';
const UNUSED_AFTER_MS = 24 * 60 * 60 * 1000;
const WS_VERSION = '8.23.0';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface Installation {
  /** Where the scenarios run. */
  readonly folder: string;
  /** Name of the package that stands in for ws. */
  readonly engine: string;
  /** Every installed package of the name ws, by its folder. */
  readonly copiesOfWs: ReadonlyMap<string, Manifest>;
}

const run = promisify(execFile);

/** Installs the project, unless the same has been installed before, and puts the scenarios in. */
export async function install(): Promise<Installation> {
  const packing = await mkdtemp(join(tmpdir(), 'framewright-pack-'));
  try {
    const { engine, spec, bytes } = await chooseEngine(packing);
    const manifest = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as Manifest;
    const hash = createHash('sha256')
      .update(JSON.stringify([manifest, process.version, engine]))
      .update(bytes)
      .digest('hex');
    const folder = join(tmpdir(), `${CACHE_PREFIX}${hash.slice(0, 20)}`);
    if (!existsSync(folder)) await installInto(folder, manifest, spec);
    await utimes(folder, new Date(), new Date());
    await removeUnused();
    await cp(PROJECT, folder, { recursive: true, filter: (path) => !path.endsWith('package.json') });
    return { folder, engine, copiesOfWs: await findCopiesOfWs(folder) };
  } finally {
    await rm(packing, { recursive: true, force: true });
  }
}

/** What to install as ws: ECOSYSTEM_ENGINE is `ws` for the real one, or the path of a tarball. */
async function chooseEngine(packing: string): Promise<{ engine: string; spec: string; bytes: Uint8Array }> {
  const chosen = process.env.ECOSYSTEM_ENGINE ?? 'framewright';
  if (chosen === 'ws') return { engine: 'ws', spec: WS_VERSION, bytes: Buffer.from(WS_VERSION) };
  const tarball = chosen === 'framewright' ? await pack(packing) : resolve(chosen);
  return { engine: 'framewright', spec: tarball, bytes: await readFile(tarball) };
}

async function pack(folder: string): Promise<string> {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
  const [name] = await readdir(folder);
  return join(folder, name!);
}

/** Beside its place first, so that nobody ever finds half an installation. */
async function installInto(folder: string, manifest: Manifest, spec: string): Promise<void> {
  const draft = `${folder}.${randomUUID()}`;
  await mkdir(draft);
  try {
    let ws = spec;
    if (existsSync(spec)) {
      await cp(spec, join(draft, 'engine.tgz'));
      ws = 'file:./engine.tgz';
    }
    const dependencies = { ...manifest.dependencies, ws };
    await writeFile(join(draft, 'package.json'), JSON.stringify({ ...manifest, dependencies, overrides: { ws } }));
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--prefer-offline'];
    await run('npm', ['install', ...flags], { cwd: draft, timeout: 110_000 });
    await rename(draft, folder).catch((error: unknown) => {
      // Another run was quicker.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Installations nobody has asked for in a day. */
async function removeUnused(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(CACHE_PREFIX)) continue;
    const path = join(tmpdir(), name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > UNUSED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/** Every package that a `require('ws')` could find anywhere in the tree. */
async function findCopiesOfWs(folder: string): Promise<Map<string, Manifest>> {
  const copies = new Map<string, Manifest>();
  const entries = await readdir(join(folder, 'node_modules'), { recursive: true, withFileTypes: true });
  for (const { name, parentPath } of entries) {
    if (name === 'ws' && basename(parentPath) === 'node_modules') {
      copies.set(relative(folder, join(parentPath, name)), await readManifest(join(parentPath, name)));
    }
  }
  return copies;
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}
