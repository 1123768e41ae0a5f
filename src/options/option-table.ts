/**
 * Every option of servers, clients and connections: where it can be given, of which kind it is, and what holds when it is
 * not given. Each door takes its rows from here, the code its defaults, and spec-notes/options.md is made of it.
 */

import { isToken } from '../handshake/index.ts';
import type { Limits } from '../protocol/index.ts';
import { HIGH_WATER_MARK_BYTES, MAX_BACKLOG_BYTES, POLICIES } from './backlog-settings.ts';
import type { HeartbeatSettings } from './connection-settings.ts';
import { DEFLATE, MISPLACED, OURS as OURS_IN_DEFLATE } from './deflate-options.ts';
import { areFields } from './given-fields.ts';
import {
  ANY,
  COUNT,
  COUNT_OR_NONE,
  type Door,
  type DoorName,
  FLAG,
  FLAG_OR_OBJECT,
  HOOK,
  type Members,
  NAMES,
  NUMBER,
  OBJECT,
  type OptionKind,
  type OptionKinds,
  ORIGINS,
  PATH,
  PORT,
  SOCKET_CLASS,
  TEXT,
} from './option-check.ts';
import { SAME_IN_WS, WS_OPTION_NAMES, type WsMeaning, type WsOptionName } from './ws-names.ts';

/** A value; strings as one writes them. */
type Default = number | boolean | string;

export interface OptionRow {
  /** Where it can be given. */
  readonly at: readonly DoorName[];
  readonly kind: OptionKind;
  /** None: nothing, or what its comment says. By door, where doors differ. */
  readonly default?: Default | Readonly<Partial<Record<DoorName, Default>>>;
}

const LISTEN = ['listen()'] as const;
const HTTP = ['WebSocketServer'] as const;
const SERVERS = ['listen()', 'WebSocketServer'] as const;
const CLIENT = ['WebSocket'] as const;
const BOTH_SIDES = [...SERVERS, 'WebSocket'] as const;
const CONNECTIONS = [...BOTH_SIDES, 'setSocket()'] as const;
const RECEIVERS = [...CONNECTIONS, 'Receiver'] as const;
const LIMITED = [...RECEIVERS, 'PerMessageDeflate'] as const;
const WS_NAMED = ['WebSocketServer', 'WebSocket', 'setSocket()', 'Receiver'] as const;

/** Such as a WebSocketServer, ours or ws's: it emits no 'upgrade'. */
const takesUpgrades = (value: object): boolean => 'handleUpgrade' in value;

const HTTP_SERVER: OptionKind = {
  expected: 'a server of node:http, node:https or node:http2 (of an Express app: http.createServer(app))',
  fits: (value) =>
    typeof value === 'object' &&
    typeof (value as { readonly on?: unknown }).on === 'function' &&
    !takesUpgrades(value as object),
};
const HEADERS: OptionKind = { expected: 'a plain object of names and values, a Headers or a Map', fits: areFields };
const SIGNAL: OptionKind = {
  expected: 'an AbortSignal',
  fits: (value) => OBJECT.fits(value) && 'aborted' in (value as object),
};
const PROXY: OptionKind = {
  expected: 'an http: or https: URL',
  // A URL may be of any realm.
  fits: (value) => TEXT.fits(value) || (OBJECT.fits(value) && TEXT.fits((value as Partial<URL>).href)),
};
const HTTP2: OptionKind = {
  expected: 'true or a session of http2.connect()',
  fits: (value) => value === true || (OBJECT.fits(value) && HOOK.fits((value as { request?: unknown }).request)),
};
const LISTENER_ERRORS: OptionKind = {
  expected: "'close' or 'throw'",
  fits: (value) => value === 'close' || value === 'throw',
};

const ON_BACKLOG: OptionKind = {
  expected: "'close', 'terminate', 'drop' or a function",
  fits: (value) => HOOK.fits(value) || POLICIES.includes(value),
};
const MESSAGE_RATE: OptionKind = {
  ...OBJECT,
  members: () => ({
    kinds: {
      perSecond: NUMBER,
      burst: NUMBER,
      bytesPerSecond: NUMBER,
      burstBytes: NUMBER,
      key: HOOK,
      onExcess: { expected: "'wait' or 'close'", fits: (value) => value === 'wait' || value === 'close' },
    },
    isLenient: false,
  }),
};

