/** A journal as a list, with what one does with it: filters, saving, copying, and how much of it there is. */

import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { type Direction, plural } from '../../inspector/index.ts';
import { FILTER_KINDS, type Filter, type FilterKind } from '../journal/filter.ts';
import { usePlaceValue } from '../router.ts';
import type { WorkerClient, WorkerState } from '../worker/worker-client.ts';
import { CopyButton } from './copy-button.tsx';
import { focusDetail } from './entry-detail.tsx';
import { JournalList } from './journal-list.tsx';

interface JournalPanelProps {
  readonly client: WorkerClient;
  readonly state: WorkerState;
  readonly title: string;
  /** In front of the list. */
  readonly children?: ReactNode;
  /** Instead of a list without lines. */
  readonly empty: string;
  /** Whether the list shows the newest lines until somebody looks at others. */
  readonly follows: boolean;
  /** Buttons behind those for saving and copying. */
  readonly actions?: ReactNode;
}

export function JournalPanel({ client, state, title, children, empty, follows, actions }: JournalPanelProps) {
  const titleId = useId();
  const { count, shownCount, letGoCount } = state.view;
  return (
    <section className="panel journal-panel" aria-labelledby={titleId}>
      <div className="title-line">
        <h2 id={titleId}>{title}</h2>
        <span className="hint">{countText(state.view)}</span>
      </div>
      {children}
      <Filters client={client} connections={state.view.connections} />
      {shownCount === 0 ? (
        <p className="empty">{count + letGoCount === 0 ? empty : 'Nothing that the filter lets through.'}</p>
      ) : (
        <JournalList client={client} state={state} label={title} follows={follows} onEnter={focusDetail} />
      )}
      <div className="line actions">
        <button type="button" className="small" disabled={count === 0} onClick={() => save(client)}>
          Save as JSON lines
        </button>
        {state.detail && <CopyButton text={() => client.hex(state.detail!.row.id)}>Copy as hex</CopyButton>}
        {actions}
      </div>
    </section>
  );
}

function countText({ count, shownCount, letGoCount, lostCount }: WorkerState['view']): string {
  const parts = [shownCount === count ? lines(count) : `${shownCount.toLocaleString('en')} of ${lines(count)}`];
  if (letGoCount > 0) {
    const saved = lostCount === 0 ? 'Save has them' : `Save has all but ${lostCount.toLocaleString('en')}`;
    parts.push(`${letGoCount.toLocaleString('en')} older ones let go (${saved})`);
  }
  return parts.join('; ');
}

function lines(count: number): string {
  return plural(count, 'line').replace(`${count}`, count.toLocaleString('en'));
}

async function save(client: WorkerClient): Promise<void> {
  const url = URL.createObjectURL(await client.save());
  const link = document.createElement('a');
  link.href = url;
  link.download = `websocket-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jsonl`;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const DIRECTIONS: Readonly<Record<Filter['direction'], string>> = {
  both: 'both directions',
  clientToServer: '↑ client to server',
  serverToClient: '↓ server to client',
};

/** Somebody still types. */
const TYPING_MS = 150;

function Filters({ client, connections }: { client: WorkerClient; connections: readonly number[] }) {
  const id = useId();
  const [direction, setDirection] = usePlaceValue('direction', 'both');
  const [kind, setKind] = usePlaceValue('kind', 'all');
  const [text, setText] = usePlaceValue('find', '');
  const [connection, setConnection] = useState(0);
  const applied = useRef('');
  useEffect(() => {
    const filter: Filter = {
      direction: direction in DIRECTIONS ? (direction as Direction) : 'both',
      kind: kind in FILTER_KINDS ? (kind as FilterKind) : 'all',
      text,
      connection,
    };
    const name = JSON.stringify(filter);
    const timer = setTimeout(() => {
      if (applied.current !== name) client.request({ type: 'filter', filter });
      applied.current = name;
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [client, direction, kind, text, connection]);
  return (
    <fieldset className="filters">
      <legend className="visually-hidden">Filters</legend>
      <select aria-label="Direction" value={direction} onChange={(event) => setDirection(event.target.value)}>
        {options(DIRECTIONS)}
      </select>
      <select aria-label="Kind" value={kind} onChange={(event) => setKind(event.target.value)}>
        {options(FILTER_KINDS)}
      </select>
      {connections.length > 1 && (
        <select
          aria-label="Connection"
          value={connection}
          onChange={(event) => setConnection(Number(event.target.value))}
        >
          <option value={0}>all connections</option>
          {connections.slice(-MAX_LISTED_CONNECTIONS).map((number) => (
            <option key={number} value={number}>
              connection {number}
            </option>
          ))}
        </select>
      )}
      <input
        id={`${id}-text`}
        type="search"
        aria-label="Text in it"
        placeholder="text in it"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </fieldset>
  );
}

/** A menu of thousands helps nobody. */
const MAX_LISTED_CONNECTIONS = 200;

function options(names: Readonly<Record<string, string>>): ReactNode {
  return Object.entries(names).map(([value, name]) => (
    <option key={value} value={value}>
      {name}
    </option>
  ));
}
