/** A project with the package in it as npm packs it, and the programs that use it. */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('program/', import.meta.url));
const CERTIFICATE =
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 3650 -subj /CN=localhost';

/** @returns its folder, which is the caller's */
export function makeProject(): string {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  const folder = mkdtempSync(join(tmpdir(), 'framewright-runtimes-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: ROOT });
  const [tarball] = readdirSync(folder);
  const installed = join(folder, 'node_modules/framewright');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, tarball!), '-C', installed, '--strip-components=1']);
  rmSync(join(folder, tarball!));
  const manifest = { name: 'runtimes', private: true, type: 'module', dependencies: { framewright: '*' } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  cpSync(PROGRAMS, folder, { recursive: true });
  execFileSync('openssl', CERTIFICATE.split(' '), { cwd: folder, stdio: 'ignore' });
  return folder;
}
