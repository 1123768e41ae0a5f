/**
 * A chat as it stands in production: `npm run example:chat`, and the address that it prints in two tabs. Who tells a name gets a
 * token for an hour; the page renews it. SECRET signs the tokens; `-- --workers 4` has it in so many
 * processes.
 */

import processes from 'node:cluster';
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'rolldown';
import { drainOnSignal, isSameSecret } from '../index.ts';
import { createHub } from '../realtime/index.ts';
import { chat } from './chat-protocol.ts';
import { everyCore } from './workers.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, workers: { type: 'string', default: '1' } },
});
const { SECRET = randomBytes(32).toString('hex') } = process.env;
const TOKEN_MS = 3_600_000;

const engine = await everyCore(Number(values.workers), { SECRET });

// Yours come from whoever knows your users: see the guide's page about authentication.
const sign = (claim: string) => createHmac('sha256', SECRET).update(claim).digest('base64url');
function issueToken(name: string): string {
  const claim = `${Buffer.from(name).toString('base64url')}.${Date.now() + TOKEN_MS}`;
  return `${claim}.${sign(claim)}`;
}
function userOf(token: string): { id: string; expires: number } | undefined {
  const [name = '', expires = '', signature] = token.split('.');
  if (!isSameSecret(signature, sign(`${name}.${expires}`))) return undefined;
  return { id: Buffer.from(name, 'base64url').toString(), expires: Number(expires) };
}

const hub = createHub(chat, {
  engine,
  authenticate: ({ token = '', refuse }) => userOf(token) ?? refuse(401),
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  messageRate: { perSecond: 20, burst: 60 }, // of one user, in all tabs
  limits: { maxMessageBytes: 4096 },
});
hub
  .channel('room:{room}', {
    join: ({ params }) => params.room !== 'staff',
    member: ({ user }) => ({ name: user.id }),
  })
  .channel('typing:{room}', { join: () => true, publish: ({ user, data }) => data.by === user.id })
  .call('say', async ({ room, text }, { user }) => (await hub.publish(`room:${room}`, { by: user.id, text }))!);
hub.on('error', (error, where) => console.error(where, error));

// Built when it is deployed, in your case.
const input = fileURLToPath(new URL('chat-page.js', import.meta.url));
const { output } = await build({
  input,
  platform: 'browser',
  output: { minify: true },
  write: false,
  logLevel: 'warn',
});
const PAGE = readFileSync(new URL('chat.html', import.meta.url));

const feed = hub.events('room:general'); // curl -N -H "Authorization: Bearer $TOKEN" localhost:8080/feed
const http = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const answer = (status: number, type: string, body: string | Uint8Array) =>
    response.writeHead(status, { 'Content-Type': type }).end(body);
  const name = searchParams.get('name') ?? '';
  if (pathname === '/') answer(200, 'text/html; charset=utf-8', PAGE);
  else if (pathname === '/page.js') answer(200, 'text/javascript; charset=utf-8', output[0].code);
  else if (pathname === '/feed') feed(request, response);
  else if (pathname === '/health') answer(hub.isDraining ? 503 : 200, 'application/json', JSON.stringify(hub.status()));
  else if (pathname !== '/session' || request.method !== 'POST') answer(404, 'text/plain', 'There is nothing here');
  else if (!/^[\w-]{1,20}$/.test(name)) answer(400, 'text/plain', 'A name has 1 to 20 letters, digits, _ and -');
  else answer(200, 'text/plain', issueToken(name));
});
hub.attach(http, { path: '/live' });
http.listen(Number(values.port), () => {
  if ((processes.worker?.id ?? 1) === 1) console.log(`http://localhost:${(http.address() as AddressInfo).port}`);
});
drainOnSignal([hub, http], { timeoutMs: 20_000, spreadMs: 5_000, code: 1012, retryAfterMs: 1_000 });