const LIMIT_KINDS: OptionKinds<Limits> = {
  maxMessageBytes: NUMBER,
  maxFrameBytes: NUMBER,
  maxFragments: NUMBER,
  maxPendingPongs: NUMBER,
  maxControlFramesBetweenData: NUMBER,
  controlWindowMs: NUMBER,
};

const IN_LIMITS = 'limits.';
const inLimits = (ours: string): string => ours.slice(IN_LIMITS.length);
const NO_CHUNKS = 'nothing here keeps chunks, so there is nothing to limit';

const CHUNKS: OptionKind = {
  expected: `${COUNT_OR_NONE.expected}, or Infinity`,
  fits: (value) => value === Number.POSITIVE_INFINITY || COUNT_OR_NONE.fits(value),
};

/** @param withoutEffect what a door has no use for: it is refused */
export const limitsBut = (...withoutEffect: readonly (keyof Limits)[]): OptionKind => ({
  ...OBJECT,
  members: () => {
    const isTaken = (name: string) => !withoutEffect.includes(name as keyof Limits);
    const ofWs = WS_OPTION_NAMES.filter(({ ours }) => ours.startsWith(IN_LIMITS) && isTaken(inLimits(ours)));
    return {
      kinds: kindsOf(Object.entries(LIMIT_KINDS).filter(([name]) => isTaken(name))),
      elsewhere: {
        ...Object.fromEntries(ofWs.map(({ ws, ours }) => [ws, `it is called ${inLimits(ours)} here`])),
        ...Object.fromEntries(withoutEffect.map((name) => [name, 'it would have no effect'])),
        maxBufferedChunks: NO_CHUNKS,
      },
      isLenient: false,
    };
  },
});

/** In its place, what stands beside it is refused. */
function deflateMembers(isLenient: boolean): Members {
  const members = DEFLATE(isLenient);
  return {
    ...members,
    elsewhere: { ...adviceForOurs(isLenient, 'it stands beside perMessageDeflate'), ...members.elsewhere },
  };
}

/** A subprotocol is one as well. */
const NAME: OptionKind = {
  expected: "a name of HTTP's characters, without spaces, commas and such",
  fits: (value) => TEXT.fits(value) && isToken(value as string),
};
const TOKENS: OptionKind = {
  ...OBJECT,
  members: () => ({
    kinds: { bearer: FLAG, subprotocol: NAME, ticket: NAME, query: NAME, cookie: NAME },
    isLenient: false,
  }),
};

export const HEARTBEAT_DEFAULTS: HeartbeatSettings = { intervalMs: 30_000, timeoutMs: 15_000 };

const HEARTBEAT: OptionKind = {
  ...FLAG_OR_OBJECT,
  members: () => ({ kinds: { intervalMs: NUMBER, timeoutMs: NUMBER }, isLenient: false }),
};

