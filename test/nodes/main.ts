/**
 * `npm run test:nodes`: the tests that touch Node, under the other versions that are supported. Their binaries come from
 * npm.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { npmBinary } from '../support/npm-binary.ts';

/** Beside the one that all other suites run under. */
const VERSIONS = ['20.19.0', '22.23.3', '24.21.0', '26.10.0'];
/** What most people run: all suites that touch Node. The others have those that use most of it. */
const WHOLE = '24.21.0';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Folders of tests that one version is enough for, such as those of what touches nothing of Node, and of what is no test. */
const NOT_HERE = [
  'architecture',
  'bench',
  'browser',
  'cli',
  'conformance',
  'ecosystem',
  'examples',
  'explorer',
  'fuzz',
  'handshake',
  'inspector',
  'nodes',
  'options',
  'package',
  'playground',
  'protocol',
  'pure',
  'react',
  'realtime',
  'realtime-protocol',
  'runtimes',
  'support',
  'traceability',
  'walkthroughs',
];
const SUITES = readdirSync(join(ROOT, 'test'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !NOT_HERE.includes(entry.name))
  .map(({ name }) => `test/${name}/`);
const REPORTERS = ['--reporter=dot', '--reporter=./test/support/last-words.ts'];

const IN_SHORT = ['client', 'deflate', 'engines', 'memory', 'server', 'sse', 'transport', 'web'].map(
  (name) => `test/${name}/`,
);

for (const version of VERSIONS) {
  console.log(`\n===== Node ${version}`);
  const binary = npmBinary('node', version);
  const args = [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...REPORTERS,
    ...(version === WHOLE ? SUITES : IN_SHORT),
  ];
  const { status } = spawnSync(binary, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\nFailed under Node ${version}`);
    exit(1);
  }
}
