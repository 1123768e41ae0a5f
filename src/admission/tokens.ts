/** Where a request has its token: the option `tokens`. */

import type { HeaderMap } from '../handshake/index.ts';

/** Where `authenticate` finds its token; a place that is not named is not looked at, but for `bearer`. */
export interface TokenOptions {
  /** `Authorization: Bearer …`, as programs send it. Default true. */
  bearer?: boolean | undefined;
  /**
   * A subprotocol with this in front, such as 'bearer.': pages can send no other header field. Hooks and the answer never
   * see it. The page has to offer a subprotocol of yours as well, since a browser expects one of them to be chosen.
   */
  subprotocol?: string | undefined;
  /** The parameter of the query with a ticket, which is worth nothing once it was used: see `createTickets`. */
  ticket?: string | undefined;
  /** A parameter of the query. It stands in the logs of every proxy: a ticket is better. */
  query?: string | undefined;
  /** The cookie of this name. Browsers send it for pages of every site: use `origins` as well. */
  cookie?: string | undefined;
}

export type TokenSource = keyof TokenOptions;

interface FoundToken {
  readonly token: string;
  readonly tokenSource: TokenSource;
}

interface TokenPlaces {
  readonly headers: HeaderMap;
  /** The path with its query. */
  readonly resourceName: string;
  readonly subprotocols: readonly string[];
}

const FINDERS: readonly (readonly [
  source: TokenSource,
  find: (places: TokenPlaces, name: string) => string | undefined,
])[] = [
  ['bearer', ({ headers }) => /^bearer +([\w.~+/-]+=*)$/i.exec(headers.get('authorization') ?? '')?.[1]],
  [
    'subprotocol',
    ({ subprotocols }, prefix) => subprotocols.find((name) => name.startsWith(prefix))?.slice(prefix.length),
  ],
  ['ticket', findInQuery],
  ['query', findInQuery],
  ['cookie', findCookie],
];

/** The first token there is, in the order of `TokenOptions`: what a page sent on purpose stands before what a browser sends by itself. */
export function findToken(places: TokenPlaces, tokens: TokenOptions): FoundToken | undefined {
  const wanted: TokenOptions = { ...tokens, bearer: tokens.bearer ?? true };
  for (const [tokenSource, find] of FINDERS) {
    const name = wanted[tokenSource];
    const token = name ? find(places, String(name)) : undefined;
    if (token) return { token, tokenSource };
  }
  return undefined;
}

function findInQuery({ resourceName }: TokenPlaces, name: string): string | undefined {
  const start = resourceName.indexOf('?');
  return (start < 0 ? undefined : new URLSearchParams(resourceName.slice(start)).get(name)) ?? undefined;
}

/** The first of that name, which is the one with the longest path. */
function findCookie({ headers }: TokenPlaces, name: string): string | undefined {
  // HTTP/2 has a field for each, and whoever joins fields may do it with a comma.
  const pairs = headers.all('cookie').flatMap((line) => line.split(/; */));
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  const plain = value?.replace(/^"(.*)"$/, '$1');
  try {
    return plain && decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

/** Subprotocols without those that hold a token. */
export function withoutTokens(subprotocols: readonly string[], { subprotocol }: TokenOptions): readonly string[] {
  return subprotocol ? subprotocols.filter((name) => !name.startsWith(subprotocol)) : subprotocols;
}
