/**
 * News as Server-Sent Events, and what was missed: `npm run example:sse`, and the address that it prints in two tabs, or
 *
 *   curl -N http://localhost:8080/news
 *   curl -d 'it rains' http://localhost:8080/news
 *
 * The page's button cuts all streams. Publish meanwhile: each page gets it when it is back, once. `-- --retry 10000` has them stay
 * away for longer.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import express from 'express';
import { drainOnSignal } from '../index.ts';
import { createEventFeed } from '../sse/index.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, retry: { type: 'string', default: '3000' } },
});

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>News</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>News</h1>
<form><input name="text" aria-label="text" autocomplete="off" maxlength="500" autofocus required> <button>Publish</button></form>
<p>The stream is <output></output>. <button id="cut">Cut all streams</button></p>
<ol></ol>
<script>
  const add = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const show = (state) => { document.querySelector('output').value = state };
  const source = new EventSource('/news');
  source.onopen = () => show('open');
  source.onerror = () => show(source.readyState === EventSource.CLOSED ? 'closed' : 'coming back');
  source.onmessage = ({ data }) => add(data);
  source.addEventListener('gap', () => add('Some news are missing here.'));
  document.querySelector('#cut').onclick = () => fetch('/cut', { method: 'POST' });
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    fetch('/news', { method: 'POST', body: event.target.text.value });
    event.target.reset();
  };
</script>`;

const news = createEventFeed({ replay: { events: 100 }, retryMs: Number(values.retry), maxConnections: 1000 });

const app = express();
app.get('/', (_request, response) => void response.type('html').send(PAGE));
app.get('/news', news.handler);
app.post('/news', express.text({ type: () => true, limit: '10kb' }), ({ body }, response) => {
  news.send({ data: String(body) });
  response.sendStatus(204);
});
app.post('/cut', (_request, response) => {
  news.closeAll();
  response.sendStatus(204);
});

const http = createServer(app);
http.listen(Number(values.port), () => console.log(`http://localhost:${(http.address() as AddressInfo).port}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => news.drain({ retryAfterMs: 1000 }));
drainOnSignal(http, { timeoutMs: 5000 });
