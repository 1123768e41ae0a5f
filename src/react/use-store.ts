import { useInsertionEffect, useSyncExternalStore } from 'react';
import type { Store } from './store.ts';

/** Has a component follow a store. On the server, and while what came from there is hydrated, it is as at the beginning. */
export function useStore<Snapshot>(store: Store<Snapshot>, initial: Snapshot): Snapshot {
  return useSyncExternalStore(store.subscribe, store.snapshot, () => initial);
}

/** Gives a store the options of the render that is shown, before it starts and after each render. */
export function useNewest<Options>(store: { options: Options }, options: Options): void {
  useInsertionEffect(() => {
    store.options = options;
  });
}
