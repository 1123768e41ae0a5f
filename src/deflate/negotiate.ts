/**
 * Negotiation of permessage-deflate (RFC 7692 §7.1): what a client offers, what a server answers to it, and whether an
 * answer may follow an offer. Works on parsed header values; refuses to know what compresses, and how headers are read.
 *
 * Two profiles differ in how a fault is answered. `strict` is RFC 7692: an offer that is malformed or cannot be met is
 * passed over for the next one, and the connection goes on without compression when none is left. `ws` does what the
 * npm package ws does: one malformed offer, or none that can be met, refuses the handshake.
 */

import type { Extension, ExtensionParam } from '../handshake/index.ts';
import type { Role } from '../protocol/index.ts';
import { checkWholeNumber, isWholeNumber } from '../protocol/whole-number.ts';

/** The one extension that is offered and agreed to; its name is registered, as §9.1 asks. */
export const PERMESSAGE_DEFLATE = 'permessage-deflate';

/** What a handshake is refused with under the `ws` profile. */
const UNACCEPTABLE_OFFER = 'Invalid or unacceptable Sec-WebSocket-Extensions header';

/** What a client's connection fails with when the answer does not fit its offer. */
const INVALID_ANSWER = 'Invalid Sec-WebSocket-Extensions header';

export const MAX_WINDOW_BITS = 15;
const MIN_WINDOW_BITS = 8;

/** Messages below this many bytes are not worth compressing when no context helps. */
const DEFAULT_THRESHOLD_BYTES = 1024;
const DEFAULT_CONCURRENCY_LIMIT = 10;

export type Profile = 'strict' | 'ws';

/** What zlib may be told beside the window, which is always the negotiated one. */
export interface ZlibTuning {
  /** −1 (zlib's default, which is 6) or 0 (none) to 9 (smallest). */
  readonly level?: number | undefined;
  /** 1 to 9, default 8. A compressor takes 2^(memLevel + 9) bytes beside its window. */
  readonly memLevel?: number | undefined;
  /** 0 to 4: a `Z_*` strategy of `node:zlib`. Default 0. */
  readonly strategy?: number | undefined;
  /** Text that both sides know beforehand: there is no way to negotiate it. */
  readonly dictionary?: Uint8Array | ArrayBuffer | DataView | undefined;
  /** Of zlib's other options programs for ws give this one: without effect, output goes to memory of its own size. */
  readonly chunkSize?: number | undefined;
}

/** Options of `perMessageDeflate`, under ws's names and with ws's meanings but for the last. */
export interface DeflateOptions {
  /** True: the server drops its context after each message. False: an offer that asks for that is declined. */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** True: the client drops its context after each message. False at a client: an answer that says so is an error. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** Largest window of the server's compressor, 8 to 15. False at a server: an offer that asks for one is declined. */
  readonly serverMaxWindowBits?: number | boolean | undefined;
  /**
   * Largest window of the client's compressor, 8 to 15; a server takes only offers that let it say so. At a client,
   * anything but false and a number offers to let the server choose.
   */
  readonly clientMaxWindowBits?: number | boolean | undefined;
  /** Bytes below which a message is sent plain when its sender keeps no context. Default 1024. */
  readonly threshold?: number | undefined;
  /** How zlib compresses: `level`, `memLevel`, `strategy`, `dictionary`. */
  readonly zlibDeflateOptions?: ZlibTuning | undefined;
  /** How it decompresses: `dictionary`. */
  readonly zlibInflateOptions?: ZlibTuning | undefined;
  /**
   * Compressions and decompressions off the main thread at a time, in the whole process: the first connection that
   * compresses decides. 0 for no limit. Default 10.
   */
  readonly concurrencyLimit?: number | undefined;
  /**
   * This side keeps no context between messages, so that all connections with these options share a compressor and an
   * idle one costs no memory for it. Default false. Not in ws.
   */
  readonly sharedCompressor?: boolean | undefined;
}

