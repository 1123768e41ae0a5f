/** permessage-deflate (RFC 7692) as programs use it: agreeing on it, reading what was agreed leniently, and compressing. */

import { constants, deflateRawSync } from 'node:zlib';
import { type Head, valuesOf } from './heads.ts';
import { open } from './moves.ts';
import { Unavailable } from './outcome.ts';
import type { Peer } from './peer.ts';

export const EXTENSIONS = 'Sec-WebSocket-Extensions';
const DEFLATE = 'permessage-deflate';

/** Parameters by name; '' for one without a value. */
export type Terms = ReadonlyMap<string, string>;

/** The entries of permessage-deflate in a head, offered or agreed to. */
export function termsOf(head: Head): Terms[] {
  const entries = valuesOf(head, EXTENSIONS.toLowerCase()).join(',').split(',');
  return entries.flatMap((entry) => {
    const [name = '', ...params] = entry.split(';').map((part) => part.trim());
    if (name.toLowerCase() !== DEFLATE) return [];
    const pairs = params.map((param): [string, string] => {
      const [key = '', value = ''] = param.split('=');
      return [key.trim(), value.replace(/"/g, '').trim()];
    });
    return [new Map(pairs)];
  });
}

export function extensionLine(parameters: string): string {
  return `${EXTENSIONS}: ${DEFLATE}${parameters === '' ? '' : `; ${parameters}`}`;
}

export interface DeflateOpening {
  /** What the fuzzer offers a server. Default: that the server may choose the client's window, as browsers do. */
  readonly offer?: string;
  /** What the fuzzer answers a client. Default: nothing more. */
  readonly answer?: string;
}

/**
 * Opens the connection with compression.
 * @returns what a server has agreed to, or what a client has offered
 * @throws {Unavailable} when the testee does without
 */
export async function openDeflate(
  peer: Peer,
  { offer = 'client_max_window_bits', answer = '' }: DeflateOpening = {},
): Promise<Terms> {
  const isServer = peer.role === 'server';
  const [offered] = isServer ? termsOf(peer.request!) : [];
  if (isServer && offered === undefined) throw new Unavailable('the client does not offer permessage-deflate');
  const head = await open(peer, { added: [extensionLine(isServer ? answer : offer)] });
  const [agreed] = isServer ? [offered] : termsOf(head);
  if (agreed === undefined) throw new Unavailable('the server does not agree to permessage-deflate');
  return agreed;
}

/** As it goes into the frames of a message (RFC 7692 §7.2.1). `history` is what went before, and may be referred to. */
export function deflated(message: Uint8Array, history: Uint8Array = new Uint8Array(0)): Buffer {
  const compressed = deflateRawSync(message, {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(history.length > 0 && { dictionary: history }),
  });
  return compressed.subarray(0, -4);
}
