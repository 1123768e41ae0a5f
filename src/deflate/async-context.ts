/**
 * In whose async context (AsyncLocalStorage, traces) things run. One flush, or one turn of the thread pool, does the work of
 * several callers: what belongs to a caller runs in that caller's context, what belongs to nobody in none.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { types } from 'node:util';

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

/** The context of this call. */
export function contextOfCall(): AsyncResource {
  return new AsyncResource(NAME);
}

/** The context of this call, unless no AsyncLocalStorage has a store in it. */
export function contextWithStore(): AsyncResource | undefined {
  const context = contextOfCall();
  return hasStore(context) ? context : undefined;
}

/**
 * There is no public way to ask. Where the runtime keeps stores for a whole process, a resource has its context's map of
 * them under one symbol; where it does not (up to Node 22), it has each of them under a symbol. Its other symbols are its
 * ids. What looks otherwise may have a store.
 */
function hasStore(context: AsyncResource): boolean {
  const members = context as AsyncResource & Readonly<Record<symbol, unknown>>;
  if (frameName !== undefined) return hasStoreInFrame(members[frameName]);
  let ids = 0;
  for (const name of Object.getOwnPropertySymbols(context)) {
    if (name.description?.endsWith('async_id_symbol') === true) ids++;
    else if (members[name] !== undefined) return true;
  }
  return ids === 0;
}

function hasStoreInFrame(frame: unknown): boolean {
  // No instance of this realm's Map.
  if (!types.isMap(frame)) return frame !== undefined;
  return [...Map.prototype.values.call(frame)].some((store) => store !== undefined);
}

/** The context that this module was loaded in: no caller's. */
const nobodys = new AsyncResource(NAME);

/** The symbol of that map. Storages that hand their stores from resource to resource have none, though it stands there. */
const frameName =
  '_propagate' in AsyncLocalStorage.prototype
    ? undefined
    : Object.getOwnPropertySymbols(nobodys).find(({ description }) => description === 'context_frame');

export function outsideAnyContext<Arguments extends unknown[]>(
  action: (...given: Arguments) => void,
  ...given: Arguments
): void {
  nobodys.runInAsyncScope(action, undefined, ...given);
}
