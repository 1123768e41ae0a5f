/**
 * One connection as it passes, both directions: HTTP messages, and from a handshake on (§4.1) frames. It says what it
 * sees, message by message, and keeps none of it. What it cannot read it leaves alone.
 */

import { type AgreedDeflate, acceptResponse, PERMESSAGE_DEFLATE } from '../../deflate/negotiate.ts';
import {
  type AcceptableRequest,
  checkUpgradeRequest,
  checkUpgradeResponse,
  listHasToken,
  parseExtensions,
  type RequestHead,
  type ResponseHead,
} from '../../handshake/index.ts';
import { MAX_REQUESTS } from '../../inspector/capture/http1.ts';
import { WIDEST_OFFER } from '../../inspector/handshake.ts';
import type { Direction } from '../../inspector/index.ts';
import type { Role } from '../../protocol/index.ts';
import { FrameFollower, type SeenFrame } from './frame-follower.ts';
import { HttpFollower, type SeenHead } from './http-follower.ts';

/** Something that has passed. */
export type Sight =
  | {
      readonly type: 'head';
      readonly direction: Direction;
      readonly head: SeenHead;
      readonly fault: HeadFault | undefined;
    }
  | { readonly type: 'frame'; readonly direction: Direction; readonly frame: SeenFrame }
  /** Bytes from here on are passed on and not read. */
  | { readonly type: 'unread'; readonly direction: Direction; readonly reason: string };

/** What is wrong with a head that is about a WebSocket. */
export interface HeadFault {
  readonly message: string;
  readonly section: string;
}

/** A request that has not been answered. */
interface Request {
  readonly isHead: boolean;
  /** When it asks for a WebSocket. */
  readonly upgrade: ReturnType<typeof checkUpgradeRequest> | undefined;
}

interface Lane {
  readonly direction: Direction;
  readonly receiver: Role;
  readonly http: HttpFollower;
  frames: FrameFollower | undefined;
  /** Whether anything of it is read. */
  isRead: boolean;
  /** What stands behind a request to upgrade waits for the answer. */
  held: Uint8Array[] | undefined;
  heldBytes: number;
}

const MAX_HELD_BYTES = 64 * 1024;
/** What HTTP messages begin with, and an empty line in front of them. */
const HTTP_START = /^[A-Za-z\r\n]/;

