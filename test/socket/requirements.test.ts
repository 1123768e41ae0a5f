/**
 * Requirements of RFC 6455 that show only where transport and API are in play: what leaves a client's or a server's
 * socket, how TCP ends, and what a server admits. `spec-notes/traceability.md` points here.
 */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ConnectionSettings } from '../../src/options/connection-settings.ts';
import { type Role, resolveLimits } from '../../src/protocol/index.ts';
import { internals, WebSocket } from '../../src/socket/websocket.ts';
import { nextMaskingKey } from '../../src/transport/masking-key.ts';
import { LONG_PAYLOAD_BYTES } from '../../src/transport/write-batch.ts';
import { type FoundFrame, parseChunks } from '../support/frames.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { close, closed, type Fields, KEY, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer, testCertificate } from '../support/servers.ts';
import { frame, toBytes, toHex } from '../support/wire.ts';

/** An open WebSocket on any stream, in either role. */
function openOn(stream: Duplex, role: Role, settings: Partial<ConnectionSettings> = {}): WebSocket {
  const socket = new WebSocket(null);
  socket._isServer = role === 'server';
  internals.open(socket, stream, new Uint8Array(0), {
    protocol: '',
    settings: { limits: resolveLimits(), ...settings },
  });
  onTestFinished(() => socket.terminate());
  return socket;
}

/** What was written so far, as its peer parses it: a frame masked wrongly would be a violation. */
async function framesOn(stream: HeldDuplex, role: Role): Promise<FoundFrame[]> {
  await nextTurn();
  stream.release();
  return parseChunks([stream.written], { role: role === 'server' ? 'client' : 'server' }) as FoundFrame[];
}

const LARGE = LONG_PAYLOAD_BYTES + 1;

describe.each(['client', 'server'] as const)('what a %s sends', (role) => {
  function sendOfEverySort(socket: WebSocket): void {
    for (const lengthBytes of [0, 1, 126, LONG_PAYLOAD_BYTES, LARGE, 70_000]) {
      socket.send(new Uint8Array(lengthBytes).fill(7));
      socket.send('x'.repeat(lengthBytes));
    }
    socket.send('in ', { fin: false });
    socket.ping('p');
    socket.send('pieces');
    socket.pong();
    socket.close(1000, 'done');
  }

  it('§5.1 a client masks every frame, its Close frame too; a server masks none', async () => {
    const stream = new HeldDuplex();
    sendOfEverySort(openOn(stream, role));
    const frames = await framesOn(stream, role);
    expect(frames.length).toBe(12 + 5);
    expect(frames.map(({ masked }) => masked)).toEqual(frames.map(() => role === 'client'));
    expect(frames.at(-1)).toMatchObject({ firstByte: 0x88, payload: toHex(toBytes([3, 232, ...toBytes('done')])) });
    const keys = new Set(frames.map(({ maskingKey }) => maskingKey));
    expect(keys.size).toBe(role === 'client' ? frames.length : 1);
  });

  it('§5.6 text given as a string leaves as UTF-8, short and long; a lone surrogate becomes U+FFFD', async () => {
    const stream = new HeldDuplex();
    const socket = openOn(stream, role);
    const texts = ['grüße', '', '\u{1f600}'.repeat(LONG_PAYLOAD_BYTES), '€'.repeat(40), 'a\ud800b'];
    for (const text of texts) socket.send(text);
    const frames = await framesOn(stream, role);
    expect(frames.map(({ firstByte }) => firstByte)).toEqual(texts.map(() => 0x81));
    expect(frames.map(({ payload }) => payload)).toEqual(texts.map((text) => toHex(Buffer.from(text, 'utf8'))));
    expect(frames.at(-1)!.payload).toBe('61 ef bf bd 62');
  });

  it('§5.6 bytes given as text are not looked at', async () => {
    const stream = new HeldDuplex();
    openOn(stream, role).send(Uint8Array.of(0xff, 0xc3), { binary: false });
    expect(await framesOn(stream, role)).toMatchObject([{ firstByte: 0x81, payload: 'ff c3' }]);
  });
});

