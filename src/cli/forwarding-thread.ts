/**
 * The thread that forwards for `framewright inspect`: whatever is done with what passes, such as printing it, happens in
 * another thread and holds nothing up here.
 */

import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { type ForwarderOptions, startForwarder } from './inspect/forwarder.ts';
import { NoteWriter } from './inspect/notes.ts';

/** What comes from the thread: where it listens, or why it does not, and then blocks of notes. */
export type ForwardingMessage =
  | { readonly type: 'listening'; readonly address: AddressInfo }
  | { readonly type: 'failed'; readonly code: string | undefined; readonly message: string }
  | { readonly type: 'stopped' }
  | Uint8Array<ArrayBuffer>;

const port = parentPort!;
const tell = (message: ForwardingMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const notes = new NoteWriter((block) => tell(block, [block.buffer]));
// A block of notes that has been read; or that there is to be no more of them.
port.on('message', (message: Uint8Array<ArrayBuffer> | 'stop') => {
  if (message !== 'stop') {
    notes.read(message);
    return;
  }
  notes.flush();
  tell({ type: 'stopped' });
});

startForwarder(workerData as ForwarderOptions, notes).then(
  (server) => tell({ type: 'listening', address: server.address() as AddressInfo }),
  ({ code, message }: NodeJS.ErrnoException) => tell({ type: 'failed', code, message }),
);
