/** Who gets in over HTTP/2 (RFC 8441): the same questions, with Host by another name and the address of the session. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthenticationRequest } from '../../src/admission/authenticate.ts';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import {
  HTTP2_KINDS,
  type Http2Kind,
  openSession,
  read,
  refusalOf,
  request,
  responseTo,
  startHttp2,
} from '../support/http2.ts';

async function start(kind: Http2Kind, options: WebSocketServerOptions) {
  const server = await startHttp2(kind);
  const wss = new WebSocketServer({ server, ...options });
  onTestFinished(() => wss.close());
  return { wss, session: await openSession(server) };
}

type Session = Awaited<ReturnType<typeof openSession>>;

const statusOf = async (session: Session, fields: Record<string, string> = {}) =>
  Number((await responseTo(request(session, '/', fields)))[':status']);

describe.each(HTTP2_KINDS)('admission over HTTP/2, %s', (kind) => {
  const scheme = kind === 'secure' ? 'https' : 'http';

  it('§10.2 the same origin is that of :authority', async () => {
    const { session } = await start(kind, { origins: 'same-origin' });
    const from = (origin: string) => statusOf(session, { origin, ':authority': 'chat.example' });
    expect(await from(`${scheme}://chat.example`)).toBe(200);
    expect(await from('https://evil.example')).toBe(403);
    // Only a server that speaks TLS itself knows its scheme.
    expect(await from('http://chat.example')).toBe(kind === 'secure' ? 403 : 200);
  });

  it('§10.5 the user is that of the socket; a refusal ends the stream, with what it says', async () => {
    const seen: string[] = [];
    const { wss, session } = await start(kind, {
      tokens: { cookie: 'session' },
      authenticate: async ({ token, address, refuse }) => {
        seen.push(address);
        return { id: token ?? refuse(401, { body: 'who?' }) };
      },
    });
    wss.on('connection', (socket) => socket.send(JSON.stringify(socket.user)));
    const stream = request(session, '/', { cookie: 'session=bob' });
    await responseTo(stream);
    expect((await read(stream, 14)).toString('latin1', 2)).toBe('{"id":"bob"}');
    expect(await refusalOf(request(session))).toEqual([401, 'who?']);
    expect(seen).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('§10.4 each stream counts as a connection of its session’s address, until it ends', async () => {
    const { session } = await start(kind, { maxConnectionsPerAddress: 2 });
    const first = request(session);
    await responseTo(first);
    expect(await statusOf(session)).toBe(200);
    expect(await statusOf(session)).toBe(429);
    first.close();
    await vi.waitUntil(async () => (await statusOf(session)) === 200);
    expect(await statusOf(session)).toBe(429);
  });

  it('a stream that is reset while the hook waits tells its signal', async () => {
    let signal: AbortSignal | undefined;
    const { session } = await start(kind, {
      maxConnections: 1,
      authenticate: (asked: AuthenticationRequest<unknown>) => {
        if (signal !== undefined) return {};
        ({ signal } = asked);
        return new Promise<object>(() => {});
      },
    });
    const stream = request(session);
    await vi.waitUntil(() => signal !== undefined);
    expect(await statusOf(session)).toBe(503);
    stream.close(8);
    await vi.waitUntil(() => signal!.aborted);
    await vi.waitUntil(async () => (await statusOf(session)) === 200);
  });
});
