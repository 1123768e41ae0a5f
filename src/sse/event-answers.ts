/** What those are answered who get no event stream, in the terms of each server. */

import type { HttpAnswer } from '../admission/http-answer.ts';
import type { Rejection } from '../admission/rejection.ts';
import { reasonPhrase } from '../handshake/index.ts';
import { headersOf } from './create-event-stream.ts';
import { formatEvent } from './event-format.ts';
import type { EventRequest } from './event-request.ts';
import { fetchHeaders, type HeaderFields, type NodeResponse, writeHead } from './event-sinks.ts';

export function plainAnswer(status: number, message = reasonPhrase(status), headers: HeaderFields = {}): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body: message };
}

export function withFields(answer: HttpAnswer, fields: HeaderFields): HttpAnswer {
  return { ...answer, headers: { ...answer.headers, ...fields } };
}

/** A browser would give up for good: see `serveEvents`. */
export function refusalOf(
  { status, message, headers = [], answer }: Rejection,
  { headers: sent }: EventRequest<unknown>,
): HttpAnswer {
  const refusal = answer ?? plainAnswer(status, message, Object.fromEntries(headers));
  const [, retryAfter] = Object.entries(refusal.headers ?? {}).find(([name]) => /^retry-after$/i.test(name)) ?? [];
  const isTemporary = (status === 429 || status === 503) && /^\d+$/.test(String(retryAfter));
  if (!isTemporary || !/\btext\/event-stream\b/i.test(sent.get('accept') ?? '')) return refusal;
  return { headers: headersOf(undefined), body: formatEvent({ retry: Number(retryAfter) * 1000 }) };
}

export function corsFields(origin: string | undefined): HeaderFields {
  if (origin === undefined) return {};
  return { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin' };
}

/** What a page asks before it sends fields of its own, such as Authorization. */
export function preflightFields({ headers }: EventRequest<unknown>): HeaderFields {
  const method = headers.get('access-control-request-method');
  if (method === undefined) return {};
  const fields = headers.get('access-control-request-headers');
  return {
    'Access-Control-Allow-Methods': method,
    ...(fields !== undefined && { 'Access-Control-Allow-Headers': fields }),
    'Access-Control-Max-Age': '7200',
  };
}

export function respond(
  response: NodeResponse,
  { status = 200, headers = {}, body = '' }: HttpAnswer,
  hasBody: boolean,
): void {
  if (response.destroyed || response.headersSent) return;
  writeHead(response, status, headers);
  const isBodiless = status === 204 || status === 304 || !hasBody;
  (response as NodeJS.WritableStream).end(isBodiless ? '' : body);
}

export function responseOf({ status = 200, headers = {}, body = '' }: HttpAnswer, hasBody: boolean): Response {
  const isBodiless = status === 204 || status === 304 || !hasBody;
  return new Response(isBodiless ? null : (body as string), { status, headers: fetchHeaders(headers) });
}
