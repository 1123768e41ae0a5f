/** What was made to be sent is new memory, and is told of, whether it is sent or not. */

import { once } from 'node:events';
import { expect, it, vi } from 'vitest';
import { prepareMessage } from '../../src/socket/prepared-message.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { startServer } from '../support/servers.ts';

const notes: number[] = [];
vi.mock('../../src/memory/young-collection.ts', () => ({
  noteAllocation: (lengthBytes: number) => void notes.push(lengthBytes),
}));

const LENGTH_BYTES = 300_000;

it.each([
  ['a connection that has ended', undefined],
  [
    'a peer that reads too slowly',
    { net: { maxBacklogBytes: 1, onBacklog: 'drop', highWaterMarkBytes: 2, lowWaterMarkBytes: 1 } },
  ],
] as const)('also for %s', async (_what, setup) => {
  const server = await startServer('node:net', setup);
  const peer = await RawPeer.open(server);
  peer.socket.pause();
  const [socket] = server.connections;
  socket!.on('error', ignoreError);
  if (setup === undefined) {
    socket!.terminate();
    await once(socket!, 'close');
  } else while (socket!.isWritable) socket!.send(Buffer.alloc(LENGTH_BYTES));
  const data = Buffer.alloc(LENGTH_BYTES);
  const message = prepareMessage(data, { droppable: true });
  notes.length = 0;
  socket!.send(data, { droppable: true });
  socket!.sendPrepared(message);
  expect(notes).toEqual([LENGTH_BYTES, LENGTH_BYTES]);
});
