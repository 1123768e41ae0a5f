/**
 * The options of a connection, at the doors that have ws's names, and what they mean to the core: ws's names with ws's
 * defaults, `limits` beside them, and what is said of options that cannot be meant.
 */

import { type Limits, resolveLimits } from '../protocol/index.ts';
import { checkWholeNumber } from '../protocol/whole-number.ts';
import type { ConnectionSettings, ListenerErrors } from './connection-settings.ts';
import {
  checkOptions,
  type Door,
  FLAG,
  HOOK,
  LISTENER_ERRORS,
  NUMBER,
  OBJECT,
  type OptionKinds,
} from './option-check.ts';

/** Options of a connection under their ws names. For sizes and counts, 0 turns the limit off, as in ws. */
export interface WsConnectionOptions {
  /** Longest message, in bytes: `limits.maxMessageBytes`. Default 104 857 600 (100 MiB), which is ws's. */
  maxPayload?: number | undefined;
  /** Most fragments of a message: `limits.maxFragments`. Default 0, off: fragments are charged to a byte budget, see `Limits`. */
  maxFragments?: number | undefined;
  /** Automatic pongs that may wait for a peer that does not read: `limits.maxPendingPongs`. Default 60. */
  maxPendingAutoPongs?: number | undefined;
  /**
   * Only here: every limit by its name in `Limits`, where Infinity turns it off. Of a limit that has a ws name as well,
   * one of the two is given.
   */
  limits?: Partial<Limits> | undefined;
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
  /** Only here: what follows when application code throws. Default 'close' on servers, 'throw' on clients. */
  listenerErrors?: ListenerErrors | undefined;
}

export const CONNECTION_KINDS: OptionKinds<WsConnectionOptions> = {
  allowSynchronousEvents: FLAG,
  autoPong: FLAG,
  closeTimeout: NUMBER,
  limits: OBJECT,
  listenerErrors: LISTENER_ERRORS,
  maxBufferedChunks: NUMBER,
  maxFragments: NUMBER,
  maxPayload: NUMBER,
  maxPendingAutoPongs: NUMBER,
  sharesReadBuffer: FLAG,
  skipUTF8Validation: FLAG,
  transientMessages: FLAG,
};

const LIMIT_KINDS: OptionKinds<Limits> = {
  maxMessageBytes: NUMBER,
  maxFrameBytes: NUMBER,
  maxMessageCostBytes: NUMBER,
  maxFragments: NUMBER,
  fragmentOverheadBytes: NUMBER,
  maxPendingPongs: NUMBER,
  maxControlFramesBetweenData: NUMBER,
  controlWindowMs: NUMBER,
};

/** Every limit that `Limits` knows. */
export const LIMIT_NAMES = Object.keys(LIMIT_KINDS) as readonly (keyof Limits)[];

/** What is called otherwise, or stands elsewhere, where the options have ws's names. */
export const NAMES_OF_LISTEN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    LIMIT_NAMES.filter((name) => !Object.hasOwn(CONNECTION_KINDS, name)).map((name) => [name, 'it stands in limits']),
  ),
  closeTimeoutMs: 'use closeTimeout',
  handshakeTimeoutMs: 'use handshakeTimeout',
  skipsUtf8Validation: 'use skipUTF8Validation',
  spreadsEvents: 'use allowSynchronousEvents: false',
};

const LIMITS_UNDER_OTHER_NAMES = {
  maxPayload: 'it is called maxMessageBytes here',
  maxPendingAutoPongs: 'it is called maxPendingPongs here',
  maxBufferedChunks: 'nothing here keeps chunks, so there is nothing to limit',
};

/**
 * The names in an option `limits`; its values are `resolveLimits`'s affair.
 * @throws {TypeError} for a name that is not a limit's
 */
export function checkLimitNames(door: string, limits: Partial<Limits> | null | undefined): void {
  if (limits === undefined || limits === null) return;
  const limitsDoor = { name: door, kinds: LIMIT_KINDS, elsewhere: LIMITS_UNDER_OTHER_NAMES, isLenient: false };
  checkOptions(limitsDoor, limits, 'limits.');
}

const DEFAULT_MAX_PAYLOAD_BYTES = 100 * 1024 * 1024;

/** What ws calls by names of its own, with ws's meaning of 0. */
const WS_LIMITS = [
  ['maxPayload', 'maxMessageBytes'],
  ['maxFragments', 'maxFragments'],
  ['maxPendingAutoPongs', 'maxPendingPongs'],
] as const;

/**
 * The limits that options name, in either vocabulary.
 * @throws {TypeError | RangeError} for a ws name whose value is no whole number from 0 on, or that `limits` contradicts
 */
export function limitsOf(options: WsConnectionOptions): Partial<Limits> {
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(options.limits ?? {})) if (value !== undefined) limits[name] = value;
  for (const [wsName, name] of WS_LIMITS) {
    const given = options[wsName] ?? undefined;
    if (given === undefined) continue;
    const value = limitOrOff(wsName, given);
    const other = limits[name] ?? value;
    if (other !== value) {
      throw new TypeError(`${wsName} (${given}) and limits.${name} (${other}) contradict each other: give one of them`);
    }
    limits[name] = value;
  }
  return limits;
}

