/** One channel as Server-Sent Events: the same log, the same users, the same rule. */

import { randomUUID } from 'node:crypto';
import type { HttpAnswer } from '../admission/http-answer.ts';
import { COUNT_OR_NONE, checkOptions } from '../options/option-check.ts';
import { parsePosition } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type { NetRequest } from '../server/net-server.ts';
import { type EventStreamOptions, STREAM_KINDS } from '../sse/create-event-stream.ts';
import type { NodeRequest } from '../sse/event-request.ts';
import type { EventStream } from '../sse/event-stream.ts';
import { type EventHandler, type EventOpening, eventHandler } from '../sse/serve-events.ts';
import { isUnavailable } from './channel.ts';
import type { Core, Place } from './core.ts';
import { ChannelOutlet } from './event-outlets.ts';
import type { Gate } from './gate.ts';
import type { HubDrain } from './hub-drain.ts';
import { checkMayJoin, follow } from './joining.ts';
import type { Outlet } from './outlet.ts';
import type { HubUser } from './rules.ts';
import type { Session } from './session.ts';

/** A request for a stream, as its server gives it. */
export type EventsRequest = NodeRequest | NetRequest | Request;

/** A request for a stream, once it is known whose it is: without `authenticate`, of a user of its own. */
export type EventsOpening<User extends HubUser = HubUser> = EventOpening<User, EventsRequest>;

export interface ChannelEventsOptions
  extends Pick<EventStreamOptions, 'retryMs' | 'heartbeat' | 'lastEventIdQuery' | 'headers'> {
  /** How many messages of the history come first, for a client that has had none. Default: all that are kept. */
  readonly last?: number | undefined;
}

/** What it needs of its hub. */
interface EventsHost {
  readonly core: Core;
  readonly gate: Gate;
  readonly drain: HubDrain;
  openOn(stream: EventStream, outlet: Outlet, user: HubUser | undefined, isWelcomed: boolean): Session | undefined;
}

const { retryMs, heartbeat, lastEventIdQuery, headers } = STREAM_KINDS;
const DOOR = {
  name: 'hub.events()',
  kinds: { last: COUNT_OR_NONE, retryMs, heartbeat, lastEventIdQuery, headers },
  elsewhere: { maxBacklogBytes: 'use queueBytes of createHub()' },
  isLenient: false,
};
/** Of a client whose Last-Event-ID was never ours. */
const NOWHERE = { epoch: '', offset: 0 };

/** An answer for each reason why not. */
const STATUS: Readonly<Record<string, number>> = { UNKNOWN: 404, NOT_ALLOWED: 403, UNAVAILABLE: 503, TIMEOUT: 503 };

/** @throws {TypeError} for options that cannot be, and a channel that the protocol does not have */
export function channelEvents(
  { core, gate, drain, openOn }: EventsHost,
  channel: string | ((opening: EventsOpening<never>) => string),
  options: ChannelEventsOptions = {},
): EventHandler {
  checkOptions(DOOR, options);
  const { last, ...streamOptions } = options;
  if (typeof channel === 'string') checkKnown(core, channel);
  const admitted = new WeakMap<object, { readonly place: Place; readonly user: HubUser }>();

  const authorize = async (opening: EventOpening<HubUser | undefined, EventsRequest>): Promise<true | HttpAnswer> => {
    const obstacle = drain.obstacle();
    if (obstacle !== undefined) return { status: obstacle.status, headers: Object.fromEntries(obstacle.headers ?? []) };
    const user = opening.user ?? { id: randomUUID() };
    try {
      const place = core.find(typeof channel === 'string' ? channel : channel({ ...opening, user: user as never }));
      await checkMayJoin(core, user, place);
      admitted.set(opening, { place, user });
      return true;
    } catch (error) {
      if (!(error instanceof RealtimeError)) throw error;
      return {
        status: STATUS[error.code] ?? 403,
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
        body: error.message,
      };
    }
  };

  return eventHandler<HubUser | undefined, EventsRequest>(
    {
      ...streamOptions,
      ...gate.origins,
      // Browsers send no Origin with a GET of the same origin.
      requiresOrigin: gate.requiresOriginOfGet,
      handshakeTimeoutMs: gate.timeoutMs,
      // What waits is bounded by the outlet.
      maxBacklogBytes: Number.POSITIVE_INFINITY,
      authorize,
    },
    async (stream, opening) => {
      const { place, user } = admitted.get(opening)!;
      const { retention } = place.kind;
      const outlet = new ChannelOutlet(stream, core.settings.highWaterMarkBytes);
      const session = openOn(stream, outlet, user, false);
      if (session === undefined) return;
      const { lastEventId } = stream;
      const start = {
        after: lastEventId === '' ? undefined : (parsePosition(lastEventId) ?? NOWHERE),
        last: last ?? retention?.messages,
      };
      try {
        await follow(core, session, place, start, (position, isGap) => outlet.begin(position, isGap));
      } catch (error) {
        if (!isUnavailable(error)) core.report(error, `the events of '${place.name}'`);
        // The client comes back.
        stream.close();
      }
    },
    DOOR.name,
    gate.admission,
  );
}

function checkKnown(core: Core, channel: string): void {
  try {
    core.find(channel);
  } catch (error) {
    throw new TypeError(`hub.events(): ${(error as Error).message}`);
  }
}
