/** The hook `authorize`: who may connect, as whatever HTTP and TLS offer may tell (§10.5). Both servers ask it. */

import { checkAnswer, formatAnswer, type HttpAnswer } from './http-answer.ts';

/** What `authorize` answers: yes, no (403), or no in its own words. */
export type Authorization = boolean | HttpAnswer;

export type Authorize<Request> = (request: Request) => Authorization | Promise<Authorization>;

/** The answer to a request that may not connect, in bytes. */
export interface AuthorizationRefusal {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/**
 * Asks, and calls one of the two.
 * @throws what the hook throws, and a TypeError for an answer that is none; as a rejected promise
 */
export async function askAuthorize<Request>(
  authorize: Authorize<Request>,
  request: Request,
  accept: () => void,
  forbid: (refusal: AuthorizationRefusal) => void,
): Promise<void> {
  const verdict = await answerOf(() => authorize(request));
  if (verdict === true) {
    accept();
    return;
  }
  const given = verdict === false ? {} : verdict;
  checkAnswer('authorize', given, 'true, false or { status }, perhaps with headers and body');
  const { status = 403 } = given;
  forbid({ status, bytes: formatAnswer({ body: 'Forbidden', ...given, status }, true) });
}

/** What a hook says, at once or later; rejected with what it throws. */
export function answerOf<Answer>(hook: () => Answer | Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => resolve(hook()));
}
