/**
 * A protocol: the channels and calls that both ends know, with the schemas of what they carry. It is one value, and its type
 * says at each end what compiles.
 */

import { checkWholeNumber } from '../protocol/whole-number.ts';
import { patternFault } from './channel-name.ts';
import type { InputOf, OutputOf, StandardSchemaV1 } from './standard-schema.ts';
import { MAX_WORD_LENGTH } from './wire.ts';

/** How much of a channel is kept for those who come later or come back. What is older or too much goes first. */
export interface History {
  /** At most so many messages, 1 to 1,000,000. */
  readonly messages: number;
  /** At most so many bytes of their JSON text. Default 1,048,576 (1 MiB). */
  readonly bytes?: number;
  /** Nothing older than this, in milliseconds. Default: no limit of age. */
  readonly ageMs?: number;
}

export interface ChannelDefinition {
  /** Of each message. */
  readonly message: StandardSchemaV1;
  /** Of what members are told about each other. With it the channel has presence. */
  readonly member?: StandardSchemaV1;
  /** Without it nothing is kept: who was away is told that there is a gap. */
  readonly history?: History;
  /**
   * For a channel without history: the member of a message that names what it is about. A reader that is too slow gets the newest
   * of each name in place of all of them.
   */
  readonly latestBy?: string;
}

export interface CallDefinition {
  readonly input: StandardSchemaV1;
  readonly output: StandardSchemaV1;
}

export type Channels = Readonly<Record<string, ChannelDefinition>>;
export type Calls = Readonly<Record<string, CallDefinition>>;

export interface Protocol<C extends Channels = Channels, K extends Calls = Calls> {
  readonly channels: C;
  readonly calls: K;
}

/** The parameters of a channel's pattern, by name. */
export type ParamsOf<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [N in Name]: string } & ParamsOf<Rest>
  : unknown;

/** The names that a pattern stands for. */
export type NameOf<Pattern extends string> = Pattern extends `${infer Head}{${string}}${infer Rest}`
  ? `${Head}${string}${NameOf<Rest>}`
  : Pattern;

/** The colons of a name, one for one: a parameter holds none, so a name has as many as its pattern. */
type ColonsOf<Name extends string> = Name extends `${string}:${infer Rest}` ? `:${ColonsOf<Rest>}` : '';

/** The pattern that a channel's name belongs to. */
export type PatternOf<C extends Channels, Name extends string> = {
  [P in keyof C & string]: Name extends NameOf<P> ? (ColonsOf<Name> extends ColonsOf<P> ? P : never) : never;
}[keyof C & string];

/** Any channel's name of a protocol. Name by name: TypeScript 5.4 and older do not take `NameOf` of all of them for what it is. */
export type ChannelName<P extends Protocol> = {
  [Pattern in keyof P['channels'] & string]: NameOf<Pattern>;
}[keyof P['channels'] & string];
export type Pattern<P extends Protocol> = keyof P['channels'] & string;
export type CallName<P extends Protocol> = keyof P['calls'] & string;

type DefinitionOf<P extends Protocol, Name extends string> = P['channels'][PatternOf<P['channels'], Name>];

/** What is published to a channel: the input of its schema. */
export type MessageInput<P extends Protocol, Name extends string> = InputOf<DefinitionOf<P, Name>['message']>;
/** What arrives from it: the output of its schema, which has to be JSON. */
export type MessageOf<P extends Protocol, Name extends string> = OutputOf<DefinitionOf<P, Name>['message']>;
/** What members of a channel are told about each other; `undefined` where the channel has no `member`. */
export type MemberDataOf<P extends Protocol, Name extends string> =
  DefinitionOf<P, Name> extends { readonly member: infer Schema } ? OutputOf<Schema> : undefined;
export type MemberInput<P extends Protocol, Name extends string> =
  DefinitionOf<P, Name> extends { readonly member: infer Schema } ? InputOf<Schema> : undefined;

export type CallInput<P extends Protocol, Name extends CallName<P>> = InputOf<P['calls'][Name]['input']>;
/** What the handler of a call returns. */
export type CallReturn<P extends Protocol, Name extends CallName<P>> = InputOf<P['calls'][Name]['output']>;
/** What the caller gets. */
export type CallOutput<P extends Protocol, Name extends CallName<P>> = OutputOf<P['calls'][Name]['output']>;

