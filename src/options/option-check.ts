/**
 * Options as they are given: names that are not known and values of another kind are told to whoever gave them, before
 * anything is made of them. An option that is passed over in silence may be the one that was to guard the door.
 */

import { isWholeNumber } from '../protocol/whole-number.ts';

/** What an option may be: whether a value fits, and how to say it. */
export interface OptionKind {
  /** As in "must be …". */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** Of objects: the options inside. */
  readonly members?: (isLenient: boolean) => Members;
}

/** A kind for each option: the compiler says which are missing. */
export type OptionKinds<Options> = { readonly [Name in keyof Required<Options>]: OptionKind };

/** The options that may stand together. */
export interface Members {
  readonly kinds: Readonly<Record<string, OptionKind>>;
  /** Names that other doors have, and what to do here instead. They are refused. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** The kind that a name has where it is taken. */
  readonly kindElsewhere?: (name: string) => OptionKind | undefined;
  /** Names that are taken for another's and have no effect, and what to do instead. They are warned of. */
  readonly withoutEffect?: Readonly<Record<string, string>>;
  /**
   * Where ws passes over what it does not know, programs give whole objects of other options: unknown names pass then,
   * with a process warning for those that look like a slip of the pen; null stands for nothing, and so does false where it
   * is no value. Otherwise unknown names are refused.
   */
  readonly isLenient: boolean;
}

/** Where options of a connection, or of a part of it, are given. */
export type DoorName =
  | 'listen()'
  | 'WebSocketServer'
  | 'WebSocket'
  | 'setSocket()'
  | 'Receiver'
  | 'PerMessageDeflate'
  | 'Sender#send()'
  | 'createWebSocketStream()';

