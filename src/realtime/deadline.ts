/** The bound of what application code may take for an answer. */

import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { isThenable } from '../socket/emitter.ts';

/**
 * What was promised; or, when it takes too long, a rejection with TIMEOUT. What comes at once is given at once.
 * @param timeoutMs 0 for ever
 */
export function inTime<T>(answer: T | PromiseLike<T>, timeoutMs: number, what: string): T | Promise<T> {
  if (!isThenable(answer)) return answer;
  if (timeoutMs === 0) return Promise.resolve(answer);
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new RealtimeError('TIMEOUT', `${what} has not answered within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref?.();
    Promise.resolve(answer as PromiseLike<T>)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
