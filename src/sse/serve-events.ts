/**
 * The door to event streams: who is let in, by the options that servers of WebSockets have, and what the others are answered.
 * It refuses to know what is sent on a stream.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Admission } from '../admission/admission.ts';
import { type Authorization, askAuthorize } from '../admission/authorize.ts';
import type { HttpAnswer } from '../admission/http-answer.ts';
import type { AdmissionOptions } from '../admission/options.ts';
import { originRule } from '../admission/origins.ts';
import type { Rejection } from '../admission/rejection.ts';
import { whenExpired } from '../admission/visitor.ts';
import { isOriginAllowed } from '../handshake/index.ts';
import { checkTimeout } from '../options/connection-options.ts';
import type { Identity } from '../options/connection-settings.ts';
import { checkOptions, type Door, HOOK } from '../options/option-check.ts';
import { OPTIONS } from '../options/option-table.ts';
import type { NetRequest, RequestAnswer } from '../server/net-server.ts';
import { isThenable } from '../socket/emitter.ts';
import { ignoreError, warnOfError } from '../transport/errors.ts';
import {
  type EventStreamOptions,
  openAsBody,
  openOnNode,
  planStream,
  STREAM_KINDS,
  type StreamPlan,
} from './create-event-stream.ts';
import {
  corsFields,
  plainAnswer,
  preflightFields,
  refusalOf,
  respond,
  responseOf,
  withFields,
} from './event-answers.ts';
import {
  type EventRequest,
  fetchRequest,
  lastEventIdOf,
  type NodeRequest,
  netRequest,
  nodeRequest,
} from './event-request.ts';
import { fetchHeaders, type NodeResponse } from './event-sinks.ts';
import type { EventStream } from './event-stream.ts';

const ADMISSION_OPTIONS = [
  'origins',
  'requiresOrigin',
  'authenticate',
  'tokens',
  'trustProxy',
  'maxConnections',
  'maxConnectionsPerAddress',
] as const;

/** A request that asks for a stream, once it is known whose it is. */
export interface EventOpening<User = unknown, Source = unknown> {
  /** As the server gives it. */
  readonly request: Source;
  /** The path with its query. */
  readonly url: string;
  readonly user: User;
  /** What the client has had before; '' for nothing. */
  readonly lastEventId: string;
}

/**
 * Of `origins`, the default is 'same-origin' here. Pages of other origins that are let in may read the stream, with credentials. What
 * Sec-Fetch-Site calls same-origin is, without an Origin as well: browsers send none with such requests.
 */
