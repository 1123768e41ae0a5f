/**
 * The package as users get it: packed, installed into an empty project, and used from ESM, CommonJS and TypeScript.
 * `npm run build` has to have run before.
 */

import { execFileSync, spawnSync } from 'node:child_process';
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
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let project = '';
let tarball = '';

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function runSource(name: string, source: string): string {
  writeFileSync(join(project, name), source);
  return run(process.execPath, [name], project).trim();
}

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  project = mkdtempSync(join(tmpdir(), 'framewright-consumer-'));
  const packed = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], ROOT)) as unknown;
  // npm has given an array, or an object by package name.
  const [entry] = Object.values(packed as Record<string, { filename: string }>);
  tarball = join(project, entry!.filename);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], project);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** What only `npx framewright`, conformance and inspector load. */
const TOOLS = /^dist.(cli|playground|(parts|pure|types).(conformance|inspector)|(conformance|inspector)\.)/;

/** An echo through both servers, with a hand-made client: a handshake, one masked "Hi", one frame back. */
const ECHO = `
  const { connect } = require('node:net');
  async function echoOnce(port) {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n');
    let all = Buffer.alloc(0);
    for await (const chunk of socket) {
      const before = all.includes('\\r\\n\\r\\n');
      all = Buffer.concat([all, chunk]);
      if (!before && all.includes('\\r\\n\\r\\n')) socket.write(Buffer.from('818200000000' + '4869', 'hex'));
      if (all.toString('latin1').endsWith('\\x81\\x02Hi')) break;
    }
    socket.destroy();
    return all.includes('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=') ? 'echoed' : 'wrong accept';
  }
  async function serveAndEcho({ WebSocketServer, listen }) {
    const echo = (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    wss.on('connection', echo);
    await new Promise((resolve) => wss.once('listening', resolve));
    const http = await echoOnce(wss.address().port);
    wss.close();
    const server = await listen({ port: 0, host: '127.0.0.1' }, echo);
    const net = await echoOnce(server.address().port);
    await server.close();
    console.log(http, net);
  }
`;

