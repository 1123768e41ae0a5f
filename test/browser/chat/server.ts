/**
 * The chat's server, a process of its own that a test can kill: `server.ts PORT PAGE_FOLDER`. What it is to do comes by the
 * channel to its parent, and it answers each when it is done.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { createHub } from '../../../src/realtime/index.ts';
import { chat } from './protocol.ts';

export interface Order {
  /** Says so many texts: the numbers from `first` on. */
  readonly say?: { readonly first: number; readonly count: number };
  /** How long tokens are good from now on; 0: none is given out. */
  readonly tokenMs?: number;
  readonly drain?: true;
}
export interface Status {
  readonly connections: number;
  /** WebSockets and tokens since the process was started. */
  readonly opened: number;
  readonly tokens: number;
}

const [port, folder] = process.argv.slice(2) as [string, string];
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

let tokenMs = 3_600_000;
let tokens = 0;
let opened = 0;

const hub = createHub(chat, {
  authenticate: ({ token, refuse }) => {
    const [id = '', end] = (token ?? refuse(401)).split('.');
    const expires = Number(end);
    if (!(expires > Date.now())) refuse(401);
    opened++;
    return { id, expires };
  },
});
hub
  .channel('room:{room}', { join: () => true, member: ({ user }) => ({ name: user.id.toUpperCase() }) })
  .call('say', async ({ room, text }, { user }) => {
    const position = await hub.publish(`room:${room}`, { by: user.id, text });
    return { offset: position!.offset };
  });

const feed = hub.events('room:general');

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
  if (pathname === '/feed') {
    request.headers.authorization = `Bearer feed.${Date.now() + tokenMs}`;
    feed(request, response);
  } else if (pathname === '/token') {
    if (tokenMs === 0) response.writeHead(503).end();
    else response.end(`${searchParams.get('user')}.${Date.now() + tokenMs}`);
    tokens++;
  } else if (request.method === 'GET' && pathname !== '/live') {
    const file = pathname === '/' ? 'index.html' : pathname.slice(1);
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(readFileSync(join(folder, file)));
  }
});
hub.attach(server);
server.listen(Number(port), '127.0.0.1', () => process.send!({ connections: 0, opened, tokens } satisfies Status));

process.on('message', async (order: Order) => {
  if (order.tokenMs !== undefined) tokenMs = order.tokenMs;
  const { first, count } = order.say ?? { first: 0, count: 0 };
  for (let n = first; n < first + count; n++) await hub.publish('room:general', { by: 'server', text: String(n) });
  if (order.drain) void hub.drain({ timeoutMs: 1000 });
  process.send!({ connections: hub.status().connections, opened, tokens } satisfies Status);
});
process.on('disconnect', () => process.exit());
