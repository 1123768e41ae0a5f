/**
 * The messages of the subprotocol `framewright.realtime.1`, as one table: each name with its members and what they are. A text
 * message holds one of them, a JSON object, or several, an array of objects. Unknown members are ignored; an unknown message
 * is refused by its name.
 */

import { isWholeNumber } from '../protocol/whole-number.ts';
import { MAX_NAME_LENGTH } from './channel-name.ts';

export const SUBPROTOCOL = 'framewright.realtime.1';
/** In front of the token, where a page offers it as a second subprotocol. */
export const TOKEN_PREFIX = 'bearer.';

/**
 * Over HTTP, in place of a Close frame: a stream ends with an event of this type, whose data is `{ code, reason }`. Its other events
 * have no type, and a frame of messages as their data.
 */
export const CLOSE_EVENT = 'close';

/** Longest `key`, epoch or call's name, in UTF-16 code units. */
export const MAX_WORD_LENGTH = 256;
/** Longest token, in UTF-16 code units. */
const MAX_TOKEN_LENGTH = 8192;
/** Most messages in one frame. */
export const MAX_BATCH = 1000;

interface KindTypes {
  /** A whole number from 0 on. */
  count: number;
  /** A channel's name, 1 to 256 characters. */
  channel: string;
  /** 1 to 256 characters. */
  word: string;
  /** 1 to 8,192 characters. */
  token: string;
  /** Text of any length. */
  text: string;
  /** true or false. */
  flag: boolean;
  /** Any JSON value. */
  json: unknown;
  /** An array. */
  list: readonly unknown[];
}
type Kind = keyof KindTypes;
type Fields = Readonly<Record<string, Kind | `${Kind}?`>>;
type MessageTable = Readonly<Record<string, Fields>>;

/** From client to server. `id` is the client's own number of a request; the answer carries it. */
export const CLIENT_MESSAGES = {
  /** Be told what comes to a channel, from a position on (`epoch` and `offset`), or with the `last` so many. */
  join: { id: 'count', channel: 'channel', epoch: 'word?', offset: 'count?', last: 'count?', members: 'flag?' },
  /** Be told nothing more of a channel. */
  leave: { id: 'count', channel: 'channel' },
  /** Publish to a channel whose rule lets clients do so. A `key` that was there already publishes nothing again. */
  publish: { id: 'count', channel: 'channel', data: 'json', key: 'word?' },
  /** Ask for one answer. A repeat with the same `key` gets the first one's. Past `timeoutMs` nobody waits for it. */
  call: { id: 'count', call: 'word', input: 'json?', key: 'word?', timeoutMs: 'count?' },
  /** The caller waits for the answer to this `id` no more. */
  cancel: { id: 'count' },
  /** A new token for the user of this connection. */
  token: { id: 'count', token: 'token' },
  /** Ask for a sign of life. */
  ping: {},
} as const satisfies MessageTable;

/** From server to client. */
export const SERVER_MESSAGES = {
  /** The first message. After `pingMs` without a message the client may ask for a sign of life with `ping`. */
  welcome: { connection: 'word', user: 'word', pingMs: 'count', expires: 'count?' },
  /** The answer to `join`: what follows comes behind this position. Without history there is none. */
  joined: { id: 'count', channel: 'channel', epoch: 'word?', offset: 'count?' },
  /** Messages of a channel, oldest first; `offset` is the first one's, and the others' follow without a hole. */
  entries: { channel: 'channel', offset: 'count?', data: 'list' },
  /** Something is missing here. What follows comes behind this position. */
  gap: { channel: 'channel', epoch: 'word?', offset: 'count?' },
  /** Who is in the channel: all of them. A member is `{ user, data, connections }`. */
  members: { channel: 'channel', members: 'list' },
  /** Who has come or changed, and the ids of users who have gone. */
  presence: { channel: 'channel', set: 'list', gone: 'list' },
  /** 'stale': what keeps the channel's log is away, and nothing comes until 'live'. */
  state: { channel: 'channel', state: 'word' },
  /** The server has ended the membership. */
  left: { channel: 'channel', code: 'word', message: 'text' },
  /** The answer to `leave`, `publish` (its position, if any), `call` (what the handler returned) and `token`. */
  result: { id: 'count', output: 'json?' },
  /** The other answer: `issues` say where an input is wrong, `data` is the application's. */
  error: { id: 'count?', code: 'word', message: 'text', issues: 'list?', data: 'json?' },
  /** The answer to `ping`. */
  pong: {},
} as const satisfies MessageTable;

