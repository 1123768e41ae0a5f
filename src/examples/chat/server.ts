/**
 * A chat for a company's intranet: `npm run example:chat`, and the address that it prints in two windows.
 *
 *   -- --workers 4                      a process for each core
 *   -- --redis redis://localhost:6379   rooms and history live there, and as many of these programs as you like serve them
 *   -- --origin https://a.example       pages there may use it as well; again for each
 *   -- --proxies 1                      so many proxies of yours stand in front of it
 *   -- --token-seconds 300              how long a page's token is good; it gets the next one by itself
 *
 * SECRET in the environment signs the tokens; without it, Redis keeps one, or all sign in again when this starts again. Programs
 * have GET /api/status and /metrics, and with a token /api/rooms and /api/rooms/general/feed, which is an event stream.
 */

import processes from 'node:cluster';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import cors from 'cors';
import express from 'express';
import { createClient } from 'redis';
import { redis } from '../../engines/redis/index.ts';
import { drainOnSignal, metrics } from '../../index.ts';
import { cluster, createHub, memory, RealtimeError } from '../../realtime/index.ts';
import { buildPage } from '../build-page.ts';
import { withProcess } from '../process-figures.ts';
import { tellErrors } from '../tell-errors.ts';
import { Pace } from './pace.ts';
import { chat, MAX_ROOMS } from './protocol.ts';
import { commonSecret, createSessions } from './sessions.ts';
import { everyCore } from './workers.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    workers: { type: 'string', default: '1' },
    redis: { type: 'string' },
    origin: { type: 'string', multiple: true, default: [] },
    proxies: { type: 'string', default: '0' },
    'token-seconds': { type: 'string', default: '300' },
  },
});
/** A page tries for an hour to send what was written: for so long, what is sent twice has to be known again. */
const keyWindowMs = 2 * 3_600_000;
const HISTORY_PAGE = 50;

// PAGE is where your deployment has built it.
const { SECRET = await commonSecret(values.redis), PAGE = await buildPage(new URL('page/', import.meta.url)) } =
  process.env;
await everyCore(Number(values.workers), { SECRET, PAGE }, { keyWindowMs });

const pace = new Pace(10, 5000, 'messages');
const roomPace = new Pace(5, 60_000, 'new rooms');
const sessions = createSessions(SECRET, Number(values['token-seconds']));
const hub = createHub(chat, {
  engine: values.redis
    ? redis(createClient({ url: values.redis }), { keyWindowMs })
    : processes.isWorker
      ? cluster()
      : memory({ keyWindowMs }),
  origins: ['same-origin', ...values.origin],
  trustProxy: Number(values.proxies),
  authenticate: async ({ token = '', refuse }) => (await sessions.userOf(token)) ?? refuse(401),
  maxConnections: 10_000,
  maxConnectionsPerAddress: 200,
  messageRate: { perSecond: 30, burst: 100 }, // of one user, in all tabs: who sends more has to wait
});
hub.on('error', (error, where) => console.error(where, error));

// ---- Rooms ------------------------------------------------------------------------------------------------------------

let rooms = new Map<string, { room: string; topic: string; by: string }>();
async function readRooms(): Promise<typeof rooms> {
  const { entries } = await hub.read('rooms');
  rooms = new Map();
  for (const { data } of entries) if (!rooms.has(data.room)) rooms.set(data.room, data);
  if (!rooms.has('general')) await addRoom({ room: 'general', topic: 'What everybody should know', by: '' });
  return rooms;
}
async function addRoom(room: { room: string; topic: string; by: string }): Promise<void> {
  await hub.publish('rooms', room);
  if (!rooms.has(room.room)) rooms.set(room.room, room);
}
/** Another process may have made it. */
const isRoom = async (room: string) => rooms.has(room) || (await readRooms()).has(room);
const noRoom = (room: string) => new RealtimeError('UNKNOWN', `There is no room ${room}`);
const endOf = async (room: string) => (await hub.read(`room:${room}`, { last: 0 })).position.offset;
readRooms().catch((error) => console.error('The rooms:', error.message));

