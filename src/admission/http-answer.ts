/** Answers of plain HTTP as hooks give them, and what is wrong with those that are none. */

import { types } from 'node:util';
import { isPlainObject } from '../options/given-fields.ts';
import { describe } from '../options/option-check.ts';

/** A body that comes piece by piece: a ReadableStream, an async generator. */
export type StreamedBody = ReadableStream<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** What hooks answer with over HTTP. */
export interface HttpAnswer<Body = string | Uint8Array> {
  /** 200 to 599. Default 200. */
  readonly status?: number;
  /**
   * Beside Content-Length and Connection, which are set for you: given all the same, they are left out. An array is a field
   * for each of its values.
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Left out with a status that has none, 204 or 304. */
  readonly body?: Body;
}

const MEMBERS = ['status', 'headers', 'body'];

/**
 * Whether a hook has returned an answer. Callers without types may return anything, and what is passed over would become
 * a 200.
 * @returns what is wrong with it, or undefined
 */
function faultOfAnswer(answer: unknown, mayStream: boolean): string | undefined {
  if (!isPlainObject(answer)) return 'what is no plain object';
  const stranger = Object.keys(answer).find((name) => !MEMBERS.includes(name));
  if (stranger !== undefined) return `an answer with "${stranger}"`;
  const { headers, body } = answer as { readonly headers?: unknown; readonly body?: unknown };
  if (headers !== undefined && !isPlainObject(headers)) return 'headers that are no plain object';
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (![value].flat().every((single) => ['string', 'number'].includes(typeof single))) {
      return `a header "${name}" that is neither a string nor an array of strings`;
    }
  }
  if (body !== undefined && typeof body !== 'string' && !types.isUint8Array(body) && !(mayStream && isStreamed(body))) {
    return `a body that is neither a string nor a Uint8Array${mayStream ? ' nor a stream of them' : ''}`;
  }
  return undefined;
}

export function isStreamed(body: unknown): body is StreamedBody {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/**
 * Callers without types may return anything, and those who forget `return` nothing.
 * @param mayStream whether the body may be a stream
 * @throws {TypeError} that says what the hook has returned, and what it may return
 */
export function checkAnswer<Body = string | Uint8Array>(
  hook: string,
  answer: unknown,
  expected: string,
  mayStream = false,
): asserts answer is HttpAnswer<Body> {
  const fault = faultOfAnswer(answer, mayStream);
  if (fault === undefined) return;
  const returned = typeof answer === 'object' && answer !== null ? fault : describe(answer);
  throw new TypeError(`${hook}() returned ${returned}: return ${expected}`);
}
