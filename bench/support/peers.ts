/**
 * What framewright is compared with, installed into a cache folder when a benchmark needs it, so that `npm ci` stays
 * light. The versions are pinned in bench/peers/package.json; every one of them is optional there, so that one that
 * does not exist for this machine does not keep the others away.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MANIFEST = fileURLToPath(new URL('../peers/package.json', import.meta.url));
const DEFAULT_FOLDER = fileURLToPath(new URL('../../node_modules/.cache/framewright-bench', import.meta.url));

/** Where the peers lie; BENCH_PEERS names another folder. */
export const peersFolder = process.env.BENCH_PEERS ?? DEFAULT_FOLDER;

/** Installs what bench/peers/package.json asks for, unless that has been done. */
export function installPeers(): void {
  const wanted = readFileSync(MANIFEST, 'utf8');
  const marker = join(peersFolder, '.installed');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  console.log(`installing the peers into ${peersFolder}`);
  mkdirSync(peersFolder, { recursive: true });
  copyFileSync(MANIFEST, join(peersFolder, 'package.json'));
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', '--prefix', peersFolder];
  const { status } = spawnSync('npm', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) writeFileSync(marker, wanted);
  else console.log('npm could not install them: what is missing is reported below');
}

/** The version that is installed; undefined when the package is not there. */
export function peerVersion(name: string): string | undefined {
  const manifest = join(peersFolder, 'node_modules', name, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** A file of an installed package. */
export function peerFile(name: string, path: string): string {
  return join(peersFolder, 'node_modules', name, path);
}
