/** Answers to requests, as JSON text. */

import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { MAX_WORD_LENGTH } from '../realtime-protocol/wire.ts';

/** The members of a `result` but for its `id`. @throws {TypeError} when the value is no JSON */
export function resultMembers(output: unknown): string {
  const json = output === undefined ? undefined : JSON.stringify(output);
  return json === undefined ? '"type":"result"' : `"type":"result","output":${json}`;
}

/** The members of an `error` but for its `id`. @throws {TypeError} when its `data` is no JSON */
export function errorMembers({ code, message, issues, data }: RealtimeError): string {
  return JSON.stringify({ type: 'error', code, message, issues, data }).slice(1, -1);
}

/** The one of a request whose members these are. */
export function replyTo(id: number | undefined, members: string): string {
  return id === undefined ? `{${members}}` : `{${members},"id":${id}}`;
}

/** One that is meant for clients, of whichever copy of this package its class is. */
export function isRealtimeError(error: unknown): error is RealtimeError {
  if (error instanceof RealtimeError) return true;
  const { name, code } = (error instanceof Error ? error : {}) as Partial<RealtimeError>;
  return name === 'RealtimeError' && typeof code === 'string' && code !== '' && code.length <= MAX_WORD_LENGTH;
}