export class Conversation {
  readonly #onSight: (sight: Sight) => void;
  readonly #lanes: Readonly<Record<Direction, Lane>> = {
    clientToServer: makeLane('clientToServer', 'server', 'request'),
    serverToClient: makeLane('serverToClient', 'client', 'response'),
  };
  readonly #requests: Request[] = [];
  #hasBegun = { clientToServer: false, serverToClient: false };

  constructor(onSight: (sight: Sight) => void) {
    this.#onSight = onSight;
  }

  /** Takes the next bytes of a direction, which stay as they are. */
  push(direction: Direction, bytes: Uint8Array): void {
    const lane = this.#lanes[direction];
    if (!this.#hasBegun[direction] && bytes.length > 0) {
      this.#hasBegun[direction] = true;
      if (!HTTP_START.test(String.fromCharCode(bytes[0]!))) this.#leave(lane, 'they are no HTTP/1.1');
    }
    this.#read(lane, bytes);
  }

  /** A direction has ended. */
  finish(direction: Direction): void {
    this.#lanes[direction].frames?.finish();
  }

  #read(lane: Lane, bytes: Uint8Array): void {
    let rest = bytes;
    while (lane.isRead && rest.length > 0) {
      if (lane.frames !== undefined) {
        lane.frames.push(rest);
        return;
      }
      if (lane.held !== undefined) {
        this.#hold(lane, rest);
        return;
      }
      let found: ReturnType<HttpFollower['push']>;
      try {
        found = lane.http.push(rest);
      } catch (error) {
        this.#leave(lane, (error as Error).message);
        return;
      }
      if (found === undefined) return;
      rest = found.rest;
      if (found.head !== undefined) this.#takeHead(lane, found.head);
    }
  }

  #hold(lane: Lane, bytes: Uint8Array): void {
    lane.held!.push(Uint8Array.from(bytes));
    lane.heldBytes += bytes.length;
    if (lane.heldBytes > MAX_HELD_BYTES) this.#leave(lane, 'they did not wait for the answer to the handshake');
  }

  #leave(lane: Lane, reason: string): void {
    lane.isRead = false;
    lane.held = undefined;
    this.#onSight({ type: 'unread', direction: lane.direction, reason });
  }

  #takeHead(lane: Lane, head: SeenHead): void {
    if ('method' in head) this.#takeRequest(lane, head);
    else this.#takeResponse(lane, head);
  }

  #takeRequest(lane: Lane, head: RequestHead): void {
    const asksForWebSocket = listHasToken(head.headers.get('upgrade') ?? '', 'websocket');
    const upgrade = asksForWebSocket ? checkUpgradeRequest(head) : undefined;
    this.#tell(lane, head, upgrade?.ok === false ? upgrade : undefined);
    lane.http.expectBody(head, false);
    if (asksForWebSocket) lane.held = [];
    this.#requests.push({ isHead: head.method === 'HEAD', upgrade });
    if (this.#requests.length > MAX_REQUESTS) this.#leave(lane, 'too many requests wait for their answers');
  }

  #takeResponse(lane: Lane, head: ResponseHead): void {
    const isInterim = head.statusCode < 200 && head.statusCode !== 101;
    const request = isInterim ? undefined : this.#requests.shift();
    if (head.statusCode === 101) {
      this.#opened(head, request?.upgrade);
      return;
    }
    this.#tell(lane, head, undefined);
    lane.http.expectBody(head, request?.isHead === true);
    if (request?.upgrade !== undefined) this.#release();
  }

  /** The request to upgrade was refused: what stands behind it is HTTP again. */
  #release(): void {
    const lane = this.#lanes.clientToServer;
    const held = lane.held ?? [];
    lane.held = undefined;
    lane.heldBytes = 0;
    for (const bytes of held) this.#read(lane, bytes);
  }

  #opened(head: ResponseHead, upgrade: Request['upgrade']): void {
    const { clientToServer, serverToClient } = this.#lanes;
    const protocol = head.headers.get('upgrade') ?? '';
    this.#tell(serverToClient, head, upgrade?.ok === true ? responseFault(head, upgrade) : undefined);
    if (!listHasToken(protocol, 'websocket')) {
      for (const lane of [clientToServer, serverToClient])
        this.#leave(lane, `they are ${protocol || 'another protocol'}`);
      return;
    }
    const deflate = deflateOf(head);
    for (const lane of [clientToServer, serverToClient]) {
      const { direction, receiver } = lane;
      lane.frames = new FrameFollower(receiver, deflate, (frame) => this.#onSight({ type: 'frame', direction, frame }));
    }
    this.#release();
  }

  #tell({ direction }: Lane, head: SeenHead, fault: HeadFault | undefined): void {
    this.#onSight({
      type: 'head',
      direction,
      head,
      fault: fault && { message: fault.message, section: fault.section },
    });
  }
}

function makeLane(direction: Direction, receiver: Role, kind: 'request' | 'response'): Lane {
  const http = new HttpFollower(kind);
  return { direction, receiver, http, frames: undefined, isRead: true, held: undefined, heldBytes: 0 };
}

function responseFault(
  head: ResponseHead,
  { key, subprotocols, extensions }: AcceptableRequest,
): HeadFault | undefined {
  const names = extensions.map(({ name }) => name);
  const check = checkUpgradeResponse(head, { key, subprotocols, extensions: names });
  if (!check.ok) return check;
  const negotiation = acceptResponse(check.extensions, WIDEST_OFFER);
  return negotiation.outcome === 'refused' ? { message: negotiation.reason, section: 'RFC 7692 §7' } : undefined;
}

/** What was agreed on for compression. A header that is malformed says nothing. */
function deflateOf({ headers }: ResponseHead): AgreedDeflate | undefined {
  try {
    const extensions = parseExtensions(headers.get('sec-websocket-extensions') ?? '');
    const ours = extensions.filter(({ name }) => name === PERMESSAGE_DEFLATE);
    const negotiation = acceptResponse(ours, WIDEST_OFFER);
    return negotiation.outcome === 'accepted' ? { agreed: negotiation.agreed, settings: WIDEST_OFFER } : undefined;
  } catch {
    return undefined;
  }
}
