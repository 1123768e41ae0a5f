/** The inner parts of both libraries that are measured without a socket. framewright as tsc made it, see FRAMEWRIGHT_DIST. */

import type * as Protocol from '../../src/protocol/index.ts';
import type * as MaskKernel from '../../src/transport/mask-kernel.ts';
import type * as MessageMemory from '../../src/transport/message-memory.ts';
import type * as View from '../../src/transport/view.ts';
import type { WriteBatch } from '../../src/transport/write-batch.ts';
import { builtFile } from '../servers/framewright-build.ts';
import { requirePeer } from '../servers/http.ts';
import { peerFile } from '../support/peers.ts';

async function built<Exports>(path: string): Promise<Exports> {
  return (await import(builtFile(path).href)) as Exports;
}

export const protocol = await built<typeof Protocol>('protocol/index.js');

export const loadWriteBatch = () => built<{ WriteBatch: typeof WriteBatch }>('transport/write-batch.js');
export const loadMaskKernel = () => built<typeof MaskKernel>('transport/mask-kernel.js');
export const loadMessageMemory = () => built<typeof MessageMemory>('transport/message-memory.js');
export const loadView = () => built<typeof View>('transport/view.js');

export interface WsClasses {
  readonly Receiver: new (options: object) => NodeJS.WritableStream;
  readonly Sender: new (
    socket: object,
    extensions: object,
  ) => { send(data: Uint8Array, options: object, callback: undefined): void };
}
export const ws = requirePeer('ws') as WsClasses;
export const wsMasking = requirePeer(peerFile('ws', 'lib/buffer-util.js')) as {
  unmask(bytes: Buffer, maskingKey: Buffer): void;
};
export const wsValidation = requirePeer(peerFile('ws', 'lib/validation.js')) as { isValidUTF8(bytes: Buffer): boolean };
