/**
 * The packed package in the hands of the tools of others, installed into a project of its own: the TypeScript versions that
 * are supported, Jest with its own `require`, and bundlers for browsers. `npm run build` has to have run before.
 */

import { type ExecFileException, execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMPILE = fileURLToPath(new URL('compile.mjs', import.meta.url));
const MINUTE_MS = 60_000;
const execute = promisify(execFile);
let project = '';

/** Its output, and that of its failure. */
async function run(command: string, args: readonly string[], cwd = project): Promise<{ ok: boolean; output: string }> {
  try {
    const { stdout, stderr } = await execute(command, args, { cwd, timeout: 5 * MINUTE_MS });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as ExecFileException;
    return { ok: false, output: stdout + stderr };
  }
}

function write(path: string, content: string | object): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), typeof content === 'string' ? content : JSON.stringify(content));
}

/** The JavaScript of a tool that is installed in the project. */
const tool = (path: string) => join(project, 'node_modules', path);

const TYPESCRIPTS = { '5.0': '5.0.4', '5.4': '5.4.5', '5.6': '5.6.3', '5.9': '5.9.3', newest: 'latest' };

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  project = mkdtempSync(join(tmpdir(), 'framewright-tools-'));
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], ROOT);
  const [tarball] = readdirSync(project);
  const framewright = `file:./${tarball}`;
  const typescripts = Object.entries(TYPESCRIPTS).map(([name, version]) => [
    `typescript-${name}`,
    `npm:typescript@${version}`,
  ]);
  write('package.json', {
    name: 'tools',
    private: true,
    dependencies: { framewright, ws: framewright },
    overrides: { ws: framewright },
    devDependencies: {
      ...Object.fromEntries(typescripts),
      'types-20': 'npm:@types/node@20',
      'types-newest': 'npm:@types/node@latest',
      esbuild: '0.28',
      jest: '30',
      'jest-environment-jsdom': '30',
      vite: '8',
      webpack: '5',
    },
  });
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
  const { ok, output } = await run('npm', ['install', ...flags]);
  if (!ok) throw new Error(output);
}, 10 * MINUTE_MS);

afterAll(() => rmSync(project, { recursive: true, force: true }));

// ---- TypeScript ---------------------------------------------------------------------------------------------------

const USE = `
const server = new WebSocketServer({ port: 0 });
server.on('connection', (socket, request) => {
  const same: WebSocket = socket;
  same.on('message', (data, isBinary) => same.send(data, { binary: isBinary }));
  console.log(request.url);
});
for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.close(1000, 'bye');
const client: WebSocket = new WebSocket('ws://127.0.0.1/', { handshakeTimeout: 1000 } satisfies ClientOptions);
client.on('close', (code: number, reason: Buffer) => console.log(code, reason));
class Mine extends WebSocket {
  name = 'mine';
}
new Mine('ws://127.0.0.1/').terminate();
const known = new WebSocketServer({
  noServer: true,
  authenticate: async ({ token, refuse }) => ({ id: (token ?? refuse(401)).length }),
});
known.on('connection', (socket) => socket.user.id.toFixed());
// @ts-expect-error there is no such name
known.on('connection', (socket) => socket.user.name);
// @ts-expect-error a port is a number
new WebSocketServer({ port: 'eighty' });
// @ts-expect-error there is no such event
client.on('message', (data: string, isBinary: string) => data);
`;
const NAMED = "import WebSocket, { type ClientOptions, WebSocketServer } from 'framewright';\n";
const SUBPATHS = `
import { Connection, type ViolationId } from 'framewright/protocol';
import { inspect } from 'framewright/inspector';
import { runSuite } from 'framewright/conformance';
import { WebSocket as WebWebSocket } from 'framewright/web';
import { createHub, defineProtocol, type StandardSchemaV1 } from 'framewright/realtime';
import { createEventFeed, EventSource } from 'framewright/sse';
import { connect } from 'framewright/client';
import { useChannel } from 'framewright/react';
export type Id = ViolationId;
export { Connection, inspect, runSuite, WebWebSocket };
declare const text: StandardSchemaV1<string>;
const news = defineProtocol({ channels: { 'news:{topic}': { message: text, history: { messages: 10 } } } });
const hub = createHub(news, { authenticate: ({ token, refuse }) => ({ id: token ?? refuse(401) }) });
hub.channel('news:{topic}', { join: ({ user, params }) => user.id !== params.topic });
const live = connect(news, 'ws://127.0.0.1/live');
export const lengths = () => useChannel(live, 'news:rain').messages.map(({ data }) => data.length);
export const sources = [createEventFeed(), EventSource];
`;
const REQUIRED = `
import WebSocket = require('framewright');
import protocol = require('framewright/protocol');
type ClientOptions = WebSocket.ClientOptions;
const { WebSocketServer } = WebSocket;
const named: WebSocket.WebSocket = new WebSocket.WebSocket('ws://127.0.0.1/');
const asClass: WebSocket = named;
const other: WebSocket.WebSocketServer = new WebSocket.Server({ noServer: true } satisfies WebSocket.ServerOptions);
export type Raw = WebSocket.RawData;
console.log(asClass, other, protocol.Opcode);
`;
const STAR = `
import * as WebSocket from 'framewright';
import { WebSocketServer } from 'framewright';
import type { ClientOptions } from 'framewright';
const other: WebSocket.Server = new WebSocket.Server({ noServer: true });
console.log(other);
`;

