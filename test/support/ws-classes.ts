/** The classes of the npm package ws that its types leave out, as the parity tests call them. */

import type { Duplex, Writable } from 'node:stream';
import * as ws from 'ws';
import type { extension, subprotocol } from '../../src/ws-compat/parsers.ts';
import type { PerMessageDeflate } from '../../src/ws-compat/per-message-deflate.ts';
import type { ReceiverOptions } from '../../src/ws-compat/receiver.ts';
import type { FrameOptions, GenerateMask, Sender } from '../../src/ws-compat/sender.ts';

type SenderLike = Pick<Sender, 'send' | 'ping' | 'pong' | 'close' | 'sendFrame' | 'onerror' | '_bufferedBytes'>;
type DeflateLike = Pick<PerMessageDeflate, 'offer' | 'accept' | 'compress' | 'decompress' | 'cleanup' | 'params'>;

interface Classes {
  readonly Receiver: new (options?: ReceiverOptions) => Writable;
  readonly Sender: (new (
    socket: Duplex,
    extensions?: Record<string, DeflateLike>,
    generateMask?: GenerateMask,
  ) => SenderLike) & { frame(data: Uint8Array | string, options: FrameOptions): Buffer[] };
  readonly PerMessageDeflate: (new (options?: object) => DeflateLike) & { readonly extensionName: string };
  readonly extension: typeof extension;
  readonly subprotocol: typeof subprotocol;
}

export const wsClasses = ws as unknown as Classes;
export type { DeflateLike, SenderLike };
