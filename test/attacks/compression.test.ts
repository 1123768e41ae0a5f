/** Attacks on permessage-deflate; the rows are those of spec-notes/attacks.md. */

import { once } from 'node:events';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { clientFrame, closed, inShort, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { echo, SERVER_KINDS, startServer } from '../support/servers.ts';

const LIMIT = 1024 * 1024;
const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' };
const withDeflate = (perMessageDeflate: boolean | object) => ({
  maxMessageBytes: LIMIT,
  http: { perMessageDeflate },
  net: { perMessageDeflate },
});

/** 256 MiB of zeros in about 256 KiB. */
const BOMB = deflateRawSync(Buffer.alloc(256 * LIMIT), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe.each(SERVER_KINDS)('%s', (kind) => {
  it.each([
    ['in one frame', 1],
    ['over 50 fragments', 50],
  ])('A09 a decompression bomb %s stops at the limit: 1009, memory bounded', async (_, parts) => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.open(server, OFFER);
    const before = process.memoryUsage().arrayBuffers;
    const size = Math.ceil(BOMB.length / parts);
    const frames = Array.from({ length: parts }, (__, i) =>
      clientFrame(i === 0 ? 2 : 0, BOMB.subarray(i * size, (i + 1) * size), {
        rsv: i === 0 ? 4 : 0,
        fin: i === parts - 1,
      }),
    );
    peer.send(...frames);
    expect(await peer.frame()).toBe(closed(1009));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * LIMIT);
    const other = await RawPeer.open(server);
    other.send(clientFrame(1, 'alive'));
    expect(await other.frame()).toBe(inShort(0x81, 'alive'));
  });

  it.each([
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=08',
    'server_max_window_bits',
    'server_max_window_bits=10; server_max_window_bits=10',
    'client_max_window_bits=4294967304',
    'client_max_window_bits="x"',
    'client_no_context_takeover=1',
    '__proto__=1',
    'unknown',
  ])('A12 the parameter %s is declined, or refused as ws does, and never thrown', async (parameter) => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Extensions': `permessage-deflate; ${parameter}` }));
    const head = await peer.head();
    expect(head).toMatch(kind === 'node:net' ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 400 /);
    expect(head).not.toContain('permessage-deflate');
  });

  it('A18 a message that was compressed is sent: the peer’s context never goes out of step', async () => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.open(server, OFFER);
    const [socket] = server.connections;
    // Incompressible, short, plain and large ones: whatever was compressed is on the wire, in the order of the calls.
    const noise = Buffer.from(Array.from({ length: 500 }, (_, i) => (i * i * 193 + i * 7) & 0xff));
    socket!.send(noise);
    socket!.send('x');
    socket!.send(noise, { compress: false });
    socket!.send(Buffer.concat(Array(200).fill(noise)));
    socket!.send(noise);
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    const stream: Buffer[] = [];
    for (let i = 0; i < 5; i++) {
      const payload = await peer.payload();
      if (i !== 2) stream.push(payload, tail);
      else expect(payload).toEqual(noise);
    }
    const all = inflateRawSync(Buffer.concat(stream), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(all).toEqual(Buffer.concat([noise, Buffer.from('x'), ...Array(201).fill(noise)]));
    const closing = once(socket!, 'close');
    peer.send(clientFrame(8));
    await closing;
  });
});
