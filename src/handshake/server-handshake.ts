/**
 * Reading the client's opening handshake (§4.2.1, and the decisions of §4.2.2) as a pure function of the request.
 * `server-response.ts` writes the answer; between the two there is room for whatever the server wants to ask first. It
 * refuses to know about sockets, about Node's http module, and about what an extension's parameters mean.
 */

import type { HeaderField } from './head-writer.ts';
import {
  type Extension,
  type HeaderSyntaxError,
  listHasToken,
  parseExtensions,
  parseSubprotocols,
} from './header-fields.ts';
import type { HeaderMap } from './header-map.ts';
import { isKeyShaped } from './key.ts';
import { announcesBody } from './request-rules.ts';
import { namesOneHost, parseTarget } from './request-target.ts';

/** What the check reads of a request. A head from `HttpHeadParser` is one. */
export interface UpgradeRequest {
  readonly method: string;
  /** The request-target as sent. */
  readonly target: string;
  /** `1.1`, without `HTTP/`. */
  readonly httpVersion: string;
  readonly headers: HeaderMap;
  /**
   * The fields as they came, where `headers` has lost some or a program may have changed them. Null for a request that
   * never was on a wire: then it is not held to the rules of HTTP, which are about wires. Default: `headers`.
   */
  readonly wireHeaders?: HeaderMap | null;
}

/** `strict` answers as the RFCs say; `ws` gives the statuses and texts of the npm package of that name. */
export type HandshakeProfile = 'strict' | 'ws';

export interface UpgradeRequestOptions {
  /** Default `strict`. */
  readonly profile?: HandshakeProfile;
  /** False when the server supports no extension: their header is then ignored like an unknown one. Default true. */
  readonly parsesExtensions?: boolean;
  /**
   * Origins from which a connection may come, as browsers write them: `scheme://host`, with `:port` unless default.
   * A list lets requests without Origin pass: no browser sent them, and other clients could send any Origin they like
   * (§10.2). A function decides for itself. Default: every origin, which leaves cookies open to cross-site hijacking.
   */
  readonly origins?: readonly string[] | ((origin: string | undefined) => boolean) | undefined;
}

export interface AcceptableRequest {
  readonly ok: true;
  readonly key: string;
  /** 13; with the `ws` profile also 8. */
  readonly version: number;
  /** The path with its query (§3), also of an absolute request-target. */
  readonly resourceName: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** As offered, most preferred first. */
  readonly subprotocols: readonly string[];
  /** As offered, most preferred first. */
  readonly extensions: readonly Extension[];
}

export interface Refusal {
  readonly ok: false;
  /** The check that failed. */
  readonly check: CheckId;
  readonly section: string;
  readonly status: number;
  /** The response body. */
  readonly message: string;
  readonly contentType: string;
  readonly headers: readonly HeaderField[];
}

export type CheckId =
  | 'method'
  | 'httpVersion'
  | 'target'
  | 'host'
  | 'body'
  | 'upgrade'
  | 'connection'
  | 'key'
  | 'versionHeader'
  | 'version'
  | 'subprotocols'
  | 'extensions'
  | 'origin';

interface RefusalRow {
  readonly status: number;
  /** The body, if not the check's own explanation. */
  readonly message?: string;
  readonly headers?: readonly HeaderField[];
}

/** The checks that are about the wire. */
const WIRE_CHECKS: readonly CheckId[] = ['httpVersion', 'host', 'body'];

interface Profile {
  readonly contentType: string;
  /** As they are written: §4.3 has one way to write a number, without leading zeros, so comparing texts is enough. */
  readonly versions: readonly string[];
  /** A check without a row is not made. */
  readonly refusals: Readonly<Partial<Record<CheckId, RefusalRow>>>;
}

/** Nothing offered, nothing to add. */
const NONE: readonly never[] = Object.freeze([]);

/** §4.4: a refusal lists all versions that are understood. */
const VERSION_13: HeaderField = ['Sec-WebSocket-Version', '13'];
const WS_VERSION_REFUSAL: RefusalRow = {
  status: 400,
  message: 'Missing or invalid Sec-WebSocket-Version header',
  headers: [['Sec-WebSocket-Version', '13, 8']],
};