/** What is compiled by one run of tsc. `node` is node10, by the name that all versions know it by. */
const PROGRAMS = [
  { module: 'node16', files: { 'module.mts': NAMED + SUBPATHS + USE, 'required.cts': REQUIRED + USE } },
  { module: 'nodenext', files: { 'module.mts': NAMED + SUBPATHS + USE, 'required.cts': REQUIRED + USE } },
  { module: 'esnext', moduleResolution: 'bundler', files: { 'module.ts': NAMED + SUBPATHS + USE } },
  {
    module: 'commonjs',
    moduleResolution: 'node',
    esModuleInterop: true,
    files: { 'module.ts': NAMED + SUBPATHS + USE },
  },
  {
    module: 'commonjs',
    moduleResolution: 'node',
    esModuleInterop: false,
    files: { 'star.ts': STAR + USE, 'required.ts': REQUIRED + USE },
  },
];

describe('the declarations', () => {
  // The newest types of Node.js need a newer TypeScript than the oldest ones here.
  const pairs = Object.keys(TYPESCRIPTS).flatMap((version) =>
    (Number(version) < 5.9 ? ['20'] : ['20', 'newest']).map((types) => ({ version, types })),
  );

  describe.each(pairs)('TypeScript $version, @types/node $types', ({ version, types }) => {
    const programs = PROGRAMS.filter(({ moduleResolution }) => version !== 'newest' || moduleResolution !== 'node');
    /** What is said of each program. */
    const complaints = new Map<object, string>();

    beforeAll(async () => {
      const home = `types-${types}`;
      if (!existsSync(join(project, home))) {
        mkdirSync(join(project, home, 'node_modules/@types'), { recursive: true });
        symlinkSync(tool(`types-${types}`), join(project, home, 'node_modules/@types/node'));
      }
      const configs = programs.map(({ files, ...options }) => {
        const folder = mkdtempSync(join(project, home, 'program-')).slice(project.length + 1);
        for (const [name, source] of Object.entries(files)) write(`${folder}/${name}`, source);
        const compilerOptions = { ...{ strict: true, noEmit: true, target: 'es2022', types: ['node'] }, ...options };
        write(`${folder}/tsconfig.json`, { compilerOptions, files: Object.keys(files) });
        return `${folder}/tsconfig.json`;
      });
      const said = await compile(`typescript-${version}`, configs);
      for (const [i, program] of programs.entries()) complaints.set(program, said[i]!);
    }, 5 * MINUTE_MS);

    it.each(programs)('$module, $moduleResolution resolution, esModuleInterop $esModuleInterop', (program) => {
      expect(complaints.get(program)).toBe('');
    });
  });

  /** TypeScript 7 is a program, and quick. Those before are JavaScript, slow to start and to check what is not ours. */
  async function compile(typescript: string, configs: readonly string[]): Promise<string[]> {
    if (typescript !== 'typescript-newest') {
      const { output } = await run(process.execPath, [COMPILE, tool(typescript), ...configs]);
      return JSON.parse(output) as string[];
    }
    const said: string[] = [];
    for (const config of configs) {
      said.push((await run(process.execPath, [tool(`${typescript}/bin/tsc`), '-p', config])).output);
    }
    return said;
  }
});

