/**
 * One channel in this process: who is in it, and how far each of them has been told. It has one subscription to its engine.
 * Its live members all stand at one place, the head; what comes within a tick goes to them as one frame. All others come
 * there in their own time, by reading the log.
 */

import type { Engine, Entry, Page, Presence, Retention, Subscriber, Subscription } from '../engines/engine.ts';
import type { ChannelDefinition } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import { writeEntries } from '../realtime-protocol/wire.ts';
import type { PreparedMessage } from '../socket/prepared-message.ts';
import { Attendance } from './attendance.ts';
import { Latest } from './latest.ts';
import { type Membership, Stage, Watch } from './membership.ts';
import { toFrame, toText } from './messages.ts';
import { isRealtimeError } from './reply.ts';
import { Roster } from './roster.ts';

/** What channels of one pattern have in common. */
export interface ChannelKind {
  readonly definition: ChannelDefinition;
  /** Undefined without history. */
  readonly retention: Retention | undefined;
}

/** What a channel needs of its hub. */
export interface ChannelHost {
  readonly engine: Engine;
  readonly presenceGraceMs: number;
  /** Most bytes of JSON text in one frame of entries, unless one entry alone has more. */
  readonly frameBytes: number;
  /** Has `flush` called at the end of the tick. */
  schedule(channel: Channel): void;
  /** Nobody needs it any more. */
  forget(channel: Channel): void;
  report(error: unknown, where: string): void;
}

/** Where a membership is to begin. */
export interface Start {
  readonly after: Position | undefined;
  readonly last: number | undefined;
}

const MAX_PAGE_ENTRIES = 1000;
/** Entries that are told while the channel reads its log itself. Past it, they are read as well. */
const MAX_HELD_ENTRIES = 1000;
/** When a log is read again that could not be read, though its engine is there. */
const RETRY_MS = 1000;

export class Channel implements Subscriber {
  readonly name: string;
  readonly kind: ChannelKind;
  /** Settled when it is subscribed. */
  readonly opened: Promise<void>;
  readonly #host: ChannelHost;
  #subscription: Subscription | undefined;
  /** Memberships, joins under way, and users who may come back. */
  #needs = 0;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #isStale = false;

  /** Undefined at places whose member has left while a frame was sent. */
  readonly #live: (Membership | undefined)[] = [];
  #isSending = false;
  #hasHoles = false;
  readonly #behind = new Set<Membership>();

  /** Of the last entry that the live members have been sent; undefined until it is known, and without history. */
  #head: Position | undefined;
  /** What has come behind it. */
  #pending: string[] = [];
  isScheduled = false;
  /** What came last up to the head, kept while somebody is behind. */
  #recent: string[] = [];
  #recentBytes = 0;
  /** The page that was sent last in this tick. */
  #page: { readonly name: string; readonly frame: PreparedMessage } | undefined;
  /** What is told while the channel itself has to read; undefined when it has not. */
  #held: Entry[] | undefined;
  #isRepairing = false;
  /** How many of them were told before the reading began. */
  #heldBefore = 0;
  #mustRepairAgain = false;
  #retryTimer: NodeJS.Timeout | undefined;

  #attendance: Attendance | undefined;
  /** Users of whom the engine does not know that they have gone. */
  readonly #departed: Presence[] = [];
  #roster: Roster | undefined;
  readonly #watchers = new Set<Membership>();
  #hasDueWatchers = false;

  constructor(name: string, kind: ChannelKind, host: ChannelHost) {
    this.name = name;
    this.kind = kind;
    this.#host = host;
    this.opened = this.#open();
    this.opened.catch(() => {});
  }