export interface ServeEventsOptions<User = undefined, Source = IncomingMessage>
  extends Omit<EventStreamOptions, 'id'>,
    Readonly<Pick<AdmissionOptions<Source, User>, (typeof ADMISSION_OPTIONS)[number]>> {
  /**
   * Asked about each request, behind `authenticate`: true lets it in, false is answered with 403, and an object in its own words. The
   * status 204 is how a stream ends for good: the client does not come back.
   */
  readonly authorize?: (opening: EventOpening<User, Source>) => Authorization | Promise<Authorization>;
  /** How long `authenticate` may take, in milliseconds; 0 for ever. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
}

/** Answers requests with event streams. */
export interface EventHandler {
  /** Of node:http, node:https and node:http2, and of Express; of Fastify `request.raw` and `reply.raw`, after `reply.hijack()`. */
  (request: NodeRequest, response: NodeResponse): void;
  /** Of Hono, Next.js and whatever else takes a Response. @param remoteAddress of the client, where it counts */
  fetch(request: Request, remoteAddress?: string): Promise<Response>;
  /** Of `listen()`: its `onRequest`. */
  answer(request: NetRequest): Promise<RequestAnswer>;
}

export const SERVE_EVENTS: Door = {
  name: 'serveEvents()',
  kinds: {
    ...Object.fromEntries(ADMISSION_OPTIONS.map((name) => [name, OPTIONS[name].kind])),
    authorize: HOOK,
    handshakeTimeoutMs: OPTIONS.handshakeTimeoutMs.kind,
    ...STREAM_KINDS,
  },
  elsewhere: { id: 'send it first: stream.send({ id })' },
  isLenient: false,
};

/** How long a request lives, for those who watch the sockets of others. */
class Life extends EventEmitter {
  pause(): void {}

  end(): void {
    this.emit('close');
  }
}

type Verdict<User, Source> =
  | { readonly answer: HttpAnswer }
  | { readonly plan: StreamPlan<User>; readonly opening: EventOpening<User, Source> };

/** Is given each stream. */
export type OnEventStream<User, Source> = (stream: EventStream<User>, opening: EventOpening<User, Source>) => unknown;

/**
 * Makes a handler that lets clients in and gives each stream to `onStream`. What that throws ends the stream.
 *
 * A browser gives up for good on any status but 200. So where the answer would be 429 or 503 with Retry-After, whoever accepts event
 * streams gets one that says `retry` and ends.
 *
 * @throws {TypeError | RangeError} for options that cannot be
 */
export function serveEvents<User = undefined, Source = IncomingMessage>(
  options: ServeEventsOptions<User, Source>,
  onStream: OnEventStream<User, Source>,
): EventHandler {
  return eventHandler(options, onStream, SERVE_EVENTS.name);
}

/**
 * The same for other doors.
 * @param name as messages call it
 * @param shared what asks, where others ask it as well; in place of one for these options
 */
export function eventHandler<User, Source>(
  options: ServeEventsOptions<User, Source>,
  onStream: OnEventStream<User, Source>,
  name: string,
  shared?: Admission,
): EventHandler {
  checkOptions({ ...SERVE_EVENTS, name }, options);
  const { origins = 'same-origin', authorize, lastEventIdQuery } = options;
  const timeoutMs = checkTimeout('handshakeTimeoutMs', options.handshakeTimeoutMs ?? 10_000);
  const given = Object.fromEntries(ADMISSION_OPTIONS.map((option) => [option, options[option]]));
  const admission = shared ?? Admission.from(name, given, timeoutMs);
  const plan = planStream(options, undefined as User);

  const isAllowed = (request: EventRequest<unknown>, origin: string | undefined): boolean => {
    const isOwnPage = origin === undefined && request.headers.get('sec-fetch-site') === 'same-origin';
    if (isOwnPage && [origins].flat().includes('same-origin')) return true;
    return isOriginAllowed(
      origin,
      originRule({ ...options, origins }, () => request),
    );
  };

  /** @returns undefined when the client has gone */
  const identify = (request: EventRequest<unknown>, life: Life): Promise<Identity | Rejection | undefined> =>
    new Promise((resolve, reject) => {
      life.once('close', () => resolve(undefined));
      if (admission === undefined) {
        resolve({ user: undefined, address: '' });
        return;
      }
      const applicant = { request: { ...request, subprotocols: [] }, arrival: request, socket: life };
      const decide = (verdict: true | Rejection, identity?: Identity) => resolve(verdict === true ? identity : verdict);
      admission.admit(applicant, (pass) => pass(true), decide, reject);
    });

  const judge = async (request: EventRequest<Source>, life: Life): Promise<Verdict<User, Source>> => {
    const origin = request.headers.get('origin');
    if (!isAllowed(request, origin)) {
      return { answer: plainAnswer(403, 'Event streams are not for pages of this origin') };
    }
    const cors = corsFields(origin);
    if (request.method === 'OPTIONS') {
      return {
        answer: { status: 204, headers: { ...cors, ...preflightFields(request), Allow: 'GET, HEAD, OPTIONS' } },
      };
    }
    const identity = await identify(request, life);
    if (identity === undefined) return { answer: plainAnswer(503) };
    if ('reason' in identity) return { answer: withFields(refusalOf(identity, request), cors) };
    const user = identity.user as User;
    const lastEventId = lastEventIdOf(request, lastEventIdQuery);
    const opening = { request: request.request, url: request.resourceName, user, lastEventId };
    const verdict = authorize === undefined ? true : await askAuthorize(authorize, opening);
    if (verdict !== true) return { answer: withFields(refusalOf(verdict, request), cors) };
    return { opening, plan: { ...plan, user, headers: { ...plan.headers, ...cors } } };
  };

  /** As `judge`; what hooks throw is a 500, and whoever is not let in counts no more. */
  const ask = async (request: EventRequest<Source>, life: Life): Promise<Verdict<User, Source>> => {
    const verdict = await judge(request, life).catch((error: unknown) => {
      warnOfError(error, `a hook of ${name}`);
      return { answer: plainAnswer(500) };
    });
    if ('answer' in verdict) life.end();
    return verdict;
  };

  const begin = (stream: EventStream<User>, opening: EventOpening<User, Source>, life: Life): void => {
    if (stream.isClosed) {
      life.end();
      return;
    }
    stream.once('close', () => life.end());
    // The client comes back, and is asked who it is.
    stream.once(
      'close',
      whenExpired(stream.user as object | undefined, () => stream.close()),
    );
    const fail = (error: unknown) => {
      warnOfError(error, `the onStream of ${name}`);
      stream.terminate();
    };
    try {
      const result = onStream(stream, opening);
      if (isThenable(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  };

  const handler = (source: NodeRequest, response: NodeResponse): void => {
    const request = nodeRequest(source, response);
    const life = new Life();
    // Nobody else listens while hooks are asked.
    response.on('error', ignoreError).once('close', () => life.end());
    ask(request as EventRequest<Source>, life)
      .then((verdict) => {
        if ('answer' in verdict) respond(response, verdict.answer, request.method !== 'HEAD');
        else begin(openOnNode(request, response, verdict.plan), verdict.opening, life);
      })
      .catch((error: unknown) => {
        warnOfError(error, `an answer of ${name}`);
        response.destroy();
      });
  };
  return Object.assign(handler, {
    async fetch(source: Request, remoteAddress?: string): Promise<Response> {
      const request = fetchRequest(source, remoteAddress);
      const life = new Life();
      const gone = () => life.end();
      source.signal.addEventListener('abort', gone, { once: true });
      life.once('close', () => source.signal.removeEventListener('abort', gone));
      const verdict = await ask(request as EventRequest<Source>, life);
      if ('answer' in verdict) return responseOf(verdict.answer, request.method !== 'HEAD');
      const { stream, body } = openAsBody(request, verdict.plan, source.signal);
      begin(stream, verdict.opening, life);
      return new Response(body ?? null, { headers: fetchHeaders(verdict.plan.headers) });
    },
    async answer(source: NetRequest): Promise<RequestAnswer> {
      const request = netRequest(source);
      const life = new Life();
      const gone = () => life.end();
      source.socket.once('close', gone);
      life.once('close', () => source.socket.off('close', gone));
      const verdict = await ask(request as EventRequest<Source>, life);
      if ('answer' in verdict) return verdict.answer;
      const { stream, body = '' } = openAsBody(request, verdict.plan);
      begin(stream, verdict.opening, life);
      return { headers: verdict.plan.headers, body };
    },
  });
}
