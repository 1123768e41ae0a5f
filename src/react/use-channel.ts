/** `useChannel` and `useMembers`: a component is a member of a channel for as long as it is shown. */

import { useMemo } from 'react';
import type { Channel, ChannelState, Live, Message, RequestOptions } from '../live/types.ts';
import type {
  ChannelName,
  Member,
  MemberDataOf,
  MessageInput,
  MessageOf,
  Protocol,
} from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { DEFAULT_KEEP, MessageList } from './message-list.ts';
import { Store } from './store.ts';
import { hold, identityOf } from './use-live.ts';
import { useNewest, useStore } from './use-store.ts';

export interface ChannelMessage<Data> extends Message<Data> {
  /** The component's own number for it, a `key` in a list. */
  readonly id: number;
}

export interface UseChannelOptions<Data> {
  /** Start with the newest so many messages of the history. Default 0. It counts when the component joins. */
  readonly last?: number | undefined;
  /** Keeps the newest so many messages; 0 for none. Default 200. */
  readonly keep?: number | undefined;
  /** Be told who is in the channel. Default true. It counts when the component joins. */
  readonly members?: boolean | undefined;
  readonly onMessage?: ((message: ChannelMessage<Data>) => void) | undefined;
}

export interface ChannelView<P extends Protocol, Name extends ChannelName<P>> {
  readonly state: ChannelState;
  /** Oldest first; the same array until there is another message. */
  readonly messages: readonly ChannelMessage<MessageOf<P, Name>>[];
  /** Something is missing before a message with `isAfterGap`, or behind the last one. */
  readonly gap: boolean;
  readonly members: readonly Member<MemberDataOf<P, Name>>[];
  /** Why it was left, if the server has ended it or did not allow it. */
  readonly error: RealtimeError | undefined;
  /** As `live.publish` to this channel; always the same function. */
  readonly publish: (data: MessageInput<P, Name>, options?: RequestOptions) => Promise<Position | undefined>;
}

class ChannelStore<P extends Protocol, Name extends ChannelName<P>> extends Store<ChannelView<P, Name>> {
  options: UseChannelOptions<MessageOf<P, Name>> = {};
  readonly initial: ChannelView<P, Name>;
  readonly #live: Live<P>;
  readonly #name: Name | undefined;
  readonly #list = new MessageList<ChannelMessage<MessageOf<P, Name>>>();
  #channel: Channel<P, Name> | undefined;
  #ends: (() => void)[] = [];
  /** It could not even be joined. */
  #fault: RealtimeError | undefined;
  #position: Position | undefined;
  #isGapOpen = false;
  #nextId = 0;

  constructor(live: Live<P>, name: Name | undefined) {
    super();
    this.#live = live;
    this.#name = name;
    this.initial = {
      state: name === undefined ? 'left' : 'joining',
      messages: [],
      gap: false,
      members: [],
      error: undefined,
      publish: async (data, options) => {
        if (name === undefined) throw new RealtimeError('UNKNOWN', 'There is no channel to publish to now');
        return live.publish(name, data, options);
      },
    };
  }

  protected override view(): ChannelView<P, Name> {
    const messages = this.#list.view(this.options.keep ?? DEFAULT_KEEP);
    return {
      state: this.#fault === undefined ? (this.#channel?.state ?? this.initial.state) : 'left',
      messages,
      gap: this.#isGapOpen || messages.some((message) => message.isAfterGap),
      members: this.#channel?.members ?? this.initial.members,
      error: this.#fault ?? this.#channel?.error,
      publish: this.initial.publish,
    };
  }

  protected override start(): void {
    if (this.#name === undefined) return;
    const { last, members = true } = this.options;
    const after = this.#position;
    this.#fault = undefined;
    try {
      const { live, release } = hold(this.#live);
      this.#ends.push(release);
      const channel = live.join(this.#name, after === undefined ? { last, members } : { after, members });
      const changed = () => this.changed();
      this.#channel = channel;
      this.#ends.push(
        () => channel.leave(),
        channel.on('message', (message) => this.#take(message)),
        channel.on('gap', () => {
          this.#isGapOpen = true;
          this.changed();
        }),
        channel.on('members', changed),
        channel.on('state', changed),
        channel.on('error', changed),
      );
    } catch (error) {
      this.#fault = error as RealtimeError;
    }
    this.changed();
  }

  protected override stop(): void {
    // It may start again, with what it has, when a part of the page that was hidden is shown again.
    this.#position = this.#channel?.position;
    this.#isGapOpen ||= this.#position === undefined && this.#nextId > 0;
    for (const end of this.#ends.reverse()) end();
    this.#ends = [];
    this.#channel = undefined;
    this.changed();
  }

  #take({ data, position, isAfterGap }: Message<MessageOf<P, Name>>): void {
    const { keep = DEFAULT_KEEP, onMessage } = this.options;
    const message = { id: this.#nextId++, data, position, isAfterGap: isAfterGap || this.#isGapOpen };
    if (keep > 0 || this.#isGapOpen) this.changed();
    this.#isGapOpen = false;
    if (keep > 0) this.#list.append(message, keep);
    if (this.hasListeners) onMessage?.(message);
  }
}

/**
 * Joins a channel while the component is shown, and comes back by itself with what was missed, or a `gap`. `live` is from `useLive`
 * or `connect`; `undefined` for a name: no channel now.
 */
export function useChannel<P extends Protocol, const Name extends ChannelName<P>>(
  live: Live<P>,
  name: Name | undefined,
  options: UseChannelOptions<MessageOf<P, Name>> = {},
): ChannelView<P, Name> {
  const identity = identityOf(live);
  const store = useMemo(() => new ChannelStore<P, Name>(identity, name), [identity, name]);
  useNewest(store, options);
  return useStore(store, store.initial);
}

const MEMBERS_ONLY = { keep: 0 };

/** Who is in a channel, this component's user too. */
export function useMembers<P extends Protocol, const Name extends ChannelName<P>>(
  live: Live<P>,
  name: Name | undefined,
): readonly Member<MemberDataOf<P, Name>>[] {
  return useChannel(live, name, MEMBERS_ONLY).members;
}