hub
  .channel('rooms', { join: () => true })
  .channel('activity', { join: () => true })
  .channel('room:{room}', { join: ({ params }) => isRoom(params.room), member: ({ user }) => ({ name: user.name }) })
  .channel('typing:{room}', {
    join: ({ params }) => isRoom(params.room),
    publish: ({ user, data }) => data.by === user.id && data.name === user.name,
  })
  .channel('read:{user}', {
    join: ({ user, params }) => params.user === user.id,
    publish: ({ user, params }) => params.user === user.id,
  })
  .call('say', async ({ room, text }, { user: { id: by, name }, key }) => {
    if (!(await isRoom(room))) throw noRoom(room);
    pace.check(by);
    const position = await hub.publish(`room:${room}`, { id: `${by}/${key}`, by, name, text, at: Date.now() });
    await hub.publish('activity', { room, offset: position!.offset });
    return {};
  })
  .call('makeRoom', async ({ room, topic }, { user }) => {
    roomPace.check(user.id);
    const { size } = await readRooms();
    const taken = () => new RealtimeError('TAKEN', `There is a room ${room} already`);
    if (rooms.has(room)) throw taken();
    if (size >= MAX_ROOMS) throw new RealtimeError('FULL', `There are ${MAX_ROOMS} rooms: that has to be enough`);
    await addRoom({ room, topic, by: user.name });
    // Another may have come first.
    const first = (await readRooms()).get(room)!;
    if (first.by !== user.name || first.topic !== topic) throw taken();
    return {};
  })
  .call('history', async ({ room, before: { epoch, offset } }) => {
    if (!(await isRoom(room))) throw noRoom(room);
    const after = { epoch, offset: Math.max(0, offset - 1 - HISTORY_PAGE) };
    const { entries } = await hub.read(`room:${room}`, { after });
    return entries.filter(({ position }) => position.epoch === epoch && position.offset < offset);
  })
  .call('overview', async (_input, { user }) => {
    const ends = [...(await readRooms()).keys()].map(async (room) => [room, await endOf(room)] as const);
    const read = await hub.read(`read:${user.id}`, { last: 1 });
    return { ends: Object.fromEntries(await Promise.all(ends)), read: read.entries[0]?.data ?? null };
  });

// ---- HTTP -------------------------------------------------------------------------------------------------------------

const app = express().disable('x-powered-by').set('trust proxy', Number(values.proxies));
app.use((request, response, next) => {
  const { method, originalUrl } = request;
  response.on('close', () => console.log(new Date().toISOString(), method, originalUrl, response.statusCode));
  next();
});
app.use('/api', cors({ origin: values.origin }));
app.get('/api/status', (_request, response) => {
  response.status(hub.isDraining ? 503 : 200).json({ ...hub.status(), rooms: rooms.size, pid: process.pid });
});
app.get('/api/rooms', async (request, response) => {
  const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (!(await sessions.userOf(token))) return void response.status(401).json({ error: 'Show a token, please' });
  const all = [...(await readRooms()).values()].map(async (room) => {
    const [messages, members] = await Promise.all([endOf(room.room), hub.members(`room:${room.room}`)]);
    return { ...room, messages, members: members.length };
  });
  response.json(await Promise.all(all));
});
app.get(
  '/api/rooms/:room/feed',
  hub.events(({ request }) => `room:${decodeURIComponent(String(request.url).split('/')[3]!)}`),
);
app.use('/api', (_request, response) => void response.status(404).json({ error: 'There is nothing here' }));
const figures = metrics(hub.server);
const allFigures = withProcess(figures);
app.get('/metrics', (_request, response) => void response.type(figures.contentType).send(allFigures()));
app.use('/session', sessions.routes);
app.use((_request, response, next) => {
  response.set('Content-Security-Policy', "default-src 'self'; img-src data:; frame-ancestors 'none'");
  next();
});
app.use('/assets', express.static(`${PAGE}/assets`, { immutable: true, maxAge: '1y' }));
app.use(express.static(PAGE));
app.use(tellErrors);

const http = createServer(app);
hub.attach(http, { path: '/live' });
http.listen(Number(values.port), () => {
  if ((processes.worker?.id ?? 1) === 1) console.log(`http://localhost:${(http.address() as AddressInfo).port}`);
});
drainOnSignal([hub, http], { timeoutMs: 20_000, spreadMs: 5_000, code: 1012, retryAfterMs: 1_000 });
