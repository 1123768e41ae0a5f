/** How much a peer may make this endpoint hold or do (§10.4). Each limit is a number of its unit; Infinity is none. */

import { checkWholeNumber } from './whole-number.ts';

export interface Limits {
  /** Longest message, in bytes of payload, all its fragments together. Default 1 MiB. Close code 1009. */
  readonly maxMessageBytes: number;
  /** Longest single data frame, in bytes of payload. Default: no limit but `maxMessageBytes`. Close code 1009. */
  readonly maxFrameBytes: number;
  /** Most fragments of a message, empty ones too. Default `maxMessageBytes` / 64 + 1024. Close code 1008. */
  readonly maxFragments: number;
  /**
   * Automatic pongs that may wait for a peer which does not read. Past it only the newest ping is answered, as §5.5.3
   * allows, once the others have been written. From 1 on. Default 60.
   */
  readonly maxPendingPongs: number;
  /** Control frames that may come within `controlWindowMs`, no data frame between. Default 2000. Close code 1008. */
  readonly maxControlFramesBetweenData: number;
  /** The time in which `maxControlFramesBetweenData` is counted, in milliseconds. Default 10 000. */
  readonly controlWindowMs: number;
}

const DEFAULTS = {
  maxMessageBytes: 1024 * 1024,
  maxFrameBytes: Number.POSITIVE_INFINITY,
  maxPendingPongs: 60,
  maxControlFramesBetweenData: 2000,
  controlWindowMs: 10_000,
};

const NAMES: readonly string[] = [...Object.keys(DEFAULTS), 'maxFragments'];

/** Long messages may come in many fragments; what a fragment costs beside its bytes is that of a short message. */
export function defaultMaxFragments(maxMessageBytes: number): number {
  return 1024 + Math.ceil(maxMessageBytes / 64);
}

/**
 * Fills the defaults in.
 * @throws {TypeError} when a limit is not a number, or not one of these
 * @throws {RangeError} when a limit is negative, NaN, or a fraction
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of set) {
    if (!NAMES.includes(name)) throw new TypeError(`There is no limit "${name}": use ${NAMES.join(', ')}`);
    checkWholeNumber(name, value, name === 'maxPendingPongs' ? 1 : 0);
  }
  const limits = { ...DEFAULTS, ...(Object.fromEntries(set) as Partial<Limits>) };
  return { maxFragments: defaultMaxFragments(limits.maxMessageBytes), ...limits };
}

/** No limit at all: for tools that look at recorded bytes, never for a server. */
export const UNLIMITED: Limits = resolveLimits({
  maxMessageBytes: Number.POSITIVE_INFINITY,
  maxPendingPongs: Number.POSITIVE_INFINITY,
  maxControlFramesBetweenData: Number.POSITIVE_INFINITY,
});