export const OPTIONS = {
  // ---- Where a server listens
  port: { at: SERVERS, kind: PORT, default: { 'listen()': 0 } },
  host: { at: SERVERS, kind: TEXT },
  socketPath: { at: LISTEN, kind: TEXT },
  backlog: { at: SERVERS, kind: COUNT_OR_NONE },
  reusePort: { at: LISTEN, kind: FLAG, default: false },
  tls: { at: LISTEN, kind: OBJECT },
  server: { at: HTTP, kind: HTTP_SERVER },
  noServer: { at: HTTP, kind: FLAG, default: false },

  // ---- Whom it lets in, and how
  path: { at: SERVERS, kind: PATH },
  origins: { at: SERVERS, kind: ORIGINS },
  requiresOrigin: { at: SERVERS, kind: FLAG, default: false },
  trustProxy: { at: SERVERS, kind: COUNT_OR_NONE, default: 0 },
  maxConnections: { at: SERVERS, kind: COUNT },
  maxConnectionsPerAddress: { at: SERVERS, kind: COUNT },
  authenticate: { at: SERVERS, kind: HOOK },
  tokens: { at: SERVERS, kind: TOKENS },
  subprotocols: { at: BOTH_SIDES, kind: NAMES },
  handleProtocols: { at: HTTP, kind: HOOK },
  authorize: { at: SERVERS, kind: HOOK },
  verifyClient: { at: HTTP, kind: HOOK },
  onRequest: { at: LISTEN, kind: HOOK },
  headers: { at: ['listen()', 'WebSocket'], kind: HEADERS },
  maxHeadBytes: { at: LISTEN, kind: COUNT, default: 16_384 },
  handshakeTimeoutMs: {
    at: BOTH_SIDES,
    kind: NUMBER,
    default: { 'listen()': 10_000, WebSocketServer: 10_000, WebSocket: 0 },
  },
  messageRate: { at: SERVERS, kind: MESSAGE_RATE },
  clientTracking: { at: HTTP, kind: FLAG, default: true },
  WebSocket: { at: SERVERS, kind: SOCKET_CLASS },

  // ---- What a client asks for
  origin: { at: CLIENT, kind: TEXT },
  protocolVersion: { at: CLIENT, kind: NUMBER, default: 13 },
  followRedirects: { at: CLIENT, kind: FLAG, default: false },
  maxRedirects: { at: CLIENT, kind: NUMBER, default: 10 },
  proxy: { at: CLIENT, kind: PROXY },
  proxyFromEnvironment: { at: CLIENT, kind: FLAG, default: false },
  http2: { at: CLIENT, kind: HTTP2, default: false },
  signal: { at: CLIENT, kind: SIGNAL },
  finishRequest: { at: CLIENT, kind: HOOK },
  generateMask: { at: ['WebSocket', 'setSocket()'], kind: HOOK },

  // ---- A connection
  perMessageDeflate: {
    at: BOTH_SIDES,
    kind: { ...FLAG_OR_OBJECT, members: deflateMembers },
    default: { 'listen()': false, WebSocketServer: false, WebSocket: true },
  },
  limits: { at: LIMITED, kind: limitsBut() },
  autoPong: { at: CONNECTIONS, kind: FLAG, default: true },
  closeTimeoutMs: { at: CONNECTIONS, kind: NUMBER, default: 30_000 },
  heartbeat: {
    at: CONNECTIONS,
    kind: HEARTBEAT,
    default: { 'listen()': true, WebSocketServer: false, WebSocket: false },
  },
  skipsUtf8Validation: { at: RECEIVERS, kind: FLAG, default: false },
  strictLengths: { at: RECEIVERS, kind: FLAG, default: false },
  spreadsEvents: { at: RECEIVERS, kind: FLAG, default: false },
  listenerErrors: {
    at: CONNECTIONS,
    kind: LISTENER_ERRORS,
    default: { 'listen()': "'close'", WebSocketServer: "'close'", WebSocket: "'throw'" },
  },
  sharesReadBuffer: { at: CONNECTIONS, kind: FLAG, default: true },
  transientMessages: { at: CONNECTIONS, kind: FLAG, default: false },
  highWaterMarkBytes: { at: CONNECTIONS, kind: NUMBER, default: HIGH_WATER_MARK_BYTES },
  lowWaterMarkBytes: { at: CONNECTIONS, kind: NUMBER },
  maxBacklogBytes: {
    at: CONNECTIONS,
    kind: NUMBER,
    default: { 'listen()': MAX_BACKLOG_BYTES, WebSocketServer: 'none', WebSocket: 'none' },
  },
  onBacklog: { at: CONNECTIONS, kind: ON_BACKLOG, default: "'close'" },
  maxBufferedChunks: { at: WS_NAMED, kind: CHUNKS },
} as const satisfies Readonly<Record<string, OptionRow>>;

const ROWS = Object.entries<OptionRow>(OPTIONS);

const MESSAGES = ['messages()', 'WebSocketStream'];
const DRAINS = ['drain()', 'drainOnSignal()'];
const ON_SIGNAL = ['drainOnSignal()'];
const TICKETS = ['createTickets()'];

