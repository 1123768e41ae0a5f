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
  readonly extensions?: Readonly<Record<string, object>>;
}

/** Without limits. */
export const WS_RECEIVER_DEFAULTS: Omit<ReceiverOptions, 'isServer'> = {
  maxPayload: 0,
  allowSynchronousEvents: true,
  maxFragments: 0,
  maxBufferedChunks: 0,
  skipUTF8Validation: false,
};

interface Internals {
  readonly Receiver: new (options: ReceiverOptions) => Writable;
  readonly Sender: { frame(data: Uint8Array, options: object): Uint8Array[] };
}

export const { Receiver: WsReceiver, Sender: WsSender } = ws as unknown as Internals;
export type WsReceiver = Writable;
