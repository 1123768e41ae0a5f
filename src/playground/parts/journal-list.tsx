/**
 * A journal as a list of lines, of which only those in sight are in the page. Arrow keys go from line to line; what the
 * line is about is shown elsewhere.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, memo, useEffect, useLayoutEffect, useRef } from 'react';
import type { Row } from '../journal/entry.ts';
import type { JournalRequest } from '../worker/messages.ts';
import type { WorkerClient, WorkerState } from '../worker/worker-client.ts';

interface JournalListProps {
  readonly client: WorkerClient;
  readonly state: WorkerState;
  readonly label: string;
  /** Whether it shows the newest lines until somebody looks at others. */
  readonly follows: boolean;
  /** Enter goes on to what the line is about. */
  readonly onEnter: () => void;
}

const ROW_PX = 32;
/** How far from its end a list counts as being there. */
const END_MARGIN_PX = 40;
const LINES_BEYOND_SIGHT = 12;

const ARROWS = {
  clientToServer: { arrow: '↑', label: 'client to server' },
  serverToClient: { arrow: '↓', label: 'server to client' },
} as const;

export function JournalList({ client, state, label, follows, onEnter }: JournalListProps) {
  const { shownCount, goneCount, start, rows, selectedIndex, connections } = state.view;
  const list = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(follows);
  const virtualizer = useVirtualizer({
    count: shownCount,
    getScrollElement: () => list.current,
    estimateSize: () => ROW_PX,
    overscan: LINES_BEYOND_SIGHT,
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const end = (items.at(-1)?.index ?? -1) + 1;
  const tell = () => {
    if (end === 0) return;
    client.request({ type: 'look', start: first, end, isFollowing: isFollowing.current });
  };
  useEffect(tell, [client, first, end]);
  useLayoutEffect(() => {
    if (isFollowing.current && shownCount > 0) list.current!.scrollTop = shownCount * ROW_PX;
  }, [shownCount]);
  // Lines that are gone from the front do not move those in sight.
  const goneBefore = useRef(goneCount);
  useLayoutEffect(() => {
    const moved = goneCount - goneBefore.current;
    goneBefore.current = goneCount;
    if (moved > 0 && !isFollowing.current) list.current!.scrollTop -= moved * ROW_PX;
  }, [goneCount]);

  const look = () => {
    const { scrollTop, clientHeight, scrollHeight } = list.current!;
    follow(follows && scrollTop + clientHeight >= scrollHeight - END_MARGIN_PX);
  };
  const follow = (isWanted: boolean) => {
    if (isFollowing.current === isWanted) return;
    isFollowing.current = isWanted;
    tell();
  };
  // The line that a key led to comes into sight once the worker says which one that is.
  const isMoving = useRef(false);
  useLayoutEffect(() => {
    if (isMoving.current && selectedIndex !== -1) virtualizer.scrollToIndex(selectedIndex);
    isMoving.current = false;
  }, [virtualizer, selectedIndex]);
  const move = (event: KeyboardEvent) => {
    if (event.key === 'Enter') onEnter();
    const page = Math.max(1, Math.floor((list.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const request = requestFor(event.key, shownCount, page);
    if (request === undefined) return;
    event.preventDefault();
    follow(false);
    isMoving.current = true;
    client.request(request);
  };
  const rowAt = (index: number): Row | undefined => rows[index - start];
  const selected = rowAt(selectedIndex);
  return (
    <div
      ref={list}
      className="journal"
      role="listbox"
      aria-label={label}
      aria-activedescendant={selected && rowId(selected)}
      tabIndex={0}
      onScroll={look}
      onKeyDown={move}
    >
      <div role="presentation" className="journal-lines" style={{ height: virtualizer.getTotalSize() }}>
        {items.map(({ index, start: top }) => {
          const row = rowAt(index);
          return (
            row && (
              <Line
                key={row.id}
                row={row}
                top={top}
                place={index + 1}
                count={shownCount}
                isSelected={index === selectedIndex}
                hasNumber={connections.length > 1}
                onSelect={() => {
                  follow(false);
                  client.request({ type: 'select', index });
                }}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

function rowId({ id }: Row): string {
  return `line-${id}`;
}

function requestFor(key: string, count: number, page: number): JournalRequest | undefined {
  const requests: Readonly<Record<string, JournalRequest>> = {
    ArrowDown: { type: 'move', by: 1 },
    ArrowUp: { type: 'move', by: -1 },
    PageDown: { type: 'move', by: page },
    PageUp: { type: 'move', by: -page },
    Home: { type: 'select', index: 0 },
    End: { type: 'select', index: count - 1 },
  };
  return requests[key];
}

interface LineProps {
  readonly row: Row;
  readonly top: number;
  readonly place: number;
  readonly count: number;
  readonly isSelected: boolean;
  readonly hasNumber: boolean;
  readonly onSelect: () => void;
}

const Line = memo(function Line({ row, top, place, count, isSelected, hasNumber, onSelect }: LineProps) {
  const { direction, connection, kind, what, preview, atMs, isFault } = row;
  const arrow = direction && ARROWS[direction];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
    <div
      id={rowId(row)}
      role="option"
      tabIndex={-1}
      aria-selected={isSelected}
      aria-posinset={place}
      aria-setsize={count}
      className={`row row-${isFault ? 'fault' : (direction ?? 'note')}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onSelect}
    >
      {hasNumber && <span className="number">#{connection}</span>}
      {arrow === undefined ? (
        <span className="arrow">·</span>
      ) : (
        <span className="arrow" role="img" aria-label={arrow.label}>
          {arrow.arrow}
        </span>
      )}
      <span className="kind">{kind}</span>
      {what !== '' && <span className="what">{what}</span>}
      <span className="preview">{preview}</span>
      {atMs > 0 && <span className="time">{atMs.toFixed(1)} ms</span>}
    </div>
  );
}, isSameLine);

/** `onSelect` is another each time and does the same. */
function isSameLine(a: LineProps, b: LineProps): boolean {
  return (
    a.row.id === b.row.id &&
    a.top === b.top &&
    a.count === b.count &&
    a.isSelected === b.isSelected &&
    a.hasNumber === b.hasNumber
  );
}