/** The options of calls, which no door takes: those that ws does not have. */
const OF_CALLS: Readonly<Record<string, readonly string[]>> = {
  maxQueue: MESSAGES,
  maxQueueBytes: MESSAGES,
  droppable: ['WebSocket#send()', 'prepareMessage()', 'broadcast()'],
  except: ['broadcast()'],
  code: DRAINS,
  reason: DRAINS,
  spreadMs: DRAINS,
  retryAfterMs: DRAINS,
  signals: ON_SIGNAL,
  onDrained: ON_SIGNAL,
  exits: ON_SIGNAL,
  ttlMs: TICKETS,
  max: TICKETS,
};

/** Words that other packages' options have too: they pass where programs give those. */
const COMMON = ['code', 'cookie', 'key', 'max', 'query', 'reason'];

/** The longest message where options have ws's names: ws's default. */
export const WS_DEFAULT_LIMITS: Partial<Limits> = { maxMessageBytes: 104_857_600 };

// ---- Doors ----------------------------------------------------------------------------------------------------------

const TLS_ADVICE = 'for TLS give it a server of node:https: { server: https.createServer({ cert, key }) }';
const USE_TLS = 'use tls: { key, cert }';

/** What to do about names that a door does not take: refused, or passed over with a warning. */
const ADVICE: Readonly<Record<DoorName, Pick<Door, 'elsewhere' | 'withoutEffect'>>> = {
  'listen()': {
    elsewhere: {
      verifyClient: 'use authorize, which is given the request and answers true, false or { status }',
      handleProtocols: 'use subprotocols, a list of those that this server speaks',
      maxBufferedChunks: NO_CHUNKS,
      server: 'it makes a server of its own; WebSocketServer takes one of node:http',
      noServer: 'it makes a server of its own; WebSocketServer works without one',
      clientTracking: 'the set `clients` is always kept',
      origin: 'use origins',
      key: USE_TLS,
      cert: USE_TLS,
      pfx: USE_TLS,
    },
  },
  WebSocketServer: {
    elsewhere: {
      onRequest: 'give it a server of node:http, which answers such requests: { server }',
      maxHeadBytes: 'give it a server of node:http with maxHeaderSize: { server }',
      tls: TLS_ADVICE,
      socketPath: 'give it a server of node:http that listens there: { server }',
      reusePort: 'give it a server of node:http that listens so: { server }',
    },
    withoutEffect: {
      cert: TLS_ADVICE,
      key: TLS_ADVICE,
      pfx: TLS_ADVICE,
      verify: 'use verifyClient(info, callback)',
      headers: "add to the lines that a 'headers' listener gets",
      protocols: 'use handleProtocols(offered, request)',
      origin: 'use origins',
    },
  },
  WebSocket: {
    elsewhere: {
      tls: 'its options stand beside the others: { ca, cert, key, … }',
    },
  },
  'setSocket()': { withoutEffect: { perMessageDeflate: 'the opening handshake agrees on it' } },
  Receiver: {},
  PerMessageDeflate: { withoutEffect: MISPLACED },
  'Sender#send()': {},
  'createWebSocketStream()': {},
};

const WS_KINDS: Readonly<Record<WsMeaning, OptionKind>> = {
  limit: NUMBER,
  timeout: NUMBER,
  patience: NUMBER,
  flag: FLAG,
  opposite: FLAG,
  list: { expected: 'a string or a list of strings', fits: (value) => TEXT.fits(value) || NAMES.fits(value) },
};

const allKinds = once(() => ({
  ...kindsOf(ROWS.map(([name, { kind }]) => [name, kind])),
  ...kindsOf(WS_OPTION_NAMES.map(({ ws, means }) => [ws, WS_KINDS[means]])),
}));

/** Of an option, under ws's name or ours, whatever its door. */
export function kindOf(name: string): OptionKind | undefined {
  return Object.hasOwn(allKinds(), name) ? allKinds()[name] : undefined;
}

/** ws's names at a door. */
export function wsNamesAt(door: DoorName): readonly WsOptionName[] {
  return WS_OPTION_NAMES.filter(({ at }: WsOptionName) => (at as readonly DoorName[]).includes(door));
}