/** Options that have been checked, and whose defaults are filled in. */
export interface DeflateSettings {
  readonly profile: Profile;
  readonly role: Role;
  readonly serverNoContextTakeover: boolean | undefined;
  readonly clientNoContextTakeover: boolean | undefined;
  /** A number or false; undefined when there is no preference. */
  readonly serverMaxWindowBits: number | false | undefined;
  readonly clientMaxWindowBits: number | false | undefined;
  readonly thresholdBytes: number;
  readonly zlibDeflateOptions: ZlibTuning;
  readonly zlibInflateOptions: ZlibTuning;
  readonly concurrencyLimit: number;
}

/** What both sides have agreed on. */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** 8 to 15; 15 when nothing was said. */
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** What the opening handshake has agreed on, and this side's settings. */
export interface AgreedDeflate {
  readonly agreed: DeflateParams;
  readonly settings: DeflateSettings;
}

/** One direction of an agreement. */
export interface DirectionParams {
  readonly contextTakeover: boolean;
  readonly windowBits: number;
}

/** `response` is what the server answers, or has answered. `reason` is for logs, `message` for the peer. */
export type Negotiation =
  | { readonly outcome: 'accepted'; readonly agreed: DeflateParams; readonly response: Extension }
  | { readonly outcome: 'declined' }
  | { readonly outcome: 'refused'; readonly message: string; readonly reason: string };

/** One offer or answer, its values read. */
interface ReadParams {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverMaxWindowBits: number | undefined;
  /** True: stands there without a value. */
  clientMaxWindowBits: number | true | undefined;
}

const DECLINED: Negotiation = { outcome: 'declined' };
export const NO_TUNING: ZlibTuning = {};

// ---- Settings -----------------------------------------------------------------------------------------------------

const TUNING_RANGES: readonly (readonly [name: 'level' | 'memLevel' | 'strategy', least: number, most: number])[] = [
  ['level', -1, 9],
  ['memLevel', 1, 9],
  ['strategy', 0, 4],
];

/**
 * Checks options and fills the defaults in: once per server, and once per client connection.
 * @throws {TypeError} for a value of the wrong type, or when `sharedCompressor` contradicts another option
 * @throws {RangeError} for a number out of its range
 */
export function resolveDeflateSettings(options: DeflateOptions, role: Role, profile: Profile): DeflateSettings {
  const own = role === 'server' ? 'serverNoContextTakeover' : 'clientNoContextTakeover';
  if (options.sharedCompressor === true && options[own] === false) {
    throw new TypeError(`sharedCompressor keeps no context: leave ${own} out, or set it to true`);
  }
  const { threshold = DEFAULT_THRESHOLD_BYTES, concurrencyLimit = DEFAULT_CONCURRENCY_LIMIT } = options;
  if (!(threshold >= 0)) throw new RangeError(`threshold must be a number of bytes from 0 on; got ${threshold}`);
  if (!(concurrencyLimit >= 0))
    throw new RangeError(`concurrencyLimit must be a number from 0 on; got ${concurrencyLimit}`);
  const settings: DeflateSettings = {
    profile,
    role,
    serverNoContextTakeover: options.serverNoContextTakeover,
    clientNoContextTakeover: options.clientNoContextTakeover,
    serverMaxWindowBits: windowBitsSetting('serverMaxWindowBits', options.serverMaxWindowBits),
    clientMaxWindowBits: windowBitsSetting('clientMaxWindowBits', options.clientMaxWindowBits),
    thresholdBytes: threshold,
    zlibDeflateOptions: checkZlibTuning('zlibDeflateOptions', options.zlibDeflateOptions),
    zlibInflateOptions: checkZlibTuning('zlibInflateOptions', options.zlibInflateOptions),
    concurrencyLimit: concurrencyLimit === 0 ? Number.POSITIVE_INFINITY : concurrencyLimit,
  };
  return options.sharedCompressor === true ? { ...settings, [own]: true } : settings;
}

