/**
 * The options of a connection, under ws's names or our own, and the settings that they come to. Every door resolves its
 * options here: two names for one thing become one, and numbers are held to their ranges.
 */

import { defaultMaxFragments, type Limits, resolveLimits } from '../protocol/index.ts';
import { checkWholeNumber, MAX_TIMER_MS } from '../protocol/whole-number.ts';
import { type BacklogSettings, resolveBacklog } from './backlog-settings.ts';
import type { ConnectionOptions, ConnectionSettings, HeartbeatSettings } from './connection-settings.ts';
import { checkOptions, type DoorName, isNothing } from './option-check.ts';
import {
  doorOf,
  HEARTBEAT_DEFAULTS,
  kindOf,
  OPTIONS,
  passedOver,
  WS_DEFAULT_LIMITS,
  wsNamesAt,
} from './option-table.ts';
import type { WsMeaning } from './ws-names.ts';

/**
 * Options of a connection where ws's names are taken beside our own. Of two names for one thing, one is given. For sizes
 * and counts under ws's names, 0 turns the limit off, as in ws.
 */
export interface WsConnectionOptions extends ConnectionOptions {
  /** `limits.maxMessageBytes`. Default 104 857 600 (100 MiB), which is ws's. */
  maxPayload?: number | undefined;
  /** `limits.maxFragments`. Default: one for each 64 bytes of `maxPayload`, and 1024 more. */
  maxFragments?: number | undefined;
  /** `limits.maxPendingPongs`. Default 60. */
  maxPendingAutoPongs?: number | undefined;
  /** `closeTimeoutMs`. */
  closeTimeout?: number | undefined;
  /** The opposite of `spreadsEvents`. Default true. */
  allowSynchronousEvents?: boolean | undefined;
  /** For ws's sake: nothing here keeps chunks, so there is nothing to limit. */
  maxBufferedChunks?: number | undefined;
  /** `skipsUtf8Validation`. */
  skipUTF8Validation?: boolean | undefined;
}

/**
 * Gives a timeout back, in milliseconds.
 * @throws {TypeError | RangeError} when it is not a whole number from `leastMs` to 2 147 483 647
 */
export function checkTimeout(name: string, timeoutMs: unknown, leastMs = 0): number {
  return checkWholeNumber(name, timeoutMs, leastMs, MAX_TIMER_MS, 'whole milliseconds');
}

// ---- Two vocabularies -----------------------------------------------------------------------------------------------

/** What a value under a name of ws's is under ours. */
const FROM_WS: Readonly<Record<WsMeaning, (name: string, value: unknown) => unknown>> = {
  limit: (name, value) => checkWholeNumber(name, value, 0) || Number.POSITIVE_INFINITY,
  timeout: (name, value) => checkTimeout(name, value),
  patience(name, value) {
    const timeoutMs = checkWholeNumber(name, typeof value === 'number' ? Math.ceil(value) : value, 0);
    return timeoutMs > MAX_TIMER_MS ? 0 : timeoutMs;
  },
  flag: (_name, value) => value,
  opposite: (_name, value) => !value,
  list: (_name, value) => [value].flat(),
};

/** Options as they are meant: nothing stands there as null, undefined, false where that is no value, or under a name of ws's. */
export type OurOptions<Given> = {
  [Name in keyof Given as Name extends keyof WsConnectionOptions
    ? Name extends keyof ConnectionOptions
      ? Name
      : never
    : Name]?: NonNullable<Given[Name]>;
};

/**
 * Options that have been given at a door, under our names alone.
 * @throws {TypeError | RangeError} for a value under a name of ws's that is out of its range
 * @throws {TypeError} for two names of one thing that contradict each other. Where they agree they are taken: the `options`
 *   that a server shows have both, and may be given to the next one.
 */
export function inOurNames<Given extends object>(door: DoorName, given: Given): OurOptions<Given> {
  const options: Record<string, unknown> = { ...(given as object) };
  for (const [name, value] of Object.entries(options)) if (isNothing(value, kindOf(name))) delete options[name];
  const limits: Record<string, unknown> = { ...(options.limits as object | undefined) };
  for (const { ws, ours, means } of wsNamesAt(door)) {
    const value = options[ws];
    if (value === undefined) continue;
    delete options[ws];
    const [, limit] = ours.split('.');
    const [place, name] = limit === undefined ? [options, ours] : [limits, limit];
    const meant = FROM_WS[means](ws, value);
    const other = place[name] ?? meant;
    // Lists are compared by their members.
    if (String(other) !== String(meant)) {
      throw new TypeError(`${ws} (${value}) and ${ours} (${other}) contradict each other: give one of them`);
    }
    place[name] = meant;
  }
  return { ...options, limits } as unknown as OurOptions<Given>;
}

// ---- Settings -------------------------------------------------------------------------------------------------------

/**
 * @param defaults limits that differ from the core's where nothing is given
 * @throws {TypeError | RangeError} for a limit or a timeout out of its range
 */
export function resolveSettings(
  { limits, ...options }: ConnectionOptions,
  defaults: Partial<Limits> = {},
): ConnectionSettings {
  return withLimits(resolveLimits({ ...defaults, ...definedOf(limits) }), options);
}

/** As `resolveSettings`, at a door that takes ws's names and has ws's defaults. */
export function resolveWsSettings(door: DoorName, options: WsConnectionOptions): ConnectionSettings {
  return resolveSettings(inOurNames(door, options), WS_DEFAULT_LIMITS);
}

