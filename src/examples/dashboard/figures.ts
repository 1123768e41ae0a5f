/** What is watched: the figures, as both ends know them, and what the server sends its page. */

interface FigureKind {
  /** Its name in OpenMetrics; those of the process are named as prom-client has them, so that its servers can be watched too. */
  readonly metric: string;
  readonly name: string;
  /** In its chart. */
  readonly label: string;
  readonly unit: '' | '/s' | 'B' | 'B/s' | 'ms';
  /** Of a metric's unit into ours. Default 1. */
  readonly factor?: number;
}

export const FIGURES = {
  messagesIn: { metric: 'framewright_messages_received_total', name: 'Messages in', label: 'in', unit: '/s' },
  messagesOut: { metric: 'framewright_messages_sent_total', name: 'Messages out', label: 'out', unit: '/s' },
  bytesIn: { metric: 'framewright_received_bytes_total', name: 'Bytes in', label: 'in', unit: 'B/s' },
  bytesOut: { metric: 'framewright_sent_bytes_total', name: 'Bytes out', label: 'out', unit: 'B/s' },
  connections: { metric: 'framewright_connections', name: 'Open connections', label: 'open', unit: '' },
  opened: { metric: 'framewright_connections_opened_total', name: 'Connections opened', label: 'opened', unit: '/s' },
  waiting: { metric: 'framewright_buffered_bytes', name: 'Bytes waiting', label: 'waiting', unit: 'B' },
  behind: { metric: 'framewright_connections_behind', name: 'Connections behind', label: 'behind', unit: '' },
  delayP50: {
    metric: 'nodejs_eventloop_lag_p50_seconds',
    name: 'Event-loop delay, p50',
    label: 'p50',
    unit: 'ms',
    factor: 1000,
  },
  delayP99: {
    metric: 'nodejs_eventloop_lag_p99_seconds',
    name: 'Event-loop delay, p99',
    label: 'p99',
    unit: 'ms',
    factor: 1000,
  },
  rss: { metric: 'process_resident_memory_bytes', name: 'Resident memory', label: 'rss', unit: 'B' },
  heap: { metric: 'nodejs_heap_size_used_bytes', name: 'Heap', label: 'heap', unit: 'B' },
  external: { metric: 'nodejs_external_memory_bytes', name: 'External memory', label: 'external', unit: 'B' },
} as const satisfies Readonly<Record<string, FigureKind>>;

export type Figure = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as Figure[];
export const kindOf = (figure: Figure): FigureKind => FIGURES[figure];

/** What was read at one moment. */
export interface Sample {
  /** In milliseconds, by the clock of the dashboard's server. */
  readonly at: number;
  /** Null for what the watched server does not tell. */
  readonly values: Readonly<Record<Figure, number | null>>;
  /** Since the watched server began. */
  readonly totals: Readonly<Record<'messagesIn' | 'messagesOut' | 'opened', number | null>>;
  /** Why there are no values. */
  readonly problem?: string;
}

export interface Alert {
  readonly figure: Figure;
  readonly above: number;
  /** Since when, where it is raised. */
  readonly raisedAt?: number;
}

export interface Notice {
  readonly id: string;
  readonly at: number;
  readonly level: 'info' | 'good' | 'warning' | 'alert';
  readonly text: string;
}

export interface Connection {
  readonly id: number;
  readonly address: string;
  readonly user: string;
  readonly subprotocol: string;
  readonly since: number;
  readonly state: Moving;
}
/** What changes all the time. `isBehind`: past the high-water mark. */
export type Moving = readonly [
  messagesIn: number,
  messagesOut: number,
  waiting: number,
  latencyMs: number | null,
  isBehind: 0 | 1,
];

/** The events of the stream. Those of `sample` and `notice` are kept, and sent to pages that come back. */
export interface Events {
  sample: Sample & { readonly alerts: readonly Alert[] };
  notice: Notice;
  /** For each page that comes. */
  hello: {
    readonly watched: string;
    readonly now: number;
    readonly everyMs: number;
    readonly hasConnections: boolean;
    /** Undefined where the dashboard has no load to make. */
    readonly isLoaded?: boolean;
    readonly notices: readonly Notice[];
  };
  /** The table of connections: whole, or what has changed. */
  connections: {
    readonly isWhole: boolean;
    readonly total: number;
    readonly came: readonly Connection[];
    readonly moved: readonly (readonly [id: number, state: Moving])[];
    readonly gone: readonly number[];
  };
}
