/** What has come from the server: the samples as columns for charts, notices, alerts and connections. No React here. */

import { type Alert, type Connection, type Events, FIGURE_NAMES, type Figure, type Notice } from '../figures.ts';
import { formatDuration } from '../format.ts';

/** As long as the server keeps them, and a bit. */
const KEEP_SAMPLES = 1000;
const KEEP_NOTICES = 200;
const RETRY_MS = 2000;
/** Nothing has come for so many samples: the connection is dead, though nobody has said so. */
const SILENT_SAMPLES = 10;
const EVENTS = ['sample', 'notice', 'hello', 'connections'] as const satisfies readonly (keyof Events)[];

export interface Series {
  /** In seconds, as uPlot has it. */
  readonly at: number[];
  readonly of: Readonly<Record<Figure, (number | null)[]>>;
}

/** One object for all that is drawn, and a new one when something has changed. */
export interface View {
  /** 'lost' until it is back; then what was missed comes. */
  readonly state: 'connecting' | 'live' | 'lost';
  readonly lostAt: number | undefined;
  readonly newest: Events['sample'] | undefined;
  readonly hello: Events['hello'] | undefined;
  readonly alerts: readonly Alert[];
  readonly notices: readonly Notice[];
  /** Those that came while the page was open. */
  readonly fresh: readonly Notice[];
  readonly connections: readonly Connection[];
  /** Undefined until the table has come. */
  readonly total: number | undefined;
  /** Events that the server did not keep for us. */
  readonly missing: number;
  readonly sampleCount: number;
}

export class Store {
  readonly series: Series = { at: [], of: columns() };
  view: View = {
    state: 'connecting',
    lostAt: undefined,
    newest: undefined,
    hello: undefined,
    alerts: [],
    notices: [],
    fresh: [],
    connections: [],
    total: undefined,
    missing: 0,
    sampleCount: 0,
  };
  readonly #listeners = new Set<() => void>();
  readonly #connections = new Map<number, Connection>();
  #source: EventSource | undefined;
  #epoch = '';
  #offset = 0;
  #openedAt: number | undefined;
  #heardAt = Date.now();
  #isDue = false;
  #said = 0;

