/**
 * In whose async context (AsyncLocalStorage, traces) things run. One flush, or one turn of the thread pool, does the work of
 * several callers: what belongs to a caller runs in that caller's context, what belongs to nobody in none.
 */

import { AsyncResource } from 'node:async_hooks';

const NAME = 'framewright';
/** Faster than leaving it to the garbage collector, and told as soon as it is true. */
const TOLD_WHEN_DONE = { requireManualDestroy: true };

/** @returns `action`, to be called once, which then runs in the context of this call */
export function inCallersContext<Arguments extends unknown[]>(
  action: (...given: Arguments) => void,
): (...given: Arguments) => void {
  const context = new AsyncResource(NAME, TOLD_WHEN_DONE);
  return (...given) => {
    try {
      context.runInAsyncScope(action, undefined, ...given);
    } finally {
      context.emitDestroy();
    }
  };
}

/** The context that this module was loaded in: no caller's. */
const nobodys = new AsyncResource(NAME);

export function outsideAnyContext<Arguments extends unknown[]>(
  action: (...given: Arguments) => void,
  ...given: Arguments
): void {
  nobodys.runInAsyncScope(action, undefined, ...given);
}
