/** What the programmer is told, once, where a client is told no more than that it may not. */

import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { connect } from '../../src/live/node.ts';
import { createHub, defineProtocol } from '../../src/realtime/index.ts';
import { watchProcess } from '../support/servers.ts';
import { enter, serve } from './wire-client.ts';

const protocol = defineProtocol({
  channels: { 'room:{room}': { message: z.string() } },
  calls: { add: { input: z.any(), output: z.any() } },
});

it.each<[what: string, message: Record<string, unknown>, hint: string]>([
  [
    'may join',
    { type: 'join', channel: 'room:a' },
    "A client may not join 'room:{room}': hub.channel('room:{room}', …) has been given no rule 'join'",
  ],
  [
    'may publish',
    { type: 'publish', channel: 'room:a', data: 'x' },
    "A client may not publish to 'room:{room}': hub.channel('room:{room}', …) has been given no rule 'publish'",
  ],
  [
    'answers a call',
    { type: 'call', call: 'add', input: 1 },
    "A client's call 'add' has no handler: give it one with hub.call('add', …)",
  ],
])('that no rule says who %s', async (_what, message, hint) => {
  const { warnings, nextWarning } = watchProcess();
  const { origin } = await serve('node:http', createHub(protocol));
  const { client } = await enter(origin);
  for (const id of [1, 2]) expect(await client.ask({ ...message, id })).toMatchObject({ type: 'error', id });
  expect(await nextWarning()).toMatchObject({ message: hint, code: 'WS_WARN_HUB' });
  expect(warnings).toEqual([]);
});

it('that a program sends no Origin, and the client says it as well', async () => {
  const { warnings, nextWarning } = watchProcess();
  const { port } = await serve('node:http', createHub(protocol));
  const live = connect(protocol, `ws://127.0.0.1:${port}/live`, { backoff: { minMs: 1 } });
  onTestFinished(live.close);
  await new Promise<void>((resolve) => live.on('state', (state) => state === 'closed' && resolve()));
  expect(live.error?.message).toContain('HTTP 403: Programs that send no Origin may not connect');
  expect((await nextWarning()).message).toBe(
    "Programs that send no Origin may not connect: 'requiresOrigin: false' or 'authenticate' lets them in, at createHub()",
  );
  expect(warnings).toEqual([]);
});

it('that a page has another origin', async () => {
  const { warnings, nextWarning } = watchProcess();
  const { origin } = await serve('node:http', createHub(protocol));
  for (const page of ['http://localhost:5173', 'https://evil.example']) {
    const response = await fetch(`${origin}/live`, { method: 'POST', headers: { origin: page } });
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('Pages of this origin')]);
  }
  expect((await nextWarning()).message).toBe(
    "Pages of this origin may not connect: 'origins' is to name http://localhost:5173, at createHub()",
  );
  expect(warnings).toEqual([]);
});
