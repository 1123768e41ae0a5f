/** The table of connections: sorted and searched here, and only the rows that are seen are in the page. */

import { type UIEvent, useMemo, useState } from 'react';
import type { Connection } from '../figures.ts';
import { formatBytes, formatCount, formatDuration } from '../format.ts';

interface Column {
  readonly name: string;
  /** By which it is sorted. */
  readonly of: (one: Connection) => string | number;
  readonly show: (one: Connection, now: number) => string;
  readonly isText?: boolean;
}

const latency = ({ state }: Connection) => state[3];
const COLUMNS: readonly Column[] = [
  { name: 'Address', of: ({ address }) => address, show: ({ address }) => address, isText: true },
  { name: 'User', of: ({ user }) => user, show: ({ user }) => user || '–', isText: true },
  {
    name: 'Subprotocol',
    of: ({ subprotocol }) => subprotocol,
    show: ({ subprotocol }) => subprotocol || '–',
    isText: true,
  },
  { name: 'Open for', of: ({ since }) => -since, show: ({ since }, now) => formatDuration(now - since) },
  { name: 'In', of: ({ state }) => state[0], show: ({ state }) => formatCount(state[0]) },
  { name: 'Out', of: ({ state }) => state[1], show: ({ state }) => formatCount(state[1]) },
  { name: 'Waiting', of: ({ state }) => state[2], show: ({ state }) => (state[2] === 0 ? '0' : formatBytes(state[2])) },
  {
    name: 'Latency',
    of: (one) => latency(one) ?? -1,
    show: (one) => (latency(one) === null ? '–' : `${latency(one)!.toFixed(1)} ms`),
  },
];

const ROW_PX = 28;
/** Rows above and below those that are seen. */
const SPARE_ROWS = 8;

export function ConnectionTable({
  connections,
  total,
  now,
}: {
  connections: readonly Connection[];
  total: number | undefined;
  now: number;
}) {
  const [sort, setSort] = useState({ column: 3, isDown: true });
  const [search, setSearch] = useState('');
  const [seen, setSeen] = useState({ top: 0, height: 400 });

  const rows = useMemo(() => {
    const { of } = COLUMNS[sort.column]!;
    const found = connections.filter(
      ({ address, user, subprotocol }) => search === '' || `${address} ${user} ${subprotocol}`.includes(search),
    );
    const sign = sort.isDown ? -1 : 1;
    return found.sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      return x === y ? a.id - b.id : x < y ? -sign : sign;
    });
  }, [connections, sort, search]);

  const first = Math.max(0, Math.floor(seen.top / ROW_PX) - SPARE_ROWS);
  const end = Math.ceil((seen.top + seen.height) / ROW_PX) + SPARE_ROWS;
  const onScroll = ({ currentTarget: { scrollTop, clientHeight } }: UIEvent<HTMLElement>) =>
    setSeen({ top: scrollTop, height: clientHeight });

  return (
    <section className="card connections" aria-label="Connections">
      <header>
        <h2>Connections</h2>
        <span className="faint">
          {total !== undefined && `${formatCount(total)} open`}
          {total !== undefined && rows.length < total && `, ${formatCount(rows.length)} shown`}
        </span>
        <input
          type="search"
          placeholder="Address, user, subprotocol"
          aria-label="Search connections"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </header>
      <div className="scroll" onScroll={onScroll}>
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              {COLUMNS.map(({ name, isText }, column) => (
                <th
                  key={name}
                  className={isText ? 'text' : ''}
                  aria-sort={sort.column !== column ? 'none' : sort.isDown ? 'descending' : 'ascending'}
                >
                  <button
                    type="button"
                    onClick={() => setSort({ column, isDown: sort.column === column ? !sort.isDown : !isText })}
                  >
                    {name}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr className="spacer" style={{ height: first * ROW_PX }} />
            {rows.slice(first, end).map((one, place) => (
              <tr
                key={one.id}
                aria-rowindex={first + place + 2}
                className={one.state[4] === 1 ? 'behind' : ''}
                title={one.state[4] === 1 ? 'Past its high-water mark: it reads too slowly' : undefined}
              >
                {COLUMNS.map(({ name, show, isText }) => (
                  <td key={name} className={isText ? 'text' : ''}>
                    {show(one, now)}
                  </td>
                ))}
              </tr>
            ))}
            <tr className="spacer" style={{ height: Math.max(0, rows.length - end) * ROW_PX }} />
          </tbody>
        </table>
        {total !== undefined && rows.length === 0 && (
          <p className="none">{total === 0 ? 'Nobody is connected.' : 'None of them fits.'}</p>
        )}
      </div>
    </section>
  );
}
