/** The page: what is watched and whether we still hear of it, the charts, the connections and what has happened. */

import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';
import { formatCount, formatTime } from '../format.ts';
import { ChartCard, type ChartPlan } from './chart-card.tsx';
import { ConnectionTable } from './connection-table.tsx';
import { NoticeList, Toasts } from './notices.tsx';
import { Store, type View } from './store.ts';
import './style.css';

const CHARTS: readonly ChartPlan[] = [
  { title: 'Messages', lines: [{ figure: 'messagesIn' }, { figure: 'messagesOut' }] },
  { title: 'Bytes', lines: [{ figure: 'bytesIn' }, { figure: 'bytesOut' }] },
  { title: 'Connections', lines: [{ figure: 'connections' }, { figure: 'opened', isRight: true }] },
  { title: 'Back-pressure', lines: [{ figure: 'waiting' }, { figure: 'behind', isRight: true }] },
  { title: 'Event-loop delay', lines: [{ figure: 'delayP50' }, { figure: 'delayP99' }] },
  { title: 'Memory', lines: [{ figure: 'rss' }, { figure: 'heap' }, { figure: 'external' }] },
];
const WINDOWS = [1, 5, 15];

const store = new Store();

function Dashboard() {
  const view = useSyncExternalStore(store.subscribe, store.getView);
  const [minutes, setMinutes] = useState(5);
  const [point, setPoint] = useState<number>();
  const dismiss = useCallback((id: string) => store.dismiss(id), []);
  const raised = view.alerts.filter(({ raisedAt }) => raisedAt !== undefined).length;
  const { hello, newest } = view;

  useEffect(() => {
    const state = view.state === 'lost' ? 'Lost' : raised > 0 ? `${raised} raised` : undefined;
    document.title = `${state === undefined ? '' : `⚠ ${state} – `}Dashboard`;
  }, [view.state, raised]);

  return (
    <>
      <header className="top">
        <h1>Dashboard</h1>
        <span className="watched">{hello?.watched}</span>
        <Status view={view} />
        <span className="spring" />
        {newest && (
          <span className="faint totals">
            In all: <b>{total(newest.totals.messagesIn)}</b> messages in, <b>{total(newest.totals.messagesOut)}</b> out,{' '}
            <b>{total(newest.totals.opened)}</b> connections
          </span>
        )}
        {hello?.isLoaded !== undefined && <LoadButton isLoaded={hello.isLoaded} />}
        <span className="choice" role="radiogroup" aria-label="Time that is shown">
          {WINDOWS.map((one) => (
            <label key={one}>
              <input type="radio" name="window" checked={one === minutes} onChange={() => setMinutes(one)} />
              <span>{one} min</span>
            </label>
          ))}
        </span>
      </header>
      {view.state === 'lost' && (
        <p className="banner" role="alert">
          The connection to the dashboard’s server is lost since {formatTime(view.lostAt!)}. What you see is old. It is
          tried again and again, and what was missed is shown then.
        </p>
      )}
      {view.state !== 'lost' && newest?.problem !== undefined && (
        <p className="banner" role="alert">
          The watched server does not answer: {newest.problem}
        </p>
      )}
      <main className={view.state === 'lost' ? 'old' : ''} onMouseLeave={() => setPoint(undefined)}>
        {CHARTS.map((plan) => (
          <ChartCard
            key={plan.title}
            {...{ plan, store, view, point }}
            windowMs={minutes * 60_000}
            onPoint={setPoint}
          />
        ))}
        {hello !== undefined && !hello.hasConnections ? (
          <section className="card connections" aria-label="Connections">
            <header>
              <h2>Connections</h2>
            </header>
            <p className="none">
              Another process is watched by its metrics alone: they count connections, and do not name them.
            </p>
          </section>
        ) : (
          <ConnectionTable connections={view.connections} total={view.total} now={newest?.at ?? 0} />
        )}
        <NoticeList notices={view.notices} />
      </main>
      <footer className="faint">
        {formatCount(view.sampleCount)} samples
        {view.missing > 0 && `; ${formatCount(view.missing)} events are missing, the server did not keep them`}
      </footer>
      <Toasts notices={view.fresh} onEnd={dismiss} />
    </>
  );
}

const total = (value: number | null) => (value === null ? '–' : formatCount(value));

function Status({ view }: { view: View }) {
  const [isBad, text] =
    view.state === 'lost' ? [true, 'Lost'] : view.state === 'connecting' ? [false, 'Connecting'] : [false, 'Live'];
  const raised = view.alerts.filter(({ raisedAt }) => raisedAt !== undefined).length;
  return (
    <>
      <output className={`pill ${isBad ? 'bad' : view.state}`} aria-label="Connection">
        {text}
      </output>
      {view.alerts.length > 0 && (
        <output className={`pill ${raised > 0 ? 'bad' : 'live'}`} aria-label="Alerts">
          {raised === 0 ? 'No alert' : raised === 1 ? '1 alert' : `${raised} alerts`}
        </output>
      )}
    </>
  );
}

function LoadButton({ isLoaded: wasLoaded }: { isLoaded: boolean }) {
  const [isLoaded, setLoaded] = useState(wasLoaded);
  useEffect(() => setLoaded(wasLoaded), [wasLoaded]);
  async function toggle(): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch('/load', { method: 'PUT', headers, body: JSON.stringify({ isLoaded: !isLoaded }) });
    if (answer.ok) setLoaded(!isLoaded);
  }
  return (
    <button type="button" onClick={() => void toggle().catch(() => {})}>
      {isLoaded ? 'Stop the load' : 'Make some load'}
    </button>
  );
}

createRoot(document.getElementById('root')!).render(<Dashboard />);
