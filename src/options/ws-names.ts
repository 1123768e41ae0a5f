/**
 * What ws calls the options that have another name here. Data only: the check of options reads it, and nothing else has
 * to know that there are two names for one thing.
 */

/** Where options are given under ws's names as well as under ours. */
export type WsDoorName = 'WebSocketServer' | 'WebSocket' | 'setSocket()' | 'Receiver' | 'PerMessageDeflate';

/**
 * How a value under ws's name becomes one under ours:
 * - `limit`: 0 means that there is none;
 * - `timeout`: the same milliseconds;
 * - `patience`: milliseconds, and what no timer can hold means for ever, as 0 does;
 * - `flag`, `opposite`: the same, or not;
 * - `list`: one name may stand for a list of one.
 */
export type WsMeaning = 'limit' | 'timeout' | 'patience' | 'flag' | 'opposite' | 'list';

export interface WsOptionName {
  readonly ws: string;
  /** Our name; those in `limits` with that in front. */
  readonly ours: string;
  readonly means: WsMeaning;
  readonly at: readonly WsDoorName[];
}

const CONNECTIONS = ['WebSocketServer', 'WebSocket', 'setSocket()'] as const;
const RECEIVERS = [...CONNECTIONS, 'Receiver'] as const;

export const WS_OPTION_NAMES = [
  { ws: 'maxPayload', ours: 'limits.maxMessageBytes', means: 'limit', at: [...RECEIVERS, 'PerMessageDeflate'] },
  { ws: 'maxFragments', ours: 'limits.maxFragments', means: 'limit', at: RECEIVERS },
  { ws: 'maxPendingAutoPongs', ours: 'limits.maxPendingPongs', means: 'limit', at: CONNECTIONS },
  { ws: 'closeTimeout', ours: 'closeTimeoutMs', means: 'timeout', at: CONNECTIONS },
  { ws: 'skipUTF8Validation', ours: 'skipsUtf8Validation', means: 'flag', at: RECEIVERS },
  { ws: 'allowSynchronousEvents', ours: 'spreadsEvents', means: 'opposite', at: RECEIVERS },
  { ws: 'handshakeTimeout', ours: 'handshakeTimeoutMs', means: 'patience', at: ['WebSocketServer', 'WebSocket'] },
  { ws: 'protocols', ours: 'subprotocols', means: 'list', at: ['WebSocket'] },
] as const satisfies readonly WsOptionName[];

/** Options that ws has under the same name and with the same meaning. */
export const SAME_IN_WS: readonly string[] = [
  'autoPong',
  'backlog',
  'clientTracking',
  'finishRequest',
  'followRedirects',
  'generateMask',
  'handleProtocols',
  'headers',
  'host',
  'maxBufferedChunks',
  'maxRedirects',
  'noServer',
  'origin',
  'path',
  'perMessageDeflate',
  'port',
  'protocolVersion',
  'server',
  'signal',
  'verifyClient',
  'WebSocket',
];