// ---- Jest ---------------------------------------------------------------------------------------------------------

const SUITE = (name: string) => `
const WebSocket = require('${name}');
const { WebSocketServer, createWebSocketStream } = require('${name}');

test('the class is the module', () => {
  expect(new WebSocketServer({ noServer: true })).toBeInstanceOf(WebSocket.Server);
  expect(WebSocket.WebSocket).toBe(WebSocket);
});

test('messages there and back, compressed ones too', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
  server.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
  await new Promise((resolve) => server.once('listening', resolve));
  const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
  await new Promise((resolve) => client.once('open', resolve));
  const sent = ['text', Buffer.from('buffer'), Uint8Array.of(1, 2, 3), new ArrayBuffer(3), 'long '.repeat(30000)];
  const heard = [];
  for (const data of sent) {
    client.send(data);
    const [back, isBinary] = await new Promise((resolve) => client.once('message', (...all) => resolve(all)));
    heard.push(isBinary ? back.length : back.toString().length);
  }
  expect(heard).toEqual([4, 6, 3, 3, 150000]);
  const closed = new Promise((resolve) => client.once('close', (...all) => resolve(all)));
  client.close(1000, Buffer.from('bye'));
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([1000, 'bye']);
  await new Promise((resolve) => server.close(resolve));
});

test('protocol and inspector', () => {
  expect(typeof require('framewright/protocol').Connection).toBe('function');
  expect(require('framewright/inspector').deriveAccept('dGhlIHNhbXBsZSBub25jZQ==').accept).toMatch(/=$/);
  expect(typeof require('framewright/web').WebSocket).toBe('function');
  expect(typeof require('framewright/realtime').createHub).toBe('function');
  expect(typeof require('framewright/sse').EventSource).toBe('function');
  expect(typeof require('framewright/client').connect).toBe('function');
});
`;

describe('Jest, with a CommonJS suite', () => {
  it('requires framewright, ws in its place, and the inspector under jsdom', async () => {
    write('jest/framewright.test.js', SUITE('framewright'));
    write('jest/ws.test.js', SUITE('ws'));
    write(
      'jest/jsdom.test.js',
      `/** @jest-${'environment'} jsdom */
      test('loads', () => {
        expect(require('framewright/inspector').deriveAccept('dGhlIHNhbXBsZSBub25jZQ==').accept).toMatch(/=$/);
        expect(typeof require('framewright/protocol').Connection).toBe('function');
        expect(typeof require('framewright/client').connect).toBe('function');
        expect(() => new (require('framewright'))('ws://x')).toThrow('does not work in the browser');
      });`,
    );
    write('jest/jest.config.json', { rootDir: '.', transform: {} });
    const { ok, output } = await run(process.execPath, [tool('jest/bin/jest.js'), '--config', 'jest/jest.config.json']);
    expect(output).toContain('Tests:       7 passed, 7 total');
    expect(ok).toBe(true);
  }, 300_000);
});

// ---- Bundlers for browsers ----------------------------------------------------------------------------------------

