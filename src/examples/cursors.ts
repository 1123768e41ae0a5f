/**
 * A board on which all see each other's pointers: `npm run example:cursors`, and the address that it prints in two windows side by
 * side. Of a pointer only its newest place counts: `latestBy` has a slow reader get that, and none of those before.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'rolldown';
import { z } from 'zod';
import { drainOnSignal } from '../index.ts';
import { createHub, defineProtocol } from '../realtime/index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Cursors</title>
<style>
  body { font: 14px system-ui; margin: 0; height: 100vh; overflow: hidden; color-scheme: light dark; touch-action: none }
  header { padding: 1rem }
  b { position: fixed; padding: 2px 8px; border-radius: 0 8px 8px 8px; color: white; transition: left 60ms, top 60ms }
</style>
<header>Move your pointer. You are <output id="state">connecting</output>; <output id="count">0</output> are here.</header>
<script type="module">
  import { connect } from '/client.js';
  const live = connect('/live');
  live.on('state', (state) => { document.querySelector('#state').value = state });
  const board = live.join('board', { members: true });
  const pointers = new Map();
  board.on('message', ({ data: { by, x, y } }) => {
    const pointer = pointers.get(by) ?? Object.assign(document.createElement('b'), { textContent: by.slice(0, 4) });
    pointers.set(by, pointer);
    document.body.append(pointer);
    const hue = [...by].reduce((sum, letter) => (sum * 31 + letter.charCodeAt()) % 360, 0);
    Object.assign(pointer.style, { left: 100 * x + 'vw', top: 100 * y + 'vh', background: 'hsl(' + hue + ' 70% 40%)' });
  });
  board.on('members', (members) => {
    document.querySelector('#count').value = members.length;
    for (const [by, pointer] of pointers) if (!members.some(({ user }) => user === by)) { pointer.remove(); pointers.delete(by) }
  });
  let next;
  addEventListener('pointermove', ({ clientX, clientY }) => {
    if (live.state !== 'open') return;
    // At most one for each picture that is drawn.
    if (next === undefined) requestAnimationFrame(() => {
      board.publish({ by: live.user, ...next }, { retry: false }).catch(() => {});
      next = undefined;
    });
    next = { x: clientX / innerWidth, y: clientY / innerHeight };
  });
</script>`;

const part = z.number().min(0).max(1);
const protocol = defineProtocol({
  channels: {
    board: { message: z.object({ by: z.string(), x: part, y: part }), member: z.object({}), latestBy: 'by' },
  },
});
const hub = createHub(protocol, { maxConnections: 1000, messageRate: { perSecond: 150 } });
hub.channel('board', { join: () => true, publish: ({ user, data }) => data.by === user.id, member: () => ({}) });
hub.on('error', (error, where) => console.error(where, error));

// The client for pages, in one file: your bundler does it with `import { connect } from 'framewright/client'`.
const input = fileURLToPath(new URL('../live/index.ts', import.meta.url));
const { output } = await build({
  input,
  platform: 'browser',
  output: { minify: true },
  write: false,
  logLevel: 'warn',
});
const http = createServer(({ url }, response) => {
  if (url === '/client.js') response.setHeader('Content-Type', 'text/javascript').end(output[0].code);
  else response.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE);
});
hub.attach(http, { path: '/live' });
http.listen(Number(values.port), () => console.log(`http://localhost:${(http.address() as AddressInfo).port}`));
drainOnSignal([hub, http], { timeoutMs: 5000 });
