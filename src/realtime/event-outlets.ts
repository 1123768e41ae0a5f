/** Event streams as outlets: of the wire's frames, and of one channel's messages. */

import { EXPIRED, whenExpired } from '../admission/visitor.ts';
import { retryHintMs } from '../realtime-protocol/close-codes.ts';
import { formatPosition, type Position } from '../realtime-protocol/position.ts';
import type { ServerMessage } from '../realtime-protocol/wire.ts';
import type { PreparedMessage } from '../socket/prepared-message.ts';
import { type EventStream, prepareEvent } from '../sse/event-stream.ts';
import type { Outlet } from './outlet.ts';
import type { HubUser } from './rules.ts';

abstract class EventOutlet implements Outlet {
  protected readonly stream: EventStream;
  readonly #highWaterMarkBytes: number;

  constructor(stream: EventStream, highWaterMarkBytes: number) {
    this.stream = stream;
    this.#highWaterMarkBytes = highWaterMarkBytes;
  }

  get isWritable(): boolean {
    return !this.stream.isClosed && this.stream.bufferedAmount < this.#highWaterMarkBytes;
  }

  get bufferedAmount(): number {
    return this.stream.bufferedAmount;
  }

  abstract send(frame: string): void;
  abstract sendPrepared(frame: PreparedMessage): boolean;
  abstract close(code: number, reason: string): void;

  terminate(): void {
    this.stream.terminate();
  }

  /** Nothing comes in. */
  pause(): void {}
  resume(): void {}
}

// ---- The wire -------------------------------------------------------------------------------------------------------

/** Frames as events, encoded once. */
const eventOf = new WeakMap<PreparedMessage, Uint8Array>();

export class FrameOutlet extends EventOutlet {
  /** @param user whose time, if it is limited, is the stream's as well */
  constructor(stream: EventStream, highWaterMarkBytes: number, user: HubUser | undefined) {
    super(stream, highWaterMarkBytes);
    stream.once(
      'close',
      whenExpired(user, () => this.close(...EXPIRED)),
    );
  }

  send(frame: string): void {
    this.stream.send({ data: frame });
  }

  sendPrepared(frame: PreparedMessage): boolean {
    let bytes = eventOf.get(frame);
    if (bytes === undefined) {
      bytes = prepareEvent({ data: frame.payload as string });
      eventOf.set(frame, bytes);
    }
    return this.stream.send(bytes);
  }

  /** What a Close frame would say. */
  close(code: number, reason: string): void {
    this.stream.send({ event: 'close', data: JSON.stringify({ code, reason }) });
    this.stream.close();
  }
}

// ---- One channel ----------------------------------------------------------------------------------------------------

/** A frame as events. */
interface Events {
  readonly bytes: Uint8Array;
  /** Of the log before and behind it. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Encoded once for those whose log has the same epoch. */
const eventsOf = new WeakMap<PreparedMessage, Events>();

/** Messages as events: the data is the message, the id its position. */
export class ChannelOutlet extends EventOutlet {
  #epoch: string | undefined;

  /** Its first events, unless the history begins with them. */
  begin(position: Position | undefined, isGap: boolean): void {
    this.#epoch = position?.epoch;
    if (isGap) this.#tellGap(position);
    // So that a client that is cut before the first message comes back to here.
    else if (position !== undefined) this.stream.send({ id: formatPosition(position) });
  }

  send(frame: string): void {
    this.stream.send(this.#eventsOf(JSON.parse(frame)));
  }

  sendPrepared(frame: PreparedMessage): boolean {
    let known = eventsOf.get(frame);
    const from = this.#epoch;
    if (known === undefined || known.from !== from) {
      const bytes = this.#eventsOf(JSON.parse(frame.payload as string));
      known = { bytes, from, to: this.#epoch };
      eventsOf.set(frame, known);
    }
    this.#epoch = known.to;
    return this.stream.send(known.bytes);
  }

  #eventsOf(message: ServerMessage): Uint8Array {
    if (message.type === 'entries') {
      const { data, offset } = message;
      const epoch = this.#epoch;
      const events = data.map((value, i) => {
        const isPlaced = epoch !== undefined && offset !== undefined;
        return prepareEvent({
          id: isPlaced ? formatPosition({ epoch, offset: offset + i }) : undefined,
          data: JSON.stringify(value),
        });
      });
      return Buffer.concat(events);
    }
    if (message.type === 'gap') {
      const { epoch, offset } = message;
      const position = epoch === undefined || offset === undefined ? undefined : { epoch, offset };
      this.#epoch = epoch;
      return gapEvent(position);
    }
    if (message.type === 'state') return prepareEvent({ event: 'state', data: JSON.stringify(message.state) });
    return prepareEvent({});
  }

  #tellGap(position: Position | undefined): void {
    this.stream.send(gapEvent(position));
  }

  close(_code: number, reason: string): void {
    const retry = retryHintMs(reason);
    if (retry !== undefined) this.stream.send({ retry });
    this.stream.close();
  }
}

/** An event without data would not be dispatched. */
function gapEvent(position: Position | undefined): Uint8Array {
  const id = position && formatPosition(position);
  return prepareEvent({ event: 'gap', id, data: JSON.stringify(position ?? {}) });
}
