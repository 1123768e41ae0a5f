/** permessage-deflate on open connections, both ways in: what is negotiated, sent, taken and refused (RFC 7692). */

import { once } from 'node:events';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { WebSocket as WsClient } from 'ws';
import type { DeflateOptions } from '../../src/deflate/negotiate.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { clientFrame, closed, inShort, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { echo, nextTurn, SERVER_KINDS, type ServerKind, type ServerSetup, startServer } from '../support/servers.ts';

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const RSV1 = { rsv: 4 } as const;

/** As a sender with an empty context compresses a message. */
function compress(data: string | Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}
function decompress(payload: Uint8Array): Buffer {
  return inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
}

function setup(perMessageDeflate: boolean | DeflateOptions, more: ServerSetup = {}): ServerSetup {
  return { ...more, http: { perMessageDeflate }, net: { perMessageDeflate } };
}

const offering = (offer = 'permessage-deflate') => ({ 'Sec-WebSocket-Extensions': offer });
const TEXT = JSON.stringify({ text: 'compressible, '.repeat(100) });
const NO_CONTEXT = { serverNoContextTakeover: true, clientNoContextTakeover: true };

describe.each(SERVER_KINDS)('permessage-deflate on %s', (kind: ServerKind) => {
  async function openPeer(options: boolean | DeflateOptions, more?: ServerSetup, offer?: string) {
    const server = await startServer(kind, setup(options, more), echo);
    return { server, peer: await RawPeer.open(server, offering(offer)) };
  }

  it('RFC 7692 §7.1 is off unless asked for: RSV1 is then a violation', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(offering()));
    expect(await peer.head()).not.toMatch(/extensions/i);
    peer.send(clientFrame(1, compress('x'), RSV1));
    expect(await peer.frame()).toBe(closed(1002));
  });

  it('RFC 7692 §7.1 takes the first offer that it can meet and answers with what holds', async () => {
    const server = await startServer(kind, setup({ serverNoContextTakeover: true, serverMaxWindowBits: 10 }));
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(offering('x-other, permessage-deflate; client_max_window_bits, permessage-deflate')));
    const head = await peer.head();
    expect(head).toContain('Sec-WebSocket-Extensions: permessage-deflate; ');
    expect(head).toContain('server_no_context_takeover');
    expect(head).toContain('server_max_window_bits=10');
    expect(server.connections[0]!.extensions).toBe('permessage-deflate');
  });

  it('RFC 7692 §7.1 an offer that cannot be met: no compression, or 400 as ws has it', async () => {
    const server = await startServer(kind, setup({ clientMaxWindowBits: 10 }));
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(offering()));
    const head = await peer.head();
    expect(head).toMatch(kind === 'node:net' ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 400 /);
    expect(head).not.toContain('Sec-WebSocket-Extensions:');
  });

  it('RFC 7692 §7.2 a compressed message is echoed compressed, and one below the threshold plain', async () => {
    const { peer } = await openPeer(NO_CONTEXT);
    peer.send(clientFrame(1, compress(TEXT), RSV1), clientFrame(1, compress('short'), RSV1), clientFrame(1, 'plain'));
    const payload = await peer.payload();
    expect(payload.length).toBeLessThan(TEXT.length / 10);
    expect(decompress(payload).toString()).toBe(TEXT);
    expect(await peer.frames(2)).toEqual([inShort(0x81, 'short'), inShort(0x81, 'plain')]);
  });

  it('RFC 7692 §7.2.3.2 with a context, a message repeated takes a few bytes', async () => {
    const { peer } = await openPeer(true);
    const noise = Array.from({ length: 400 }, (_, i) => ((i * 7919) % 9973).toString(36)).join();
    peer.send(clientFrame(1, noise), clientFrame(1, noise));
    const [first, second] = [await peer.payload(), await peer.payload()];
    expect(second.length).toBeLessThan(first.length / 10);
  });

  it('RFC 7692 §6.1 fragments with a ping between them, and an empty message', async () => {
    const { peer } = await openPeer(NO_CONTEXT);
    const payload = compress(TEXT);
    peer.send(
      clientFrame(1, payload.subarray(0, 5), { ...RSV1, fin: false }),
      clientFrame(9, 'between'),
      clientFrame(0, payload.subarray(5, 6), { fin: false }),
      clientFrame(0, payload.subarray(6)),
      clientFrame(1, [0x00], RSV1),
    );
    expect(await peer.frame()).toBe(inShort(0x8a, 'between'));
    expect(decompress(await peer.payload()).toString()).toBe(TEXT);
    expect(await peer.frame()).toBe(inShort(0x81, ''));
  });

  it('RFC 7692 §6.1 sends a fragmented message with RSV1 on its first frame', async () => {
    const { server, peer } = await openPeer(true);
    const [socket] = server.connections;
    socket!.send('one, one, ', { fin: false });
    socket!.send('two, two, ', { fin: false });
    socket!.send('end');
    const frames = await peer.frames(3);
    expect(frames.map((frame) => frame.slice(0, 2))).toEqual(['41', '00', '80']);
    const payload = Buffer.from(
      frames
        .map((frame) => frame.slice(3))
        .join(' ')
        .replaceAll(' ', ''),
      'hex',
    );
    expect(decompress(payload).toString()).toBe('one, one, two, two, end');
  });

  it('compress: false sends a message plain', async () => {
    const { server, peer } = await openPeer(true);
    server.connections[0]!.send(TEXT, { compress: false });
    server.connections[0]!.send('after');
    expect(await peer.frame()).toBe(inShort(0x81, TEXT));
    expect((await peer.frame()).slice(0, 2)).toBe('c1');
  });

  it('§10.4 a message that inflates past the limit: 1009, and others go on', async () => {
    const { server, peer } = await openPeer(true, { maxMessageBytes: 1000 });
    const error = once(server.connections[0]!, 'error');
    peer.send(clientFrame(2, compress(Buffer.alloc(1001)), RSV1));
    expect(await peer.frame()).toBe(closed(1009));
    expect((await error)[0]).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    const other = await RawPeer.open(server, offering());
    other.send(clientFrame(2, compress(Buffer.alloc(1000)), RSV1));
    expect(decompress(await other.payload())).toEqual(Buffer.alloc(1000));
  });

  it('RFC 7692 §7.2.2 corrupt data: 1007 with the error of zlib', async () => {
    const { server, peer } = await openPeer(true);
    const error = once(server.connections[0]!, 'error');
    peer.send(clientFrame(1, [0x06, 0xff, 0xff], RSV1));
    expect(await peer.frame()).toBe(closed(1007));
    expect((await error)[0]).toMatchObject({ code: 'Z_DATA_ERROR' });
  });

  it('§8.1 text that is no UTF-8 once inflated: 1007', async () => {
    const { peer } = await openPeer(true);
    peer.send(clientFrame(1, compress(Uint8Array.of(0xff, 0xfe)), RSV1));
    expect(await peer.frame()).toBe(closed(1007));
  });

  it('order is kept when large messages are compressed off the main thread', async () => {
    const { server, peer } = await openPeer(true);
    const [socket] = server.connections;
    const large = 'large '.repeat(50_000);
    const written: string[] = [];
    socket!.send(large, () => written.push('large'));
    socket!.send('small', () => written.push('small'));
    socket!.ping('p');
    expect(socket!.bufferedAmount).toBeGreaterThan(large.length);
    socket!.close(1000, 'done');
    expect(socket!.readyState).toBe(2);
    const first = await peer.payload();
    const second = await peer.payload();
    // The second message refers to the first: they are inflated as one stream.
    const both = decompress(Buffer.concat([first, TAIL, second])).toString();
    expect(both).toBe(`${large}small`);
    expect(await peer.frames(2)).toEqual([inShort(0x89, 'p'), closed(1000, 'done')]);
    expect(written).toEqual(['large', 'small']);
  });

  it('large messages are inflated in order; §5.5.2 a pong does not wait for the answer that is being compressed', async () => {
    const { server, peer } = await openPeer(NO_CONTEXT);
    const seen: number[] = [];
    server.connections[0]!.on('message', (data) => seen.push((data as Buffer).length));
    const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i * 31) & 0xff));
    peer.send(clientFrame(2, compress(noise), RSV1), clientFrame(2, compress('x'), RSV1), clientFrame(9, 'last'));
    expect(await peer.frame()).toBe(inShort(0x8a, 'last'));
    expect(decompress(await peer.payload()).equals(noise)).toBe(true);
    expect(await peer.frame()).toBe(inShort(0x82, 'x'));
    expect(seen).toEqual([noise.length, 1]);
  });

  it('terminate while a message is being compressed: its callback is told, and so are those behind it', async () => {
    const { server } = await openPeer(true);
    const [socket] = server.connections;
    const errors: (string | undefined)[] = [];
    socket!.send('large '.repeat(100_000), (error) => errors.push(error?.message));
    socket!.send('behind', (error) => errors.push(error?.message));
    socket!.terminate();
    const [code] = await once(socket!, 'close');
    expect(code).toBe(1006);
    expect(errors).toEqual(Array(2).fill('The socket was closed while data was being compressed'));
  });

  it.each([
    ['framewright', WebSocket],
    ['ws', WsClient as unknown as typeof WebSocket],
  ])('terminate behind a message however short, as in ws: %s', async (_name, Client) => {
    const seen: string[] = [];
    const options = { perMessageDeflate: { threshold: 0 } };
    const server = await startServer('node:http', { http: options }, (socket) => {
      socket.on('message', (data) => seen.push(String(data)));
    });
    const client = new Client(server.url(), options);
    await once(client, 'open');
    const log: string[] = [];
    const note = (name: string) => (error?: Error | null) => void log.push(`${name}: ${error?.message ?? 'sent'}`);
    client.send('before', { compress: false }, note('before'));
    client.send('compressed', note('compressed'));
    client.send('behind', { compress: false }, note('behind'));
    client.terminate();
    await once(server.connections[0]!, 'close');
    while (log.length < 3) await nextTurn();
    const lost = 'The socket was closed while data was being compressed';
    expect(log.sort()).toEqual(['before: sent', `behind: ${lost}`, `compressed: ${lost}`]);
    expect(seen).toEqual(['before']);
  });

  it('a Blob is read, and what is sent behind it comes behind it', async () => {
    const { server, peer } = await openPeer(NO_CONTEXT);
    const [socket] = server.connections;
    socket!.send(new Blob(['from ', 'a blob']));
    socket!.send('behind');
    expect(await peer.frames(2)).toEqual([inShort(0x82, 'from a blob'), inShort(0x81, 'behind')]);
  });

  it.each([
    ['kept contexts', true],
    ['no contexts', NO_CONTEXT],
    ['small windows', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
    ['a shared compressor', { sharedCompressor: true }],
  ] as const)('ws as the client, %s: 200 messages of all sizes come back as they went', async (_, options) => {
    const server = await startServer(kind, setup(options), echo);
    const client = new WsClient(server.url());
    await once(client, 'open');
    expect(client.extensions).toBe('permessage-deflate');
    const sent = Array.from({ length: 200 }, (__, i) => JSON.stringify({ i, text: 'ab'.repeat((i * i * 7) % 40_000) }));
    const received: string[] = [];
    const all = new Promise<void>((resolve) => {
      client.on('message', (data) => {
        if (received.push(String(data)) === sent.length) resolve();
      });
    });
    for (const message of sent) client.send(message);
    await all;
    expect(received).toEqual(sent);
    client.terminate();
  });
});