  async #open(): Promise<void> {
    try {
      this.#subscription = await this.#host.engine.subscribe(this.name, this.kind.retention, this);
      this.#state = 'open';
    } catch (error) {
      this.#state = 'closed';
      this.#host.forget(this);
      throw error;
    } finally {
      this.#closeUnlessNeeded();
    }
  }

  // ---- How long it is there -------------------------------------------------------------------------------------

  retain(): void {
    this.#needs += 1;
  }

  release(): void {
    this.#needs -= 1;
    this.#closeUnlessNeeded();
  }

  #closeUnlessNeeded(): void {
    if (this.#needs > 0 || this.#state !== 'open') return;
    this.#state = 'closed';
    clearTimeout(this.#retryTimer);
    this.#host.forget(this);
    this.#subscription!.close();
  }

  /** For `hub.status()`. */
  get memberCount(): number {
    return this.#live.length + this.#behind.size;
  }

  /** Members that have not been told all yet. */
  get laggingCount(): number {
    return this.#behind.size;
  }

  // ---- Members --------------------------------------------------------------------------------------------------

  /**
   * Begins a membership in an open channel. What it is to be told first is read before it gets anything; `joined` is called
   * with where that begins, before anything else is sent to it.
   */
  async begin(
    member: Membership,
    start: Start,
    joined: (position: Position | undefined, isGap: boolean) => void,
  ): Promise<void> {
    const { retention } = this.kind;
    if (retention === undefined) {
      this.#flushEntries();
      joined(undefined, start.after !== undefined);
      if (member.hasEnded) return;
      this.#goLive(member);
      if (this.#isStale) this.#tellState(member);
      return;
    }
    this.#behind.add(member);
    try {
      const page = await this.#read(start);
      if (member.hasEnded) return;
      joined(page.from, page.isGap);
      if (member.hasEnded) return;
      this.#takePage(member, page);
      // Since it was asked for.
      if (this.#isStale) this.#tellState(member);
    } catch (error) {
      this.#behind.delete(member);
      throw error;
    }
    if (member.stage === Stage.Reading) void this.#catchUp(member);
  }

  /** Has it told who is there, and what changes of that. */
  watch(member: Membership): void {
    this.#watchers.add(member);
    this.#beDue(member);
    this.#roster ??= new Roster(this.name);
    if (this.#roster.state === 'none') this.#loadRoster(this.#roster);
  }

  /** All members are sent to it when it can take them. */
  #beDue(member: Membership): void {
    member.watch = Watch.Due;
    this.#hasDueWatchers = true;
    this.#schedule();
  }

  /** Ends a membership. Of presence it says nothing. */
  end(member: Membership): void {
    if (member.stage === Stage.Live) this.#takeFromLive(member);
    else this.#behind.delete(member);
    this.#watchers.delete(member);
    member.stage = Stage.Ended;
    member.latest = undefined;
  }

  /** The connection of a lagging member takes more. */
  drained(member: Membership): void {
    if (member.watch === Watch.Due) this.#beDue(member);
    if (this.#isStale !== member.knowsStale) this.#tellState(member);
    if (member.stage !== Stage.Lagging) return;
    if (this.kind.retention !== undefined) {
      member.stage = Stage.Reading;
      void this.#catchUp(member);
      return;
    }
    this.#flushEntries();
    if (!member.outlet.isWritable) return;
    this.#tellGap(member, undefined);
    if (member.latest !== undefined) member.outlet.send(writeEntries(this.name, undefined, member.latest.texts));
    member.latest = undefined;
    this.#behind.delete(member);
    this.#goLive(member);
  }

  #goLive(member: Membership): void {
    member.stage = Stage.Live;
    member.cursor = undefined;
    member.index = this.#live.push(member) - 1;
  }

  #takeFromLive(member: Membership): void {
    const { index } = member;
    if (this.#isSending) {
      this.#live[index] = undefined;
      this.#hasHoles = true;
      return;
    }
    const last = this.#live.pop()!;
    if (last === member) return;
    this.#live[index] = last;
    last.index = index;
  }

  #fillHoles(): void {
    this.#hasHoles = false;
    let count = 0;
    for (const member of this.#live) {
      if (member === undefined) continue;
      member.index = count;
      this.#live[count++] = member;
    }
    this.#live.length = count;
  }

  /** Takes a live member out that cannot be sent to now, and that stands where the head is. */
  #leaveBehind(member: Membership): void {
    this.#takeFromLive(member);
    member.stage = Stage.Lagging;
    member.cursor = this.#head;
    if (member.watch === Watch.Changes) member.watch = Watch.Due;
    this.#behind.add(member);
  }

  // ---- What the engine tells ------------------------------------------------------------------------------------

  entry(entry: Entry): void {
    const { data, position } = entry;
    if (position === undefined) {
      this.#pending.push(data);
      this.#schedule();
      return;
    }
    if (this.#held !== undefined) {
      this.#hold(entry);
      return;
    }
    this.#head ??= { epoch: position.epoch, offset: position.offset - 1 };
    const next = this.#head.offset + this.#pending.length + 1;
    if (position.epoch !== this.#head.epoch || position.offset > next) {
      this.#held = [];
      this.#hold(entry);
      this.#repair();
    } else if (position.offset === next) {
      this.#pending.push(data);
      this.#schedule();
    }
  }

  presence(change: Presence): void {
    if (this.#roster === undefined) return;
    this.#roster.change(change);
    if (this.#roster.hasChanges) this.#schedule();
  }

  state(state: 'live' | 'stale'): void {
    this.#isStale = state === 'stale';
    for (const member of [...this.#live, ...this.#behind]) {
      if (member !== undefined && member.knowsStale !== this.#isStale) this.#tellState(member);
    }
    if (this.#isStale) return;
    this.#askAgain();
    if (this.kind.retention !== undefined) return;
    this.#flushEntries();
    this.#tellAllGap(undefined);
  }

  #tellState(member: Membership): void {
    if (!member.outlet.isWritable || !member.hasBegun) return;
    member.knowsStale = this.#isStale;
    member.outlet.send(toText({ type: 'state', channel: this.name, state: this.#isStale ? 'stale' : 'live' }));
  }

  // ---- Telling the live ones ------------------------------------------------------------------------------------

  #schedule(): void {
    if (this.isScheduled || this.#state === 'closed') return;
    this.isScheduled = true;
    this.#host.schedule(this);
  }

  /** The end of the tick. */
  flush(): void {
    this.isScheduled = false;
    this.#page = undefined;
    this.#flushEntries();
    this.#flushRoster();
  }

  #flushEntries(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    for (let start = 0; start < pending.length; ) {
      const end = endOfFrame(pending, start, this.#host.frameBytes);
      this.#tell(start === 0 && end === pending.length ? pending : pending.slice(start, end));
      start = end;
    }
  }

  /** Sends entries that follow the head, which they move. */
  #tell(data: readonly string[]): void {
    const head = this.#head;
    if (this.#live.length > 0) {
      this.#sendToLive(toFrame(writeEntries(this.name, head && head.offset + 1, data)));
    }
    if (head !== undefined) this.#head = { epoch: head.epoch, offset: head.offset + data.length };
    if (this.#behind.size === 0) {
      if (this.#recent.length > 0) this.#forgetRecent();
    } else if (head !== undefined) this.#tellAhead(data);
    else this.#keepLatest(data);
  }

  #sendToLive(frame: PreparedMessage): void {
    const live = this.#live;
    this.#isSending = true;
    for (let i = 0; i < live.length; i++) {
      const member = live[i];
      if (member === undefined) continue;
      const { outlet } = member;
      if (outlet.isWritable) outlet.sendPrepared(frame);
      else this.#leaveBehind(member);
    }
    this.#isSending = false;
    if (this.#hasHoles) this.#fillHoles();
  }

  #tellAhead(data: readonly string[]): void {
    this.#recent.push(...data);
    for (const text of data) this.#recentBytes += text.length;
    if (this.#recentBytes > this.#host.frameBytes) this.#forgetRecent();
    for (const member of this.#behind) if (member.stage === Stage.Ahead) this.#settle(member);
  }

  #forgetRecent(): void {
    this.#recent = [];
    this.#recentBytes = 0;
  }

  /** Without history, a slow reader gets the newest of each name. */
  #keepLatest(data: readonly string[]): void {
    const { latestBy } = this.kind.definition;
    if (latestBy === undefined) return;
    const entries = data.map((text): [string, string] => [String(JSON.parse(text)?.[latestBy]), text]);
    for (const member of this.#behind) {
      member.latest ??= new Latest(this.#host.frameBytes);
      for (const [name, text] of entries) member.latest.set(name, text);
    }
  }

  #tellGap(member: Membership, position: Position | undefined): void {
    member.outlet.send(toText({ type: 'gap', channel: this.name, ...position }));
  }

  #tellAllGap(position: Position | undefined): void {
    if (this.#live.length > 0) this.#sendToLive(toFrame(toText({ type: 'gap', channel: this.name, ...position })));
  }

  // ---- Reading the log ------------------------------------------------------------------------------------------

  #read({ after, last }: Start): Promise<Page> {
    return this.#host.engine.read({
      channel: this.name,
      retention: this.kind.retention!,
      after,
      last,
      maxEntries: MAX_PAGE_ENTRIES,
      maxBytes: this.#host.frameBytes,
    });
  }

  /** What could not be read, and what may not have been told. */
  #readAgain(): void {
    this.#repair();
    for (const member of this.#behind) if (member.stage === Stage.Stuck) this.#resume(member);
  }

  /** It failed. What the engine is away for goes on when it is back; else it is tried again after a while. */
  #readFailed(error: unknown): void {
    if (!isUnavailable(error)) this.#host.report(error, `the log of '${this.name}'`);
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#isStale || this.#retryTimer !== undefined || this.#state === 'closed') return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#askAgain();
    }, RETRY_MS);
    this.#retryTimer.unref?.();
  }

  /** What the engine may not know, and what it may not have told. */
  #askAgain(): void {
    this.#repeatPresence();
    if (this.#roster !== undefined) this.#loadRoster(this.#roster);
    if (this.kind.retention !== undefined) this.#readAgain();
  }

  #resume(member: Membership): void {
    member.stage = Stage.Reading;
    void this.#catchUp(member);
  }

  async #catchUp(member: Membership): Promise<void> {
    try {
      while (member.stage === Stage.Reading) {
        if (!member.outlet.isWritable) {
          member.stage = Stage.Lagging;
          return;
        }
        const page = await this.#read({ after: member.cursor, last: undefined });
        if (member.stage !== Stage.Reading) return;
        if (page.isGap) this.#tellGap(member, page.from);
        this.#takePage(member, page);
      }
    } catch (error) {
      if (member.stage !== Stage.Reading) return;
      member.stage = Stage.Stuck;
      this.#readFailed(error);
    }
  }

  #takePage(member: Membership, { from, data, head }: Page): void {
    if (data.length > 0) {
      if (!member.outlet.isWritable) {
        member.cursor = from;
        member.stage = Stage.Lagging;
        return;
      }
      member.outlet.sendPrepared(this.#frameOf(from, data));
    }
    member.cursor = { epoch: from.epoch, offset: from.offset + data.length };
    if (member.cursor.offset >= head) this.#settle(member);
    else member.stage = Stage.Reading;
  }

  /** Those who come back together read the same pages: each is encoded once for them. */
  #frameOf({ epoch, offset }: Position, data: readonly string[]): PreparedMessage {
    const name = `${epoch} ${offset} ${data.length}`;
    if (this.#page?.name !== name) {
      this.#page = { name, frame: toFrame(writeEntries(this.name, offset + 1, data)) };
      this.#schedule();
    }
    return this.#page.frame;
  }

  /** What becomes of a member that has read all there was. */
  #settle(member: Membership): void {
    const cursor = member.cursor!;
    if (this.#held !== undefined) {
      member.stage = Stage.Ahead;
      return;
    }
    this.#head ??= cursor;
    const head = this.#head;
    const missing = head.offset - cursor.offset;
    if (head.epoch !== cursor.epoch) {
      // One of them is not of the log that there is now.
      member.stage = Stage.Ahead;
      this.#repair();
    } else if (missing < 0) {
      member.stage = Stage.Ahead;
    } else if (missing <= this.#recent.length) {
      if (missing > 0) {
        if (!member.outlet.isWritable) {
          member.stage = Stage.Lagging;
          return;
        }
        member.outlet.send(writeEntries(this.name, cursor.offset + 1, this.#recent.slice(-missing)));
      }
      this.#behind.delete(member);
      this.#goLive(member);
    } else if (member.stage !== Stage.Reading) this.#resume(member);
  }

  #hold(entry: Entry): void {
    const held = this.#held!;
    // The newest one shows that there is more to read.
    if (held.length === MAX_HELD_ENTRIES) {
      held.length = 0;
      this.#heldBefore = 0;
    }
    held.push(entry);
  }

  /** Reads what the engine may not have told, for all live members at once. What it tells meanwhile is held. */
  #repair(): void {
    if (this.#isRepairing) {
      this.#mustRepairAgain = true;
      return;
    }
    this.#held ??= [];
    this.#heldBefore = this.#held.length;
    this.#isRepairing = true;
    this.#mustRepairAgain = false;
    // Whoever this brings to the end of another log waits for what is read.
    this.#flushEntries();
    this.#readUp().then(
      () => {
        this.#isRepairing = false;
        this.#endRepair();
      },
      (error: unknown) => {
        this.#isRepairing = false;
        this.#readFailed(error);
        if (this.#mustRepairAgain) this.#repair();
      },
    );
  }

  async #readUp(): Promise<void> {
    // Nobody has been told anything.
    if (this.#head === undefined) return;
    let page: Page;
    do {
      page = await this.#read({ after: this.#head, last: undefined });
      if (this.#state === 'closed') return;
      if (page.isGap) {
        this.#tellAllGap(page.from);
        this.#forgetRecent();
        this.#head = page.from;
      }
      if (page.data.length > 0) this.#tell(page.data);
    } while (this.#head.offset < page.head);
  }

  #endRepair(): void {
    const held = this.#held!;
    const before = this.#heldBefore;
    this.#held = undefined;
    held.forEach((entry, i) => {
      // Of a log that the engine had told of before it was read, and that was not found then: it is gone.
      const isGone = i < before && this.#head !== undefined && entry.position!.epoch !== this.#head.epoch;
      if (!isGone) this.entry(entry);
    });
    if (this.#mustRepairAgain) this.#repair();
    if (this.#held !== undefined) return;
    for (const member of this.#behind) {
      if (member.stage !== Stage.Ahead) continue;
      if (member.cursor!.epoch === this.#head?.epoch) this.#settle(member);
      else this.#resume(member);
    }
  }

  // ---- Presence -------------------------------------------------------------------------------------------------

  /** A connection of a user has come in. */
  enter(user: string, data: string): void {
    this.#attendance ??= new Attendance(
      this.#host.presenceGraceMs,
      (presence) => this.#setPresence(presence),
      () => this.release(),
    );
    if (this.#attendance.isEmpty) this.retain();
    this.#attendance.enter(user, data);
  }

  renew(user: string, data: string): void {
    this.#attendance!.renew(user, data);
  }

  exit(user: string, isLost: boolean): void {
    this.#attendance!.leave(user, isLost);
  }

  /** Waits no more for users who may come back. */
  endGrace(): void {
    this.#attendance?.end();
  }

  #setPresence(presence: Presence): void {
    const isLeaving = presence.connections === 0;
    // Whoever goes last: the channel stays until that is known.
    if (isLeaving) this.retain();
    this.#host.engine.setPresence(this.name, presence).then(
      () => {
        if (isLeaving) this.release();
      },
      (error: unknown) => {
        if (!isUnavailable(error)) this.#host.report(error, `the presence of '${this.name}'`);
        if (isLeaving && !isAtEnd(error)) this.#departed.push(presence);
        else if (isLeaving) this.release();
        if (!isAtEnd(error)) this.#retryLater();
      },
    );
  }

  #repeatPresence(): void {
    for (const presence of this.#departed.splice(0)) {
      if (!this.#attendance!.has(presence.user)) this.#setPresence(presence);
      this.release();
    }
    this.#attendance?.repeat();
  }

  #loadRoster(roster: Roster): void {
    roster
      .load(() => this.#host.engine.members(this.name))
      .then(
        () => this.#schedule(),
        (error: unknown) => {
          if (!isUnavailable(error)) this.#host.report(error, `the members of '${this.name}'`);
          if (!isAtEnd(error)) this.#retryLater();
        },
      );
  }

  #flushRoster(): void {
    const roster = this.#roster;
    if (roster?.state !== 'ready') return;
    const changes = roster.takeChanges();
    if (changes === undefined && !this.#hasDueWatchers) return;
    this.#hasDueWatchers = false;
    for (const member of this.#watchers) {
      const isDue = member.watch === Watch.Due;
      if (!isDue && changes === undefined) continue;
      const { outlet } = member;
      if (!outlet.isWritable) member.watch = Watch.Due;
      else if (!isDue) outlet.sendPrepared(changes!);
      else {
        member.watch = Watch.Changes;
        outlet.sendPrepared(roster.all);
      }
    }
  }
}

/** It does not come back. */
export function isAtEnd(error: unknown): boolean {
  return isRealtimeError(error) && error.code === 'CLOSED';
}

/** Nothing to report: the engine is away, or at its end. */
export function isUnavailable(error: unknown): boolean {
  return isRealtimeError(error) && (error.code === 'UNAVAILABLE' || error.code === 'CLOSED');
}

/** Where a frame ends that begins at `start`. */
function endOfFrame(data: readonly string[], start: number, maxBytes: number): number {
  let bytes = 0;
  let end = start;
  while (end < data.length && end - start < MAX_PAGE_ENTRIES) {
    bytes += data[end]!.length;
    if (bytes > maxBytes && end > start) break;
    end++;
  }
  return end;
}
