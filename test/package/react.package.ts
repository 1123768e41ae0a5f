/** The package's hooks in React 18 and 19, as npm has them, with a hub of the package. `npm run build` has to have run before. */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

beforeAll(() => {
  if (!existsSync(join(ROOT, 'dist/react.js'))) throw new Error('dist/react.js is missing: run `npm run build` first');
});

/** A folder with this version of React, which stays for the next run, and the package as it is now. */
function project(version: string): string {
  const folder = join(tmpdir(), `framewright-react-${version}`);
  const modules = join(folder, 'node_modules');
  if (!existsSync(join(modules, 'react-dom'))) {
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--ignore-scripts', '--prefix', folder];
    execFileSync('npm', ['install', ...flags, `react@${version}`, `react-dom@${version}`]);
  }
  const own = join(modules, 'framewright');
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  for (const name of ['package.json', 'dist']) cpSync(join(ROOT, name), join(own, name), { recursive: true });
  const dom = join(modules, 'happy-dom');
  // The checkout of another run may be gone.
  rmSync(dom, { force: true });
  symlinkSync(join(ROOT, 'node_modules/happy-dom'), dom);
  return folder;
}

const PROGRAM = `
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createHub, defineProtocol } from 'framewright/realtime';
import * as hooks from 'framewright/react';
import { Window } from 'happy-dom';
import { createElement as h, StrictMode, version } from 'react';
import { renderToString } from 'react-dom/server';

const same = Object.entries(createRequire(import.meta.url)('framewright/react')).every(([name, hook]) => hooks[name] === hook);
const window = new Window();
for (const [name, value] of Object.entries({ window, document: window.document, navigator: window.navigator })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
const { createRoot } = await import('react-dom/client');

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const protocol = defineProtocol({ channels: { log: { message: schema, member: schema, history: { messages: 100 } } } });
const hub = createHub(protocol, { authenticate: () => ({ id: 'ann' }) });
hub.channel('log', { join: () => true, member: () => 'Ann' });
let connections = 0;
const server = createServer().on('connection', () => connections++);
hub.attach(server);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = 'ws://127.0.0.1:' + server.address().port + '/live';

function Log() {
  const live = hooks.useLive(protocol, url);
  const { messages, members, state } = hooks.useChannel(live, 'log', { last: 10 });
  const socket = hooks.useSocket(undefined);
  const stream = hooks.useEventSource(undefined);
  const here = hooks.useMembers(live, 'log');
  return [live.state, state, members.length, here.length, socket.state, stream.state, ...messages.map(({ data }) => data)].join(' ');
}
const page = h(StrictMode, null, h('p', null, h(Log)), h('p', null, h(Log)));
const first = renderToString(page);
await hub.publish('log', 1);
const main = window.document.createElement('main');
const root = createRoot(main);
root.render(page);
const line = 'open live 1 1 closed closed 1 2 3';
const timer = setInterval(() => {}, 1000);
while (main.textContent !== line + line) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (main.textContent.includes('open live') && !globalThis.hasPublished) {
    globalThis.hasPublished = true;
    await hub.publish('log', 2);
    await hub.publish('log', 3);
  }
}
root.unmount();
while (hub.status().connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
clearInterval(timer);
server.close();
console.log(JSON.stringify({ version: version.split('.')[0], same, first, connections }));
`;

it.each(['18', '19'])('React %s follows a hub', (version) => {
  const folder = project(version);
  const file = join(folder, 'program.mjs');
  writeFileSync(file, PROGRAM);
  const output = execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 });
  const initial = 'connecting joining 0 0 closed closed';
  expect(JSON.parse(output)).toEqual({
    version,
    same: true,
    first: `<p>${initial}</p><p>${initial}</p>`,
    connections: 1,
  });
});
