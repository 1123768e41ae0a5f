/** The `verifyClient` option of ws: its two forms, and what becomes of one that fails. */

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { HeaderField } from '../handshake/index.ts';
import { warnOfError } from '../transport/errors.ts';
import type { Rejection } from './rejection.ts';

export interface VerifyClientInfo<Request extends IncomingMessage = IncomingMessage> {
  /** The Origin field; in truth undefined when the request has none, which types for ws do not say either. */
  readonly origin: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  readonly req: Request;
}

/** Answers with whether to accept; if not, with status (default 401), body and headers of the refusal. */
export type VerifyClientCallback = (
  isAccepted: boolean,
  status?: number,
  message?: string,
  headers?: Readonly<OutgoingHttpHeaders>,
) => void;

/** Synchronous with one parameter, asynchronous with two. */
export type VerifyClient<Request extends IncomingMessage = IncomingMessage> =
  | ((info: VerifyClientInfo<Request>) => boolean)
  | ((info: VerifyClientInfo<Request>, callback: VerifyClientCallback) => void);

/** Asks, and calls either `decide` or `fail`, once. What goes wrong after the decision is only warned of. */
export function askVerifyClient<Request extends IncomingMessage>(
  verifyClient: VerifyClient<Request>,
  info: VerifyClientInfo<Request>,
  decide: (verdict: true | Rejection) => void,
  fail: (error: unknown) => void,
): void {
  let isDecided = false;
  const decideOnce: VerifyClientCallback = (isAccepted, status, message, headers) => {
    if (isDecided) return;
    isDecided = true;
    const fields = Object.entries(headers ?? {}).map(([name, value]): HeaderField => [name, String(value)]);
    // As in ws, null, 0 and '' stand for nothing, and a status may be a string.
    const rejection = { status: Number(status || 401), message: message || undefined, headers: fields };
    decide(isAccepted ? true : { reason: 'verifyClient', ...rejection });
  };
  const failOnce = (error: unknown) => {
    if (isDecided) warnOfError(error, 'verifyClient, after it had decided,');
    else fail(error);
    isDecided = true;
  };
  const answersByReturn = verifyClient.length < 2;
  try {
    const answer: unknown = verifyClient(info, decideOnce);
    // A promise is truthy and would let everybody in; a rejected one would end the process.
    if (typeof (answer as PromiseLike<unknown> | undefined)?.then === 'function') {
      Promise.resolve(answer)
        .then((isAccepted) => answersByReturn && decideOnce(isAccepted === true))
        .catch(failOnce);
    } else if (answersByReturn) {
      decideOnce(answer as boolean);
    }
  } catch (error) {
    failOnce(error);
  }
}