function windowBitsSetting(name: string, value: number | boolean | undefined): number | false | undefined {
  if (value === undefined || typeof value === 'boolean') return value === false ? false : undefined;
  if (!isWindowBits(value)) {
    throw new RangeError(`${name} must be a whole number from 8 to 15, or a boolean; got ${value}`);
  }
  return value;
}

/** @throws {TypeError | RangeError} for what zlib would not take */
export function checkZlibTuning(name: string, tuning: ZlibTuning = NO_TUNING): ZlibTuning {
  for (const [key, least, most] of TUNING_RANGES) {
    if (tuning[key] !== undefined) checkWholeNumber(`${name}.${key}`, tuning[key], least, most);
  }
  return tuning;
}

/** Whether `value` may be a window's size: 2^8 to 2^15 bytes (RFC 7692 §7.1.2). */
export function isWindowBits(value: unknown): value is number {
  return isWholeNumber(value, MIN_WINDOW_BITS, MAX_WINDOW_BITS);
}

// ---- Server -------------------------------------------------------------------------------------------------------

/**
 * The server's answer to what a client offers (RFC 7692 §5.1, RFC 7692 §7.1): the first offer that can be met. Offers of other
 * extensions are passed over. Never throws, whatever the offers hold.
 * @returns `refused` under the `ws` profile only: then 400 is answered with its message
 */
export function acceptOffers(offers: readonly Extension[], settings: DeflateSettings): Negotiation {
  const faults: string[] = [];
  const wellFormed: ReadParams[] = [];
  for (const offer of offers) {
    if (offer.name !== PERMESSAGE_DEFLATE) continue;
    const read = readParams(offer.params, true);
    if (typeof read !== 'string') wellFormed.push(read);
    else if (settings.profile === 'ws') return { outcome: 'refused', message: UNACCEPTABLE_OFFER, reason: read };
    else faults.push(read);
  }
  for (const offer of wellFormed) {
    const obstacle = findObstacle(offer, settings);
    if (obstacle === undefined) return accepted(answerTo(offer, settings));
    faults.push(obstacle);
  }
  if (faults.length === 0 || settings.profile === 'strict') return DECLINED;
  return { outcome: 'refused', message: UNACCEPTABLE_OFFER, reason: faults.join('; ') };
}

/**
 * Why a well-formed offer cannot be met. Windows smaller than the setting are fine by RFC 7692, for a setting is an
 * upper limit; ws takes a setting for the very size that it is going to answer, and declines when the offer forbids it.
 */
function findObstacle(offer: ReadParams, settings: DeflateSettings): string | undefined {
  const isExact = settings.profile === 'ws';
  const { serverMaxWindowBits, clientMaxWindowBits } = settings;
  if (offer.serverNoContextTakeover && settings.serverNoContextTakeover === false) {
    return 'server_no_context_takeover is switched off';
  }
  if (offer.serverMaxWindowBits !== undefined) {
    if (serverMaxWindowBits === false) return 'server_max_window_bits is switched off';
    if (isExact && serverMaxWindowBits !== undefined && serverMaxWindowBits > offer.serverMaxWindowBits) {
      return 'server_max_window_bits is below serverMaxWindowBits';
    }
  }
  if (typeof clientMaxWindowBits !== 'number') return undefined;
  // RFC 7692 §7.1.2.2: an answer must not limit the client's window when the client did not offer that.
  if (offer.clientMaxWindowBits === undefined) return 'client_max_window_bits is missing';
  if (isExact && offer.clientMaxWindowBits !== true && clientMaxWindowBits > offer.clientMaxWindowBits) {
    return 'client_max_window_bits is below clientMaxWindowBits';
  }
  return undefined;
}