type TypeOf<K> = K extends `${infer Plain extends Kind}?` ? KindTypes[Plain] : K extends Kind ? KindTypes[K] : never;
type MessageOf<Type, F extends Fields> = { readonly type: Type } & {
  readonly [N in keyof F as F[N] extends `${string}?` ? never : N]: TypeOf<F[N]>;
} & { readonly [N in keyof F as F[N] extends `${string}?` ? N : never]?: TypeOf<F[N]> | undefined };
type AnyOf<Table extends MessageTable> = { [Type in keyof Table]: MessageOf<Type, Table[Type]> }[keyof Table];

export type ClientMessage = AnyOf<typeof CLIENT_MESSAGES>;
export type ServerMessage = AnyOf<typeof SERVER_MESSAGES>;
export type ClientMessageType = keyof typeof CLIENT_MESSAGES;

/** A message that cannot be taken: the others of its frame can. */
export interface Refused {
  readonly type: 'refused';
  /** As the message has it, so that the answer finds its request. */
  readonly id: number | undefined;
  /** UNKNOWN for a message that the table does not have. */
  readonly code: 'UNKNOWN' | 'INVALID';
  readonly message: string;
}

const isText = (max: number) => (value: unknown) =>
  typeof value === 'string' && value.length > 0 && value.length <= max;

const KINDS: Readonly<Record<Kind, readonly [isKind: (value: unknown) => boolean, words: string]>> = {
  count: [(value) => isWholeNumber(value, 0), 'a whole number from 0 on'],
  channel: [isText(MAX_NAME_LENGTH), `text of 1 to ${MAX_NAME_LENGTH} characters`],
  word: [isText(MAX_WORD_LENGTH), `text of 1 to ${MAX_WORD_LENGTH} characters`],
  token: [isText(MAX_TOKEN_LENGTH), `text of 1 to ${MAX_TOKEN_LENGTH} characters`],
  text: [(value) => typeof value === 'string', 'text'],
  flag: [(value) => typeof value === 'boolean', 'true or false'],
  json: [(value) => value !== undefined, 'there'],
  list: [(value) => Array.isArray(value), 'an array'],
};

/**
 * Reads a text message. Messages that are wrong come as 'refused', each at its place.
 *
 * @throws {SyntaxError} the text is no JSON, or no object and no array of at most 1,000 objects: then it is not this protocol
 */
export function readFrame(text: string, table: typeof CLIENT_MESSAGES): (ClientMessage | Refused)[];
export function readFrame(text: string, table: typeof SERVER_MESSAGES): (ServerMessage | Refused)[];
export function readFrame(text: string, table: MessageTable): (ClientMessage | ServerMessage | Refused)[] {
  const value: unknown = JSON.parse(text);
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.length > MAX_BATCH) throw new SyntaxError(`a frame holds at most ${MAX_BATCH} messages`);
  return items.map((item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw new SyntaxError('a message is a JSON object');
    }
    return readMessage(item as Record<string, unknown>, table);
  });
}

function readMessage(item: Record<string, unknown>, table: MessageTable): ClientMessage | ServerMessage | Refused {
  const { type } = item;
  const id = KINDS.count[0](item.id) ? (item.id as number) : undefined;
  const refuse = (code: Refused['code'], message: string): Refused => ({ type: 'refused', id, code, message });
  if (typeof type !== 'string') return refuse('INVALID', "'type' has to name the message");
  if (!Object.hasOwn(table, type)) return refuse('UNKNOWN', `'${type.slice(0, 64)}' is no message of ${SUBPROTOCOL}`);
  for (const [name, kind] of Object.entries(table[type]!)) {
    const value = item[name];
    if (value === undefined && kind.endsWith('?')) continue;
    const [isKind, words] = KINDS[kind.replace('?', '') as Kind];
    if (!isKind(value)) return refuse('INVALID', `'${name}' of '${type}' has to be ${words}`);
  }
  return item as unknown as ClientMessage | ServerMessage;
}

/** A frame of messages that are JSON text already. */
export function writeFrame(messages: readonly string[]): string {
  return messages.length === 1 ? messages[0]! : `[${messages.join(',')}]`;
}

/** The `entries` message of data that is JSON text already. */
export function writeEntries(channel: string, offset: number | undefined, data: readonly string[]): string {
  const position = offset === undefined ? '' : `,"offset":${offset}`;
  return `{"type":"entries","channel":${JSON.stringify(channel)}${position},"data":[${data.join(',')}]}`;
}