const PROFILES: Readonly<Record<HandshakeProfile, Profile>> = {
  strict: {
    contentType: 'text/plain; charset=utf-8',
    versions: ['13'],
    refusals: {
      method: { status: 405, headers: [['Allow', 'GET']] },
      httpVersion: { status: 400 },
      target: { status: 400 },
      host: { status: 400 },
      body: { status: 400 },
      upgrade: { status: 400 },
      connection: { status: 400 },
      key: { status: 400 },
      // §4.2.2 asks for 426 when the client's version is one the server does not understand. Without a version, or with
      // two, the client has named none: that is a request not as §4.2.1 describes it, hence 400.
      versionHeader: { status: 400, headers: [VERSION_13] },
      // RFC 9110 §15.5.22 has a 426 name the protocol in Upgrade, and RFC 9110 §7.8 has Connection list it.
      version: { status: 426, headers: [['Connection', 'close, Upgrade'], ['Upgrade', 'websocket'], VERSION_13] },
      subprotocols: { status: 400 },
      extensions: { status: 400 },
      origin: { status: 403 },
    },
  },
  ws: {
    contentType: 'text/html',
    versions: ['13', '8'],
    refusals: {
      method: { status: 405, message: 'Invalid HTTP method' },
      httpVersion: { status: 400 },
      host: { status: 400 },
      body: { status: 400 },
      upgrade: { status: 400, message: 'Invalid Upgrade header' },
      key: { status: 400, message: 'Missing or invalid Sec-WebSocket-Key header' },
      versionHeader: WS_VERSION_REFUSAL,
      version: WS_VERSION_REFUSAL,
      subprotocols: { status: 400, message: 'Invalid Sec-WebSocket-Protocol header' },
      extensions: { status: 400, message: 'Invalid or unacceptable Sec-WebSocket-Extensions header' },
      origin: { status: 403 },
    },
  },
};

interface CheckContext {
  readonly request: UpgradeRequest;
  readonly wireHeaders: HeaderMap;
  readonly options: UpgradeRequestOptions;
  readonly profile: Profile;
  /** Checks that parse something leave it here. */
  readonly found: { -readonly [Name in keyof AcceptableRequest]: AcceptableRequest[Name] };
}

interface Check {
  readonly id: CheckId;
  readonly section: string;
  /** What is wrong and what to do about it, or undefined when the requirement is met. */
  readonly explain: (context: CheckContext) => string | undefined;
}

/** Every requirement on a request, in the order in which they are checked: first what ws looks for, in its order. */
const CHECKS: readonly Check[] = [
  {
    id: 'method',
    section: '§4.2.1',
    explain: ({ request }) => unless(request.method === 'GET', 'A WebSocket is opened with GET'),
  },
  {
    id: 'target',
    section: '§4.2.1',
    explain({ request, found }) {
      const target = parseTarget(request.target);
      if (target === undefined) return 'The request-target must be a path or an absolute http or https URI';
      found.resourceName = target.resourceName;
      return undefined;
    },
  },
  {
    id: 'upgrade',
    section: '§4.2.1',
    explain: ({ request }) =>
      unless(listHas(request, 'upgrade', 'websocket'), 'The Upgrade header must have websocket'),
  },
  {
    id: 'connection',
    section: '§4.2.1',
    explain: ({ request }) =>
      unless(listHas(request, 'connection', 'upgrade'), 'The Connection header must have Upgrade'),
  },
  {
    // A repeated header is joined with a comma, which no key has (§11.3.1: once only).
    id: 'key',
    section: '§4.2.1',
    explain({ request, found }) {
      found.key = request.headers.get('sec-websocket-key') ?? '';
      return unless(isKeyShaped(found.key), 'Exactly one Sec-WebSocket-Key header with 16 bytes in base64 is required');
    },
  },
  {
    id: 'versionHeader',
    section: '§11.3.5',
    explain: ({ request }) =>
      unless(
        request.headers.count('sec-websocket-version') === 1,
        'Exactly one Sec-WebSocket-Version header is required: send 13',
      ),
  },
  {
    id: 'version',
    section: '§4.2.2',
    explain({ request, profile, found }) {
      const version = request.headers.get('sec-websocket-version')!;
      found.version = Number(version);
      return unless(
        profile.versions.includes(version),
        'This version of the WebSocket protocol is not supported: use 13',
      );
    },
  },
  {
    id: 'httpVersion',
    section: '§4.2.1',
    explain: ({ request }) => unless(Number(request.httpVersion) >= 1.1, 'A WebSocket needs HTTP/1.1 or higher'),
  },
  {
    id: 'host',
    section: '§4.2.1',
    explain: ({ wireHeaders }) =>
      unless(namesOneHost(wireHeaders), 'Exactly one Host header with a valid host is required'),
  },
  {
    // A body would stand where the first frame is expected.
    id: 'body',
    section: '§4.2.1',
    explain({ wireHeaders }) {
      return unless(!announcesBody(wireHeaders), 'A request for a WebSocket must have no body');
    },
  },
  {
    id: 'subprotocols',
    section: '§4.1',
    explain({ request, found }) {
      const value = request.headers.get('sec-websocket-protocol');
      if (value === undefined) return undefined;
      return explainSyntax('Sec-WebSocket-Protocol', () => {
        found.subprotocols = parseSubprotocols(value);
      });
    },
  },
  {
    id: 'extensions',
    section: '§9.1',
    explain({ request, options, found }) {
      const value = options.parsesExtensions === false ? undefined : request.headers.get('sec-websocket-extensions');
      if (value === undefined) return undefined;
      return explainSyntax('Sec-WebSocket-Extensions', () => {
        found.extensions = parseExtensions(value);
      });
    },
  },
  {
    id: 'origin',
    section: '§10.2',
    explain({ request, options: { origins }, found }) {
      const origin = request.headers.get('origin');
      // Version 8, a draft, called the header by another name. Whoever sends both has to be let in by both.
      const draftOrigin = found.version === 8 ? request.headers.get('sec-websocket-origin') : undefined;
      found.origin = draftOrigin ?? origin;
      const named = origin === undefined || origin === found.origin ? [found.origin] : [found.origin, origin];
      return unless(
        named.every((name) => isOriginAllowed(name, origins)),
        'Connections from this origin are not allowed',
      );
    },
  },
];