  constructor() {
    this.#connect();
    setInterval(() => this.#lookAtClock(), 1000);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly getView = (): View => this.view;

  setAlerts(alerts: readonly Alert[]): void {
    this.#change({ alerts });
  }

  dismiss(id: string): void {
    this.#change({ fresh: this.view.fresh.filter((notice) => notice.id !== id) });
  }

  /** An id that no run of the server has given asks for all that is kept. */
  #connect(): void {
    const last = this.#epoch === '' ? 'nothing' : `${this.#epoch}:${this.#offset}`;
    const source = new EventSource(`/events?lastEventId=${encodeURIComponent(last)}`);
    this.#source = source;
    source.onopen = () => {
      this.#heardAt = Date.now();
      const { lostAt } = this.view;
      if (lostAt !== undefined) this.#say(`This page had lost the server for ${formatDuration(Date.now() - lostAt)}`);
      this.#change({ state: 'live', lostAt: undefined });
    };
    source.onerror = () => {
      this.#lose();
      // It has given up: a proxy has said 502, say.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#again(source), RETRY_MS);
    };
    for (const name of EVENTS) source.addEventListener(name, (event) => this.#take(name, event));
    source.addEventListener('gap', (event) => this.#follow(event.lastEventId, true));
  }

  #again(source: EventSource): void {
    if (source !== this.#source) return;
    source.close();
    this.#connect();
  }

  #lose(): void {
    if (this.view.state !== 'lost') this.#change({ state: 'lost', lostAt: Date.now() });
  }

  #lookAtClock(): void {
    const silentMs = Math.max(5000, SILENT_SAMPLES * (this.view.hello?.everyMs ?? 1000));
    if (Date.now() - this.#heardAt < silentMs || this.#source!.readyState !== EventSource.OPEN) return;
    this.#heardAt = Date.now();
    this.#lose();
    this.#again(this.#source!);
  }

  #take<Name extends (typeof EVENTS)[number]>(name: Name, { data, lastEventId }: MessageEvent<string>): void {
    this.#heardAt = Date.now();
    const takers: { readonly [N in (typeof EVENTS)[number]]: (event: Events[N]) => void } = {
      sample: (sample) => this.#add(sample),
      notice: (notice) => this.#note([notice]),
      hello: (hello) => {
        this.#openedAt ??= hello.now;
        this.#change({ hello });
        this.#note(hello.notices);
      },
      connections: (change) => this.#update(change),
    };
    if (name === 'sample' || name === 'notice') this.#follow(lastEventId, false);
    takers[name](JSON.parse(data));
  }

  /** Ids are places in the server's log: so we know what we have had, and what is missing. */
  #follow(id: string, isGap: boolean): void {
    const [epoch = '', place] = id.split(':');
    const offset = Number(place);
    const isOther = epoch !== this.#epoch;
    const missing = isOther ? 0 : offset - this.#offset - (isGap ? 0 : 1);
    if (isOther && this.#epoch !== '') this.#say('The dashboard’s server was started anew');
    if ((isOther && this.#epoch !== '') || missing > 0) this.#interrupt();
    if (missing > 0) this.#change({ missing: this.view.missing + missing });
    this.#epoch = epoch;
    this.#offset = offset;
  }

  /** Lines do not go on over what is not known. */
  #interrupt(): void {
    const { at, of } = this.series;
    if (at.length === 0) return;
    at.push(at.at(-1)! + 0.001);
    for (const figure of FIGURE_NAMES) of[figure].push(null);
  }

  #add(sample: Events['sample']): void {
    const { at, of } = this.series;
    // uPlot wants them ascending, and a clock may have been set back.
    at.push(Math.max(sample.at / 1000, (at.at(-1) ?? 0) + 0.001));
    for (const figure of FIGURE_NAMES) of[figure].push(sample.values[figure]);
    if (at.length > KEEP_SAMPLES * 1.2) {
      const excess = at.length - KEEP_SAMPLES;
      for (const column of [at, ...Object.values(of)]) column.splice(0, excess);
    }
    this.#change({ newest: sample, alerts: sample.alerts, sampleCount: this.view.sampleCount + 1 });
  }

  /** What only this page knows. */
  #say(text: string): void {
    this.#note([{ id: `page.${this.#said++}`, at: Date.now(), level: 'info', text }]);
  }

  #note(notices: readonly Notice[]): void {
    const known = new Set(this.view.notices.map(({ id }) => id));
    const added = notices.filter(({ id }) => !known.has(id));
    if (added.length === 0) return;
    const fresh = added.filter(({ at }) => this.#openedAt !== undefined && at >= this.#openedAt);
    const all = [...this.view.notices, ...added].sort((a, b) => a.at - b.at);
    this.#change({ notices: all.slice(-KEEP_NOTICES), fresh: [...this.view.fresh, ...fresh].slice(-4) });
  }

  #update({ isWhole, total, came, moved, gone }: Events['connections']): void {
    const all = this.#connections;
    if (isWhole) all.clear();
    for (const one of came) all.set(one.id, one);
    for (const [id, state] of moved) {
      const one = all.get(id);
      if (one !== undefined) all.set(id, { ...one, state });
    }
    for (const id of gone) all.delete(id);
    this.#change({ connections: [...all.values()], total });
  }

  /** What comes at once, such as all that was missed, is drawn at once. */
  #change(part: Partial<View>): void {
    this.view = { ...this.view, ...part };
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      for (const listener of this.#listeners) listener();
    }, 30);
  }
}

function columns(): Series['of'] {
  return Object.fromEntries(FIGURE_NAMES.map((figure) => [figure, []])) as unknown as Series['of'];
}
