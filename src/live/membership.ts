/** One channel of one connection: the handles on it, and who is in it. */

import type { Member } from '../realtime-protocol/define-protocol.ts';
import type { Position } from '../realtime-protocol/position.ts';
import type { RealtimeError } from '../realtime-protocol/realtime-error.ts';
import type { ClientMessage } from '../realtime-protocol/wire.ts';
import type { Handle } from './handle.ts';
import type { ChannelState } from './types.ts';

type Join = ClientMessage & { type: 'join' };

export class Membership {
  readonly name: string;
  readonly handles = new Set<Handle>();
  /** The number of the newest `join`. */
  joinId = 0;
  /** How often the server could not do it, one time after another. */
  tries = 0;
  /** Asks again. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** What the newest `join` asked for. */
  #asked: Position | undefined;
  #epoch: string | undefined;
  #hasMembers = false;
  readonly #members = new Map<string, Member<never>>();

  constructor(name: string) {
    this.name = name;
  }

  /**
   * A handle that comes to a channel which is joined already can be served with what is known, unless it wants what was before.
   * @returns whether it can
   */
  welcome(handle: Handle): boolean {
    const { last, after, members } = handle.options;
    const other = [...this.handles].find(({ stage }) => stage === 'ready');
    if (!other || after || (last && other.position) || (members && !this.#hasMembers)) return false;
    handle.start(other.position);
    handle.setState(other.state);
    if (members) handle.setMembers([...this.#members.values()]);
    return true;
  }

  /** The message that starts it (again), from the oldest position that a handle needs. */
  join(id: number): Join {
    const handles = [...this.handles];
    const positions = handles.flatMap(({ position }) => position ?? []);
    const [known] = positions;
    const offsets = positions.filter(({ epoch }) => epoch === known!.epoch).map(({ offset }) => offset);
    const last = Math.max(0, ...handles.map(({ options, stage }) => (stage === 'new' && options.last) || 0));
    this.#hasMembers = handles.some(({ options }) => options.members);
    this.joinId = id;
    clearTimeout(this.timer);
    for (const handle of handles) {
      if (handle.state === 'offline') handle.setState('joining');
    }
    this.#asked = known && {
      epoch: known.epoch,
      offset: Math.max(0, Math.min(...offsets, Math.max(...offsets) - last)),
    };
    return {
      type: 'join',
      id,
      channel: this.name,
      ...(this.#asked ?? (last > 0 && { last })),
      ...(this.#hasMembers && { members: true }),
    };
  }

  /** @param id of the `join` that is answered: all but the newest are of no use any more */
  joined(id: number, position: Position | undefined): void {
    if (id !== this.joinId) return;
    this.tries = 0;
    this.#epoch = position?.epoch;
    const asked = this.#asked;
    // The log has lost its end: offsets that were seen already stand for something else.
    const isReset = asked && position && asked.epoch === position.epoch && asked.offset > position.offset;
    for (const handle of [...this.handles]) handle.start(position, isReset);
  }

  gap(position: Position | undefined): void {
    this.#epoch = position?.epoch;
    for (const handle of this.#ready()) {
      if (position) handle.start(position);
      else handle.gap(undefined);
    }
  }

  entries(offset: number | undefined, data: readonly unknown[]): void {
    data.forEach((item, i) => {
      const position = offset && this.#epoch ? { epoch: this.#epoch, offset: offset + i } : undefined;
      for (const handle of this.#ready()) handle.accept(item, position);
    });
  }

  /** @param gone ids; `undefined`: of all that were there */
  presence(set: readonly Member<never>[], gone: readonly string[] = [...this.#members.keys()]): void {
    for (const user of gone) this.#members.delete(user);
    for (const member of set) this.#members.set(member.user, member);
    const members = [...this.#members.values()];
    for (const handle of [...this.handles]) if (handle.options.members) handle.setMembers(members);
  }

  /** What comes now is not what followed. */
  cut(): void {
    clearTimeout(this.timer);
    for (const handle of this.handles) if (handle.stage === 'ready') handle.stage = 'cut';
  }

  /** @param isReached whether the server can reach the log */
  reached(isReached: boolean): void {
    for (const handle of [...this.handles]) {
      handle.setState(!isReached ? 'stale' : handle.stage === 'ready' ? 'live' : 'joining');
    }
  }

  setState(state: ChannelState): void {
    for (const handle of [...this.handles]) handle.setState(state);
  }

  end(error?: RealtimeError): void {
    clearTimeout(this.timer);
    for (const handle of [...this.handles]) handle.end(error);
  }

  #ready(): Handle[] {
    return [...this.handles].filter(({ stage }) => stage === 'ready');
  }
}