describe('masking', () => {
  it('§5.3 masking keys are what node:crypto drew, in order, each used once', () => {
    const drawn: number[] = [];
    const keys: number[] = [];
    const randomFillSync = vi.spyOn(process.getBuiltinModule('node:crypto'), 'randomFillSync');
    onTestFinished(() => randomFillSync.mockRestore());
    // Whatever is left of the pool goes first.
    while (randomFillSync.mock.calls.length === 0) keys.push(nextMaskingKey());
    keys.splice(0, keys.length - 1);
    for (let fills = 1; fills <= 3; fills++) {
      const pool = randomFillSync.mock.lastCall![0] as Int32Array;
      drawn.push(...pool);
      while (randomFillSync.mock.calls.length === fills) keys.push(nextMaskingKey());
    }
    expect(keys.slice(0, drawn.length)).toEqual(drawn);
    expect(new Set(drawn).size).toBeGreaterThan(drawn.length - 10);
  });

  it.each([10, LONG_PAYLOAD_BYTES, LARGE])(
    '§10.3 a masked frame of %i bytes is beyond the reach of the program that sent it',
    async (lengthBytes) => {
      const stream = new HeldDuplex();
      const socket = openOn(stream, 'client');
      const payload = new Uint8Array(lengthBytes).fill(1);
      socket.send(payload);
      payload.fill(2);
      await nextTurn();
      payload.fill(3);
      const [found] = await framesOn(stream, 'client');
      expect(found!.payload).toBe(toHex(new Uint8Array(lengthBytes).fill(1)));
    },
  );
});

/** Two ends of a TCP connection: ours, in the client role, and a server's bare socket. */
async function dialBareServer(settings: Partial<ConnectionSettings>) {
  const listener = createServer({ allowHalfOpen: true });
  onTestFinished(() => void listener.close());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const { port } = listener.address() as { port: number };
  const stream = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [bare] = (await accepted) as [Socket];
  onTestFinished(() => void bare.destroy());
  return { bare, stream, socket: openOn(stream, 'client', settings) };
}

describe('the end of TCP, for a client', () => {
  it('§7.1.1 a client waits for the server to end TCP, then ends its side too', async () => {
    const { bare, stream, socket } = await dialBareServer({ closeTimeoutMs: 60_000 });
    const heard = eventOf(bare, 'data');
    bare.write(frame({ opcode: 8, payload: [3, 232] }));
    expect(parseChunks((await heard) as Uint8Array[], { role: 'server' })).toMatchObject([{ payload: '03 e8' }]);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(stream.writableEnded).toBe(false);
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    const end = eventOf(socket, 'close');
    const ended = eventOf(bare, 'end');
    bare.end();
    expect(await end).toEqual([1000, Buffer.alloc(0)]);
    await ended;
  });

  it('§7.1.1 a client does not wait for ever: the close timeout ends TCP', async () => {
    const { bare, stream, socket } = await dialBareServer({ closeTimeoutMs: 40 });
    const end = eventOf(socket, 'close');
    bare.write(frame({ opcode: 8, payload: [3, 232] }));
    expect(await end).toEqual([1000, Buffer.alloc(0)]);
    expect(stream.destroyed).toBe(true);
  });
});

describe.each(SERVER_KINDS)('the end of TCP, on %s', (kind) => {
  it.each([false, true])('§7.1.1 ends cleanly, and drops what comes behind the Close frame (TLS %s)', async (isTls) => {
    const heard: string[] = [];
    const tls = isTls ? { tls: await testCertificate() } : {};
    const server = await startServer(kind, tls, (socket) => socket.on('message', (data) => heard.push(`${data}`)));
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(text('before'), close(1000), text('behind'), Buffer.alloc(200_000, 0xff));
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
    expect(peer.error).toBeUndefined();
    expect(await end).toEqual([1000, Buffer.alloc(0)]);
    expect(heard).toEqual(['before']);
  });

  it('§5.5.1 once Close frames have passed both ways the server ends TCP, whoever was first', async () => {
    const server = await startServer(kind);
    const asked = await RawPeer.open(server, {}, true);
    asked.send(close(1000));
    expect(await asked.framesUntilEnd()).toEqual([closed(1000)]);

    const told = await RawPeer.open(server, {}, true);
    server.connections[1]!.close(1001);
    expect(await told.frame()).toBe(closed(1001));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(told.socket.readableEnded).toBe(false);
    told.send(close(1001));
    expect(await told.rest()).toBe('');
  });

  it('§7.2.2 a handshake that is refused ends TCP, at once', async () => {
    // The deadline after which a peer that lingers is cut off does not come here.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await startServer(kind, { admit: () => false });
    const peer = await RawPeer.connect(server, true);
    peer.send(upgradeRequest());
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    expect(peer.error).toBeUndefined();
    expect(server.connections).toEqual([]);
  });
});

