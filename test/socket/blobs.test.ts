/** Blobs as payload: read before they can be sent, which may take its time and may fail. */

import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { closed, inShort, RawPeer } from '../support/raw-peer.ts';
import { eventOf, startServer } from '../support/servers.ts';

async function open() {
  const server = await startServer('node:http');
  const peer = await RawPeer.open(server);
  return { peer, socket: server.connections[0]! };
}

/** A Blob on a file that is shorter by now. */
async function unreadableBlob(): Promise<Blob> {
  const folder = await mkdtemp(join(tmpdir(), 'blob-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'file');
  await writeFile(file, 'x'.repeat(64));
  const blob = await openAsBlob(file);
  await writeFile(file, 'x'.repeat(32));
  return blob;
}

const READING = 'The socket was closed while the blob was being read';

describe('a Blob that cannot be read', () => {
  it('fails the connection with 1011: its callback, those behind it and `error` get the reason, once', async () => {
    const { peer, socket } = await open();
    const blob = await unreadableBlob();
    const log: string[] = [];
    const note = (who: string) => (error?: Error) => log.push(`${who}: ${error?.name}`);
    socket.on('error', note('event'));
    const end = eventOf(socket, 'close');
    socket.send(blob, note('blob'));
    socket.send('behind', note('behind'));
    socket.ping('too', note('ping'));
    expect(await peer.frame()).toBe(closed(1011));
    peer.socket.destroy();
    await end;
    expect(log).toEqual(['blob', 'behind', 'ping', 'event'].map((who) => `${who}: NotReadableError`));
  });

  it('is told to nobody but the callback when the connection has ended before', async () => {
    const { socket } = await open();
    const blob = await unreadableBlob();
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    const told = new Promise<Error | undefined>((resolve) => socket.send(blob, resolve));
    socket.terminate();
    expect((await told)?.message).toBe('The blob could not be read');
    await expect(blob.arrayBuffer()).rejects.toThrow();
    expect(errors).toEqual([]);
  });
});

describe('a Blob that is being read', () => {
  it('when the socket goes, what waits behind it is told what was waited for', async () => {
    const { socket } = await open();
    const log: string[] = [];
    const note = (error?: Error) => log.push(`${error?.message} ${socket.readyState}`);
    socket.send(new Blob(['read']), note);
    socket.send('behind', note);
    socket.terminate();
    await eventOf(socket, 'close');
    expect(log).toEqual([`${READING} 2`, `${READING} 2`]);
  });

  it('§5.5 is taken by ping and pong, in order, up to 125 bytes', async () => {
    const { peer, socket } = await open();
    socket.ping(new Blob(['p']));
    expect(socket.bufferedAmount).toBe(1);
    const written = new Promise((resolve) => socket.pong(new Blob(['q']), false, resolve));
    socket.send('r');
    expect(await peer.frames(3)).toEqual([inShort(0x89, 'p'), inShort(0x8a, 'q'), inShort(0x81, 'r')]);
    expect(await written).toBeUndefined();
    expect(socket.bufferedAmount).toBe(0);
    expect(() => socket.ping(new Blob(['x'.repeat(126)]))).toThrow(RangeError);
  });

  it('counts by its size when it comes too late', async () => {
    const { socket } = await open();
    socket.close();
    for (const call of ['send', 'ping', 'pong'] as const) socket[call](new Blob(['hi']));
    expect(socket.bufferedAmount).toBe(6);
    socket.terminate();
  });
});
