/**
 * The options of both servers, and what they mean to the core: the ws-compatible names with ws's defaults, and ours with
 * defaults for a server that faces the internet.
 */

import { type Limits, resolveLimits } from '../protocol/index.ts';
import type { ConnectionSettings } from './websocket.ts';

/** Options of a connection under their ws names. For sizes and counts, 0 turns the limit off, as in ws. */
export interface WsConnectionOptions {
  /** Longest message, in bytes. Default 104 857 600 (100 MiB), which is ws's. */
  maxPayload?: number | undefined;
  /** Most fragments of a message. Default 0, off: fragments are charged to a byte budget, see `Limits`. */
  maxFragments?: number | undefined;
  /** Automatic pongs that may wait for a peer that does not read. Default 60. */
  maxPendingAutoPongs?: number | undefined;
  /** Answer pings. Default true. */
  autoPong?: boolean | undefined;
  /** Deadline of the closing handshake, in milliseconds. Default 30 000. */
  closeTimeout?: number | undefined;
  /** False: each message, ping and pong gets a turn of the event loop of its own. Default true. */
  allowSynchronousEvents?: boolean | undefined;
  /** For ws's sake: nothing here keeps chunks, so there is nothing to limit. */
  maxBufferedChunks?: number | undefined;
  /** Take text and close reasons without checking them. Default false. */
  skipUTF8Validation?: boolean | undefined;
  /** Only here: read plain TCP into memory shared by all connections, where Node lets us. Default true. */
  sharesReadBuffer?: boolean | undefined;
  /**
   * Only here: 'message' listeners get messages in memory that is used again as soon as they return, so that what is kept,
   * or used behind an `await`, has to be copied (`Buffer.from(data)`). Default false.
   */
  transientMessages?: boolean | undefined;
}

const DEFAULT_MAX_PAYLOAD_BYTES = 100 * 1024 * 1024;
const DEFAULT_MAX_PENDING_PONGS = 60;

/** @throws {TypeError | RangeError} for a limit or a timeout that is not a whole number from 0 on */
export function settingsFromWsOptions(options: WsConnectionOptions): ConnectionSettings {
  return {
    limits: resolveLimits({
      maxMessageBytes: limitOrOff('maxPayload', options.maxPayload ?? DEFAULT_MAX_PAYLOAD_BYTES),
      maxFragments: limitOrOff('maxFragments', options.maxFragments ?? 0),
      maxPendingPongs: limitOrOff('maxPendingAutoPongs', options.maxPendingAutoPongs ?? DEFAULT_MAX_PENDING_PONGS),
    }),
    autoPong: options.autoPong,
    skipsUtf8Validation: options.skipUTF8Validation,
    sharesReadBuffer: options.sharesReadBuffer,
    transientMessages: options.transientMessages,
    spreadsEvents: options.allowSynchronousEvents === false,
    closeTimeoutMs: checkTimeout('closeTimeout', options.closeTimeout),
  };
}

/** What servers and clients give to `setSocket`, under its ws names. */
export type SetSocketOptions = Pick<
  WsConnectionOptions,
  'allowSynchronousEvents' | 'maxBufferedChunks' | 'maxFragments' | 'maxPayload' | 'skipUTF8Validation'
> & { generateMask?: ((key: Buffer) => void) | undefined };

/** The options of `setSocket` that stand for settings. */
export function socketOptionsOf({ limits, spreadsEvents, skipsUtf8Validation }: ConnectionSettings): SetSocketOptions {
  return {
    allowSynchronousEvents: spreadsEvents !== true,
    maxBufferedChunks: 0,
    maxFragments: zeroWhenOff(limits.maxFragments),
    maxPayload: zeroWhenOff(limits.maxMessageBytes),
    skipUTF8Validation: skipsUtf8Validation ?? false,
  };
}

function zeroWhenOff(limit: number): number {
  return limit === Number.POSITIVE_INFINITY ? 0 : limit;
}

/**
 * Settings with what a subclass has changed of them on their way through `setSocket`.
 * @throws {TypeError | RangeError} for a limit that is not a whole number from 0 on
 */
export function settingsForSocket(settings: ConnectionSettings, options: SetSocketOptions): ConnectionSettings {
  const given = socketOptionsOf(settings);
  const { maxPayload = given.maxPayload, maxFragments = given.maxFragments, generateMask } = options;
  return {
    ...settings,
    limits: limitsForSocket(settings.limits, { maxPayload, maxFragments }),
    spreadsEvents: !(options.allowSynchronousEvents ?? given.allowSynchronousEvents),
    skipsUtf8Validation: options.skipUTF8Validation ?? given.skipUTF8Validation,
    ...(generateMask === undefined ? {} : { nextMaskingKey: keySource(generateMask) }),
  };
}

/** The same object when nothing differs: all connections of a server share it. */
function limitsForSocket(
  limits: Limits,
  options: Required<Pick<SetSocketOptions, 'maxPayload' | 'maxFragments'>>,
): Limits {
  const maxMessageBytes = limitOrOff('maxPayload', options.maxPayload!);
  const maxFragments = limitOrOff('maxFragments', options.maxFragments!);
  if (maxMessageBytes === limits.maxMessageBytes) {
    return maxFragments === limits.maxFragments ? limits : { ...limits, maxFragments };
  }
  // The budget follows the length of messages.
  const { maxMessageCostBytes: _, ...others } = limits;
  return resolveLimits({ ...others, maxMessageBytes, maxFragments });
}

/** Masking keys of the program's making, as numbers in network order. */
export function keySource(generateMask: (key: Buffer) => void): () => number {
  const key = Buffer.alloc(4);
  return () => {
    generateMask(key);
    return key.readInt32BE();
  };
}

/** The longest time that a timer of Node.js can hold: past it, it would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Gives a timeout back, in milliseconds.
 * @throws {TypeError | RangeError} when it is not a whole number from `leastMs` to 2 147 483 647
 */
export function checkTimeout(name: string, timeoutMs: number | undefined, leastMs = 0): number | undefined {
  if (timeoutMs === undefined) return undefined;
  if (typeof timeoutMs !== 'number') throw new TypeError(`${name} must be a number, not ${typeof timeoutMs}`);
  if (!Number.isInteger(timeoutMs) || timeoutMs < leastMs || timeoutMs > MAX_TIMEOUT_MS) {
    throw new RangeError(`${name} must be whole milliseconds from ${leastMs} to ${MAX_TIMEOUT_MS}; got ${timeoutMs}`);
  }
  return timeoutMs;
}

function limitOrOff(name: string, value: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (value === Number.POSITIVE_INFINITY) return value;
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name} must be a whole number from 0 on; got ${value}`);
  return value === 0 ? Number.POSITIVE_INFINITY : value;
}