/** @param backPressure what holds where the options say nothing of it */
function withLimits(
  limits: Limits,
  options: Omit<ConnectionOptions, 'limits'>,
  backPressure?: BacklogSettings,
): ConnectionSettings {
  return {
    limits,
    backPressure: resolveBacklog(options, backPressure),
    autoPong: options.autoPong,
    closeTimeoutMs: checkTimeout('closeTimeoutMs', options.closeTimeoutMs ?? OPTIONS.closeTimeoutMs.default),
    heartbeat: heartbeatSettings(options.heartbeat),
    skipsUtf8Validation: options.skipsUtf8Validation,
    strictLengths: options.strictLengths,
    spreadsEvents: options.spreadsEvents,
    listenerErrors: options.listenerErrors,
    sharesReadBuffer: options.sharesReadBuffer,
    transientMessages: options.transientMessages,
  };
}

function heartbeatSettings(given: ConnectionOptions['heartbeat']): HeartbeatSettings | undefined {
  if (!given) return undefined;
  const { intervalMs, timeoutMs } = given === true ? {} : given;
  return {
    intervalMs: checkTimeout('heartbeat.intervalMs', intervalMs ?? HEARTBEAT_DEFAULTS.intervalMs, 1),
    timeoutMs: checkTimeout('heartbeat.timeoutMs', timeoutMs ?? HEARTBEAT_DEFAULTS.timeoutMs, 1),
  };
}

/** The limits that are given. */
export function definedOf(limits: Partial<Limits> | undefined): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
}

// ---- setSocket ------------------------------------------------------------------------------------------------------

/** What servers and clients give to `setSocket`, under its ws names. */
export type SetSocketOptions = Pick<
  WsConnectionOptions,
  'allowSynchronousEvents' | 'maxBufferedChunks' | 'maxFragments' | 'maxPayload' | 'skipUTF8Validation'
> & { generateMask?: ((key: Buffer) => void) | undefined };

const SOCKET_DOOR = doorOf('setSocket()');

/** Servers give the constructor all that they were given, and so may programs. */
const OF_SERVERS = passedOver('WebSocketServer', 'setSocket()');
const OWN_SOCKET_DOOR = doorOf('setSocket()', OF_SERVERS, 'new WebSocket(null)');

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

/** Settings under ws's names, as programs look them up in a server's `options`. */
export function shownOptionsOf(settings: ConnectionSettings): WsConnectionOptions {
  const { allowSynchronousEvents, maxFragments, maxPayload, skipUTF8Validation } = socketOptionsOf(settings);
  return {
    allowSynchronousEvents,
    autoPong: settings.autoPong ?? OPTIONS.autoPong.default,
    closeTimeout: settings.closeTimeoutMs,
    maxFragments,
    maxPayload,
    maxPendingAutoPongs: zeroWhenOff(settings.limits.maxPendingPongs),
    skipUTF8Validation,
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
  given: SetSocketOptions & WsConnectionOptions,
): ConnectionSettings {
  const unchanged: SetSocketOptions & WsConnectionOptions = socketOptionsOf(settings);
  const changed: typeof given = changesOf(given, unchanged);
  // As of nearly every connection, which then is spared the rest.
  if (changed === NO_CHANGES) return settings;
  checkOptions(SOCKET_DOOR, given);
  // What has come through as it was given does not stand against another name for it.
  const { limits, generateMask, ...options } = inOurNames('setSocket()', changed);
  return {
    ...withLimits(
      limitsForSocket(settings.limits, definedOf(limits)),
      { ...settings, ...options },
      settings.backPressure,
    ),
    nextMaskingKey: generateMask ? keySource(generateMask) : settings.nextMaskingKey,
  };
}

const NO_CHANGES = {};

/** What stands otherwise in `given`. @returns `NO_CHANGES` when nothing does */
function changesOf<Options extends object>(given: Options, unchanged: Options): Partial<Options> {
  let changes: Partial<Options> = NO_CHANGES;
  for (const name in given) {
    if (given[name] !== unchanged[name]) changes = { ...changes, [name]: given[name] };
  }
  return changes;
}

/** The same object when nothing differs: all connections of a server share it. */
function limitsForSocket(limits: Limits, changed: Partial<Limits>): Limits {
  if (Object.keys(changed).length === 0) return limits;
  if (changed.maxMessageBytes === undefined) return resolveLimits({ ...limits, ...changed });
  // The number of fragments follows the length of messages, unless it was given.
  const { maxFragments, ...others } = limits;
  const isGiven = maxFragments !== defaultMaxFragments(limits.maxMessageBytes);
  return resolveLimits({ ...others, ...(isGiven && { maxFragments }), ...changed });
}

/**
 * The settings of a socket of the application's own making. What neither the constructor nor `setSocket` was told is ws's
 * default there, which is no limit on messages.
 * @param own what the constructor was given
 * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
 */
export function settingsForOwnSocket(
  own: WsConnectionOptions,
  given: SetSocketOptions & WsConnectionOptions,
): ConnectionSettings {
  checkOptions(OWN_SOCKET_DOOR, own);
  checkOptions(SOCKET_DOOR, given);
  const { limits: ownLimits, ...ownOptions } = inOurNames('setSocket()', own);
  const { limits, generateMask, ...options } = inOurNames('setSocket()', given);
  return {
    ...resolveSettings(
      { ...ownOptions, ...options, limits: { ...ownLimits, ...definedOf(limits) } },
      { maxMessageBytes: Number.POSITIVE_INFINITY },
    ),
    nextMaskingKey: generateMask && keySource(generateMask),
  };
}

/** Masking keys of the program's making, as numbers in network order. */
export function keySource(generateMask: (key: Buffer) => void): () => number {
  const key = Buffer.alloc(4);
  return () => maskingKeyFrom(generateMask, key);
}

/** One of them. @param key four bytes that it is made in */
export function maskingKeyFrom(generateMask: (key: Buffer) => void, key: Buffer): number {
  generateMask(key);
  return key.readInt32BE();
}
