/**
 * A WebSocket for those who have signed in: `npm run example:token-auth`, and the address that it prints; any name, and the password
 * "sesame". The page shows name and password over HTTP, gets a JWT for 30 s, and shows that with its WebSocket, where no log has it.
 */

import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { jwtVerify, SignJWT } from 'jose';
import { drainOnSignal, isSameSecret, listen } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });
const KEY = randomBytes(32);

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Token auth</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Sign in</h1>
<form><input name="user" placeholder="name" required> <input name="password" type="password" placeholder="password"> <button>Sign in</button></form>
<p role="status"></p>
<script>
  const say = (text) => { document.querySelector('p').textContent = text };
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    const { user, password } = event.target;
    const headers = { Authorization: 'Basic ' + btoa(user.value + ':' + password.value) };
    const response = await fetch('/token', { headers });
    if (!response.ok) return say(await response.text());
    const socket = new WebSocket(location.origin.replace('http', 'ws'), ['hello', 'bearer.' + await response.text()]);
    socket.onmessage = ({ data }) => say(data);
    socket.onclose = ({ code }) => say(code === 4401 ? 'Your time is over: sign in again' : 'Closed: ' + code);
  };
</script>`;

async function tokenFor(authorization = ''): Promise<string | undefined> {
  const [name = '', password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  if (name === '' || !isSameSecret(password, 'sesame')) return undefined;
  return new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(name).setExpirationTime('30s').sign(KEY);
}

const server = await listen({
  port: Number(values.port),
  origins: 'same-origin',
  subprotocols: ['hello'], // a page offers it beside its token, and it is the one that is chosen
  tokens: { subprotocol: 'bearer.' }, // and Authorization: Bearer, for programs
  authenticate: async ({ token = '', refuse }) => {
    const { payload } = await jwtVerify(token, KEY).catch(() => refuse(401));
    return { id: payload.sub ?? refuse(401), expires: (payload.exp ?? 0) * 1000 }; // closed with 4401 then
  },
  onRequest: async ({ url, headers }) => {
    if (url !== '/token') return { headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: PAGE };
    const token = await tokenFor(headers.get('authorization'));
    return token === undefined ? { status: 403, body: 'That is not the password' } : { body: token };
  },
});
server.on('connection', (socket) => {
  const { id, expires } = socket.user;
  socket.send(`You are ${id}, until ${new Date(expires).toLocaleTimeString()}`);
  socket.on('error', (error) => console.error(id, error.message));
});

console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
drainOnSignal([server], { timeoutMs: 5000 });
