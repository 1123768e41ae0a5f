/**
 * The fall-back for clients that get no WebSocket: what would be a message to the server is the body of a POST. With
 * `Accept: text/event-stream` the answer is a stream whose events are the frames of a connection; otherwise it is the answer to one
 * call or publication.
 */

import type { HttpAnswer } from '../admission/http-answer.ts';
import { RETRY_LATER, type Rejection } from '../admission/rejection.ts';
import type { MessageMeter } from '../options/connection-settings.ts';
import { type Reaction, reactionTo, retryHintMs } from '../realtime-protocol/close-codes.ts';
import { CLIENT_MESSAGES, readFrame } from '../realtime-protocol/wire.ts';
import { openOnNode, planStream } from '../sse/create-event-stream.ts';
import { corsFields, plainAnswer, preflightFields, respond, withFields } from '../sse/event-answers.ts';
import { type EventRequest, nodeRequest } from '../sse/event-request.ts';
import type { HeaderFields } from '../sse/event-sinks.ts';
import type { EventStream } from '../sse/event-stream.ts';
import type { AnyRequest, AnyResponse } from './doors.ts';
import { FrameOutlet } from './event-outlets.ts';
import type { Gate, Guest } from './gate.ts';
import type { Hint } from './hint.ts';
import type { HubDrain } from './hub-drain.ts';
import type { Outlet } from './outlet.ts';
import type { HubUser } from './rules.ts';
import type { Session } from './session.ts';

/** What it needs of its hub. */
interface HttpHost {
  readonly gate: Gate;
  readonly drain: HubDrain;
  /** With so much waiting, a stream gets no more for now. */
  readonly highWaterMarkBytes: number;
  /** Begins a session. @param isWelcomed whether it is told who it is */
  open(outlet: Outlet, user: HubUser | undefined, isWelcomed: boolean): Session;
  /** Begins one that ends with a stream; none on a stream that has ended. */
  openOn(stream: EventStream, outlet: Outlet, user: HubUser | undefined, isWelcomed: boolean): Session | undefined;
  report(error: unknown, where: string): void;
  readonly hint: Hint;
}

type Exchange = {
  readonly request: EventRequest<AnyRequest>;
  readonly message: AnyRequest;
  readonly response: AnyResponse;
  readonly cors: HeaderFields;
};

const EXPOSED: HeaderFields = { 'Access-Control-Expose-Headers': 'Retry-After' };
const ALLOW: HeaderFields = { Allow: 'POST, OPTIONS' };
/** Messages that one answer is enough for. */
const STATELESS: readonly string[] = ['call', 'publish'];

export class HttpDoor {
  readonly #host: HttpHost;

  constructor(host: HttpHost) {
    this.#host = host;
  }

  request(message: AnyRequest, response: AnyResponse): void {
    const request = nodeRequest(message, response);
    const origin = request.headers.get('origin');
    const isAllowed = this.#host.gate.isOriginAllowed(request);
    const cors = isAllowed && origin !== undefined ? { ...corsFields(origin), ...EXPOSED } : {};
    response.on('error', () => {});
    this.#answer({ request, message, response, cors }, isAllowed)
      .catch((error: unknown) => {
        this.#host.report(error, 'a request over HTTP');
        return plainAnswer(500);
      })
      .then((answer) => {
        if (answer !== undefined) respond(response, withFields(answer, cors), request.method !== 'HEAD');
      });
  }

  /** Clients come here when their WebSockets have been refused, so that this is where either is told of. */
  #turnAway({ headers }: EventRequest<AnyRequest>): HttpAnswer {
    const origin = headers.get('origin');
    const [who, remedy] =
      origin === undefined
        ? ['Programs that send no Origin', "'requiresOrigin: false' or 'authenticate' lets them in"]
        : ['Pages of this origin', `'origins' is to name ${origin.slice(0, 256)}`];
    this.#host.hint(`origin ${origin === undefined}`, `${who} may not connect: ${remedy}, at createHub()`);
    return plainAnswer(403, `${who} may not connect`);
  }

  /** What refuses, or ends before it is anybody's; undefined for what is answered elsewhere. */
  async #answer(exchange: Exchange, isAllowed: boolean): Promise<HttpAnswer | undefined> {
    const { request, message, response } = exchange;
    const { gate, drain } = this.#host;
    const isPreflight = request.method === 'OPTIONS';
    if (request.method !== 'POST' && !isPreflight) return otherMethod(request);
    if (!isAllowed) return this.#turnAway(request);
    if (isPreflight) return { status: 204, headers: { ...preflightFields(request), ...ALLOW } };
    const obstacle = drain.obstacle();
    if (obstacle !== undefined) return refusal(obstacle);
    const { headers } = request;
    if (!/^application\/json *(;|$)/i.test(headers.get('content-type') ?? '') || headers.get('content-encoding')) {
      return plainAnswer(415, 'The body has to be application/json, as it is');
    }
    if (Number(headers.get('content-length') ?? 0) > gate.maxBodyBytes) return tooLong(gate);
    const guest = await gate.admit(request, {
      once: (event, listener) => response.once(event, listener),
      off: (event, listener) => response.off(event, listener),
      pause: () => {},
    });
    if ('reason' in guest) return refusal(guest);
    const body = await readBody(message, gate.maxBodyBytes, gate.timeoutMs);
    if (body === undefined || isGone(response)) return undefined;
    // It may have begun to drain since.
    const late = drain.obstacle();
    if (late !== undefined) return refusal(late);
    if (typeof body === 'number') return body === 413 ? tooLong(gate) : plainAnswer(body);
    const { meter } = guest;
    if (meter !== undefined && !(await mayCome(meter, body, response))) {
      return plainAnswer(429, undefined, Object.fromEntries(RETRY_LATER));
    }
    if (isGone(response)) return undefined;
    const isStream = /\btext\/event-stream\b/i.test(headers.get('accept') ?? '');
    return isStream ? this.#stream(exchange, guest, body) : this.#reply(exchange, guest, body);
  }

  #stream({ request, response, cors }: Exchange, { user }: Guest, body: string): HttpAnswer | undefined {
    const fault = faultOf(body);
    if (fault !== undefined) return fault;
    // What waits is bounded by the outlet.
    const plan = planStream({ headers: cors, maxBacklogBytes: Number.POSITIVE_INFINITY }, undefined);
    const stream = openOnNode(request, response, plan);
    const outlet = new FrameOutlet(stream, this.#host.highWaterMarkBytes, user);
    this.#host.openOn(stream, outlet, user, true)?.receive(body);
    return undefined;
  }

  #reply(exchange: Exchange, { user }: Guest, body: string): HttpAnswer | undefined {
    const fault = faultOf(body, STATELESS);
    if (fault !== undefined) return fault;
    const { response, cors } = exchange;
    const outlet = new ReplyOutlet(response, cors);
    const session = this.#host.open(outlet, user, false);
    response.once('close', () => session.end());
    session.receive(body);
    return undefined;
  }
}