const PAGE = (name: string) => `
import WebSocket, { WebSocket as Named, WebSocketServer, createWebSocketStream } from '${name}';
import { FrameParser } from 'framewright/protocol';
import { WebSocket as Standard } from 'framewright/web';
const Socket = globalThis.WebSocket ?? WebSocket;
function messageOf(action) {
  try { return String(action()); } catch (error) { return error.message; }
}
globalThis.report = [
  Socket === globalThis.WebSocket, Standard === globalThis.WebSocket, WebSocket.OPEN, typeof FrameParser,
  messageOf(() => new Named('ws://x')), messageOf(() => new WebSocketServer({ port: 1 })),
  messageOf(() => createWebSocketStream()), messageOf(() => { class Mine extends WebSocket {} return new Mine(); }),
];
`;
const PAGE_REQUIRING = (name: string) => `
const WebSocket = require('${name}');
function messageOf(action) {
  try { return String(action()); } catch (error) { return error.message; }
}
globalThis.report = [messageOf(() => new WebSocket('ws://x')), messageOf(() => new WebSocket.Server())];
`;

const BUNDLERS: Readonly<Record<string, (entry: string, output: string) => Promise<{ ok: boolean; output: string }>>> =
  {
    esbuild: (entry, output) =>
      run(tool('.bin/esbuild'), [entry, '--bundle', '--platform=browser', '--format=iife', `--outfile=${output}`]),
    webpack: (entry, output) => {
      const options = { mode: 'production', target: 'web', entry: join(project, entry) };
      const file = { path: dirname(join(project, output)), filename: output.slice(output.lastIndexOf('/') + 1) };
      return run(process.execPath, [
        '-e',
        `require('webpack')(${JSON.stringify({ ...options, output: file })}, (error, stats) => {
        if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exitCode = 1; }
      })`,
      ]);
    },
    vite: (entry, output) =>
      run(process.execPath, [
        '--input-type=module',
        '-e',
        `import { build } from 'vite';
      await build(${JSON.stringify({
        configFile: false,
        logLevel: 'warn',
        build: {
          ...{ outDir: dirname(output), emptyOutDir: false },
          rollupOptions: {
            input: entry,
            output: { format: 'iife', entryFileNames: output.slice(output.lastIndexOf('/') + 1) },
          },
        },
      })});`,
      ]),
  };

describe.each(Object.keys(BUNDLERS))('%s for browsers', (bundler) => {
  const MESSAGE = 'framewright does not work in the browser. Browser clients must use the native WebSocket object';
  const MAX_BYTES = 60_000;

  /** Bundles a page, and runs it where there is nothing of Node's. */
  async function reportOf(name: string, source: string): Promise<unknown> {
    const [entry, output] = [`pages/${bundler}-${name}.js`, `bundles/${bundler}-${name}.js`];
    write('bundles/.keep', '');
    write(entry, source);
    const result = await BUNDLERS[bundler]!(entry, output);
    expect(result.output.replace(/^.*(\d+(\.\d+)?kb|Done in).*$/gim, '').trim()).toBe('');
    expect(result.ok).toBe(true);
    expect(statSync(join(project, output)).size).toBeLessThan(MAX_BYTES);
    const { runInNewContext } = await import('node:vm');
    const page: { report?: unknown; WebSocket: object } = { WebSocket: class Native {} };
    runInNewContext(readFileSync(join(project, output), 'utf8'), page);
    return JSON.parse(JSON.stringify(page.report));
  }

  it.each(['framewright', 'ws'])(
    'imports %s beside globalThis.WebSocket, and is told when it uses it',
    async (name) => {
      const told = [MESSAGE, MESSAGE, MESSAGE, MESSAGE];
      expect(await reportOf(`import-${name}`, PAGE(name))).toEqual([true, true, 1, 'function', ...told]);
    },
  );

  it.each(['framewright', 'ws'])('requires %s', async (name) => {
    expect(await reportOf(`require-${name}`, PAGE_REQUIRING(name))).toEqual([MESSAGE, MESSAGE]);
  });
});
