/** Numbers that count something: bytes, frames, milliseconds. The one check of them, which whoever counts may import. */

export const TWO_POW_32 = 2 ** 32;

/** The longest that a timer can wait, in milliseconds: past it, it would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Whether it is a whole number from `least` to `most`, and one that has a neighbour on either side. */
export function isWholeNumber(value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/**
 * Gives back a whole number from `least` on. Infinity counts as one where there is no `most`.
 * @throws {TypeError} when it is not a number
 * @throws {RangeError} when it is out of its range, NaN, or a fraction
 */
export function checkWholeNumber(
  name: string,
  value: unknown,
  least: number,
  most = Number.POSITIVE_INFINITY,
  unit = 'a whole number',
): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (isWholeNumber(value, least, most) || (value === Number.POSITIVE_INFINITY && value === most)) return value;
  const end = most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
  const range = most === Number.POSITIVE_INFINITY ? 'on, or Infinity' : end;
  throw new RangeError(`${name} must be ${unit} from ${least} ${range}; got ${value}`);
}
