/** Options of a hub, and what they come to. */

import type { Engine } from '../engines/engine.ts';
import { COUNT, type OptionKind, type OptionKinds } from '../options/option-check.ts';
import { isWholeNumber, MAX_TIMER_MS } from '../protocol/whole-number.ts';

export interface CoreOptions {
  /** Who gives channels their order and keeps their logs. Default: this process's memory. */
  readonly engine?: Engine | undefined;
  /** How much may wait for one connection that reads slowly, in bytes. Default 1,048,576. */
  readonly queueBytes?: number | undefined;
  /** How long a user whose connection is lost stays among the members, in milliseconds; 0: not at all. Default 10,000, and 0
   * without `authenticate`. */
  readonly presenceGraceMs?: number | undefined;
  /** How long rules and handlers of calls may take, in milliseconds. Default 30,000. */
  readonly callTimeoutMs?: number | undefined;
  /** Channels that one connection may be in. Default 100. */
  readonly maxChannels?: number | undefined;
  /** Calls that one connection may have open. Default 100. */
  readonly maxCalls?: number | undefined;
}

const ENGINE_METHODS: readonly (keyof Engine)[] = ['subscribe', 'publish', 'read', 'setPresence', 'members', 'close'];

const ENGINE: OptionKind = {
  expected: 'an engine, such as memory() gives',
  fits: (value) => ENGINE_METHODS.every((name) => typeof (value as Partial<Engine> | null)?.[name] === 'function'),
};
const TIME: OptionKind = {
  expected: `whole milliseconds from 1 to ${MAX_TIMER_MS}`,
  fits: (value) => isWholeNumber(value, 1, MAX_TIMER_MS),
};
const TIME_OR_NONE: OptionKind = {
  ...TIME,
  expected: `whole milliseconds from 0 to ${MAX_TIMER_MS}`,
  fits: (value) => isWholeNumber(value, 0, MAX_TIMER_MS),
};

export const CORE_KINDS: OptionKinds<CoreOptions> = {
  engine: ENGINE,
  queueBytes: COUNT,
  presenceGraceMs: TIME_OR_NONE,
  callTimeoutMs: TIME,
  maxChannels: COUNT,
  maxCalls: COUNT,
};

export interface HubSettings {
  readonly engine: Engine;
  readonly queueBytes: number;
  /** With so much waiting, a connection gets no more for now: a frame more is still within `queueBytes`. */
  readonly highWaterMarkBytes: number;
  /** Most characters of entries in a frame, unless one entry alone has more. */
  readonly frameBytes: number;
  /** Joins and publications of one connection that may be under way at once: all their answers are within `queueBytes`. */
  readonly maxUnderWay: number;
  readonly presenceGraceMs: number;
  readonly callTimeoutMs: number;
  readonly maxChannels: number;
  readonly maxCalls: number;
  /** Whether there is `authenticate`. */
  readonly knowsUsers: boolean;
}

const MAX_FRAME_BYTES = 65_536;
const MAX_UNDER_WAY = 100;
/** The longest answer to a join or a publication, about: with as many issues as are told. */
const ANSWER_BYTES = 5120;

export function settingsOf(options: CoreOptions, engine: Engine, knowsUsers: boolean): HubSettings {
  const queueBytes = options.queueBytes ?? 1_048_576;
  return {
    engine,
    queueBytes,
    highWaterMarkBytes: Math.max(1, Math.floor(queueBytes / 2)),
    frameBytes: Math.max(1, Math.min(MAX_FRAME_BYTES, Math.floor(queueBytes / 8))),
    maxUnderWay: Math.max(1, Math.min(MAX_UNDER_WAY, Math.floor(queueBytes / 2 / ANSWER_BYTES))),
    // Who has no name comes back as somebody else.
    presenceGraceMs: options.presenceGraceMs ?? (knowsUsers ? 10_000 : 0),
    callTimeoutMs: options.callTimeoutMs ?? 30_000,
    maxChannels: options.maxChannels ?? 100,
    maxCalls: options.maxCalls ?? 100,
    knowsUsers,
  };
}