/**
 * Judges a request against §4.2.1 and §4.2.2. The first requirement that is not met decides the refusal, and with it the
 * HTTP status that §10.7 asks for.
 */
export function checkUpgradeRequest(
  request: UpgradeRequest,
  options: UpgradeRequestOptions = {},
): AcceptableRequest | Refusal {
  const profile = PROFILES[options.profile ?? 'strict'];
  const found: CheckContext['found'] = {
    ok: true,
    key: '',
    version: 0,
    resourceName: request.target,
    host: request.headers.get('host'),
    origin: undefined,
    subprotocols: NONE,
    extensions: NONE,
  };
  const wireHeaders = request.wireHeaders ?? request.headers;
  const context: CheckContext = { request, wireHeaders, options, profile, found };
  for (const check of CHECKS) {
    const isMade = request.wireHeaders !== null || !WIRE_CHECKS.includes(check.id);
    const row = isMade ? profile.refusals[check.id] : undefined;
    const explanation = row === undefined ? undefined : check.explain(context);
    if (explanation !== undefined) return refusal(check, row!, explanation, profile);
  }
  return found;
}

function refusal({ id, section }: Check, row: RefusalRow, explanation: string, profile: Profile): Refusal {
  const { status, message = explanation, headers = NONE } = row;
  return { ok: false, check: id, section, status, message, contentType: profile.contentType, headers };
}

function unless(isMet: boolean, explanation: string): string | undefined {
  return isMet ? undefined : explanation;
}

function listHas(request: UpgradeRequest, name: string, token: string): boolean {
  return listHasToken(request.headers.get(name) ?? '', token);
}

/** Parses a header. It may stand several times, which counts as one list in order (§11.3.2, §11.3.4). */
function explainSyntax(name: string, parse: () => void): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return `Invalid ${name} header: ${(error as HeaderSyntaxError).message}`;
  }
}

function isOriginAllowed(origin: string | undefined, origins: UpgradeRequestOptions['origins']): boolean {
  if (origins === undefined) return true;
  if (typeof origins === 'function') return origins(origin);
  if (origin === undefined) return true;
  // §4.2.2 compares origins in lower case.
  return origins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
}

/** The client's most preferred subprotocol among those the server supports (§4.2.2), or undefined if there is none. */
export function chooseSubprotocol(offered: readonly string[], supported: readonly string[]): string | undefined {
  return offered.find((name) => supported.includes(name));
}