/** Where the one answer to a request goes. */
class ReplyOutlet implements Outlet {
  readonly #response: AnyResponse;
  readonly #cors: HeaderFields;
  readonly isWritable = true;
  readonly bufferedAmount = 0;

  constructor(response: AnyResponse, cors: HeaderFields) {
    this.#response = response;
    this.#cors = cors;
  }

  #answer(answer: HttpAnswer): void {
    respond(this.#response, withFields(answer, this.#cors), true);
  }

  send(frame: string): void {
    this.#answer({ headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, body: frame });
  }

  sendPrepared(): boolean {
    return true;
  }

  close(code: number, reason: string): void {
    const status = STATUS_OF[reactionTo(code)];
    const seconds = Math.max(1, Math.ceil((retryHintMs(reason) ?? 0) / 1000));
    this.#answer(
      plainAnswer(code === 4401 ? 401 : status, reason, status === 503 ? { 'Retry-After': String(seconds) } : {}),
    );
  }

  terminate(): void {
    this.#response.destroy();
  }

  pause(): void {}
  resume(): void {}
}

const STATUS_OF: Readonly<Record<Reaction, number>> = { later: 503, again: 503, token: 401, stop: 403 };

/** @param types what the one message may be; undefined for any number of any messages */
function faultOf(body: string, types?: readonly string[]): HttpAnswer | undefined {
  try {
    const messages = readFrame(body, CLIENT_MESSAGES);
    if (types === undefined) return undefined;
    const [message] = messages;
    if (messages.length === 1 && (message!.type === 'refused' || types.includes(message!.type))) return undefined;
    return plainAnswer(400, `Without Accept: text/event-stream the body is one message: ${types.join(' or ')}`);
  } catch (error) {
    return plainAnswer(400, (error as Error).message);
  }
}

/** Those of HTTP/2 do not say it themselves. */
function isGone(response: AnyResponse): boolean {
  return ('stream' in response ? response.stream : response).destroyed;
}

function otherMethod({ method, headers }: EventRequest<AnyRequest>): HttpAnswer {
  if (method !== 'GET' && method !== 'HEAD') return plainAnswer(405, undefined, ALLOW);
  const isHttp2 = headers.get(':path') !== undefined;
  const fields: HeaderFields = isHttp2 ? {} : { Connection: 'Upgrade', Upgrade: 'websocket' };
  return plainAnswer(426, 'This address speaks WebSocket, or takes POST', fields);
}

function refusal({ status, message, headers = [], answer }: Rejection): HttpAnswer {
  return answer ?? plainAnswer(status, message, Object.fromEntries(headers));
}

function tooLong({ maxBodyBytes }: Gate): HttpAnswer {
  return plainAnswer(413, `A body may have ${maxBodyBytes} bytes`, { Connection: 'close' });
}

/** @returns the status of what is wrong with it; undefined when the client has gone */
function readBody(message: AnyRequest, maxBytes: number, timeoutMs: number): Promise<string | number | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = timeoutMs > 0 ? setTimeout(() => settle(408), timeoutMs) : undefined;
    const settle = (result: string | number | undefined) => {
      clearTimeout(timer);
      message.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) settle(413);
      else chunks.push(chunk);
    };
    const onEnd = () => settle(Buffer.concat(chunks).toString());
    const onClose = () => settle(undefined);
    message.on('error', onClose).on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

/** Messages of a body; what is none is one. */
function countOf(body: string): number {
  try {
    return readFrame(body, CLIENT_MESSAGES).length;
  } catch {
    return 1;
  }
}

/** Waits until a body may come; false when it may never, or nobody waits any more. Each message of it counts. */
function mayCome(meter: MessageMeter, body: string, response: AnyResponse): Promise<boolean> {
  const lengthBytes = Buffer.byteLength(body);
  return new Promise((resolve) => {
    const settle = (isAdmitted: boolean) => {
      response.off('close', onClose);
      if (isAdmitted) meter.charge(countOf(body) - 1);
      meter.closed();
      resolve(isAdmitted);
    };
    const onClose = () => settle(false);
    const ask = () => {
      const verdict = meter.admit(lengthBytes);
      if (verdict !== 'later') settle(verdict === 'now');
    };
    response.on('close', onClose);
    meter.opened(ask);
    ask();
  });
}
