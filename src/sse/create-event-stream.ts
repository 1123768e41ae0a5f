/** Event streams as answers: to node:http and node:http2, to `listen()`, and to whatever takes a Response. */

import { checkTimeout } from '../options/connection-options.ts';
import { isPlainObject } from '../options/given-fields.ts';
import {
  COUNT_OR_NONE,
  checkOptions,
  type Door,
  FLAG_OR_OBJECT,
  NUMBER,
  OBJECT,
  TEXT,
} from '../options/option-check.ts';
import type { NetRequest, RequestAnswer } from '../server/net-server.ts';
import {
  type EventRequest,
  fetchRequest,
  lastEventIdOf,
  type NodeRequest,
  netRequest,
  nodeRequest,
} from './event-request.ts';
import { fetchHeaders, type HeaderFields, type NodeResponse, sinkOfBody, sinkOfResponse } from './event-sinks.ts';
import {
  type EventSink,
  EventStream,
  type EventStreamSettings,
  prepareEvent,
  type SinkHandler,
} from './event-stream.ts';

export interface EventStreamOptions {
  /** How long the client waits before it comes back, in milliseconds. Default: what the client likes, mostly 3 s. */
  readonly retryMs?: number | undefined;
  /**
   * The id of a first event without data, so that a break before the next one is no loss. Default: none.
   */
  readonly id?: string | undefined;
  /**
   * A comment each `intervalMs` in which nothing was sent (default 15,000), so that proxies keep the connection; a client that takes
   * nothing for `timeoutMs` (default 30,000) is given up. Default true.
   */
  readonly heartbeat?:
    | boolean
    | { readonly intervalMs?: number | undefined; readonly timeoutMs?: number | undefined }
    | undefined;
  /** How much may wait for the client, in bytes. What would pass it ends the stream. Default 1,048,576 (1 MiB). */
  readonly maxBacklogBytes?: number | undefined;
  /** The parameter of the query that stands for `Last-Event-ID`, for clients that cannot send it. Default: none. */
  readonly lastEventIdQuery?: string | undefined;
  /** More header fields of the answer, or others in place of ours. */
  readonly headers?: HeaderFields | undefined;
}

const HEADERS: HeaderFields = {
  'Content-Type': 'text/event-stream',
  // What transforms it, as compression does, collects it.
  'Cache-Control': 'no-cache, no-transform',
  // nginx.
  'X-Accel-Buffering': 'no',
};
const HEARTBEAT = { intervalMs: 15_000, timeoutMs: 30_000 };
const MAX_BACKLOG_BYTES = 1_048_576;

export const STREAM_KINDS = {
  retryMs: COUNT_OR_NONE,
  heartbeat: {
    ...FLAG_OR_OBJECT,
    members: () => ({ kinds: { intervalMs: NUMBER, timeoutMs: NUMBER }, isLenient: false }),
  },
  maxBacklogBytes: NUMBER,
  lastEventIdQuery: TEXT,
  headers: { ...OBJECT, expected: 'a plain object of names and values', fits: isPlainObject },
} satisfies Door['kinds'];

/**
 * What options come to.
 * @throws {TypeError | RangeError} for a number that is out of its range
 */
function streamSettings({
  heartbeat = true,
  maxBacklogBytes = MAX_BACKLOG_BYTES,
}: EventStreamOptions): EventStreamSettings {
  const { intervalMs = HEARTBEAT.intervalMs, timeoutMs = HEARTBEAT.timeoutMs } =
    heartbeat === true || heartbeat === false ? {} : heartbeat;
  if (!(maxBacklogBytes >= 0))
    throw new RangeError(`maxBacklogBytes must be a number from 0 on; got ${maxBacklogBytes}`);
  return {
    heartbeat:
      heartbeat === false
        ? undefined
        : {
            intervalMs: checkTimeout('heartbeat.intervalMs', intervalMs, 1),
            timeoutMs: checkTimeout('heartbeat.timeoutMs', timeoutMs, 1),
          },
    maxBacklogBytes,
  };
}

export function headersOf(given: HeaderFields | undefined): HeaderFields {
  const names = Object.keys(given ?? {}).map((name) => name.toLowerCase());
  const own = Object.entries(HEADERS).filter(([name]) => !names.includes(name.toLowerCase()));
  return { ...Object.fromEntries(own), ...given };
}