describe.each(SERVER_KINDS)('admission on %s', (kind) => {
  async function headFor(setup: Parameters<typeof startServer>[1], fields: Fields, startLine?: string) {
    const server = await startServer(kind, setup);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(fields, startLine));
    return { server, peer, head: await peer.head() };
  }

  it('§4.2.2 a subprotocol that was not offered is sent only when handleProtocols says so', async () => {
    const offered = { 'Sec-WebSocket-Protocol': 'chat.v1, chat.v2' };
    const setup = { http: { handleProtocols: () => false as const }, net: { subprotocols: ['chat.v9'] } };
    const { head } = await headFor(setup, offered);
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head).not.toContain('Sec-WebSocket-Protocol');
    if (kind === 'node:net') return;
    const { head: chosen } = await headFor({ http: { handleProtocols: () => 'chat.v9' } }, offered);
    expect(chosen).toContain('\r\nSec-WebSocket-Protocol: chat.v9\r\n');
  });

  it.each<[what: string, fields: Fields, startLine: string | undefined, onHttp: number, onNet: number]>([
    ['a target that is no path', {}, 'GET * HTTP/1.1', 101, 400],
    // node:http does not take this for an upgrade at all.
    ['no Connection', { Connection: undefined }, undefined, 426, 400],
    ['a list of extensions that breaks its grammar', { 'Sec-WebSocket-Extensions': 'x;' }, undefined, 101, 400],
  ])(
    '§4.2.1 %s: taken by WebSocketServer as by ws, refused by listen',
    async (_what, fields, startLine, onHttp, onNet) => {
      const { head } = await headFor({}, fields, startLine);
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${kind === 'node:http' ? onHttp : onNet} `));
    },
  );

  it.each<[what: string, fields: Fields, startLine: string | undefined, status: number]>([
    ['HTTP/1.0', {}, 'GET / HTTP/1.0', 400],
    ['no Host', { Host: undefined }, undefined, 400],
    ['two Hosts', { Host: ['a', 'a'] }, undefined, 400],
    ['a Host that is none', { Host: 'a b' }, undefined, 400],
    ['a body', { 'Content-Length': '6' }, undefined, 400],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }, undefined, 400],
    ['the specimen key of §4.1', { 'Sec-WebSocket-Key': 'AQIDBAUGBwgJCgsMDQ4PEC==' }, undefined, 101],
  ])('§4.2.1 %s: the same at both servers', async (_what, fields, startLine, status) => {
    const { head } = await headFor({}, fields, startLine);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('RFC 9110 §5.6.1.2 empty list elements are ignored at both servers', async () => {
    const { head } = await headFor(
      { http: { perMessageDeflate: true }, net: { perMessageDeflate: true, subprotocols: ['gabbo'] } },
      {
        Connection: ', Upgrade',
        'Sec-WebSocket-Protocol': ['gabbo, ', ''],
        'Sec-WebSocket-Extensions': ', permessage-deflate,',
      },
    );
    expect(head).toContain('\r\nSec-WebSocket-Protocol: gabbo\r\n');
    expect(head).toContain('\r\nSec-WebSocket-Extensions: permessage-deflate');
  });

  it('§9 no extension is agreed to, whatever is offered, and none is used', async () => {
    const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-other; n="1"' };
    const { server, peer, head } = await headFor({}, offer);
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head.toLowerCase()).not.toContain('sec-websocket-extensions');
    expect(server.connections[0]!.extensions).toBe('');
    peer.send(text('Hi', { rsv: 4 }));
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
  });

  it('§10.5 credentials in the request decide: 401 with a challenge without them, 101 with them', async () => {
    const challenge = { 'WWW-Authenticate': 'Basic realm="frames"' };
    const isKnown = (authorization: string | undefined) => authorization === 'Basic Zm9vOmJhcg==';
    const setup: Parameters<typeof startServer>[1] = {
      http: {
        verifyClient: ({ req }, done) => done(isKnown(req.headers.authorization), 401, undefined, challenge),
      },
      net: {
        authorize: ({ headers }) => isKnown(headers.get('authorization')) || { status: 401, headers: challenge },
      },
    };
    const refused = await headFor(setup, {});
    expect(refused.head).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n[\s\S]*WWW-Authenticate: Basic realm="frames"\r\n/);
    expect(refused.server.connections).toEqual([]);
    const admitted = await headFor(setup, { Authorization: 'Basic Zm9vOmJhcg==', 'Sec-WebSocket-Key': KEY });
    expect(admitted.head).toMatch(/^HTTP\/1.1 101 /);
  });
});
