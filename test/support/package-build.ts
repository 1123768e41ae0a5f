/**
 * How src becomes the package (`npm run build:lib`; tsc has written dist/types before). There is one implementation, and
 * it is CommonJS: what `import` gives is a list of names in front of it, so that both ways lead to the same classes and
 * the same state, also where a test runner or a loader has a `require` of its own. What needs no Node is built a second
 * time, as modules for pages and bundlers.
 *
 *   dist/NAME.js, NAME.mjs           an entry for `require` and for `import`; NAME.d.ts, NAME.d.mts: its types
 *   dist/parts/                      what the entries share; all that touches a frame lies in one file, framewright.js
 *   dist/pure/                       the entries that need no Node, as modules for pages: as short as can be
 *   dist/internals.js                what the benchmarks measure one by one; not published
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'rolldown';
import { minifySync, parseSync, Visitor } from 'rolldown/utils';
import { finishDeclarations } from './declarations.ts';
import { ENTRIES } from './entries.ts';

/** Those that need no Node: those of a group share what lies between them. */
const PURE_ENTRIES: readonly Readonly<Record<string, string>>[] = [
  { protocol: 'src/protocol/index.ts', inspector: 'src/inspector/index.ts' },
  { client: 'src/live/index.ts' },
  { react: 'src/react/index.ts' },
];
const nameOf = (entry: string) => (entry === '.' ? 'index' : entry.slice(2));

const TYPES = new URL('../../dist/types/', import.meta.url);

/** For browsers, which may come by: the names are there, so that imports resolve. Used, they say what to do. */
const BROWSER_MESSAGE =
  'framewright does not work in the browser. Browser clients must use the native WebSocket object';
const READY_STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };

/** What the main entry exports, as the text of src/index.ts has it. */
function namesOfMainEntry(): { values: string[]; types: string[] } {
  const source = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');
  const values: string[] = [];
  const types: string[] = [];
  for (const [, isType, list] of source.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
    const names = list!.split(',').map((item) => item.trim().replace(/^.* as /, ''));
    (isType === undefined ? values : types).push(...names.filter((name) => name !== '' && name !== 'default'));
  }
  return { values, types };
}

const reexports = (from: string, names: readonly string[]) =>
  `import all from '${from}';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = all;\n`;

// The declarations of the main entry. Its classes are declared in the entry itself, and not only exported again, since
// `declare module 'ws' { interface WebSocket { … } }` merges with what stands there; and what a server hands out, and
// its options, are about that class. Otherwise they have the form of @types/ws.

const SERVER_TYPES = ['WebSocketServer', 'Server', 'ServerOptions', 'WebSocketServerOptions'];

/** Parameters of the server's types. */
const parameters = (socketClass: string) => `<
  SocketClass extends typeof all.WebSocket = typeof ${socketClass},
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  User = unknown,
>`;
const serverOptions = (name: string, socketClass: string) =>
  `export type ${name}${parameters(socketClass)} = all.${name}<SocketClass, RequestClass, User>;\n`;
const serverTypes = (declare: string, socketClass: string) =>
  `${declare} class WebSocketServer${parameters(socketClass)} extends all.WebSocketServer<SocketClass, RequestClass, User> {}
${serverOptions('ServerOptions', socketClass)}${serverOptions('WebSocketServerOptions', socketClass)}`;

const members = (names: readonly string[]) =>
  names
    .filter((name) => name !== 'WebSocket' && !SERVER_TYPES.includes(name))
    .map((name) => `  export import ${name} = all.${name};\n`)
    .join('');

/** `import` gives names, and the class by default. */
const moduleDeclarations = (names: readonly string[]) => `/// <reference types="node" />
import type { IncomingMessage } from 'node:http';
import * as all from './types/index.js';
export * from './types/index.js';

export declare class WebSocket extends all.WebSocket {}
export declare namespace WebSocket {
${serverOptions('ServerOptions', 'WebSocket')}${members(names)}}
${serverTypes('export declare', 'WebSocket')}export { WebSocketServer as Server, WebSocket as default };
`;