/**
 * A door with its rows of the table. The doors that have ws's names are lenient, and take both vocabularies. What it takes is
 * looked up when options are given, and not while the library loads.
 * @param kinds of options that are not in the table, or of another kind there
 * @param shownAs what messages call it
 */
export function doorOf(name: DoorName, kinds: Readonly<Record<string, OptionKind>> = {}, shownAs: string = name): Door {
  const isLenient = name !== 'listen()';
  const { elsewhere, withoutEffect = {} } = ADVICE[name];
  const known = once(() => ({
    ...kindsOf(ROWS.filter(([, { at }]) => at.includes(name)).map(([option, { kind }]) => [option, kind])),
    ...kindsOf(wsNamesAt(name).map(({ ws, means }) => [ws, WS_KINDS[means]])),
    ...kinds,
  }));
  const advice = once(() => ({ ...adviceFor(isLenient, { ...known(), ...withoutEffect }), ...elsewhere }));
  return {
    name: shownAs,
    isLenient,
    kindElsewhere: kindOf,
    withoutEffect,
    get kinds() {
      return known();
    },
    get elsewhere() {
      return advice();
    },
  };
}

/** The options of a door, for another that may be given them as well, and passes over those that it does not have. */
export function passedOver(from: DoorName, at: DoorName): Readonly<Record<string, OptionKind>> {
  const isPassed = (doors: readonly DoorName[]) => doors.includes(from) && !doors.includes(at);
  const ours = ROWS.filter(([, row]) => isPassed(row.at)).map(([name]) => name);
  const ofWs = WS_OPTION_NAMES.filter((row) => isPassed(row.at)).map(({ ws }) => ws);
  return kindsOf([...ours, ...ofWs].map((name) => [name, ANY]));
}

function once<Value>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

const kindsOf = (entries: readonly (readonly [string, OptionKind])[]) => Object.fromEntries(entries);

/**
 * What is said of each name that is ours alone, where it is not taken.
 * @param place where options stand that are not taken in this one. Default: the doors that have them
 */
function adviceForOurs(isLenient: boolean, place?: string): Record<string, string> {
  const advice = [
    ...Object.entries(OF_CALLS).map(([name, calls]) => [name, onlyAt(calls)]),
    ...(['limits', 'heartbeat', 'messageRate', 'tokens'] as const).flatMap((option) =>
      Object.keys(OPTIONS[option].kind.members!(false).kinds).map((name) => [name, `it stands in ${option}`]),
    ),
    ...ROWS.map(([name, { at }]) => [name, place ?? onlyAt(at)]),
  ];
  return {
    ...Object.fromEntries(advice.filter(([name]) => !isOfWs(name!) && !(isLenient && COMMON.includes(name!)))),
    ...OURS_IN_DEFLATE,
    subprotocol: 'use subprotocols',
    nextMaskingKey: 'use generateMask',
  };
}

/**
 * For names of ours that a door does not take, and where it takes ours only, for those of ws. What ws knows passes elsewhere:
 * its programs may give the options of a client to a server.
 * @param told names about which there is nothing more to say
 */
function adviceFor(isLenient: boolean, told: object): Record<string, string> {
  const ofWs = [
    ...ROWS.filter(([name]) => isOfWs(name)).map(([name, { at }]) => [name, onlyAt(at)]),
    ...WS_OPTION_NAMES.map(({ ws, ours, means }) => [ws, useOurs(ours, means)]),
  ];
  const advice = [...(isLenient ? [] : ofWs), ...Object.entries(adviceForOurs(isLenient))];
  return Object.fromEntries(advice.filter(([name]) => !Object.hasOwn(told, name!)));
}

const isOfWs = (name: string): boolean => SAME_IN_WS.includes(name) || WS_OPTION_NAMES.some(({ ws }) => ws === name);

const onlyAt = (at: readonly string[]): string => `only ${at.join(' and ')} ${at.length > 1 ? 'have' : 'has'} it`;

function useOurs(ours: string, means: WsMeaning): string {
  if (ours.startsWith(IN_LIMITS)) return `use limits: { ${inLimits(ours)} }`;
  return `use ${ours}${means === 'opposite' ? ', which is its opposite' : ''}`;
}