describe('the packed package', () => {
  it('has no dependencies and holds only what it needs', () => {
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules/framewright/package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.peerDependencies).toEqual({ react: '>=18' });
    expect(manifest.peerDependenciesMeta).toEqual({ react: { optional: true } });
    const files = run('tar', ['-tzf', tarball], project).trim().split('\n');
    expect(files).toContain('package/dist/index.js');
    expect(files).toContain('package/dist/playground/index.html');
    expect(
      files.filter(
        (file) =>
          !/^package\/(dist\/|spec-notes\/|package\.json$|(LICENSE|(CHANGELOG|README|SECURITY)\.md)$)/.test(file),
      ),
    ).toEqual([]);
    expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
    expect(files.filter((file) => file.endsWith('.map') || file.endsWith('/internals.js'))).toEqual([]);
  });

  it('is a library of at most 750 KB unpacked, and at most 1.5 MB with the tools and the notes', () => {
    const folder = join(project, 'node_modules/framewright');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => ({ path, stat: statSync(join(folder, path)) }))
      .filter(({ stat }) => stat.isFile());
    const bytesOf = (some: typeof files) => some.reduce((sum, { stat }) => sum + stat.size, 0);
    const library = bytesOf(files.filter(({ path }) => path.startsWith('dist') && !TOOLS.test(path)));
    expect(library).toBeGreaterThan(100_000);
    expect(library).toBeLessThanOrEqual(750_000);
    expect(bytesOf(files)).toBeLessThanOrEqual(1_500_000);
  });

  it('holds what its README and SECURITY link to, and names no address that is not there', () => {
    const folder = join(project, 'node_modules/framewright');
    const links = ['README.md', 'SECURITY.md'].flatMap((page) =>
      [...readFileSync(join(folder, page), 'utf8').matchAll(/(!?)\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        // A picture that is not there has its words.
        .filter(([, mark]) => mark === '')
        .map(([, , path]) => path!),
    );
    expect(links).toContain('spec-notes/use.md');
    expect(links.filter((path) => !existsSync(join(folder, path)))).toEqual([]);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
    expect(Object.keys(manifest).filter((key) => ['repository', 'bugs', 'homepage'].includes(key))).toEqual([]);
  });

  it('serves when required from CommonJS, as the class itself and by name', () => {
    const source = `
      const WebSocket = require('framewright');
      const { WebSocketServer, listen } = require('framewright');
      if (typeof WebSocket !== 'function' || WebSocket.WebSocket !== WebSocket) throw new Error('not the class');
      if (WebSocket.Server !== WebSocketServer) throw new Error('no Server');
      ${ECHO}
      serveAndEcho({ WebSocketServer, listen });`;
    expect(runSource('consumer.cjs', source)).toBe('echoed echoed');
  });

  it('serves when imported from ESM, by default and by name', () => {
    const source = `
      import WebSocket, { WebSocketServer, listen, WebSocket as Named } from 'framewright';
      import { FrameParser } from 'framewright/protocol';
      import { inspect } from 'framewright/inspector';
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      if (WebSocket !== Named || typeof FrameParser !== 'function') throw new Error('exports');
      if (typeof inspect !== 'function') throw new Error('inspector');
      ${ECHO}
      await serveAndEcho({ WebSocketServer, listen });`;
    expect(runSource('consumer.mjs', source)).toBe('echoed echoed');
  });

  it('gives the same to `require` and to `import`, whichever comes first', () => {
    const names = ['', '/protocol', '/conformance', '/inspector', '/web'].map((path) => `framewright${path}`);
    const compare = `
      const { createRequire } = require('node:module');
      const assert = require('node:assert');
      const names = ${JSON.stringify(names)};
      async function compare(first, second) {
        for (const name of names) {
          const got = [await first(name), await second(name)];
          const [required, imported] = first === load ? got : got.reverse();
          assert.strictEqual(imported.default ?? required, required);
          const exported = Object.keys(imported).filter((key) => key !== 'default');
          assert.ok(exported.length > 3);
          for (const key of exported) {
            assert.strictEqual(imported[key], required[key], name + ' ' + key);
            // Where two sources name a class alike, bundling has to call one of them otherwise.
            assert.ok(!String(required[key]?.name).includes('$'), name + ' ' + key);
          }
          const members = Object.keys(required).filter((key) => !['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].includes(key));
          assert.deepStrictEqual(members.filter((key) => !exported.includes(key)), []);
        }
        console.log('the same');
      }
      const load = (name) => require(name);
      const bring = (name) => import(name);`;
    expect(runSource('both-1.cjs', `${compare}\ncompare(load, bring);`)).toBe('the same');
    expect(runSource('both-2.cjs', `${compare}\ncompare(bring, load);`)).toBe('the same');
  });

  it('loads the parts of Node that it needs when it needs them', () => {
    const source = `
      const before = new Set(process.moduleLoadList);
      require('framewright');
      const loaded = process.moduleLoadList.filter((name) => !before.has(name)).map((name) => name.split(' ')[1]);
      console.log(JSON.stringify(loaded.filter((name) => !name.includes('/'))));`;
    // Channels have to be there before anybody subscribes; node:net loads the module as well.
    const allowed = ['stream', 'string_decoder', 'async_hooks', 'timers', 'diagnostics_channel'];
    expect((JSON.parse(runSource('lazy.cjs', source)) as string[]).filter((name) => !allowed.includes(name))).toEqual(
      [],
    );
  });

  it('holds what is there for what it does: the private members that Socket.IO writes through, and the lines of NODE_DEBUG', () => {
    writeFileSync(
      join(project, 'effects.cjs'),
      `const { WebSocket, WebSocketServer } = require('framewright');
      const server = new WebSocketServer({ port: 0 }, () => {
        const client = new WebSocket('ws://127.0.0.1:' + server.address().port);
        client.on('open', () => {
          console.log(typeof client._sender.sendFrame, typeof client._receiver, typeof client._extensions);
          client.close();
          server.close();
        });
      });`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, ['effects.cjs'], {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, NODE_DEBUG: 'framewright' },
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'function object object\n' });
    expect(stderr).toMatch(/^FRAMEWRIGHT \d+: /m);
  });

  it('hides what is not exported', () => {
    const source = `import('framewright/dist/index.js').catch((error) => console.log(error.code));`;
    expect(runSource('hidden.mjs', source)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  const USE = `
    const server = new WebSocketServer({ port: 0, maxPayload: 1024 });
    server.on('connection', (socket, request) => {
      socket.on('message', (data, isBinary: boolean) => socket.send(data as Buffer, { binary: isBinary }));
      socket.on('close', (code: number, reason: Buffer) => console.log(code, reason.toString(), request.url));
      const state: 0 | 1 | 2 | 3 = socket.readyState;
      if (state === WebSocket.OPEN) socket.close(1000, 'bye');
    });
    listen({ port: 0, limits: { maxMessageBytes: 1024 } }, (socket) => socket.ping()).then((net) => net.close());
    listen({ authenticate: async ({ token, refuse }) => ({ id: token ?? refuse(401) }) }, (socket) => {
      const id: string = socket.user.id;
      // @ts-expect-error there is no such name
      console.log(id, socket.user.name);
    });
    // @ts-expect-error a port is a number
    new WebSocketServer({ port: 'eighty' });
  `;
  const MODULE = `
    import WebSocket, { listen, WebSocketServer, type RawData } from 'framewright';
    import { type ClosePayload, parseClosePayload, type ViolationId } from 'framewright/protocol';
    const parsed: ClosePayload | ViolationId = parseClosePayload(new Uint8Array(2));
    export const raw: RawData | typeof parsed = parsed;
    ${USE}`;
  const COMMON_JS = `
    import WebSocket = require('framewright');
    import { listen, WebSocketServer } from 'framewright';
    ${USE}`;

  it.each([
    ['an ES module', 'nodenext', 'consumer.mts', MODULE],
    ['an ES module', 'bundler', 'consumer.mts', MODULE],
    ['CommonJS', 'nodenext', 'consumer.cts', COMMON_JS],
  ])('type-checks a strict TypeScript program that is %s with %s resolution', (_, resolution, name, source) => {
    writeFileSync(join(project, name), source);
    const module = resolution === 'nodenext' ? 'nodenext' : 'esnext';
    const compilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: false, target: 'es2023', types: ['node'] },
      ...{ module, moduleResolution: resolution, typeRoots: [join(ROOT, 'node_modules/@types')] },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [name] }));
    // tsc prints its complaints, and ends with a status that makes `run` throw.
    expect(run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json'], project)).toBe('');
  });

  describe('a TypeScript program written for @types/ws', () => {
    const PROGRAMS = join(ROOT, 'test/package/ws-program');
    const compilerOptions = {
      ...{ strict: true, noEmit: true, noImplicitOverride: true, skipLibCheck: false, target: 'es2023' },
      ...{ module: 'nodenext', types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] },
    };

    /** What tsc has to say when `ws` and its types are in these folders. */
    function complaintsWith(packages: Readonly<Record<string, string>>, change = (source: string) => source): string {
      const folder = mkdtempSync(join(project, 'types-'));
      for (const [name, target] of Object.entries(packages)) {
        mkdirSync(join(folder, 'node_modules', dirname(name)), { recursive: true });
        symlinkSync(target, join(folder, 'node_modules', name));
      }
      writeFileSync(join(folder, 'program.mts'), change(readFileSync(join(PROGRAMS, 'program.ts'), 'utf8')));
      writeFileSync(join(folder, 'program.cts'), readFileSync(join(PROGRAMS, 'program.cts'), 'utf8'));
      const files = ['program.mts', 'program.cts'];
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
      return status === 0 ? '' : stdout;
    }

    const theirs = { ws: join(ROOT, 'node_modules/ws'), '@types/ws': join(ROOT, 'node_modules/@types/ws') };

    it('compiles against ws', () => expect(complaintsWith(theirs)).toBe(''));

    it('compiles against framewright in its place', () => {
      expect(complaintsWith({ ws: join(project, 'node_modules/framewright') })).toBe('');
    });

    it.each([
      ['a message as a string', "\nsocket.on('message', (data: string) => data);\n"],
      ['a code as a string', "\nsocket.once('close', (code: string) => code);\n"],
    ])('%s is noticed, which @types/ws does not', (_what, line) => {
      expect(complaintsWith(theirs, (source) => source + line)).toBe('');
      const ours = { ws: join(project, 'node_modules/framewright') };
      expect(complaintsWith(ours, (source) => source + line)).toMatch(/^[^\n]*program\.mts[^\n]* error TS\d+: /);
    });

    it.each([
      ['a type that is not there', '\nexport type Wrong = WebSocket.NoSuchType;\n'],
      ['a member that is not there', '\nsocket.noSuchMember();\n'],
      ['an option of the wrong type', "\nnew WebSocketServer({ port: 'eighty' });\n"],
    ])('%s is noticed, with both', (_what, line) => {
      for (const packages of [theirs, { ws: join(project, 'node_modules/framewright') }]) {
        expect(complaintsWith(packages, (source) => source + line)).toMatch(
          /^[^\n]*program\.mts[^\n]* error TS\d+: [^\n]*\n/,
        );
      }
    });
  });

  it('has a command line that answers', () => {
    const bin = join(project, 'node_modules/.bin/framewright');
    expect(run(bin, ['--help'], project)).toContain('decode');
    expect(run(bin, ['decode', '89 05 48 65 6c 6c 6f'], project)).toContain('ping');
  });
});
