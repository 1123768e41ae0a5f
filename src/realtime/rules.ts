/** What an application says about channels: who may join and publish, and what members are told of each other. */

import type { MemberInput, MessageOf, ParamsOf, Pattern, Protocol } from '../realtime-protocol/define-protocol.ts';

/** Who is connected. */
export interface HubUser {
  /** Names the user in presence, limits and `hub.disconnect`. */
  readonly id: string;
  /** When the connection ends unless a new token has come, in milliseconds since 1970. */
  readonly expires?: number | undefined;
}

export interface RuleContext<User, Params> {
  readonly user: User;
  /** What stands for the parameters of the channel's pattern. */
  readonly params: Params;
  /** The channel's name. */
  readonly channel: string;
}

export interface PublishContext<User, Params, Data> extends RuleContext<User, Params> {
  /** The message, as its schema has made it. */
  readonly data: Data;
}

/** Whether to allow it. What throws or does not answer in time denies. */
type Answer = boolean | Promise<boolean>;

interface Rules<User, Params, Data> {
  /** Who may join. Default: nobody. */
  readonly join?: ((context: RuleContext<User, Params>) => Answer) | undefined;
  /** Which messages of clients are published. Default: none. */
  readonly publish?: ((context: PublishContext<User, Params, Data>) => Answer) | undefined;
}

/** The rules of one pattern. Where the protocol says what members are told of each other, `member` says it of a user. */
export type ChannelRules<P extends Protocol, Name extends Pattern<P>, User> = Rules<
  User,
  ParamsOf<Name>,
  MessageOf<P, Name>
> &
  ([MemberInput<P, Name>] extends [undefined]
    ? { readonly member?: undefined }
    : {
        readonly member: (
          context: RuleContext<User, ParamsOf<Name>>,
        ) => MemberInput<P, Name> | Promise<MemberInput<P, Name>>;
      });

/** Rules of whatever pattern. */
export interface AnyRules extends Rules<HubUser, unknown, unknown> {
  readonly member?: ((context: RuleContext<HubUser, unknown>) => unknown) | undefined;
}
