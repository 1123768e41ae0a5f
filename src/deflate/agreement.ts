/**
 * permessage-deflate as an option: off, on, or with settings; and what becomes of a client's offers.
 */

import type { Extension } from '../handshake/index.ts';
import { ANY, checkOptions, FLAG, NUMBER, OBJECT, type OptionKinds } from '../options/option-check.ts';
import type { Role } from '../protocol/index.ts';
import {
  type AgreedDeflate,
  acceptOffers,
  type DeflateOptions,
  type DeflateSettings,
  type Profile,
  resolveDeflateSettings,
  type ZlibTuning,
} from './negotiate.ts';

const DEFLATE_KINDS: OptionKinds<DeflateOptions> = {
  serverNoContextTakeover: FLAG,
  clientNoContextTakeover: FLAG,
  serverMaxWindowBits: ANY,
  clientMaxWindowBits: ANY,
  threshold: NUMBER,
  zlibDeflateOptions: OBJECT,
  zlibInflateOptions: OBJECT,
  concurrencyLimit: NUMBER,
  sharedCompressor: FLAG,
};

const ZLIB_KINDS: OptionKinds<ZlibTuning> = {
  level: ANY,
  memLevel: ANY,
  strategy: ANY,
  dictionary: ANY,
  chunkSize: ANY,
};

/** Of zlib's, and nothing to choose here: a message is one run, as long as it is, in the window that was negotiated. */
const IDLE_ZLIB_KINDS = {
  windowBits: ANY,
  flush: ANY,
  finishFlush: ANY,
  info: ANY,
  maxOutputLength: ANY,
  rejectGarbageAfterEnd: ANY,
};

const WINDOW_ADVICE = 'the window is negotiated, with serverMaxWindowBits and clientMaxWindowBits';
const ZLIB_ADVICE = 'it stands in zlibDeflateOptions';
const MISPLACED = {
  level: ZLIB_ADVICE,
  memLevel: ZLIB_ADVICE,
  strategy: ZLIB_ADVICE,
  chunkSize: ZLIB_ADVICE,
  windowBits: WINDOW_ADVICE,
  server_no_context_takeover: 'use serverNoContextTakeover',
  client_no_context_takeover: 'use clientNoContextTakeover',
  server_max_window_bits: 'use serverMaxWindowBits',
  client_max_window_bits: 'use clientMaxWindowBits',
};

/**
 * The names in an option `perMessageDeflate`, and the kinds of its values.
 * @param isLenient whether to pass over foreign names, see `Door`
 * @throws {TypeError} see `checkOptions`
 */
export function checkDeflateOptions(door: string, option: unknown, isLenient: boolean): void {
  if (typeof option !== 'object' || option === null) return;
  const advice = isLenient ? { withoutEffect: MISPLACED } : { elsewhere: MISPLACED };
  // The class of that name has two more, and programs share one object with it.
  const kinds = isLenient ? { ...DEFLATE_KINDS, isServer: ANY, maxPayload: ANY } : DEFLATE_KINDS;
  checkOptions({ name: door, kinds, isLenient, ...advice }, option, 'perMessageDeflate.');
  const zlibDoor = {
    name: door,
    kinds: isLenient ? { ...ZLIB_KINDS, ...IDLE_ZLIB_KINDS } : ZLIB_KINDS,
    elsewhere: isLenient ? {} : { windowBits: WINDOW_ADVICE },
    isLenient,
  };
  const { zlibDeflateOptions, zlibInflateOptions } = option as DeflateOptions;
  for (const [name, tuning] of Object.entries({ zlibDeflateOptions, zlibInflateOptions })) {
    if (tuning) checkOptions(zlibDoor, tuning, `perMessageDeflate.${name}.`);
  }
}

/**
 * Settings for a `perMessageDeflate` option; undefined when it is off.
 * @throws {TypeError | RangeError} see `resolveDeflateSettings`
 */
export function deflateSettings(
  option: boolean | DeflateOptions | null | undefined,
  role: Role,
  profile: Profile,
): DeflateSettings | undefined {
  if (!option) return undefined;
  return resolveDeflateSettings(option === true ? {} : option, role, profile);
}

/** What the 101 response says about extensions, and what the connection does; or why there is no connection. */
export type Agreement = AcceptedAgreement | { readonly ok: false; readonly message: string };

export interface AcceptedAgreement {
  readonly ok: true;
  readonly extensions: readonly Extension[];
  readonly deflate?: AgreedDeflate;
}

/** Answers a client's offers. `ok: false` only under the `ws` profile. */
export function agreeOnDeflate(offers: readonly Extension[], settings: DeflateSettings | undefined): Agreement {
  if (settings === undefined) return { ok: true, extensions: [] };
  const negotiation = acceptOffers(offers, settings);
  if (negotiation.outcome === 'refused') return { ok: false, message: negotiation.message };
  if (negotiation.outcome === 'declined') return { ok: true, extensions: [] };
  return { ok: true, extensions: [negotiation.response], deflate: { agreed: negotiation.agreed, settings } };
}
