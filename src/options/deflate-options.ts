/** The members of the option `perMessageDeflate` (RFC 7692), and what is said of those that stand in another's place. */

import type { DeflateOptions, ZlibTuning } from '../deflate/negotiate.ts';
import { ANY, FLAG, type Members, NUMBER, OBJECT, type OptionKinds } from './option-check.ts';

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

/** Settings that ws does not have, and where they stand. */
export const OURS = { sharedCompressor: 'it stands in perMessageDeflate' };

/** Names that stand elsewhere, or have another name here. */
export const MISPLACED = {
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

const zlibMembers = (isLenient: boolean): Members => ({
  kinds: isLenient ? { ...ZLIB_KINDS, ...IDLE_ZLIB_KINDS } : ZLIB_KINDS,
  elsewhere: isLenient ? {} : { windowBits: WINDOW_ADVICE },
  isLenient,
});

const ZLIB_TUNING = { ...OBJECT, members: zlibMembers };

export const DEFLATE_KINDS: OptionKinds<DeflateOptions> = {
  serverNoContextTakeover: FLAG,
  clientNoContextTakeover: FLAG,
  serverMaxWindowBits: ANY,
  clientMaxWindowBits: ANY,
  threshold: NUMBER,
  zlibDeflateOptions: ZLIB_TUNING,
  zlibInflateOptions: ZLIB_TUNING,
  concurrencyLimit: NUMBER,
  sharedCompressor: FLAG,
};

/** @param isLenient whether to pass over foreign names, see `Door` */
export const DEFLATE = (isLenient: boolean): Members => ({
  // The class of that name has two more, and programs share one object with it.
  kinds: isLenient ? { ...DEFLATE_KINDS, isServer: ANY, maxPayload: ANY } : DEFLATE_KINDS,
  ...(isLenient ? { withoutEffect: MISPLACED } : { elsewhere: MISPLACED }),
  isLenient,
});
