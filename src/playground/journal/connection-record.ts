/**
 * One connection as it was recorded: the bytes of both directions, and what is found in them as they come. Bytes are
 * looked at once; a frame that somebody looks at later is made of its bytes and of what was known when it came.
 */

import { DIRECTIONS } from '../../inspector/conversation.ts';
import {
  type Direction,
  type FrameView,
  type HeadView,
  type InspectOptions,
  type RecordedFrame,
  StreamInspector,
  type ViolationView,
} from '../../inspector/index.ts';
import { mask, type Role, readHeader } from '../../protocol/index.ts';
import { ByteLog } from './byte-log.ts';
import type { FrameEntry, MessageEntry, NewEntry } from './entry.ts';

export const RECEIVERS: Readonly<Record<Direction, Role>> = { clientToServer: 'server', serverToClient: 'client' };
export const OTHER_DIRECTION: Readonly<Record<Direction, Direction>> = {
  clientToServer: 'serverToClient',
  serverToClient: 'clientToServer',
};

/** So much of a payload is in the view of a frame. */
const VIEWED_PAYLOAD_BYTES = 128;
/** And of a compressed message so much is kept, to be shown and searched. */
const KEPT_MESSAGE_BYTES = 512;

/** One direction. */
interface Lane {
  readonly inspector: StreamInspector;
  readonly log: ByteLog;
  /** The newest that is listed. */
  head: HeadView | undefined;
  /** Where the bytes end that belong to an entry. */
  listedEnd: number;
}

export class ConnectionRecord {
  hasEnded = false;
  /** When the newest came. */
  lastMs = 0;
  /** When it began, as an ISO date. */
  readonly startedAt: string;
  /** The server that is meant. */
  readonly target: string | undefined;
  readonly #lanes: Readonly<Record<Direction, Lane>>;

  /** @param options by default each direction is read as its receiver reads it */
  constructor(startedAt: string, target?: string, options: InspectOptions = {}) {
    this.startedAt = startedAt;
    this.target = target;
    const laneOf = (direction: Direction): Lane => ({
      inspector: new StreamInspector({
        role: RECEIVERS[direction],
        ...options,
        maxPayloadBytes: 0,
        maxMessageBytes: KEPT_MESSAGE_BYTES,
      }),
      log: new ByteLog(),
      head: undefined,
      listedEnd: 0,
    });
    this.#lanes = { clientToServer: laneOf('clientToServer'), serverToClient: laneOf('serverToClient') };
  }

  /** Takes the next bytes of one direction. @returns what came to its end with them */
  append(direction: Direction, atMs: number, bytes: Uint8Array): NewEntry[] {
    if (this.hasEnded) return [];
    this.lastMs = atMs;
    const lane = this.#lanes[direction];
    lane.log.append(bytes);
    return this.#list(direction, lane.inspector.record(bytes));
  }

  /** Bytes passed that nobody has. @returns the frame that was cut by that, if one was */
  lose(direction: Direction, byteCount: number): NewEntry[] {
    const lane = this.#lanes[direction];
    lane.log.skip(byteCount);
    return this.#list(direction, lane.inspector.recordLoss(byteCount));
  }

  /** The connection has ended: a frame that is not whole now will never be. @returns the frames that were cut */
  end(): NewEntry[] {
    if (this.hasEnded) return [];
    const cut = DIRECTIONS.flatMap((direction) => this.#list(direction, this.#lanes[direction].inspector.recordEnd()));
    this.hasEnded = true;
    return cut;
  }

  /** A message of which the frames are not known: its bytes are listed as they are. */
  appendMessage(direction: Direction, atMs: number, bytes: Uint8Array, isText: boolean): NewEntry {
    this.lastMs = atMs;
    const { log } = this.#lanes[direction];
    const from = log.length;
    log.append(bytes);
    return { type: 'message', direction, atMs, from, end: log.length, isText };
  }

  /** The inspection of one direction. */
  inspector(direction: Direction): StreamInspector {
    return this.#lanes[direction].inspector;
  }

  head(direction: Direction): HeadView | undefined {
    return this.#lanes[direction].head;
  }

  get keptBytes(): number {
    return DIRECTIONS.reduce((sum, direction) => sum + this.#lanes[direction].log.keptBytes, 0);
  }

  /** Bytes of one direction as they were on the wire. */
  read(direction: Direction, start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#lanes[direction].log.read(start, end);
  }

  /** Bytes that no entry has, and which no later one will: what stands behind a Close frame or a violation. */
  unlisted(direction: Direction): Uint8Array<ArrayBuffer> {
    const { log, listedEnd } = this.#lanes[direction];
    return log.read(listedEnd, log.length);
  }

  /** Forgets bytes before `place`. */
  letGo(direction: Direction, place: number): void {
    this.#lanes[direction].log.letGo(place);
  }

  view(entry: FrameEntry): { frame: FrameView; violation: ViolationView | undefined } {
    const { inspector } = this.#lanes[entry.direction];
    const header = this.#header(entry);
    const { wire, data } = this.payload(entry, 0, VIEWED_PAYLOAD_BYTES);
    const frame = inspector.view({ ...entry.frame, header, wirePayload: wire, payload: data });
    return { frame, violation: entry.frame.violation && inspector.violation };
  }

  /** Some of the payload, as it was sent and unmasked. */
  payload(entry: FrameEntry | MessageEntry, at: number, length: number): { wire: Uint8Array; data: Uint8Array } {
    const start = entry.type === 'frame' ? entry.frame.offset + entry.headerLength : entry.from;
    const wire = this.read(entry.direction, start + at, Math.min(start + at + length, entry.end));
    const header = entry.type === 'frame' ? readHeader(this.#header(entry)) : 'more';
    const key = header === 'more' ? undefined : header.maskingKey;
    if (key === undefined) return { wire, data: wire };
    const data = wire.slice();
    mask(data, 0, data.length, key, at);
    return { wire, data };
  }

  #header({ direction, headerLength, frame: { offset } }: FrameEntry): Uint8Array {
    return this.read(direction, offset, offset + headerLength);
  }

  #list(direction: Direction, frames: readonly RecordedFrame[]): NewEntry[] {
    const entries = this.#listHead(direction);
    const lane = this.#lanes[direction];
    for (const { header, wirePayload: _, payload: __, completed, ...rest } of frames) {
      // What is not compressed is in the bytes.
      const frame = { ...rest, completed: completed?.start.isCompressed ? completed : undefined };
      const from = lane.listedEnd;
      const end = frame.offset + header.length + frame.presentLength + frame.lostLength;
      lane.listedEnd = end;
      entries.push({
        type: 'frame',
        direction,
        atMs: this.lastMs,
        from,
        end,
        opcode: header[0]! & 0xf,
        isFin: (header[0]! & 0x80) !== 0,
        headerLength: header.length,
        frame,
      });
    }
    return entries;
  }

  /** The head of this direction when it is there, and another when one comes behind it before any frames. */
  #listHead(direction: Direction): NewEntry[] {
    const lane = this.#lanes[direction];
    const { handshake } = lane.inspector;
    if (handshake === undefined || handshake.offset === lane.head?.offset) return [];
    lane.head = handshake;
    const from = lane.listedEnd;
    const end = handshake.offset + handshake.length;
    lane.listedEnd = end;
    // RFC 7692 §5.1: what the client offers holds if the server agrees.
    if (direction === 'serverToClient') {
      this.#lanes.clientToServer.inspector.answer = lane.inspector.deflate ?? 'none';
    }
    return [{ type: 'head', direction, atMs: this.lastMs, from, end, head: handshake }];
  }
}
