/** What browsers and workers tell about the network and the page; other programs are told nothing. */

const surroundings = globalThis as unknown as Partial<EventTarget> & {
  readonly navigator?: { readonly onLine?: boolean };
  readonly document?: EventTarget & { readonly visibilityState: string };
};

export function isOffline(): boolean {
  return surroundings.navigator?.onLine === false;
}

/**
 * @param wake there is a network again, or somebody looks at the page again: what was true before may not be true any more
 * @param sleep the network is gone
 * @returns a function that ends it
 */
export function watchEnvironment(wake: () => void, sleep: () => void): () => void {
  const { document } = surroundings;
  const seen = () => {
    if (document!.visibilityState !== 'hidden') wake();
  };
  const watched: [target: Partial<EventTarget> | undefined, type: string, listener: () => void][] = [
    [surroundings, 'online', wake],
    [surroundings, 'offline', sleep],
    // Out of the cache of the history.
    [surroundings, 'pageshow', wake],
    [document, 'visibilitychange', seen],
    // It was frozen.
    [document, 'resume', wake],
  ];
  const end = new AbortController();
  const { signal } = end;
  for (const [target, type, listener] of watched) target?.addEventListener?.(type, listener, { signal });
  return () => end.abort();
}
