/** Builds a page with Vite, in a process of its own: what the build takes is not this server's memory. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param folder with index.html and vite.config.ts
 * @returns the folder with what was built, for as long as this process lives
 */
export async function buildPage(folder: URL): Promise<string> {
  const vite = join(dirname(createRequire(folder).resolve('vite/package.json')), 'bin/vite.js');
  const built = mkdtempSync(join(tmpdir(), 'framewright-page-'));
  process.once('exit', () => rmSync(built, { recursive: true, force: true }));
  const args = [vite, 'build', fileURLToPath(folder), '--outDir', built, '--emptyOutDir', '--logLevel', 'warn'];
  const env = { ...process.env, NODE_ENV: 'production' };
  const [code] = await once(spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] }), 'close');
  if (code !== 0) throw new Error(`vite build ended with ${code}`);
  return built;
}
