/** From which pages browsers may connect (§10.2): the options `origins` and `requiresOrigin`. */

import { isOriginAllowed, type UpgradeRequestOptions } from '../handshake/index.ts';
import type { Arrival } from './arrival.ts';
import { answerAtOnce } from './at-once.ts';
import { clientTarget } from './forwarded.ts';

/** One origin or several, 'same-origin' among them, or a function that decides. */
export type Origins = string | readonly string[] | ((origin: string | undefined) => boolean);

const SAME_ORIGIN = 'same-origin';

interface OriginOptions {
  readonly origins?: Origins | undefined;
  readonly requiresOrigin?: boolean | undefined;
  readonly trustProxy?: number | undefined;
}

/** The rule for one request, as the handshake takes it. @param arrival asked for when the rule is about the request */
export function originRule(
  { origins, requiresOrigin, trustProxy }: OriginOptions,
  arrival: () => Arrival,
): UpgradeRequestOptions['origins'] {
  if (typeof origins === 'function') {
    return (origin) => (origin !== undefined || !requiresOrigin) && Boolean(answerAtOnce('origins', origins(origin)));
  }
  // Where ws's names are taken, null and false stand for nothing.
  const listed = typeof origins === 'string' ? [origins] : origins || undefined;
  const allowsSame = listed?.includes(SAME_ORIGIN) === true;
  if (!allowsSame && !requiresOrigin) return listed;
  // The word is no origin.
  const others = listed?.filter((name) => name !== SAME_ORIGIN);
  return (origin) =>
    origin === undefined
      ? !requiresOrigin
      : isOriginAllowed(origin, others) || (allowsSame && isSameOrigin(origin, arrival(), trustProxy || 0));
}

/**
 * Whether a page comes from this server. Its scheme is compared where ours is known: over TLS, or from what a trusted proxy
 * says. Otherwise a proxy in front of us may speak TLS, so that `http` and `https` will do.
 */
function isSameOrigin(origin: string, arrival: Arrival, hops: number): boolean {
  const { scheme, host = arrival.host } = clientTarget(arrival.headers, hops);
  const page = originOf(origin);
  // What is no origin as browsers write it, such as null, is none.
  if (page === undefined || page.origin !== origin.toLowerCase()) return false;
  const ownScheme = scheme?.toLowerCase().replace('ws', 'http') ?? (arrival.isSecure ? 'https' : page.scheme);
  return originOf(`${ownScheme}://${host}`)?.origin === page.origin;
}

/** Of http and https only: the others have none to compare. */
function originOf(url: string): { readonly scheme: string; readonly origin: string } | undefined {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) return undefined;
  const { protocol, origin } = new URL(url);
  return { scheme: protocol.slice(0, -1), origin };
}
