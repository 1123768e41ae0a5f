/** A proxy and the processes behind it, each a program of its own on free ports, with the configuration of src/examples/deploy. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compile } from '../examples/start.ts';
import { findPorts } from '../guide/stage.ts';
import { RedisServer } from '../redis/redis-server.ts';
import { isAnswering } from '../support/is-answering.ts';
import { testCertificate } from '../support/servers.ts';

const DEPLOY = new URL('../../src/examples/deploy/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
/** As which a proxy runs when root starts the tests. */
const NOBODY = 65_534;

interface Proxy {
  readonly configuration: string;
  /** What its configuration has, and what an ordinary user may have. */
  readonly exchanges?: Readonly<Record<string, string>>;
  /** What the file beside it is called; its arguments. */
  start(folder: string): { readonly file: string; readonly text?: string; readonly args: readonly string[] };
}

/** What Debian has in /etc/nginx/nginx.conf, in a folder of one's own. */
const nginxMain = (folder: string) => `daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  include ${folder}/site;
}`;

export const PROXIES: Readonly<Record<string, Proxy>> = {
  nginx: {
    configuration: 'nginx.conf',
    start: (folder) => ({ file: 'main', text: nginxMain(folder), args: ['-e', 'stderr', '-p', folder, '-c', 'main'] }),
  },
  haproxy: {
    configuration: 'haproxy.cfg',
    exchanges: { 'maxconn 20000': 'maxconn 200' },
    start: (folder) => ({ file: 'site', args: ['-db', '-f', `${folder}/site`] }),
  },
};

for (const name of Object.keys(PROXIES)) {
  if (spawnSync(name, ['-v'], { env: withSbin() }).error !== undefined) {
    throw new Error(`These tests start '${name}', which is not there: apt-get install nginx-light haproxy`);
  }
}

function withSbin() {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
}

/** The configuration with other ports and files. @throws {Error} when it does not name what is to be exchanged */
function adapt(text: string, exchanges: Readonly<Record<string, string>>): string {
  return Object.entries(exchanges).reduce((adapted, [before, after]) => {
    if (!adapted.includes(before)) throw new Error(`The configuration does not name ${before}`);
    return adapted.replaceAll(before, after);
  }, text);
}

export interface World {
  /** Of the proxy: `https://localhost:…`. */
  readonly address: string;
  readonly ca: string;
  readonly ports: readonly number[];
  /** Sends SIGTERM to one process, and starts it again when it has gone. Resolves when it listens, with how it had ended. */
  restart(index: number): Promise<unknown>;
  end(): Promise<void>;
}

/** A Redis, three processes and the proxy. */
export async function makeWorld(name: string): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), `framewright-${name}-`));
  const children = new Map<string, ChildProcess>();
  const server = await RedisServer.start('none');
  const { programOf, remove } = await compile({ program: PROGRAM });

  // One that is started again finds its port free: no connection of others is given one of these.
  const [port, ...ports] = [...(await findPorts('8080 8081 8082 8083')).values()];
  const startProcess = async (index: number) => {
    const all = [programOf('program'), '--port', String(ports[index]), '--redis', String(server.port)];
    const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.set(`process ${index}`, child);
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('A process has ended before it listens')));
    await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  };
  await Promise.all(ports.map((_, index) => startProcess(index)));

  const { key, cert } = await testCertificate();
  for (const [file, text] of Object.entries({ 'key.pem': key, 'cert.pem': cert, 'both.pem': cert + key })) {
    writeFileSync(join(folder, file), text);
  }
  const { configuration, exchanges, start } = PROXIES[name]!;
  const { file, text, args: proxyArgs } = start(folder);
  const places = { '443 ssl': `${port} ssl`, '/etc/ssl/app': folder };
  const servers = Object.fromEntries(ports.map((own, i) => [`127.0.0.1:808${i + 1}`, `127.0.0.1:${own}`]));
  writeFileSync(
    join(folder, 'site'),
    adapt(readFileSync(new URL(configuration, DEPLOY), 'utf8'), { ...exchanges, ...places, ...servers }),
  );
  if (text !== undefined) writeFileSync(join(folder, file), text);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  const proxy = spawn(name, proxyArgs, {
    env: withSbin(),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  children.set(name, proxy);
  let complaints = '';
  proxy.stderr.on('data', (chunk: Buffer) => (complaints += chunk));
  while (!(await isAnswering(port!))) {
    if (proxy.exitCode !== null) throw new Error(`${name} has ended:\n${complaints}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  return {
    address: `https://localhost:${port}`,
    ca: cert,
    ports,
    async restart(index) {
      const child = children.get(`process ${index}`)!;
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const how = await ended;
      await startProcess(index);
      return how;
    },
    async end() {
      for (const child of children.values()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        // A killed nginx would leave its workers behind.
        child.kill(child === proxy ? 'SIGTERM' : 'SIGKILL');
        await once(child, 'exit');
      }
      await server.end();
      remove();
      rmSync(folder, { recursive: true });
    },
  };
}
