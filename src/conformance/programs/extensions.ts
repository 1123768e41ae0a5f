/** permessage-deflate (RFC 7692) as programs use it: agreeing on it, reading what was agreed leniently, and compressing. */

import { constants, deflateRawSync } from 'node:zlib';
import { DEFLATE } from '../deflate-terms.ts';
import { type Head, valuesOf } from './heads.ts';
import { open } from './moves.ts';
import { Refused, Unavailable } from './outcome.ts';
import type { Peer } from './peer.ts';

export const EXTENSIONS = 'Sec-WebSocket-Extensions';

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

/** What an answer repeats of an offer to accept it (RFC 7692 §7.1.1.1, RFC 7692 §7.1.2.1), and a hint that it may repeat. */
const REPEATED = ['server_no_context_takeover', 'server_max_window_bits', 'client_no_context_takeover'];

/** The answer to an offer, with these parameters. */
export function answerLine(offered: Terms, parameters: string): string {
  const repeated = REPEATED.filter((name) => offered.has(name) && !parameters.includes(name));
  const pairs = repeated.map((name) => [name, offered.get(name)].filter(Boolean).join('='));
  return extensionLine([...pairs, parameters].filter(Boolean).join('; '));
}

export interface DeflateOpening {
  /** What the fuzzer offers a server. Default: that the server may choose the client's window, as browsers do. */
  readonly offer?: string;
  /** What the fuzzer answers a client. Default: nothing more. */
  readonly answer?: string;
}

/**
 * Opens the connection with compression.
 * @param mayRefuse whether a server that refuses the whole request does without what the case is about
 * @returns what a server has agreed to, or what a client has offered
 * @throws {Unavailable} when the testee does without
 */
export async function openDeflate(
  peer: Peer,
  { offer = 'client_max_window_bits', answer = '' }: DeflateOpening = {},
  mayRefuse = false,
): Promise<Terms> {
  if (peer.role === 'server') {
    const offered = requireOffer(peer);
    await open(peer, { added: [answerLine(offered, answer)] });
    return offered;
  }
  const head = await open(peer, { added: [extensionLine(offer)] }).catch((error: Error) => {
    throw mayRefuse && error instanceof Refused ? new Unavailable(error.message) : error;
  });
  const [agreed] = termsOf(head);
  if (agreed === undefined) throw new Unavailable('the server does not agree to permessage-deflate');
  return agreed;
}

/** @throws {Unavailable} when the client offers no compression */
export function requireOffer({ request }: Peer): Terms {
  const [terms] = termsOf(request!);
  if (terms === undefined) throw new Unavailable('the client does not offer permessage-deflate');
  return terms;
}

/** As it goes into the frames of a message (RFC 7692 §7.2.1). `history` is what went before, and may be referred to. */
export function deflated(message: Uint8Array, history: Uint8Array = new Uint8Array(0)): Buffer {
  const compressed = deflateRawSync(message, {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(history.length > 0 && { dictionary: history }),
  });
  return compressed.subarray(0, -4);
}