/** Where options are given. */
export interface Door extends Members {
  /** As messages have it: `listen()`. */
  readonly name: string;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
const isText = (value: unknown): value is string => typeof value === 'string';
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checked where it is used, or by Node.js. */
export const ANY: OptionKind = { expected: 'anything', fits: () => true };
export const FLAG: OptionKind = { expected: 'true or false', fits: (value) => typeof value === 'boolean' };
export const NUMBER: OptionKind = { expected: 'a number', fits: isNumber };
export const TEXT: OptionKind = { expected: 'a string', fits: isText };
export const HOOK: OptionKind = { expected: 'a function', fits: (value) => typeof value === 'function' };
export const SOCKET_CLASS: OptionKind = { ...HOOK, expected: 'a class that extends WebSocket' };
/** As servers check it. @param WebSocket the class itself, which stands above this module */
export const socketClass = (WebSocket: { readonly prototype: object }): OptionKind => ({
  ...SOCKET_CLASS,
  fits: (value) =>
    value === WebSocket || (typeof value === 'function' && value.prototype instanceof (WebSocket as never)),
});
export const OBJECT: OptionKind = { expected: 'an object', fits: isObject };
export const FLAG_OR_OBJECT: OptionKind = {
  expected: 'true, false or an object of settings',
  fits: (value) => FLAG.fits(value) || isObject(value),
};
export const PORT: OptionKind = {
  expected: 'a whole number from 0 to 65535',
  // Environment variables are strings, and node:net takes them.
  fits: (value) => /^\d{1,5}$/.test(isNumber(value) || isText(value) ? String(value) : '') && Number(value) <= 65_535,
};
export const COUNT: OptionKind = {
  expected: 'a whole number from 1 on',
  fits: (value) => isWholeNumber(value, 1),
};
export const COUNT_OR_NONE: OptionKind = {
  expected: 'a whole number from 0 on',
  fits: (value) => isWholeNumber(value, 0),
};
export const NAMES: OptionKind = {
  expected: 'a list of strings',
  fits: (value) => Array.isArray(value) && value.every(isText),
};
export const FIELDS: OptionKind = {
  expected: 'a list of [name, value]',
  fits: (value) =>
    Array.isArray(value) && value.every((field) => Array.isArray(field) && field.length === 2 && field.every(isText)),
};
export const PATH: OptionKind = {
  expected: 'a path as requests have it: with / in front, percent-encoded, without its query',
  fits: (value) => isText(value) && /^\/[!-~]*$/.test(value) && !/[?#]/.test(value),
};
/**
 * §10.2: what browsers send is a scheme, a host and perhaps a port (RFC 6454 §6.1), or `null`. No page has another form of it,
 * such as a port that its scheme has anyway.
 */
const isOrigin = (value: unknown): boolean =>
  isText(value) &&
  /^(?:null|[a-z][a-z\d+.-]*:\/\/[^/?#\s*]+)$/i.test(value) &&
  (!/^https?:/i.test(value) || (URL.canParse(value) && new URL(value).origin === value.toLowerCase()));
export const ORIGINS: OptionKind = {
  expected:
    "a list of origins as browsers send them, such as 'https://example.com', without a path, 'same-origin', or a function; leave it out to accept all",
  fits: (value) => HOOK.fits(value) || [value].flat().every((one) => one === 'same-origin' || isOrigin(one)),
};

/**
 * @throws {TypeError} for a name that the door does not know, unless it is lenient; for a name that only another door has;
 *   and for a value of another kind
 */
export function checkOptions(door: Door, given: unknown, prefix = ''): void {
  if (!isObject(given)) {
    throw new TypeError(`${door.name} takes an object of options, not ${describe(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    const kind = ownValue(door.kinds, name);
    if (value === undefined) continue;
    if (door.isLenient && isNothing(value, kind ?? door.kindElsewhere?.(name))) continue;
    if (kind === undefined) {
      reportUnknown(door, name, prefix);
      continue;
    }
    if (!kind.fits(value)) {
      throw new TypeError(`${door.name}: ${prefix}${name} must be ${kind.expected}; got ${describe(value)}`);
    }
    if (kind.members === undefined || !isObject(value)) continue;
    const members = kind.members(door.isLenient);
    const elsewhere = { ...door.elsewhere, ...members.elsewhere };
    checkOptions({ name: door.name, ...members, elsewhere }, value, `${prefix}${name}.`);
  }
}

/** Whether a value says nothing where ws's names are taken. */
export function isNothing(value: unknown, kind: OptionKind | undefined): boolean {
  return value === undefined || value === null || (value === false && kind?.fits(false) === false);
}

function reportUnknown(door: Door, name: string, prefix: string): void {
  const problem = `${door.name} has no option "${prefix}${name}"`;
  const advice = ownValue(door.elsewhere, name);
  if (advice !== undefined) throw new TypeError(`${problem}: ${advice}`);
  const names = Object.keys(door.kinds);
  const near = nearestName(name, names);
  const nearAdvice = near === undefined ? undefined : `did you mean "${prefix}${near}"?`;
  if (!door.isLenient) throw new TypeError(`${problem}: ${nearAdvice ?? `it takes ${names.join(', ')}`}`);
  const hint = ownValue(door.withoutEffect, name) ?? nearAdvice;
  if (hint !== undefined) warnOnce(`${problem}: ${hint}`);
}

const ownValue = <Value>(record: Readonly<Record<string, Value>> | undefined, name: string): Value | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;

const warned = new Set<string>();

/** A process warning for options that do not do what they seem to; each once. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  process.emitWarning(message, { type: 'FramewrightWarning', code: 'WS_WARN_OPTION' });
}

/** What was given, in a few words. */
export function describe(value: unknown): string {
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' || typeof value === 'function')
    return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
  return `the ${typeof value} ${String(value)}`;
}

/** The known name that a slip of the pen would make this one of, if there is one. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // One slip in four letters, and never more than three.
    if (distance < least && distance <= Math.min(3, Math.ceil(candidate.length / 4))) {
      nearest = candidate;
      least = distance;
    }
  }
  return nearest;
}

/** Letters to insert, delete, replace, or swap with their neighbour, until one text is the other. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const above = rows[row - 1]!;
      const isSame = from[row - 1] === to[column - 1];
      let cost = Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (isSwap) cost = Math.min(cost, rows[row - 2]![column - 2]! + 1);
      current.push(cost);
    }
    rows.push(current);
  }
  return rows[from.length]![to.length]!;
}