/** `require` gives the class with everything else in its namespace. */
const commonJsDeclarations = (names: readonly string[]) => `/// <reference types="node" />
import type { IncomingMessage } from 'node:http';
import all = require('./types/index.js');

declare class WebSocket extends all.WebSocket {}
declare namespace WebSocket {
  export interface WebSocket extends all.WebSocket {}
  export const WebSocket: typeof all.WebSocket;
${serverTypes('export', 'all.WebSocket')}  export { WebSocketServer as Server };
${members(names)}}
export = WebSocket;
`;

/** Below dist/types. */
const typesOf = ({ source, types = source }: { source: string; types?: string }) =>
  types.replace(/^src\/(.*)\.ts$/, '$1.d.ts');

function finishTypes(): void {
  const paths = readdirSync(TYPES, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.d.ts'));
  const files = new Map(paths.map((path) => [path, readFileSync(new URL(path, TYPES), 'utf8')]));
  const finished = finishDeclarations(files, Object.values(ENTRIES).map(typesOf));
  for (const path of paths) {
    const text = finished.get(path);
    if (text === undefined) rmSync(new URL(path, TYPES));
    else writeFileSync(new URL(path, TYPES), text);
  }
}

/** For pages whose protocol is in a file that the server has as well. */
function realtimeStub(names: readonly string[]): string {
  const own = ['cluster', 'createHub', 'memory', 'serveEngine'];
  return `export { ${names.filter((name) => !own.includes(name)).join(', ')} } from './client.mjs';
const unavailable = () => {
  throw new Error('A hub runs in Node.js: pages import framewright/client');
};
export { ${own.map((name) => `unavailable as ${name}`).join(', ')} };
`;
}

function browserStub(values: readonly string[], declare: (name: string) => string): string {
  return `'use strict';

function unavailable() {
  throw new Error('${BROWSER_MESSAGE}');
}
Object.assign(unavailable, ${JSON.stringify(READY_STATES)});

${values.map((name) => `${declare(name)}\n`).join('')}`;
}

/** Names of functions and classes stay, for stack traces; but those of the command line go. */
const SHORT = { mangle: { keepNames: true, toplevel: true } };
const SHORTER = { mangle: { keepNames: false, toplevel: true } };
/** What parts export to entries never changes. */
const GETTER = /Object\.defineProperty\(exports,("|`)(\w+)\1,\{enumerable:!0,get:function\(\)\{return (\w+)\}\}\)/g;

function shorten(): Plugin {
  return {
    name: 'shorten',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk') continue;
        const short = output.fileName.startsWith('cli/') ? SHORTER : SHORT;
        const options = { ...short, codegen: { removeWhitespace: true }, module: false };
        const minified = minifySync(output.fileName, output.code, options);
        output.code = breakLines(minified.code.replace(GETTER, 'exports.$2=$3'));
      }
    },
  };
}

/** Begins a line behind each statement of the file, and behind each member of a class: a stack trace names the line. */
function breakLines(code: string): string {
  const { program } = parseSync('chunk.js', code, { sourceType: 'commonjs' });
  const ends = program.body.map(({ end }) => end);
  const visitor = new Visitor({ ClassBody: ({ body }) => void ends.push(...body.map(({ end }) => end)) });
  visitor.visit(program);
  ends.sort((a, b) => a - b);
  return [0, ...ends].map((end, i) => code.slice(end, ends[i])).join('\n');
}

/** The files around the bundles. */
function facades(): Plugin {
  return {
    name: 'facades',
    generateBundle(_options, bundle) {
      const emit = (fileName: string, source: string) => this.emitFile({ type: 'asset', fileName, source });
      const { values, types } = namesOfMainEntry();
      finishTypes();
      emit('package.json', '{ "type": "commonjs" }\n');
      emit('index.mjs', `${reexports('./index.js', values)}\nexport default all;\n`);
      emit('index.d.ts', commonJsDeclarations([...values, ...types]));
      emit('index.d.mts', moduleDeclarations([...values, ...types]));
      emit(
        'browser.js',
        `${browserStub(values, (name) => `unavailable.${name} = unavailable;`)}
module.exports = unavailable;
`,
      );
      emit(
        'browser.mjs',
        `${browserStub(values, (name) => `export const ${name} = unavailable;`)}
export default unavailable;
`,
      );
      for (const [entry, { source, types = source }] of Object.entries(ENTRIES)) {
        const name = nameOf(entry);
        if (name === 'index') continue;
        const chunk = Object.values(bundle).find((output) => output.type === 'chunk' && output.name === name);
        if (chunk?.type !== 'chunk') throw new Error(`rolldown has made no ${name}`);
        emit(`${name}.mjs`, directive(name) + reexports(`./${name}.js`, [...chunk.exports].sort()));
        const declarations = `export * from './types/${typesOf({ source, types }).replace('.d.ts', '.js')}';\n`;
        emit(`${name}.d.ts`, declarations);
        emit(`${name}.d.mts`, declarations);
        if (name === 'realtime') emit('pure/realtime.mjs', realtimeStub(chunk.exports));
        if (name === 'web') {
          emit('browser-web.js', 'module.exports = globalThis;\n');
          emit('browser-web.mjs', `export const { ${chunk.exports.join(', ')} } = globalThis;\n`);
        }
      }
    },
  };
}

const sources = Object.fromEntries(Object.entries(ENTRIES).map(([entry, { source }]) => [nameOf(entry), source]));
/** Components and programs have one client, that of their platform. */
function clientOfReact(client: string | { id: string; external: true }): Plugin {
  return {
    name: 'client-of-react',
    resolveId: (id, importer) => (/\/src\/react\//.test(importer ?? '') && id.startsWith('../') ? client : null),
  };
}

/** For servers that make pages: what stands here runs in pages as well. */
const directive = (name: string) => (name === 'react' ? `'use client';\n` : '');

const common = {
  logLevel: 'warn',
  // They say how busy the machine is.
  checks: { pluginTimings: false },
  external: /^(node:|react$)/,
  tsconfig: false,
} as const;

/** Of the pages' classes, the streams stand in the main entry too. */
const IMPLEMENTATION =
  /\/src\/(protocol|handshake|deflate|memory|options|transport|client|socket|admission|server|diagnostics|ws-compat)\/|\/src\/web\/web(socket-stream|-)/;

await build([
  {
    ...common,
    input: {
      ...sources,
      'cli/main': 'src/cli/main.ts',
      'cli/forwarding-thread': 'src/cli/forwarding-thread.ts',
      internals: 'bench/in-process/internals.ts',
    },
    platform: 'node',
    // package.json speaks of dist. In src, some files are there for what they do.
    treeshake: { moduleSideEffects: () => true },
    plugins: [
      clientOfReact(fileURLToPath(new URL(`../../${ENTRIES['./client']!.source}`, import.meta.url))),
      shorten(),
      facades(),
    ],
    output: {
      dir: 'dist',
      format: 'cjs',
      exports: 'named',
      esModule: false,
      externalLiveBindings: false,
      comments: false,
      entryFileNames: '[name].js',
      chunkFileNames: 'parts/[name].js',
      banner: ({ name }) => directive(name),
      outro: ({ name }) => (name === 'index' ? 'module.exports = exports.default;' : ''),
      codeSplitting: {
        groups: [
          { name: 'framewright', test: IMPLEMENTATION },
          { name: 'inspector', test: /\/src\/inspector\// },
          { name: 'conformance', test: /\/src\/conformance\// },
          { name: 'realtime-protocol', test: /\/src\/realtime-protocol\// },
          { name: 'web', test: /\/src\/web\// },
          { name: 'live', test: /\/src\/live\// },
        ],
      },
    },
  },
  ...PURE_ENTRIES.map((input) => ({
    ...common,
    input,
    platform: 'neutral' as const,
    plugins: [clientOfReact({ id: './client.mjs', external: true })],
    output: {
      dir: 'dist/pure',
      format: 'esm' as const,
      minify: true,
      comments: false,
      entryFileNames: '[name].mjs',
      chunkFileNames: 'core.mjs',
      banner: ({ name }: { name: string }) => directive(name),
    },
  })),
]);
