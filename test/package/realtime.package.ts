/**
 * The entries of the realtime layer as users get them: packed, and used from ESM, CommonJS, TypeScript and bundlers for pages.
 * `npm run build` has to have run before.
 */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build as bundleWithRolldown } from 'rolldown';
import { build as buildWithVite, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Of the checkout, for the programs below. */
const PACKAGES = ['@types', 'react', 'react-dom', 'scheduler', 'csstype', 'zod', 'undici-types'];
let project: string;

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('dist is missing: run `npm run build` first');
  project = mkdtempSync(join(tmpdir(), 'framewright-realtime-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: ROOT });
  const [tarball] = readdirSync(project);
  const own = join(project, 'node_modules/framewright');
  mkdirSync(own, { recursive: true });
  execFileSync('tar', ['-xzf', join(project, tarball!), '--strip-components=1', '-C', own]);
  for (const name of PACKAGES) {
    if (existsSync(join(ROOT, 'node_modules', name))) {
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
  }
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

const write = (name: string, source: string | object) =>
  writeFileSync(join(project, name), typeof source === 'string' ? source : JSON.stringify(source));

function run(name: string, source: string, ...flags: readonly string[]): string {
  write(name, source);
  return execFileSync(process.execPath, [...flags, name], { cwd: project, encoding: 'utf8' }).trim();
}

const TALK = `
  const text = { '~standard': { version: 1, vendor: 'none', validate: (value) =>
    typeof value === 'string' ? { value } : { issues: [{ message: 'text, please' }] } } };
  const protocol = defineProtocol({ channels: { news: { message: text, history: { messages: 9 } } } });
  async function talk() {
    const server = createServer();
    const hub = createHub(protocol, { requiresOrigin: false });
    hub.channel('news', { join: () => true, publish: () => true }).attach(server);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    const live = connect(protocol, 'ws://127.0.0.1:' + port + '/live');
    const news = live.join('news');
    news.publish('it rains');
    const said = [];
    for await (const { data } of news) { said.push(data); break; }
    const refusal = await news.publish(7).catch((error) => error);
    said.push(refusal.code, refusal instanceof RealtimeError, refusal.issues[0].message);
    const source = new EventSource('http://127.0.0.1:' + port + '/nothing');
    await new Promise((resolve) => source.addEventListener('error', resolve));
    source.close();
    live.close();
    server.closeAllConnections();
    await hub.drain();
    server.close();
    console.log(said.join(', '), typeof useChannel);
  }
  talk();`;
const TALKED = 'it rains, INVALID, true, text, please function';

describe('in Node.js', () => {
  it('hub and client talk, imported', () => {
    const imports = `
      import { createServer } from 'node:http';
      import { createHub, defineProtocol, RealtimeError } from 'framewright/realtime';
      import { EventSource } from 'framewright/sse';
      import { connect } from 'framewright/client';
      import { useChannel } from 'framewright/react';`;
    expect(run('talk.mjs', imports + TALK)).toBe(TALKED);
  });

  it('hub and client talk, required', () => {
    const requires = `
      const { createServer } = require('node:http');
      const { createHub, defineProtocol } = require('framewright/realtime');
      const { EventSource } = require('framewright/sse');
      const { connect, RealtimeError } = require('framewright/client');
      const { useChannel } = require('framewright/react');`;
    expect(run('talk.cjs', requires + TALK)).toBe(TALKED);
  });

  it('import and require give the same, and errors are of one class for server, client and components', () => {
    const source = `
      import { createRequire } from 'node:module';
      import assert from 'node:assert';
      const require = createRequire(import.meta.url);
      const all = {};
      for (const name of ['realtime', 'redis', 'sse', 'client', 'react']) {
        all[name] = await import('framewright/' + name);
        const required = require('framewright/' + name);
        assert.deepStrictEqual(Object.keys(all[name]).sort(), Object.keys(required).sort());
        for (const key of Object.keys(required)) assert.strictEqual(all[name][key], required[key]);
      }
      assert.strictEqual(all.realtime.RealtimeError, all.client.RealtimeError);
      assert.strictEqual(all.realtime.defineProtocol, all.client.defineProtocol);
      console.log('the same');`;
    expect(run('same.mjs', source)).toBe('the same');
  });

  it('the main entry loads none of it', () => {
    const source = `
      require('framewright');
      const loaded = Object.keys(require.cache).map((path) => path.replace(/^.*\\/dist\\//, ''));
      console.log(JSON.stringify(loaded.filter((path) => path !== __filename).sort()));`;
    expect(JSON.parse(run('loads.cjs', source))).toEqual(['index.js', 'parts/framewright.js']);
  });

  it('without react everything but framewright/react is there', () => {
    const alone = mkdtempSync(join(tmpdir(), 'framewright-alone-'));
    onTestFinished(() => rmSync(alone, { recursive: true }));
    cpSync(join(project, 'node_modules/framewright'), join(alone, 'node_modules/framewright'), { recursive: true });
    const source = `
      const there = [];
      for (const name of ['realtime', 'redis', 'sse', 'client']) {
        await import('framewright/' + name);
        there.push(name);
      }
      console.log(there.join());`;
    writeFileSync(join(alone, 'alone.mjs'), source);
    const output = execFileSync(process.execPath, ['alone.mjs'], { cwd: alone, encoding: 'utf8' });
    expect(output.trim()).toBe('realtime,redis,sse,client');
  });
});

// ---- Pages --------------------------------------------------------------------------------------------------------

/** The most that the client may add to a page, minified and compressed: 6 KiB. */
const MAX_CLIENT_BYTES = 6144;

async function bundle(source: string, conditionNames = ['module', 'browser', 'import']): Promise<string> {
  write('bundled.js', source);
  const { output } = await bundleWithRolldown({
    input: join(project, 'bundled.js'),
    cwd: project,
    platform: 'browser',
    logLevel: 'silent',
    external: /^(node:|react)/,
    resolve: { conditionNames },
    output: { format: 'esm', minify: true },
    write: false,
  });
  expect(output).toHaveLength(1);
  const [{ code, imports }] = output;
  expect(imports.filter((name) => name !== 'react')).toEqual([]);
  expect(code).not.toMatch(/\bBuffer\b|\bprocess\b|\brequire\b|node:/);
  return code;
}

describe('in pages', () => {
  it('the client alone is below 6 KiB, and what is not used is not there', async () => {
    const [one, other, none] = [
      await bundle(`export { connect } from 'framewright/client';`),
      await bundle(`export { reconnecting } from 'framewright/client';`),
      await bundle(`import 'framewright/client'; import 'framewright/react'; import 'framewright/realtime';`),
    ];
    expect(gzipSync(one, { level: 9 }).length).toBeLessThan(MAX_CLIENT_BYTES);
    expect(gzipSync(other, { level: 9 }).length).toBeLessThan(MAX_CLIENT_BYTES / 1.5);
    expect(none.trim()).toBe('');
  });

  it.each([
    ['a page, by a plain loader', ['browser', 'import']],
    ['a worker', ['worker', 'browser', 'import']],
    ['workerd', ['workerd', 'worker', 'browser', 'import']],
    ['an edge runtime', ['edge-light', 'worker', 'import']],
  ])('%s gets the client without Node', async (_where, conditions) => {
    expect(await bundle(`export * from 'framewright/client';`, conditions)).toContain('framewright.realtime.1');
  });

  it('components use the client of the page, and it is there once', async () => {
    const code = await bundle(
      `export { connect } from 'framewright/client'; export { useLive } from 'framewright/react';`,
    );
    expect(code.split('framewright.realtime.1')).toHaveLength(2);
    for (const name of ['pure/react.mjs', 'react.mjs', 'react.js']) {
      expect(readFileSync(join(project, 'node_modules/framewright/dist', name), 'utf8')).toMatch(
        /^["']use client["'];/,
      );
    }
  });

  it('a protocol that the server has as well may name framewright/realtime; a hub says that it runs elsewhere', async () => {
    const code = await bundle(`export { defineProtocol, createHub } from 'framewright/realtime';`);
    write('stub.mjs', code);
    const { defineProtocol, createHub } = (await import(join(project, 'stub.mjs'))) as Record<string, () => unknown>;
    expect(() => createHub!()).toThrow('A hub runs in Node.js: pages import framewright/client');
    expect(defineProtocol).toBeTypeOf('function');
  });

  it('Vite builds a page with the client and with components', async () => {
    write('index.html', '<!doctype html><div id="root"></div><script type="module" src="/main.jsx"></script>');
    write(
      'main.jsx',
      `import { createRoot } from 'react-dom/client';
       import { connect } from 'framewright/client';
       import { useChannel } from 'framewright/react';
       const live = connect('/live');
       function Room() {
         const { messages } = useChannel(live, 'room:general', { last: 10 });
         return <ol>{messages.map(({ id, data }) => <li key={id}>{data.text}</li>)}</ol>;
       }
       createRoot(document.getElementById('root')).render(<Room />);`,
    );
    const warnings: string[] = [];
    const onwarn = ({ code, message }: Rollup.RollupLog) => {
      // "use client" says nothing to a page.
      if (code !== 'MODULE_LEVEL_DIRECTIVE') warnings.push(message);
    };
    const built = (await buildWithVite({
      root: project,
      configFile: false,
      logLevel: 'silent',
      build: { write: false, rollupOptions: { onwarn } },
    })) as Rollup.RollupOutput;
    const modules = built.output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
    const own = modules.filter((id) => id.includes('/framewright/')).map((id) => id.replace(/^.*\/dist\//, ''));
    expect(own.sort()).toEqual(['pure/client.mjs', 'pure/react.mjs']);
    expect(warnings).toEqual([]);
  });
});

// ---- TypeScript ---------------------------------------------------------------------------------------------------

const TYPED = `
import { createServer } from 'node:http';
import { connect, type Live } from 'framewright/client';
import { useChannel } from 'framewright/react';
import { createHub, defineProtocol, type StandardSchemaV1 } from 'framewright/realtime';
import { createEventFeed } from 'framewright/sse';

declare const text: StandardSchemaV1<string>;
const chat = defineProtocol({
  channels: { 'room:{room}': { message: text, history: { messages: 10 } } },
  calls: { say: { input: text, output: text } },
});
const hub = createHub(chat, { authenticate: ({ token, refuse }) => ({ id: token ?? refuse(401) }) });
hub.channel('room:{room}', { join: ({ params }) => params.room !== 'x' }).call('say', (said, { user }) => user.id + said);
hub.attach(createServer());
const live: Live<typeof chat> = connect(chat, '/live');
export const said: Promise<string> = live.call.say('hello');
export const use = () => useChannel(live, 'room:a').messages.map(({ data }) => data.length);
export const feed = createEventFeed();
// @ts-expect-error there is no such channel
live.join('hall:a');
// @ts-expect-error there is no such call
live.call.shout('hello');
// @ts-expect-error it is text
void hub.publish('room:a', 7);
`;

it.each([
  ['nodenext', 'typed.mts', ['ES2023']],
  ['nodenext', 'typed.cts', ['ES2023']],
  ['bundler', 'typed.ts', ['ES2023', 'DOM']],
])('type-checks a strict program with %s resolution: %s, %s', (resolution, name, lib) => {
  write(name, TYPED);
  const compilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true, target: 'es2023', lib },
    ...{ types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')], jsx: 'react-jsx' },
    ...{ module: resolution === 'nodenext' ? 'nodenext' : 'esnext', moduleResolution: resolution },
  };
  write('tsconfig.json', { compilerOptions, files: [name] });
  let complaints = '';
  try {
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json'], { cwd: project, encoding: 'utf8' });
  } catch (error) {
    complaints = (error as { stdout: string }).stdout;
  }
  expect(complaints).toBe('');
});
