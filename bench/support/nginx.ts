/** nginx in front of several processes, as src/examples/deploy/nginx.conf has it, on a free port and without TLS. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAnswering } from '../../test/support/is-answering.ts';
import { tie } from './processes.ts';

const CONFIGURATION = new URL('../../src/examples/deploy/nginx.conf', import.meta.url);
const CONNECTIONS = 20_000;

/** One process: its processor time is all that it uses. */
const mainIn = (folder: string) => `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections ${CONNECTIONS}; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  include ${folder}/site;
}`;

export interface Proxy {
  readonly port: number;
  readonly pid: number;
  end(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Its configuration, with other ports. */
function siteOn(port: number, upstreams: readonly number[]): string {
  return readFileSync(CONFIGURATION, 'utf8')
    .replace('listen 443 ssl http2;', `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_.*$/gm, '')
    .replace(/127\.0\.0\.1:808(\d)/g, (_, process) => `127.0.0.1:${upstreams[Number(process) - 1]}`);
}

/** @throws {Error} with what it complains about */
export async function startNginx(upstreams: readonly number[]): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-bench-nginx-'));
  const port = await freePort();
  writeFileSync(join(folder, 'site'), siteOn(port, upstreams));
  writeFileSync(join(folder, 'main'), mainIn(folder));
  const child: ChildProcess = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', 'main'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => (complaints += chunk));
  const exited = once(child, 'exit').then(tie(() => child.kill('SIGKILL')));
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  while (!(await isAnswering(port))) {
    if (child.exitCode !== null) throw new Error(`nginx has ended: ${complaints}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { port, pid: child.pid!, end };
}
