/** What a hub has at a moment, in numbers: for health checks and metrics. */

import type { EngineStatus } from '../engines/engine.ts';
import type { Core } from './core.ts';

export interface HubStatus {
  /** Connections of clients in this process, event streams among them. */
  readonly connections: number;
  /** Users of these. */
  readonly users: number;
  /** Channels that somebody is in, or may come back to. */
  readonly channels: number;
  /** Memberships: connections, in each of their channels. */
  readonly members: number;
  /** Joins that have not been answered. */
  readonly joining: number;
  /** Members that have not been told all yet: they read slowly, or have just come. */
  readonly lagging: number;
  /** Bytes that wait for connections to take them. */
  readonly queuedBytes: number;
  /** Handlers of calls that run. */
  readonly calls: number;
  readonly engine: EngineStatus;
  readonly isDraining: boolean;
}

export function statusOf({ sessions, channels, engine }: Core, calls: number, isDraining: boolean): HubStatus {
  const all = [...sessions];
  const sum = <Item>(items: Iterable<Item>, countOf: (item: Item) => number): number =>
    [...items].reduce((total, item) => total + countOf(item), 0);
  return {
    connections: all.length,
    users: new Set(all.map(({ user }) => user.id)).size,
    channels: channels.size,
    members: sum(channels.values(), ({ memberCount }) => memberCount),
    joining: sum(all, ({ opening }) => opening),
    lagging: sum(channels.values(), ({ laggingCount }) => laggingCount),
    queuedBytes: sum(all, ({ outlet }) => outlet.bufferedAmount),
    calls,
    engine: engine.status(),
    isDraining,
  };
}
