/** The place in a list that grows at both ends. */

import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';

/** So near to an end counts as being there, in pixels. */
const NEAR = 60;
const NEAR_BEGIN = 300;

/**
 * Stays at the end while it is there, and where it is when something comes above.
 * @param onNearBegin asked for more, when `mayGrow`
 */
export function useScrolling(
  scroller: RefObject<HTMLDivElement | null>,
  firstKey: string | undefined,
  mayGrow: boolean,
  onNearBegin: () => void,
) {
  const [isAtEnd, setAtEnd] = useState(true);
  const place = useRef({ isAtEnd: true, fromEnd: 0, firstKey });
  const newest = useRef(onNearBegin);
  useLayoutEffect(() => {
    newest.current = onNearBegin;
    const box = scroller.current;
    if (box === null) return;
    if (place.current.isAtEnd) box.scrollTop = box.scrollHeight;
    else if (place.current.firstKey !== firstKey) box.scrollTop = box.scrollHeight - place.current.fromEnd;
    place.current.firstKey = firstKey;
    place.current.fromEnd = box.scrollHeight - box.scrollTop;
  });
  // What fills no screen cannot be scrolled.
  // biome-ignore lint/correctness/useExhaustiveDependencies: after each time that it has grown
  useEffect(() => {
    if (mayGrow && scroller.current !== null && scroller.current.scrollTop < NEAR_BEGIN) newest.current();
  }, [mayGrow, firstKey, scroller]);
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const scrolled = () => {
      const { scrollTop, scrollHeight, clientHeight } = box;
      place.current.fromEnd = scrollHeight - scrollTop;
      place.current.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
      setAtEnd(place.current.isAtEnd);
      if (scrollTop < NEAR_BEGIN) newest.current();
    };
    box.addEventListener('scroll', scrolled, { passive: true });
    // A keyboard comes up, a text gets longer.
    const sizes = new ResizeObserver(() => {
      if (place.current.isAtEnd) box.scrollTop = box.scrollHeight;
    });
    sizes.observe(box);
    return () => {
      box.removeEventListener('scroll', scrolled);
      sizes.disconnect();
    };
  }, [scroller]);
  return {
    isAtEnd,
    toEnd: () => {
      place.current.isAtEnd = true;
      setAtEnd(true);
      if (scroller.current !== null) scroller.current.scrollTop = scroller.current.scrollHeight;
    },
  };
}
