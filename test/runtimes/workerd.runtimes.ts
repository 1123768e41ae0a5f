/** The modules of the package that need no Node in workerd, the runtime of Cloudflare Workers. */

import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { MIN_COMPARISONS } from '../pure/bundle.ts';
import { npmBinary } from '../support/npm-binary.ts';
import { makeProject } from './package.ts';

const WORKERD = npmBinary('workerd', '1.20261117.1');

const MODULES = {
  'worker.mjs': 'worker.mjs',
  'vectors.mjs': 'vectors.mjs',
  'framewright/protocol': 'node_modules/framewright/dist/pure/protocol.mjs',
  'framewright/inspector': 'node_modules/framewright/dist/pure/inspector.mjs',
  'framewright/core.mjs': 'node_modules/framewright/dist/pure/core.mjs',
};
/** Of a date when workers had nothing of Node.js, unless they asked for it. */
const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "vectors", worker = (
  modules = [${Object.entries(MODULES).map(([name, path]) => `(name = "${name}", esModule = embed "${path}")`)}],
  compatibilityDate = "2023-12-01",
))]);
`;

it('§5.7 the examples are read and written in workerd', () => {
  const folder = makeProject();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(fileURLToPath(new URL('../pure/vectors.mjs', import.meta.url)), join(folder, 'vectors.mjs'));
  writeFileSync(join(folder, 'config.capnp'), CONFIG);
  const output = execFileSync(WORKERD, ['test', 'config.capnp'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const report = JSON.parse(output) as { comparisons: number; faults: string[]; globals: string[] };
  expect(report).toMatchObject({ faults: [], globals: [] });
  expect(report.comparisons).toBeGreaterThan(MIN_COMPARISONS);
});
