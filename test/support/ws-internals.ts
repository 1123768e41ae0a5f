/** The receiving and the sending half of the npm package ws, which its types leave out; the other side in comparisons. */

import type { Writable } from 'node:stream';
import * as ws from 'ws';

interface ReceiverOptions {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly allowSynchronousEvents: boolean;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly skipUTF8Validation: boolean;
}

interface Internals {
  readonly Receiver: new (options: ReceiverOptions) => Writable;
  readonly Sender: { frame(data: Uint8Array, options: object): Uint8Array[] };
}

export const { Receiver: WsReceiver, Sender: WsSender } = ws as unknown as Internals;
export type WsReceiver = Writable;
