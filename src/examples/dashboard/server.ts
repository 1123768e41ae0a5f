/**
 * A dashboard of a server as it runs: `npm run example:dashboard -- --load`, and the address that it prints. It watches its own echo
 * server at /echo, or whatever answers with `metrics(server)`: `-- --watch http://localhost:8081/metrics`. Only this machine sees it,
 * unless `--host` says otherwise; thresholds are kept in the file that `--alerts` names.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import express from 'express';
import { drainOnSignal, metrics, WebSocketServer } from '../../index.ts';
import { createEventFeed, prepareEvent } from '../../sse/index.ts';
import { buildPage } from '../build-page.ts';
import { withProcess } from '../process-figures.ts';
import { tellErrors } from '../tell-errors.ts';
import { Alerts, isFigure, isThreshold } from './alerts.ts';
import { tableOf } from './connections.ts';
import { type Events, kindOf, type Notice } from './figures.ts';
import { formatFigure } from './format.ts';
import { makeLoad } from './load.ts';
import { type News, watch } from './watch.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    host: { type: 'string', default: '127.0.0.1' },
    watch: { type: 'string' },
    load: { type: 'boolean', default: false },
    alerts: { type: 'string', default: 'dashboard-alerts.json' },
    every: { type: 'string', default: '1000' }, // milliseconds between two samples
  },
});
const everyMs = Number(values.every);
const HISTORY_EVENTS = 1000;
const NOTICES = 100;
/** Samples between two changes of the table. */
const TABLE_EVERY = 2;

// ---- What is watched ----------------------------------------------------------------------------------------------------

const app = express();
const http = createServer(app);
const echo = new WebSocketServer({
  server: http,
  path: '/echo',
  origins: 'same-origin',
  subprotocols: ['echo'],
  heartbeat: { intervalMs: 10_000, timeoutMs: 5000 },
  maxBacklogBytes: 64 * 1_048_576,
  // Who it is, for the table. Yours come from a token.
  authenticate: ({ request }) => ({ id: new URL(request.url!, 'http://localhost').searchParams.get('user') ?? '' }),
});
echo.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => void socket.send(data, { binary: isBinary }));
});

const ownFigures = metrics(echo);
const ownMetrics = withProcess(ownFigures);
const table = values.watch === undefined ? tableOf(echo) : undefined;

async function otherMetrics(): Promise<string> {
  const answer = await fetch(values.watch!, { signal: AbortSignal.timeout(Math.max(5000, everyMs)) });
  if (!answer.ok) throw new Error(`it says ${answer.status} ${answer.statusText}`);
  return answer.text();
}

// ---- What is told -------------------------------------------------------------------------------------------------------

const feed = createEventFeed({
  replay: { events: HISTORY_EVENTS, bytes: 2 * 1_048_576 },
  lastEventIdQuery: 'lastEventId', // a page that opens asks for all that is kept
  retryMs: 1000,
  maxConnections: 100,
});
const alerts = new Alerts(values.alerts, { delayP99: 50 });
const started = Date.now();
const notices: Notice[] = [];
let noticed = 0;

const eventOf = <Name extends keyof Events>(event: Name, data: Events[Name]) => ({ event, data: JSON.stringify(data) });

function tell({ level, text }: News): void {
  const notice: Notice = { id: `${started}.${noticed++}`, at: Date.now(), level, text };
  notices.push(notice);
  notices.splice(0, notices.length - NOTICES);
  feed.send(eventOf('notice', notice));
}

/** Those that have the table as it was told last. */
let upToDate = new WeakSet<object>();

function tellTable(): void {
  if (table === undefined) return;
  const changes = prepareEvent(eventOf('connections', table.changes()));
  const told = new WeakSet<object>();
  // Who reads too slowly to have had the last change gets the whole table later: nothing is queued for him.
  for (const stream of feed.streams(({ isWritable }) => isWritable)) {
    stream.send(upToDate.has(stream) ? changes : eventOf('connections', table.whole()));
    told.add(stream);
  }
  upToDate = told;
}

