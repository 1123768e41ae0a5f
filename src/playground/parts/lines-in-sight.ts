/** Which lines of a scrolled list are in sight, when all have the same height: only those need be in the page. */

import { type RefObject, useCallback, useLayoutEffect, useState } from 'react';

export interface LinesInSight {
  /** The first of them, counted from 0. */
  readonly first: number;
  /** The one behind the last. */
  readonly end: number;
  /** Scrolls no further than is needed to see a line. */
  readonly reveal: (line: number) => void;
}

/** So many more on both sides: they are there before somebody has scrolled to them. */
const LINES_BEYOND_SIGHT = 12;

export function useLinesInSight(list: RefObject<HTMLElement | null>, count: number, linePx: number): LinesInSight {
  const [{ first, end }, setSight] = useState({ first: 0, end: 0 });
  useLayoutEffect(() => {
    const element = list.current!;
    const look = () => {
      const { scrollTop, clientHeight } = element;
      const first = Math.max(0, Math.floor(scrollTop / linePx) - LINES_BEYOND_SIGHT);
      const end = Math.ceil((scrollTop + clientHeight) / linePx) + LINES_BEYOND_SIGHT;
      setSight((last) => (last.first === first && last.end === end ? last : { first, end }));
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [list, linePx]);
  const reveal = useCallback(
    (line: number) => {
      const element = list.current!;
      const top = line * linePx;
      const lowest = top + linePx - element.clientHeight;
      element.scrollTop = Math.min(top, Math.max(lowest, element.scrollTop));
    },
    [list, linePx],
  );
  return { first: Math.min(first, count), end: Math.min(end, count), reveal };
}
