/**
 * Errors as applications see them, derived from the violation table; and the last resort for those nobody listens for.
 */

import { inspect } from 'node:util';
import { VIOLATIONS, type ViolationId, violationMessage } from '../protocol/index.ts';

/** What an 'error' event carries when a connection fails. */
export interface ConnectionError extends Error {
  /** A `WS_ERR_…` code, see the table of errors in spec-notes/use.md; for corrupt compressed data zlib's, such as Z_DATA_ERROR. */
  readonly code: string;
}

/**
 * The error that stands for a violation. `cause` is what a handler threw; or what zlib or a Blob's reader said, which is
 * then the error itself.
 */
export function violationError(id: ViolationId, detail: number, cause?: unknown): ConnectionError {
  if (cause instanceof Error && (id === 'invalidCompression' || isUnreadableBlob(cause)))
    return cause as ConnectionError;
  const { code, isRangeError } = VIOLATIONS[id];
  const ErrorClass = isRangeError ? RangeError : Error;
  const error = new ErrorClass(violationMessage(id, detail), cause === undefined ? undefined : { cause });
  return Object.assign(error, { code });
}

/** What reading a Blob is rejected with when the file behind it has changed or gone. */
function isUnreadableBlob(error: Error): boolean {
  return error instanceof DOMException && error.name === 'NotReadableError';
}

/** For errors that concern nobody: 'close' follows, and whoever waits hears of that. */
export function ignoreError(): void {}

/** Throws it where nobody can catch it: an uncaught exception, as what a listener of an EventTarget throws is. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** What an error says; one for several addresses says nothing by itself. */
function messageOf(error: Error): string {
  const { errors = [], code } = error as Error & { readonly errors?: readonly Error[]; readonly code?: string };
  return error.message || errors.map(({ message }) => message).join('; ') || code || error.name;
}

/**
 * What a client that cannot connect ends the process with when nobody listens for 'error': the address, without what is
 * secret in it, and the reason, which is the `cause`.
 */
export function unheardConnectError(url: string, cause: Error): Error {
  const shown = url.replace(/\/\/[^/?#]*@/, '//').replace(/\?.*/, '?…');
  const error = new Error(`WebSocket could not connect to ${shown}: ${messageOf(cause)}`, { cause });
  const { code } = cause as Error & { readonly code?: string };
  return code === undefined ? error : Object.assign(error, { code });
}

/**
 * Reports an error of application code that nothing else will hear of, as a process warning with the stack: the process
 * stays up, and the mistake is seen.
 */
export function warnOfError(error: unknown, where: string): void {
  // Anything can be thrown, also what cannot be made a string.
  const detail = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  process.emitWarning(`An error was thrown in ${where} and nobody listens for it`, {
    type: 'FramewrightWarning',
    code: 'WS_ERR_INTERNAL',
    detail,
  });
}
