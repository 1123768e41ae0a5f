/**
 * Whom the published results are about: servers and clients, each with the program that makes an echo of it, where it comes
 * from, and how its version is told. Nothing here changes what their makers ship but two things: they take messages of 16 MiB,
 * and compress where they can.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPeers, peersFolder, peerVersion } from '../../../bench/support/peers.ts';
import { npmBinary } from '../../support/npm-binary.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('../testees/', import.meta.url));
const BUILT = join(tmpdir(), 'framewright-testees');
const NODE = '24.21.0';
const BUN = '1.4.5';
const DENO = '2.9.6';

export interface Testee {
  /** The file of its results. */
  readonly id: string;
  readonly name: string;
  readonly role: 'server' | 'client';
  /** What it runs in or is written in: `Node.js 24.21.0`. */
  readonly platform: string;
  /** Where it comes from, as one would install it. */
  readonly install: string;
  /** What of its settings is not a default. */
  readonly settings: string;
  /** The program below test/conformance/testees. */
  readonly program: string;
  /** Makes sure that it can be started. @throws {Error} when it cannot */
  prepare(): void;
  version(): string;
  /** What starts it; for a client, with the URL of the server and its name there. */
  command(...words: readonly string[]): readonly string[];
}

function run(command: string, ...words: readonly string[]): string {
  return execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

// ---- From npm -----------------------------------------------------------------------------------------------------

const RUNTIMES = {
  node: { platform: `Node.js ${NODE}`, start: () => [npmBinary('node', NODE)] },
  bun: { platform: `Bun ${BUN}`, start: () => [npmBinary('bun', BUN), '--no-install'] },
  deno: {
    platform: `Deno ${DENO}`,
    start: () => [
      npmBinary('deno', DENO),
      'run',
      '--allow-all',
      '--no-check',
      '--no-lock',
      '--node-modules-dir=manual',
    ],
  },
} as const;
type Runtime = keyof typeof RUNTIMES;

interface JsParts {
  readonly id: string;
  readonly name: string;
  readonly role: 'server' | 'client';
  readonly runtime?: Runtime;
  /** The package; none for what a runtime has. */
  readonly package?: string;
  /** What the program calls it. Default: the package, or the runtime. */
  readonly as?: string;
  readonly settings: string;
}

function ofJavaScript({ id, name, role, runtime = 'node', package: packageName, as, settings }: JsParts): Testee {
  const { platform, start } = RUNTIMES[runtime];
  const program = role === 'server' ? 'js-servers.mjs' : 'js-clients.mjs';
  const isOwn = packageName === 'framewright';
  const called = as ?? packageName ?? runtime;
  return {
    id,
    name,
    role,
    platform,
    program,
    settings,
    install: packageName === undefined ? platform : isOwn ? 'this repository' : `npm install ${packageName}`,
    prepare() {
      start();
      installPeers();
      if (isOwn) linkOwn();
      else if (packageName !== undefined && peerVersion(packageName) === undefined)
        throw new Error('it is not installed');
    },
    version() {
      if (packageName === undefined) return platform.split(' ')[1]!;
      return peerVersion(packageName)!;
    },
    command: (...words) => [...start(), join(PROGRAMS, program), called, ...words, peersFolder],
  };
}

/** This repository as a package among the others, as built. */
function linkOwn(): void {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('it is not built: npm run build:lib');
  const link = join(peersFolder, 'node_modules/framewright');
  rmSync(link, { force: true, recursive: true });
  symlinkSync(ROOT, link);
}

// ---- From Debian --------------------------------------------------------------------------------------------------

interface DebianParts {
  readonly id: string;
  readonly name: string;
  readonly role: 'server' | 'client';
  readonly platform: string;
  /** The package that it is, and others that its program needs. */
  readonly packages: readonly [string, ...string[]];
  readonly settings: string;
  readonly program: string;
  readonly build?: () => void;
  readonly start: readonly string[];
}

function ofDebian({ packages, build, start, ...rest }: DebianParts): Testee {
  return {
    ...rest,
    install: `apt-get install ${packages.join(' ')}`,
    prepare() {
      for (const name of packages) run('dpkg-query', '-W', name);
      mkdirSync(BUILT, { recursive: true });
      build?.();
    },
    /** Without what Debian adds to it. */
    version: () => run('dpkg-query', '-W', packages[0]).replace(/^.*\t(\d+:)?|[+-].*$/g, ''),
    command: (...words) => [...start, ...words],
  };
}

const PYTHON = '/usr/bin/python3';
const DEFLATES = 'compression';

function ofPython(name: string, role: 'server' | 'client', settings: string): Testee {
  const program = `${role}s.py`;
  const id = `python-${name}-${role}`;
  const packages = [`python3-${name}`] as const;
  return ofDebian({
    id,
    name,
    role,
    platform: 'Python',
    packages,
    settings,
    program,
    start: [PYTHON, join(PROGRAMS, program), name],
  });
}

function ofGo(name: string, debianName: string, role: 'server' | 'client', settings: string): Testee {
  const program = `go/${name}.go`;
  const binary = join(BUILT, name);
  const build = () => {
    const env = {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: '/usr/share/gocode',
      GOFLAGS: '-mod=mod',
      GOCACHE: join(BUILT, 'go'),
    };
    execFileSync('go', ['build', '-o', binary, join(PROGRAMS, program)], { env, stdio: 'pipe' });
  };
  const packages = [debianName, 'golang-go'] as const;
  return ofDebian({
    id: `go-${name}-${role}`,
    name,
    role,
    platform: 'Go',
    packages,
    settings,
    program,
    build,
    start: [binary],
  });
}

const GORILLA = 'compression; the program looks whether text is UTF-8, which the documentation leaves to it';
const NHOOYR =
  'compression, messages of 16 MiB; text is not checked, by design: its own run of the suite leaves 6.*, 7.5.1 and 13.3 to 13.6 out';

function ofPerl(role: 'server' | 'client'): Testee {
  const program = 'mojolicious.pl';
  return ofDebian({
    id: `perl-mojolicious-${role}`,
    name: 'Mojolicious',
    role,
    platform: 'Perl',
    packages: ['libmojolicious-perl'],
    settings: DEFLATES,
    program,
    start: ['/usr/bin/perl', join(PROGRAMS, program)],
  });
}

const LWS = join(BUILT, 'lws');

export const TESTEES: readonly Testee[] = [
  ofJavaScript({
    id: 'framewright-server',
    name: 'framewright, WebSocketServer',
    role: 'server',
    package: 'framewright',
    settings: DEFLATES,
  }),
  ofJavaScript({
    id: 'framewright-listen',
    name: 'framewright, listen()',
    role: 'server',
    package: 'framewright',
    as: 'framewright-listen',
    settings: 'compression, messages of 16 MiB',
  }),
  ofJavaScript({ id: 'ws-server', name: 'ws', role: 'server', package: 'ws', settings: DEFLATES }),
  ofJavaScript({
    id: 'websocket-server',
    name: 'websocket',
    role: 'server',
    package: 'websocket',
    settings: 'messages of 16 MiB',
  }),
  ofJavaScript({
    id: 'faye-websocket-server',
    name: 'faye-websocket',
    role: 'server',
    package: 'faye-websocket',
    settings: 'compression by permessage-deflate, messages of 16 MiB',
  }),
  ofJavaScript({
    id: 'engine.io-server',
    name: 'engine.io, its WebSocket server',
    role: 'server',
    package: 'engine.io',
    settings: 'compression, messages of 16 MiB',
  }),
  ofJavaScript({ id: 'bun-server', name: 'Bun.serve', role: 'server', runtime: 'bun', settings: 'compression' }),
  ofJavaScript({ id: 'deno-server', name: 'Deno.serve', role: 'server', runtime: 'deno', settings: 'none' }),
  ofPython('websockets', 'server', 'messages of 16 MiB'),
  ofPython('aiohttp', 'server', 'messages of 16 MiB'),
  ofPython('tornado', 'server', 'compression, messages of 16 MiB'),
  ofGo('gorilla', 'golang-github-gorilla-websocket-dev', 'server', GORILLA),
  ofGo('nhooyr', 'golang-nhooyr-websocket-dev', 'server', NHOOYR),
  ofPerl('server'),
  ofDebian({
    id: 'c-libwebsockets-server',
    name: 'libwebsockets',
    role: 'server',
    platform: 'C',
    packages: ['libwebsockets-dev', 'gcc'],
    settings: 'compression, UTF-8 is checked',
    program: 'lws.c',
    build: () => void run('cc', '-O2', '-o', LWS, join(PROGRAMS, 'lws.c'), '-lwebsockets'),
    start: [LWS],
  }),

  ofJavaScript({
    id: 'framewright-client',
    name: 'framewright, WebSocket',
    role: 'client',
    package: 'framewright',
    settings: 'none',
  }),
  ofJavaScript({ id: 'ws-client', name: 'ws', role: 'client', package: 'ws', settings: 'none' }),
  ofJavaScript({
    id: 'websocket-client',
    name: 'websocket',
    role: 'client',
    package: 'websocket',
    settings: 'messages of 16 MiB',
  }),
  ofJavaScript({
    id: 'faye-websocket-client',
    name: 'faye-websocket',
    role: 'client',
    package: 'faye-websocket',
    settings: 'compression by permessage-deflate, messages of 16 MiB',
  }),
  ofJavaScript({ id: 'node-client', name: 'Node.js, WebSocket', role: 'client', settings: 'none' }),
  ofJavaScript({ id: 'undici-client', name: 'undici, WebSocket', role: 'client', package: 'undici', settings: 'none' }),
  ofJavaScript({ id: 'bun-client', name: 'Bun, WebSocket', role: 'client', runtime: 'bun', settings: 'none' }),
  ofJavaScript({ id: 'deno-client', name: 'Deno, WebSocket', role: 'client', runtime: 'deno', settings: 'none' }),
  ofPython('websockets', 'client', 'messages of 16 MiB'),
  ofPython('aiohttp', 'client', 'compression, messages of 16 MiB'),
  ofPython('tornado', 'client', 'compression, messages of 16 MiB'),
  ofGo('gorilla', 'golang-github-gorilla-websocket-dev', 'client', GORILLA),
  ofGo('nhooyr', 'golang-nhooyr-websocket-dev', 'client', NHOOYR),
  ofPerl('client'),
];
