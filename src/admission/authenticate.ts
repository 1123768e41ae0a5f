/** The hook `authenticate`: who a client is. It gets the token already found, and answers with a user or refuses. */

import { mayRefuse, reasonPhrase } from '../handshake/index.ts';
import { isPlainObject } from '../options/given-fields.ts';
import { describe } from '../options/option-check.ts';
import { checkAnswer, type HttpAnswer } from './http-answer.ts';
import { RETRY_LATER, type Rejection } from './rejection.ts';
import type { TokenSource } from './tokens.ts';
import { checkUser, hasExpired } from './visitor.ts';

/** What `authenticate` gets. */
export interface AuthenticationRequest<Request> {
  readonly request: Request;
  /** The token, as the option `tokens` says where; undefined when there is none. */
  readonly token: string | undefined;
  readonly tokenSource: TokenSource | undefined;
  /** The client's address, behind the proxies that are trusted; '' on a unix socket. */
  readonly address: string;
  /** Aborted when the client goes away, and when the time is up: nobody waits for an answer then. */
  readonly signal: AbortSignal;
  /**
   * Refuses, whatever the hook does afterwards. It does not return.
   * @param status 300 to 599
   * @throws what ends the hook
   */
  readonly refuse: (status: number, answer?: Pick<HttpAnswer, 'headers' | 'body'>) => never;
}

export type Authenticate<Request, User> = (
  request: AuthenticationRequest<Request>,
) => (User & object) | Promise<User & object>;

/** What the request has come on, as far as it is watched: the request is over with its 'close'. */
export interface Watched {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  pause(): unknown;
}

/** What became of it; undefined when the client has gone. */
type Outcome = { readonly user: object } | Rejection | undefined;

const TOO_LATE: Rejection = {
  reason: 'timeout',
  status: 503,
  message: 'The authentication took too long',
  headers: RETRY_LATER,
};
const EXPIRED: Rejection = { reason: 'authenticate', status: 401, message: 'The authentication has expired' };

const EXPECTED = 'return the user, an object, or call refuse(status)';

/**
 * Asks, for a time.
 * @param timeoutMs 0 for ever
 * @throws what the hook throws, and a TypeError for an answer that is none; as a rejected promise
 */
export async function askAuthenticate<Request>(
  hook: Authenticate<Request, unknown>,
  given: Omit<AuthenticationRequest<Request>, 'refuse' | 'signal'>,
  socket: Watched,
  timeoutMs: number,
): Promise<Outcome> {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let hasGone = () => {};
  const end = new Promise<Outcome>((resolve) => {
    const finish = (outcome: Outcome) => {
      resolve(outcome);
      ending.abort();
    };
    if (timeoutMs > 0) timer = setTimeout(finish, timeoutMs, TOO_LATE);
    hasGone = () => finish(undefined);
    socket.once('close', hasGone);
  });
  try {
    return await Promise.race([answerOf(hook, given, ending.signal), end]);
  } finally {
    clearTimeout(timer);
    socket.off('close', hasGone);
  }
}

async function answerOf<Request>(
  hook: Authenticate<Request, unknown>,
  given: Omit<AuthenticationRequest<Request>, 'refuse' | 'signal'>,
  signal: AbortSignal,
): Promise<Outcome> {
  /** Set by `refuse`. A hook that catches what it throws lets nobody in. */
  let refusal: (() => Rejection) | undefined;
  const refuse = (status: number, answer: Pick<HttpAnswer, 'headers' | 'body'> = {}): never => {
    refusal ??= () => refusalOf(status, answer);
    refusal();
    throw new Error(`authenticate() refused with ${status}`);
  };
  let user: unknown;
  try {
    user = await hook({ ...given, signal, refuse });
  } catch (error) {
    if (refusal === undefined) throw error;
  }
  if (refusal !== undefined) return refusal();
  checkIsUser(user);
  checkUser(user, 'authenticate() returned');
  return hasExpired(user) ? EXPIRED : { user };
}

function refusalOf(status: number, answer: Pick<HttpAnswer, 'headers' | 'body'>): Rejection {
  checkAnswer('refuse', answer, '{ headers, body }, each of which may be left out');
  if (!mayRefuse(status)) {
    throw new RangeError(`refuse() takes an HTTP status from 300 to 599, not ${describe(status)}`);
  }
  return {
    reason: 'authenticate',
    status,
    message: `authenticate() refused with ${status}`,
    answer: { body: reasonPhrase(status), ...answer, headers: withChallenge(status, answer.headers), status },
  };
}

/** A 401 has to name a scheme (RFC 9110 §15.5.2). */
function withChallenge(status: number, headers: HttpAnswer['headers'] = {}): NonNullable<HttpAnswer['headers']> {
  const isThere = Object.keys(headers).some((name) => name.toLowerCase() === 'www-authenticate');
  return status === 401 && !isThere ? { 'WWW-Authenticate': 'Bearer', ...headers } : headers;
}

/** What other hooks return, or say no by, such as `{ status: 401 }`, must not become a user. */
function checkIsUser(user: unknown): asserts user is object {
  if (typeof user !== 'object' || user === null || Array.isArray(user)) {
    throw new TypeError(`authenticate() returned ${describe(user)}: ${EXPECTED}`);
  }
  const { status } = user as { readonly status?: unknown };
  const names = Object.keys(user);
  const isAnswer = Number.isInteger(status) && names.every((name) => ['status', 'headers', 'body'].includes(name));
  if (user instanceof Error) throw new TypeError(`authenticate() returned an error: ${EXPECTED}`);
  // The Response of fetch, whoever has made its class.
  const isResponse = Object.prototype.toString.call(user) === '[object Response]';
  if (isResponse || (isPlainObject(user) && isAnswer)) {
    throw new TypeError(`authenticate() returned an answer: ${EXPECTED}`);
  }
}