function answerTo(offer: ReadParams, settings: DeflateSettings): ReadParams {
  const asksForClientBits = offer.clientMaxWindowBits !== undefined && settings.clientMaxWindowBits !== false;
  return {
    serverNoContextTakeover: offer.serverNoContextTakeover || settings.serverNoContextTakeover === true,
    clientNoContextTakeover: offer.clientNoContextTakeover || settings.clientNoContextTakeover === true,
    serverMaxWindowBits: smallest(offer.serverMaxWindowBits, settings.serverMaxWindowBits),
    clientMaxWindowBits: asksForClientBits
      ? smallest(offer.clientMaxWindowBits, settings.clientMaxWindowBits)
      : undefined,
  };
}

function smallest(...values: readonly (number | boolean | undefined)[]): number | undefined {
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}

function accepted(answer: ReadParams, response = writeParams(answer)): Negotiation {
  return {
    outcome: 'accepted',
    agreed: {
      serverNoContextTakeover: answer.serverNoContextTakeover,
      clientNoContextTakeover: answer.clientNoContextTakeover,
      serverMaxWindowBits: answer.serverMaxWindowBits ?? MAX_WINDOW_BITS,
      clientMaxWindowBits: smallest(answer.clientMaxWindowBits) ?? MAX_WINDOW_BITS,
    },
    response,
  };
}

// ---- Client -------------------------------------------------------------------------------------------------------

/** What a client offers (RFC 7692 §7.1). Without options: `permessage-deflate; client_max_window_bits`. */
export function makeOffer(settings: DeflateSettings): Extension {
  return writeParams(offerOf(settings));
}

function offerOf(settings: DeflateSettings): ReadParams {
  const { clientMaxWindowBits } = settings;
  return {
    serverNoContextTakeover: settings.serverNoContextTakeover === true,
    clientNoContextTakeover: settings.clientNoContextTakeover === true,
    serverMaxWindowBits: smallest(settings.serverMaxWindowBits),
    clientMaxWindowBits: clientMaxWindowBits === false ? undefined : (clientMaxWindowBits ?? true),
  };
}

/**
 * Whether the server's answer is one that `makeOffer` allows, and what is agreed then. Never throws.
 * @param answers the extensions of the answer; those with another name are passed over
 * @returns `declined` when the server wants no compression, `refused` when the connection has to fail
 */
export function acceptResponse(answers: readonly Extension[], settings: DeflateSettings): Negotiation {
  const ours = answers.filter(({ name }) => name === PERMESSAGE_DEFLATE);
  const [answer] = ours;
  if (answer === undefined) return DECLINED;
  const read = ours.length > 1 ? 'The extension was accepted twice' : readParams(answer.params, false);
  if (typeof read === 'string') return invalidAnswer(read);
  const offer = offerOf(settings);
  const breach = findBreach(read, offer, settings);
  if (breach !== undefined) return invalidAnswer(breach);
  // RFC 7692 §7.1.1.2, RFC 7692 §7.1.2.2: what a client said about itself holds even if the answer does not repeat it.
  const clientNoContextTakeover = read.clientNoContextTakeover || offer.clientNoContextTakeover;
  const clientMaxWindowBits = smallest(read.clientMaxWindowBits, offer.clientMaxWindowBits);
  return accepted({ ...read, clientNoContextTakeover, clientMaxWindowBits }, answer);
}

function invalidAnswer(reason: string): Negotiation {
  return { outcome: 'refused', message: INVALID_ANSWER, reason };
}

