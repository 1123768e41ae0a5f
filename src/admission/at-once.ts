/** Hooks that have to answer at once. */

import { isThenable } from '../socket/emitter.ts';

/**
 * What such a hook has returned. A promise is truthy and would let everybody in; a rejected one would end the process.
 * @throws {TypeError} for a promise
 */
export function answerAtOnce<Answer>(hook: string, answer: Answer): Answer {
  if (!isThenable(answer)) return answer;
  answer.then(undefined, () => {});
  throw new TypeError(`${hook}() returned a promise: answer at once, or ask in authenticate`);
}
