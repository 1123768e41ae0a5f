/** A chart with its numbers, and the alerts that are set for it. */

import { type FormEvent, useState } from 'react';
import { type Alert, type Figure, kindOf } from '../figures.ts';
import { formatFigure, formatTime } from '../format.ts';
import { Chart, colourOf, type Line } from './chart.tsx';
import type { Store, View } from './store.ts';

export interface ChartPlan {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** In which unit a threshold is typed, and how much of ours that is. */
const TYPED: Readonly<Record<string, readonly [unit: string, factor: number]>> = {
  B: ['MB', 1e6],
  'B/s': ['kB/s', 1e3],
};
const typedUnit = (figure: Figure) => TYPED[kindOf(figure).unit] ?? [kindOf(figure).unit, 1];

interface CardProps {
  readonly plan: ChartPlan;
  readonly store: Store;
  readonly view: View;
  readonly windowMs: number;
  /** Of the sample that the pointer is at. */
  readonly point: number | undefined;
  readonly onPoint: (place: number | undefined) => void;
}

export function ChartCard({ plan: { title, lines }, store, view, windowMs, point, onPoint }: CardProps) {
  const [isSetting, setSetting] = useState(false);
  const [error, setError] = useState('');
  const alerts = view.alerts.filter(({ figure }) => lines.some((line) => line.figure === figure));
  const isTold = lines.some(({ figure }) => store.series.of[figure].some((value) => value !== null));
  const shownOf = (figure: Figure) =>
    point === undefined ? view.newest?.values[figure] : store.series.of[figure][point];

  async function set(figure: Figure, above: number | null): Promise<void> {
    setError('');
    try {
      const answer = await fetch(`/alerts/${figure}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ above }),
      });
      if (!answer.ok) throw new Error(`The server says ${answer.status}`);
      store.setAlerts((await answer.json()) as Alert[]);
      setSetting(false);
    } catch (failure) {
      setError(`Not set: ${(failure as Error).message}`);
    }
  }

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const figure = data.get('figure') as Figure;
    void set(figure, Number(data.get('above')) * typedUnit(figure)[1]);
  }

  return (
    <section className={`card${alerts.some(({ raisedAt }) => raisedAt) ? ' raised' : ''}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {point !== undefined && <time>{formatTime(store.series.at[point]! * 1000)}</time>}
        <dl>
          {lines.map(({ figure }, place) => (
            <div key={figure}>
              <dt>
                <i style={{ background: colourOf(place) }} />
                {kindOf(figure).label}
              </dt>
              <dd>{formatFigure(figure, shownOf(figure))}</dd>
            </div>
          ))}
        </dl>
        <button
          type="button"
          className="quiet"
          aria-expanded={isSetting}
          aria-label={`Set an alert for ${title}`}
          title="Set an alert"
          onClick={() => setSetting(!isSetting)}
        >
          <Bell />
        </button>
      </header>
      {isSetting && <AlertForm lines={lines} error={error} onSubmit={submit} />}
      <div className="stage">
        <Chart {...{ lines, view, alerts, windowMs, onPoint }} label={`Chart: ${title}`} series={store.series} />
        {!isTold && view.newest !== undefined && !view.newest.problem && (
          <p className="none">There is no {kindOf(lines[0]!.figure).metric} in its metrics, nor the like.</p>
        )}
      </div>
      {alerts.length > 0 && (
        <ul className="alerts">
          {alerts.map(({ figure, above, raisedAt }) => (
            <li key={figure} className={raisedAt === undefined ? '' : 'raised'}>
              {raisedAt === undefined ? 'Alert' : 'Raised'}: {kindOf(figure).label} above {formatFigure(figure, above)}
              {raisedAt !== undefined && `, since ${formatTime(raisedAt)}`}
              <button type="button" aria-label="Remove this alert" onClick={() => void set(figure, null)}>
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function AlertForm(props: {
  readonly lines: readonly Line[];
  readonly error: string;
  readonly onSubmit: (event: FormEvent<HTMLFormElement>) => void;
}) {
  const { lines, error, onSubmit } = props;
  const [figure, setFigure] = useState<Figure>(lines.at(kindOf(lines[0]!.figure).unit === 'ms' ? -1 : 0)!.figure);
  return (
    <form className="setting" onSubmit={onSubmit}>
      <label>
        Alert when{' '}
        <select name="figure" value={figure} onChange={({ target }) => setFigure(target.value as Figure)}>
          {lines.map((line) => (
            <option key={line.figure} value={line.figure}>
              {kindOf(line.figure).label}
            </option>
          ))}
        </select>
      </label>
      <label>
        is above <input name="above" type="number" min="0" step="any" required /> {typedUnit(figure)[0]}
      </label>
      <button type="submit">Set</button>
      {error !== '' && <span className="bad">{error}</span>}
    </form>
  );
}

const Bell = () => (
  <svg
    viewBox="0 0 16 16"
    width="16"
    height="16"
    aria-hidden="true"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.3"
  >
    <path d="M8 2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11S12 10 12 6a4 4 0 0 0-4-4ZM6.7 13.5a1.5 1.5 0 0 0 2.6 0" />
  </svg>
);