const DOOR: Door = { name: 'createEventStream()', kinds: { ...STREAM_KINDS, id: TEXT }, isLenient: false };

/** A stream that is about to open, and with what. */
export interface StreamPlan<User> {
  readonly settings: EventStreamSettings;
  readonly headers: HeaderFields;
  readonly lastEventIdQuery: string | undefined;
  /** What is sent before all else. */
  readonly first: Uint8Array | undefined;
  readonly user: User;
}

/** @throws {TypeError | RangeError} for options that cannot be */
export function planStream<User>(options: EventStreamOptions, user: User): StreamPlan<User> {
  const { retryMs, id, headers, lastEventIdQuery } = options;
  const first = retryMs === undefined && id === undefined ? undefined : prepareEvent({ retry: retryMs, id });
  return { settings: streamSettings(options), headers: headersOf(headers), lastEventIdQuery, first, user };
}

function checkedPlan(options: EventStreamOptions): StreamPlan<undefined> {
  checkOptions(DOOR, options);
  return planStream(options, undefined);
}

function open<User>(
  request: EventRequest<unknown>,
  { settings, first, lastEventIdQuery, user }: StreamPlan<User>,
  connect: (handler: SinkHandler) => EventSink,
): EventStream<User> {
  const facts = { lastEventId: lastEventIdOf(request, lastEventIdQuery), user };
  const stream = new EventStream(facts, settings, connect);
  if (first !== undefined) stream.send(first);
  return stream;
}

export function openOnNode<User>(
  request: EventRequest<NodeRequest>,
  response: NodeResponse,
  plan: StreamPlan<User>,
): EventStream<User> {
  if (response.headersSent) throw new Error('An event stream is an answer of its own, and this one has begun already');
  return open(request, plan, (handler) => sinkOfResponse(response, plan.headers, request.method !== 'HEAD', handler));
}

/** @param signal aborted when the client goes; undefined for `listen()`, which cancels the body then */
export function openAsBody<User>(
  request: EventRequest<unknown>,
  plan: StreamPlan<User>,
  signal?: AbortSignal,
): { readonly stream: EventStream<User>; readonly body: ReadableStream<Uint8Array> | undefined } {
  let body: ReadableStream<Uint8Array> | undefined;
  let gone = (): void => {};
  const stream = open(request, plan, (handler) => {
    const give = (made: ReadableStream<Uint8Array>) => {
      body = made;
    };
    const sink = sinkOfBody(give, signal === undefined, handler);
    if (request.method === 'HEAD' || signal?.aborted) {
      body = undefined;
      handler.gone();
    }
    gone = handler.gone;
    signal?.addEventListener('abort', gone, { once: true });
    return sink;
  });
  if (signal !== undefined) stream.once('close', () => signal.removeEventListener('abort', gone));
  return { stream, body };
}

/**
 * Answers a request with an event stream: of node:http, node:https and node:http2, also beside Express and its middleware, and
 * with `request.raw` and `reply.raw` of Fastify after `reply.hijack()`. Of a stream of node:http2 the request is its headers.
 *
 * @throws {TypeError | RangeError} for options that cannot be
 * @throws {Error} when the answer has begun already
 */
export function createEventStream(
  request: NodeRequest,
  response: NodeResponse,
  options: EventStreamOptions = {},
): EventStream<undefined> {
  return openOnNode(nodeRequest(request, response), response, checkedPlan(options));
}

/**
 * The same for whatever takes a Response: Hono, Next.js and others.
 * @throws {TypeError | RangeError} for options that cannot be
 */
export function createEventResponse(
  request: Request,
  options: EventStreamOptions = {},
): { readonly stream: EventStream<undefined>; readonly response: Response } {
  const plan = checkedPlan(options);
  const { stream, body } = openAsBody(fetchRequest(request), plan, request.signal);
  return { stream, response: new Response(body ?? null, { headers: fetchHeaders(plan.headers) }) };
}

/**
 * The same for `onRequest` of `listen()`.
 * @throws {TypeError | RangeError} for options that cannot be
 */
export function createEventAnswer(
  request: NetRequest,
  options: EventStreamOptions = {},
): { readonly stream: EventStream<undefined>; readonly answer: RequestAnswer } {
  const plan = checkedPlan(options);
  const { stream, body = '' } = openAsBody(netRequest(request), plan);
  return { stream, answer: { headers: plan.headers, body } };
}
