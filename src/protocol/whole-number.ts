/** The one check of numbers that count something: bytes, frames, milliseconds. */

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
  const isWhole = Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY;
  if (isWhole && value >= least && value <= most) return value;
  const range = most === Number.POSITIVE_INFINITY ? `${least} on, or Infinity` : `${least} to ${most}`;
  throw new RangeError(`${name} must be ${unit} from ${range}; got ${value}`);
}