/** What in a well-formed answer the offer does not allow. */
function findBreach(answer: ReadParams, offer: ReadParams, settings: DeflateSettings): string | undefined {
  const isAsWs = settings.profile === 'ws';
  // RFC 7692 §7.1.1.2: a client has to support it, whatever it would rather have. ws refuses it.
  if (isAsWs && answer.clientNoContextTakeover && settings.clientNoContextTakeover === false) {
    return 'Unexpected parameter "client_no_context_takeover"';
  }
  if (answer.clientMaxWindowBits !== undefined) {
    // RFC 7692 §7.1.2.2: only an answer to an offer that has this parameter may have it. The offer's value is a hint, and a
    // larger one in the answer allows what the client does anyway. ws refuses that, too.
    const hint = isAsWs ? smallest(offer.clientMaxWindowBits) : undefined;
    if (offer.clientMaxWindowBits === undefined || (answer.clientMaxWindowBits as number) > (hint ?? MAX_WINDOW_BITS)) {
      return 'Unexpected or invalid parameter "client_max_window_bits"';
    }
  }
  // RFC 7692 §7.1.1.1, RFC 7692 §7.1.2.1: a server that takes an offer does what it asks, and says so. ws does not look: an
  // answer that leaves a wish out can be lived with, since this side then decodes with what the answer says.
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover && !isAsWs) {
    return 'Missing parameter "server_no_context_takeover"';
  }
  if (offer.serverMaxWindowBits === undefined) return undefined;
  if (answer.serverMaxWindowBits === undefined) {
    return isAsWs ? undefined : 'Missing parameter "server_max_window_bits"';
  }
  return answer.serverMaxWindowBits > offer.serverMaxWindowBits
    ? 'Invalid value of parameter "server_max_window_bits"'
    : undefined;
}

// ---- What was agreed, by direction --------------------------------------------------------------------------------

/** How the side `sender` compresses. */
export function directionOf(agreed: DeflateParams, sender: Role): DirectionParams {
  return sender === 'server'
    ? { contextTakeover: !agreed.serverNoContextTakeover, windowBits: agreed.serverMaxWindowBits }
    : { contextTakeover: !agreed.clientNoContextTakeover, windowBits: agreed.clientMaxWindowBits };
}

/** Messages of fewer bytes are sent plain. A kept context makes short messages worth it, and needs every one of them. */
export function compressionThreshold(agreed: DeflateParams, settings: DeflateSettings): number {
  return directionOf(agreed, settings.role).contextTakeover ? 0 : settings.thresholdBytes;
}

// ---- Parameters as text -------------------------------------------------------------------------------------------

const FLAGS: ReadonlyMap<string, 'serverNoContextTakeover' | 'clientNoContextTakeover'> = new Map([
  ['server_no_context_takeover', 'serverNoContextTakeover'],
  ['client_no_context_takeover', 'clientNoContextTakeover'],
]);
const WINDOW_BITS: ReadonlyMap<string, 'serverMaxWindowBits' | 'clientMaxWindowBits'> = new Map([
  ['server_max_window_bits', 'serverMaxWindowBits'],
  ['client_max_window_bits', 'clientMaxWindowBits'],
]);

/** RFC 7692 §7.1.2: a decimal number from 8 to 15 without a leading zero. */
const WINDOW_BITS_VALUE = /^(?:[89]|1[0-5])$/;

/** @returns the parameters' values, or what is wrong with them: unknown, repeated, or a value out of place */
function readParams(params: readonly ExtensionParam[], isOffer: boolean): ReadParams | string {
  const read: ReadParams = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen = new Set<string>();
  for (const { name, value } of params) {
    if (seen.has(name)) return `Parameter "${name}" must have only a single value`;
    seen.add(name);
    const flag = FLAGS.get(name);
    const bits = WINDOW_BITS.get(name);
    if (flag !== undefined && value === true) read[flag] = true;
    else if (bits !== undefined && value !== true && WINDOW_BITS_VALUE.test(value)) read[bits] = Number(value);
    else if (bits === 'clientMaxWindowBits' && value === true && isOffer) read[bits] = true;
    else if (flag === undefined && bits === undefined) return `Unknown parameter "${name}"`;
    else return `Invalid value for parameter "${name}": ${value}`;
  }
  return read;
}

function writeParams(read: ReadParams): Extension {
  const params: ExtensionParam[] = [];
  for (const [name, key] of FLAGS) if (read[key]) params.push({ name, value: true });
  for (const [name, key] of WINDOW_BITS) {
    const value = read[key];
    if (value !== undefined) params.push({ name, value: value === true ? true : String(value) });
  }
  return { name: PERMESSAGE_DEFLATE, params };
}