/** Somebody in a channel. */
export interface Member<Data = unknown> {
  /** The user's `id`. */
  readonly user: string;
  readonly data: Data;
  /** How many connections of this user are in the channel, 1 and more. */
  readonly connections: number;
}

/** What does not compile beyond the constraint: names that are misspelt, and a `latestBy` that messages do not have. */
type Checked<C extends Channels> = {
  readonly [N in keyof C]: {
    readonly [Word in Exclude<keyof C[N], keyof ChannelDefinition>]: never;
  } & {
    readonly history?: { readonly [Word in Exclude<keyof C[N]['history'], keyof History>]: never };
    readonly latestBy?: unknown extends OutputOf<C[N]['message']> ? string : keyof OutputOf<C[N]['message']>;
  };
};

/**
 * Defines the channels and calls of an application, once for server and clients. Channel names are patterns: `'room:{room}'` stands
 * for `room:general` and all others; a parameter is one character or more, and never a colon.
 *
 * @throws {TypeError} a name that is none, a pattern, a schema or `history` that cannot be right; two patterns that stand for the same name
 * @throws {RangeError} a bound of `history` that is out of its range
 */
export function defineProtocol<const C extends Channels, const K extends Calls = Record<never, never>>(definition: {
  readonly channels: C & Checked<C>;
  readonly calls?: K;
}): Protocol<C, K> {
  checkNames('the definition', definition, ['channels', 'calls']);
  const { channels, calls = {} as K } = definition;
  checkNames('channels', channels);
  checkNames('calls', calls);
  for (const [pattern, channel] of Object.entries(channels)) checkChannel(pattern, channel);
  const fault = patternFault(Object.keys(channels));
  if (fault !== undefined) throw new TypeError(`defineProtocol(): ${fault}`);
  for (const [name, call] of Object.entries(calls)) {
    const where = `calls['${name}']`;
    if (name === '' || name.length > MAX_WORD_LENGTH)
      throw new TypeError(`defineProtocol(): ${where} has no name that can be sent`);
    checkNames(where, call, ['input', 'output']);
    checkSchema(`${where}.input`, call.input);
    checkSchema(`${where}.output`, call.output);
  }
  return { channels, calls };
}

const MEMBERS_OF_CHANNEL = ['message', 'member', 'history', 'latestBy'];
const MAX_MESSAGES = 1_000_000;

function checkChannel(pattern: string, definition: ChannelDefinition): void {
  const where = `channels['${pattern}']`;
  checkNames(where, definition, MEMBERS_OF_CHANNEL);
  const { message, member, history, latestBy } = definition;
  checkSchema(`${where}.message`, message);
  if (member !== undefined) checkSchema(`${where}.member`, member);
  if (history !== undefined && latestBy !== undefined) {
    throw new TypeError(`defineProtocol(): ${where} has both history and latestBy: a log keeps all, in order`);
  }
  if (latestBy !== undefined && typeof latestBy !== 'string') {
    throw new TypeError(`defineProtocol(): ${where}.latestBy has to be the name of a message's member`);
  }
  if (history === undefined) return;
  const { MAX_SAFE_INTEGER } = Number;
  const bounds = { messages: MAX_MESSAGES, bytes: MAX_SAFE_INTEGER, ageMs: MAX_SAFE_INTEGER };
  checkNames(`${where}.history`, history, Object.keys(bounds));
  for (const [name, max] of Object.entries(bounds)) {
    const value = history[name as keyof History];
    if (value === undefined && name !== 'messages') continue;
    checkWholeNumber(`defineProtocol(): ${where}.history.${name}`, value, 1, max);
  }
}

function checkNames(where: string, given: object, known?: readonly string[]): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`defineProtocol(): ${where} has to be an object`);
  const name = known && Object.keys(given).find((key) => !known.includes(key));
  if (name !== undefined) throw new TypeError(`defineProtocol(): ${where} has no '${name}': ${known!.join(', ')}`);
}

function checkSchema(where: string, schema: StandardSchemaV1 | undefined): void {
  if (typeof schema?.['~standard']?.validate === 'function') return;
  throw new TypeError(
    `defineProtocol(): ${where} has to be a schema with Standard Schema's interface, as those of zod, valibot and arktype`,
  );
}
