/**
 * What names the endpoint in a request: host and resource name (§3, §4.1, §4.2.1). It refuses to resolve or normalise
 * either; URLs are for whoever dials.
 */

/** Visible ASCII without `#`: §3 has no fragments in resource names, nor has RFC 9112 §3.2 in request-targets. */
const TARGET_CHARACTERS = /^[!-"$-~]+$/;

/** The characters of a host with an optional port (RFC 3986 §3.2.2), not their order. */
const HOST_CHARACTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]+$/;

const ABSOLUTE_TARGET = /^https?:\/\/[^/?]+(.*)$/i;

/** Whether `text` has only characters that a request-target may have, and at least one. */
export function hasTargetCharacters(text: string): boolean {
  return TARGET_CHARACTERS.test(text);
}

/** Whether `text` has only characters that a Host header may have, and at least one. */
export function hasHostCharacters(text: string): boolean {
  return HOST_CHARACTERS.test(text);
}

/** Path and query of a request-target that is a path or an absolute http(s) URI; undefined for any other (§4.2.1). */
export function resourceNameOf(target: string): string | undefined {
  if (!hasTargetCharacters(target)) return undefined;
  if (target.startsWith('/')) return target;
  const name = ABSOLUTE_TARGET.exec(target)?.[1];
  if (name === undefined) return undefined;
  return name.startsWith('/') ? name : `/${name}`;
}
