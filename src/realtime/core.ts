/** What the parts of a hub share: its channels and sessions, its rules, its engine, and the end of the tick. */

// Fake timers replace the global one.
import { setImmediate } from 'node:timers';
import type { Engine, Published } from '../engines/engine.ts';
import { MemberSet } from '../memory/member-set.ts';
import { type ChannelPattern, compilePattern } from '../realtime-protocol/channel-name.ts';
import type { Protocol } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import { isThenable } from '../socket/emitter.ts';
import { Channel, type ChannelHost, type ChannelKind } from './channel.ts';
import { hintOnce } from './hint.ts';
import { Lanes } from './lanes.ts';
import type { HubSettings } from './options.ts';
import type { AnyRules } from './rules.ts';
import type { Handlers, Session, SessionHost } from './session.ts';
import { toJson, validate } from './validate.ts';

/** A pattern of the protocol, with what the application says about it. */
export interface Kind extends ChannelKind {
  readonly pattern: ChannelPattern;
  rules: AnyRules | undefined;
}

/** A channel's name, understood. */
export interface Place {
  readonly name: string;
  readonly kind: Kind;
  readonly params: Readonly<Record<string, string>>;
}

const DEFAULT_BYTES = 1_048_576;

export class Core implements ChannelHost, SessionHost {
  readonly protocol: Protocol;
  readonly settings: HubSettings;
  readonly report: (error: unknown, where: string) => void;
  readonly hint = hintOnce();
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly channels = new Map<string, Channel>();
  readonly sessions = new MemberSet<Session>();
  /** Set once, when all parts are there. */
  handlers!: Handlers;
  /** The key of a publication that is given none: inside of a call, one that follows from the call's. */
  derivedKey: (channel: string) => string | undefined = () => undefined;
  /** There is one more in `sessions`. */
  sessionBegan: () => void = () => {};
  /** One of `sessions` is over. */
  sessionEnded: () => void = () => {};
  /** Channels with something to tell at the end of the tick. */
  #scheduled: Channel[] = [];
  /** Per channel, the publications whose schemas take their time. */
  readonly #lanes = new Lanes();

  constructor(protocol: Protocol, settings: HubSettings, report: (error: unknown, where: string) => void) {
    this.protocol = protocol;
    this.settings = settings;
    this.report = report;
    this.kinds = new Map(
      Object.entries(protocol.channels).map(([pattern, definition]) => {
        const { history } = definition;
        const retention = history && {
          messages: history.messages,
          bytes: history.bytes ?? DEFAULT_BYTES,
          ageMs: history.ageMs ?? Number.POSITIVE_INFINITY,
        };
        return [pattern, { pattern: compilePattern(pattern), definition, retention, rules: undefined }];
      }),
    );
  }

  get engine(): Engine {
    return this.settings.engine;
  }

  get presenceGraceMs(): number {
    return this.settings.presenceGraceMs;
  }

  get maxUnderWay(): number {
    return this.settings.maxUnderWay;
  }

  get frameBytes(): number {
    return this.settings.frameBytes;
  }

  /** @throws {RealtimeError} UNKNOWN when the protocol has no such channel */
  find(name: string): Place {
    for (const kind of this.kinds.values()) {
      const params = kind.pattern.match(name);
      if (params !== undefined) return { name, kind, params };
    }
    throw new RealtimeError('UNKNOWN', `The protocol has no channel '${name.slice(0, 64)}'`);
  }

  /** The channel, which is made when nobody is in it. */
  channelAt({ name, kind }: Place): Channel {
    let channel = this.channels.get(name);
    if (channel === undefined) {
      channel = new Channel(name, kind, this);
      this.channels.set(name, channel);
    }
    return channel;
  }

  forget(channel: Channel): void {
    if (this.channels.get(channel.name) === channel) this.channels.delete(channel.name);
  }

  schedule(channel: Channel): void {
    if (this.#scheduled.push(channel) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const scheduled = this.#scheduled;
    this.#scheduled = [];
    for (const channel of scheduled) {
      try {
        channel.flush();
      } catch (error) {
        this.report(error, `the channel '${channel.name}'`);
      }
    }
  }

  begin(session: Session): void {
    this.sessions.add(session);
    this.sessionBegan();
  }

  ended(session: Session): void {
    if (this.sessions.delete(session)) this.sessionEnded();
  }

  /**
   * A client's key as the engine gets it: the keys of one user say nothing to another. Who has no name comes back as somebody
   * else, so that there the key alone has to do.
   */
  scopedKey({ user }: Session, key: string): string {
    return this.settings.knowsUsers ? `${user.id.length} ${user.id}${key}` : ` ${key}`;
  }

  // ---- Publishing -----------------------------------------------------------------------------------------------

  /** What a message's schema makes of it, or a promise of that. */
  checkMessage({ kind, name }: Place, data: unknown): unknown {
    return validate(kind.definition.message, data, `A message to '${name}'`);
  }

  /**
   * @param data as its schema has made it
   * @param key all that makes it known again: here none is derived, since whose turn it is says nothing about a client's message
   */
  append({ kind, name }: Place, data: unknown, key: string | undefined): Promise<Published> {
    return this.engine.publish({
      channel: name,
      data: toJson(data, `A message to '${name}'`),
      retention: kind.retention,
      key,
    });
  }

  /** Publishes in the order of the calls. */
  async publish(name: string, data: unknown, key: string | undefined): Promise<Published> {
    const place = this.find(name);
    // Not one that a client's can be, see above.
    const ownKey = key === undefined ? this.derivedKey(name) : `:${key}`;
    const checked = this.checkMessage(place, data);
    if (!isThenable(checked) && !this.#lanes.has(name)) return this.append(place, checked, ownKey);
    // It may fail before its turn comes.
    const message = Promise.resolve(checked);
    message.catch(() => {});
    const turn = await this.#lanes.run(name, async () => ({ published: this.append(place, await message, ownKey) }));
    return turn.published;
  }

  // ---- Reading --------------------------------------------------------------------------------------------------

  /** All that is kept behind a position, or the newest so many. */
  async readAll(name: string, { after, last }: { after?: Position | undefined; last?: number | undefined }) {
    const { kind } = this.find(name);
    const { retention } = kind;
    if (retention === undefined) throw new TypeError(`hub.read(): '${name}' has no history`);
    const bounds = { maxEntries: retention.messages, maxBytes: retention.bytes };
    const entries: { data: unknown; position: Position }[] = [];
    let page = await this.engine.read({
      channel: name,
      retention,
      after,
      last: last ?? retention.messages,
      ...bounds,
    });
    const { isGap } = page;
    for (;;) {
      const { epoch, offset } = page.from;
      page.data.forEach((text, i) => {
        entries.push({ data: JSON.parse(text), position: { epoch, offset: offset + i + 1 } });
      });
      const position = { epoch, offset: offset + page.data.length };
      if (position.offset >= page.head || page.data.length === 0) return { entries, position, isGap };
      page = await this.engine.read({ channel: name, retention, after: position, ...bounds });
    }
  }

  async close(): Promise<void> {
    for (const channel of this.channels.values()) channel.endGrace();
    await this.engine.close();
  }
}