feed.on('stream', (stream) => {
  stream.send(
    eventOf('hello', {
      watched: values.watch ?? `${addressOf()}/echo`,
      now: Date.now(),
      everyMs,
      hasConnections: table !== undefined,
      ...(table && { isLoaded: endLoad !== undefined }),
      notices,
    }),
  );
  tellTable();
  // He has read what was kept, which came first.
  stream.on('drain', () => {
    if (!upToDate.has(stream)) tellTable();
  });
});

async function run(signal: AbortSignal): Promise<void> {
  let count = 0;
  const read = table === undefined ? otherMetrics : ownMetrics;
  for await (const { sample, news } of watch(read, { everyMs, signal, lastOne: table?.lastOne })) {
    const changed = alerts.look(sample);
    feed.send(eventOf('sample', { ...sample, alerts: alerts.list }));
    for (const one of news) tell(one);
    for (const { figure, above, raisedAt } of changed) {
      const text = `${kindOf(figure).name} ${raisedAt ? '' : 'no longer '}above ${formatFigure(figure, above)}`;
      tell({
        level: raisedAt ? 'alert' : 'good',
        text: raisedAt ? `${text}: ${formatFigure(figure, sample.values[figure])}` : text,
      });
    }
    if (count++ % TABLE_EVERY === 0) tellTable();
  }
}

// ---- What pages ask -----------------------------------------------------------------------------------------------------

let endLoad: (() => void) | undefined;

app.disable('x-powered-by');
// A page elsewhere whose name is made to lead here would be of the same origin.
const isOpen = ['0.0.0.0', '::'].includes(values.host);
app.use(({ hostname }, response, next) => {
  if (isOpen || ['localhost', '127.0.0.1', '[::1]', values.host].includes(hostname)) next();
  else response.status(403).json({ error: 'This is not its name: see --host' });
});
app.get('/events', feed.handler);
app.get(
  '/metrics',
  (_request, response) => void response.setHeader('Content-Type', ownFigures.contentType).end(ownMetrics()),
);
// Pages of other origins cannot send JSON here: they would have to ask first.
app.put('/alerts/:figure', express.json({ limit: '1kb' }), ({ params: { figure }, body }, response) => {
  const { above } = (body ?? {}) as { readonly above?: unknown };
  if (!isFigure(figure) || (above !== null && !isThreshold(above))) return void response.sendStatus(400);
  alerts.set(figure, above);
  response.json(alerts.list);
});
app.put('/load', express.json({ limit: '1kb' }), ({ body }, response) => {
  if (table === undefined) return void response.sendStatus(404);
  endLoad?.();
  endLoad = body?.isLoaded === true ? makeLoad(`${addressOf().replace('http', 'ws')}/echo`) : undefined;
  response.json({ isLoaded: endLoad !== undefined });
});

// Yours is built when it is deployed, and PAGE says where it is.
const page = process.env.PAGE ?? (await buildPage(new URL('page/', import.meta.url)));
app.use((_request, response, next) => {
  response.set('Content-Security-Policy', "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'");
  next();
});
app.use(express.static(page));
app.use(tellErrors);

const addressOf = () => `http://localhost:${(http.address() as AddressInfo).port}`;
const watching = new AbortController();
http.listen(Number(values.port), values.host, () => {
  console.log(addressOf());
  if (values.load && table !== undefined) endLoad = makeLoad(`${addressOf().replace('http', 'ws')}/echo`);
  void run(watching.signal);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    tell({ level: 'info', text: 'The server drains: it goes away' });
    endLoad?.();
    watching.abort();
    void feed.drain({ retryAfterMs: 1000 });
  });
}
drainOnSignal([echo, http], { timeoutMs: 5000, retryAfterMs: 1000 });
