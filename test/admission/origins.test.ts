/** From which pages browsers may connect, on both servers (§10.2). */

import { describe, expect, it } from 'vitest';
import { nextTurn, SERVER_KINDS, testCertificate, watchProcess } from '../support/servers.ts';
import { type Given, startWith, statusOf } from './support.ts';

const LISTED = { origins: ['https://good.example', 'same-origin'] };
const SAME = { origins: 'same-origin' };
const behindProxy = { ...SAME, trustProxy: 1 };
const strict = { requiresOrigin: true };

interface Row {
  readonly given: Given;
  readonly fields: Record<string, string | string[]>;
  readonly status: 101 | 403;
}

const row = (given: Given, fields: Row['fields'], status: Row['status']): Row => ({ given, fields, status });

const ROWS: readonly Row[] = [
  // The host that was asked is server.example.
  row(SAME, { Origin: 'http://server.example' }, 101),
  row(SAME, { Origin: 'https://server.example' }, 101),
  row(SAME, { Origin: 'https://SERVER.example' }, 101),
  row(SAME, { Origin: 'http://server.example:8080', Host: 'server.example:8080' }, 101),
  row(SAME, { Origin: 'https://server.example', Host: 'server.example:443' }, 101),
  row(SAME, { Origin: 'http://[::1]:8080', Host: '[::1]:8080' }, 101),
  row(SAME, { Origin: 'http://server.example:8080' }, 403),
  row(SAME, { Origin: 'http://server.example', Host: 'server.example:443' }, 403),
  row(SAME, { Origin: 'http://evil.example' }, 403),
  row(SAME, { Origin: 'http://server.example.evil.example' }, 403),
  row(SAME, { Origin: 'http://evil.example@server.example' }, 403),
  row(SAME, { Origin: 'http://server.example/path' }, 403),
  row(SAME, { Origin: 'chrome-extension://server.example' }, 403),
  row(SAME, { Origin: 'ws://server.example' }, 403),
  row(SAME, { Origin: 'null' }, 403),
  row(SAME, { Origin: 'server.example' }, 403),
  row(SAME, { Origin: '' }, 403),
  row(SAME, { Origin: 'same-origin' }, 403),
  row(SAME, { Origin: ['http://server.example', 'http://evil.example'] }, 403),
  row(SAME, {}, 101),
  row({ ...SAME, ...strict }, {}, 403),
  row({ ...SAME, ...strict }, { Origin: 'http://server.example' }, 101),
  row(LISTED, { Origin: 'https://good.example' }, 101),
  row(LISTED, { Origin: 'http://server.example' }, 101),
  row(LISTED, { Origin: 'https://evil.example' }, 403),
  row({ origins: ['https://good.example'], ...strict }, {}, 403),
  row({ origins: ['https://good.example'], ...strict }, { Origin: 'https://good.example' }, 101),
  row({ origins: 'null' }, { Origin: 'null' }, 101),
  row(strict, {}, 403),
  row(strict, { Origin: 'https://any.example' }, 101),
  row({ origins: () => true, ...strict }, {}, 403),
  row({ origins: () => true }, {}, 101),
  row({ origins: (origin) => origin === 'a:b' }, { Origin: 'a:b' }, 101),
  // What proxies say.
  row(SAME, { Origin: 'https://public.example', 'X-Forwarded-Host': 'public.example' }, 403),
  row(behindProxy, { Origin: 'https://public.example', 'X-Forwarded-Host': 'public.example' }, 101),
  row(behindProxy, { Origin: 'https://public.example', Forwarded: 'for=192.0.2.1;host=public.example' }, 101),
  row(behindProxy, { Origin: 'https://server.example', 'X-Forwarded-Proto': 'https' }, 101),
  row(behindProxy, { Origin: 'https://server.example', 'X-Forwarded-Proto': 'wss' }, 101),
  row(behindProxy, { Origin: 'http://server.example', 'X-Forwarded-Proto': 'https' }, 403),
  row(behindProxy, { Origin: 'http://server.example', Forwarded: 'proto="https"' }, 403),
  row(behindProxy, { Origin: 'http://server.example', 'X-Forwarded-Proto': 'http, https' }, 403),
  row(behindProxy, { Origin: 'http://server.example', 'X-Forwarded-Proto': 'carrier pigeon' }, 403),
];

const named = ROWS.map((one) => ({
  ...one,
  name: `${JSON.stringify({ ...one.given, origins: String(one.given.origins) })} ${JSON.stringify(one.fields)}`,
}));

describe.each(SERVER_KINDS)('origins (%s)', (kind) => {
  it.each(named)('§10.2 $name: $status', async ({ given, fields, status }) => {
    const server = await startWith(kind, given);
    expect(await statusOf(server, fields)).toBe(status);
  });

  it('§10.2 over TLS the scheme of the same origin is https', async () => {
    const server = await startWith(kind, SAME, { tls: await testCertificate() });
    expect(await statusOf(server, { Origin: 'https://server.example' })).toBe(101);
    expect(await statusOf(server, { Origin: 'http://server.example' })).toBe(403);
  });

  it('§10.2 a function that returns a promise lets nobody in, and is told so', async () => {
    const { nextWarning, uncaught } = watchProcess();
    const server = await startWith(kind, { origins: (async () => Promise.reject(new Error('no'))) as never });
    expect(await statusOf(server)).toBe(500);
    expect((await nextWarning()).detail).toContain('origins() returned a promise');
    await nextTurn();
    expect(uncaught).toEqual([]);
  });
});
