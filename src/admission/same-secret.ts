/** Compares secrets in a time that tells nothing of the right one. */

import { describe } from '../options/option-check.ts';

/**
 * Whether a secret that somebody shows is the right one. How long that takes does not depend on how much of it is right.
 * @param shown of any length; undefined, for none, is not
 * @throws {TypeError} unless the right one is a string, and not empty: a variable of the environment may be missing
 */
export function isSameSecret(shown: string | undefined, expected: string): boolean {
  if (typeof expected !== 'string' || expected === '') {
    throw new TypeError(`isSameSecret() needs a secret to compare with, not ${describe(expected)}`);
  }
  if (typeof shown !== 'string') return false;
  const { createHmac, randomBytes, timingSafeEqual } = process.getBuiltinModule('node:crypto');
  // Of one length, whatever the secrets', and different each time.
  const key = randomBytes(32);
  const [a, b] = [shown, expected].map((secret) => createHmac('sha256', key).update(secret).digest());
  return timingSafeEqual(a!, b!);
}
