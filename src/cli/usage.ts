/** Faults in arguments: things that a person at the keyboard can put right. */

/** Says what is wrong with an argument and what would be right. */
export class UsageError extends Error {}

/** Whether an error is about arguments: our own complaint, or one of `parseArgs`. */
export function isUsageFault(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}
