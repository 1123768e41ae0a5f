/** Faults in arguments: things that a person at the keyboard can put right. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestName } from '../options/option-check.ts';

/** Says what is wrong with an argument and what would be right. */
export class UsageError extends Error {}

/** `parseArgs`, which says of an option that there is not, which one may have been meant. @throws {UsageError} and as it does */
export function readArgs<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [, option] = /'(--?[^']+)'/.exec(message) ?? [];
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || option === undefined) throw error;
    const nearest = nearestName(option.replace(/^-+/, ''), Object.keys(config.options ?? {}));
    throw new UsageError(`Unknown option '${option}'${nearest === undefined ? '' : `: did you mean --${nearest}?`}`);
  }
}

/** The value of an option that is a number. @throws {UsageError} unless it is a whole one in this range */
export function readNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
}

/** Whether an error is about arguments: our own complaint, or one of `parseArgs`. */
export function isUsageFault(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}
