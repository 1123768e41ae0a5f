/** The inner parts of both libraries that are measured without a socket. framewright as built, see FRAMEWRIGHT_DIST. */

import { builtFile } from '../servers/framewright-build.ts';
import { requirePeer } from '../servers/http.ts';
import { peerFile } from '../support/peers.ts';
import type * as Internals from './internals.ts';

export const internals = requirePeer(builtFile('internals.js')) as typeof Internals;
export const { protocol } = internals;

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
