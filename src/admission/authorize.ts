/** The hook `authorize`: who may connect, as whatever HTTP and TLS offer may tell (§10.5). Both servers ask it. */

import { checkAnswer, type HttpAnswer } from './http-answer.ts';
import type { Rejection } from './rejection.ts';

/** What `authorize` answers: yes, no (403), or no in its own words. */
export type Authorization = boolean | HttpAnswer;

export type Authorize<Request> = (request: Request) => Authorization | Promise<Authorization>;

/**
 * Asks, and gives what is to follow.
 * @throws what the hook throws, and a TypeError for an answer that is none; as a rejected promise
 */
export async function askAuthorize<Request>(
  authorize: Authorize<Request>,
  request: Request,
): Promise<true | Rejection> {
  const verdict = await answerOf(() => authorize(request));
  if (verdict === true) return true;
  const given = verdict === false ? {} : verdict;
  checkAnswer('authorize', given, 'true, false or { status }, perhaps with headers and body');
  const { status = 403 } = given;
  return {
    reason: 'authorize',
    status,
    message: 'authorize() said no',
    answer: { body: 'Forbidden', ...given, status },
  };
}

/** What a hook says, at once or later; rejected with what it throws. */
export function answerOf<Answer>(hook: () => Answer | Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => resolve(hook()));
}
