/** Which room is open: the page's address says it, so that it can be shown to others, and "back" goes back. */

import { useSyncExternalStore } from 'react';

export const pathOf = (room: string) => `#/${encodeURIComponent(room)}`;

function follow(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

function read(): string {
  const path = location.hash.replace(/^#\/?/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** @returns '' where none is named */
export const usePlace = () => useSyncExternalStore(follow, read);

const PHONE = matchMedia('(max-width: 700px)');
/** There is room for the list of rooms, or for one of them. */
export const useIsNarrow = () =>
  useSyncExternalStore(
    (listener) => {
      PHONE.addEventListener('change', listener);
      return () => PHONE.removeEventListener('change', listener);
    },
    () => PHONE.matches,
  );