/**
 * @param limits those that differ from the core's defaults
 * @throws {TypeError | RangeError} for a limit or a timeout that is not a whole number from 0 on
 */
export function settingsFromWsOptions(
  options: WsConnectionOptions,
  limits: Partial<Limits> = { maxMessageBytes: DEFAULT_MAX_PAYLOAD_BYTES, ...limitsOf(options) },
): ConnectionSettings {
  return {
    limits: resolveLimits(limits),
    autoPong: options.autoPong ?? undefined,
    skipsUtf8Validation: options.skipUTF8Validation ?? undefined,
    sharesReadBuffer: options.sharesReadBuffer ?? undefined,
    transientMessages: options.transientMessages ?? undefined,
    spreadsEvents: options.allowSynchronousEvents === false,
    listenerErrors: options.listenerErrors ?? undefined,
    closeTimeoutMs: checkTimeout('closeTimeout', options.closeTimeout ?? undefined),
  };
}

/** What servers and clients give to `setSocket`, under its ws names. */
export type SetSocketOptions = Pick<
  WsConnectionOptions,
  'allowSynchronousEvents' | 'maxBufferedChunks' | 'maxFragments' | 'maxPayload' | 'skipUTF8Validation'
> & { generateMask?: ((key: Buffer) => void) | undefined };

const SOCKET_DOOR: Door = {
  name: 'setSocket()',
  kinds: { ...CONNECTION_KINDS, generateMask: HOOK } satisfies OptionKinds<SetSocketOptions & WsConnectionOptions>,
  elsewhere: NAMES_OF_LISTEN,
  isLenient: true,
};

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
 * The settings of a connection that a server or a client opens, with what a subclass has changed of them on their way
 * through `setSocket`.
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function settingsForSocket(
  settings: ConnectionSettings,
  options: SetSocketOptions & WsConnectionOptions,
): ConnectionSettings {
  const unchanged = socketOptionsOf(settings);
  if (isPartOf(options, unchanged)) return settings;
  checkSocketOptions(options);
  const changed = { ...options };
  // What has come through as it was given does not stand against `limits`.
  for (const name of ['maxPayload', 'maxFragments'] as const) {
    if (changed[name] === unchanged[name]) changed[name] = undefined;
  }
  const { allowSynchronousEvents = unchanged.allowSynchronousEvents, generateMask } = changed;
  return {
    limits: limitsForSocket(settings.limits, limitsOf(changed)),
    autoPong: changed.autoPong ?? settings.autoPong,
    skipsUtf8Validation: changed.skipUTF8Validation ?? settings.skipsUtf8Validation,
    strictLengths: settings.strictLengths,
    closeTimeoutMs: checkTimeout('closeTimeout', changed.closeTimeout ?? settings.closeTimeoutMs),
    nextMaskingKey: generateMask ? keySource(generateMask) : settings.nextMaskingKey,
    sharesReadBuffer: changed.sharesReadBuffer ?? settings.sharesReadBuffer,
    transientMessages: changed.transientMessages ?? settings.transientMessages,
    spreadsEvents: !allowSynchronousEvents,
    listenerErrors: changed.listenerErrors ?? settings.listenerErrors,
  };
}

/** As of nearly every connection, which then is spared the rest. */
function isPartOf(options: WsConnectionOptions, whole: WsConnectionOptions): boolean {
  for (const name in options) {
    if (options[name as keyof WsConnectionOptions] !== whole[name as keyof WsConnectionOptions]) return false;
  }
  return true;
}

/** The same object when nothing differs: all connections of a server share it. */
function limitsForSocket(limits: Limits, changed: Partial<Limits>): Limits {
  if (Object.keys(changed).length === 0) return limits;
  if (changed.maxMessageBytes === undefined) return resolveLimits({ ...limits, ...changed });
  // The budget follows the length of messages.
  const { maxMessageCostBytes: _, ...others } = limits;
  return resolveLimits({ ...others, ...changed });
}

/**
 * The settings of a socket of the application's own making. What neither the constructor nor `setSocket` was told is ws's
 * default there, which is no limit on messages.
 * @param own what the constructor was given
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function settingsForOwnSocket(
  own: WsConnectionOptions,
  options: SetSocketOptions & WsConnectionOptions,
): ConnectionSettings {
  checkSocketOptions(options);
  const limits = { maxMessageBytes: Number.POSITIVE_INFINITY, ...limitsOf(own), ...limitsOf(options) };
  const { generateMask } = options;
  return {
    ...settingsFromWsOptions({ ...own, ...options }, limits),
    nextMaskingKey: generateMask && keySource(generateMask),
  };
}

function checkSocketOptions(options: SetSocketOptions & WsConnectionOptions): void {
  checkOptions(SOCKET_DOOR, options);
  checkLimitNames(SOCKET_DOOR.name, options.limits);
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
  return timeoutMs === undefined
    ? undefined
    : checkWholeNumber(name, timeoutMs, leastMs, MAX_TIMEOUT_MS, 'whole milliseconds');
}

function limitOrOff(name: string, value: number): number {
  return checkWholeNumber(name, value, 0) || Number.POSITIVE_INFINITY;
}
