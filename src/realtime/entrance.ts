/** Where clients come in: through doors in servers, past the gate, and into a session. */

import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Rejection } from '../admission/rejection.ts';
import { buildRefusalResponse } from '../handshake/index.ts';
import { RealtimeCloseCode } from '../realtime-protocol/close-codes.ts';
import { SUBPROTOCOL } from '../realtime-protocol/wire.ts';
import { endWith } from '../server/http-answer.ts';
import { isServerStream } from '../server/http2-server.ts';
import { type EventStream, whenGone } from '../sse/event-stream.ts';
import { ignoreError } from '../transport/errors.ts';
import { endStreamWith } from '../transport/http2-stream.ts';
import type { Core } from './core.ts';
import { type AnyRequest, type AnyResponse, type AttachableServer, type Door, openDoor } from './doors.ts';
import type { Gate } from './gate.ts';
import { HttpDoor } from './http-door.ts';
import type { HubDrain } from './hub-drain.ts';
import type { HubSocket } from './hub-socket.ts';
import type { Outlet } from './outlet.ts';
import type { HubUser } from './rules.ts';
import { Session } from './session.ts';

/** Until the heartbeat says otherwise. */
const PING_MS = 25_000;

export class Entrance implements Door {
  readonly #core: Core;
  readonly #gate: Gate;
  readonly #drain: HubDrain;
  readonly #http: HttpDoor;
  readonly #closeDoors: (() => void)[] = [];

  constructor(core: Core, gate: Gate, drain: HubDrain) {
    this.#core = core;
    this.#gate = gate;
    this.#drain = drain;
    const { report, hint, settings } = core;
    const { highWaterMarkBytes } = settings;
    const { open, openOn } = this;
    this.#http = new HttpDoor({ gate, drain, open, openOn, report, hint, highWaterMarkBytes });
  }

  /** @throws {TypeError | Error} as `openDoor`, and when the hub drains */
  openAt(server: AttachableServer, path: string): void {
    if (this.#drain.hasBegun) throw new Error('hub.attach(): this hub drains');
    this.#closeDoors.push(openDoor(server, path, this));
  }

  /** Leaves all servers. */
  close(): void {
    for (const closeDoor of this.#closeDoors.splice(0)) closeDoor();
    this.#gate.close();
  }

  upgrade(request: AnyRequest, socket: Duplex, rest: Buffer): void {
    const obstacle = this.#drain.obstacle();
    if (obstacle !== undefined) refuse(socket, obstacle);
    else this.#gate.upgrade(request, socket, rest, (webSocket) => this.#meet(webSocket, request));
  }

  request(request: AnyRequest, response: AnyResponse): void {
    this.#http.request(request, response);
  }

  #meet(socket: HubSocket, request: AnyRequest): void {
    if (socket.protocol !== SUBPROTOCOL) {
      socket.close(RealtimeCloseCode.NotThisProtocol, `This address speaks ${SUBPROTOCOL}`);
      return;
    }
    // It drains since this one was let in.
    if (this.#drain.hasBegun) {
      this.#drain.farewell({ outlet: socket });
      return;
    }
    socket.firstAsked = this.#gate.firstAsked(request);
    socket.speakFor(this.open(socket, socket.user as HubUser | undefined, true));
  }

  /** Begins a session. @param isWelcomed whether it is told who it is */
  readonly open = (outlet: Outlet, user: HubUser | undefined, isWelcomed: boolean): Session => {
    const id = randomUUID();
    const session = new Session(id, user ?? { id }, outlet, this.#core);
    this.#core.begin(session);
    const expires = user?.expires;
    if (isWelcomed) session.tell({ type: 'welcome', connection: id, user: session.user.id, pingMs: PING_MS, expires });
    return session;
  };

  /** Begins a session that ends with a stream. @returns undefined when the stream has ended, or ends here */
  readonly openOn = (stream: EventStream, outlet: Outlet, user: HubUser | undefined, isWelcomed: boolean) => {
    // It drains since this one was let in.
    if (this.#drain.hasBegun) this.#drain.farewell({ outlet });
    // The user's time may be over by now.
    if (stream.isClosed) return undefined;
    const session = this.open(outlet, user, isWelcomed);
    stream.on('drain', () => session.drained());
    whenGone(stream, () => session.end());
    return session;
  };
}

function refuse(socket: Duplex, rejection: Rejection): void {
  const bytes = Buffer.from(buildRefusalResponse(rejection), 'latin1');
  socket.on('error', ignoreError);
  if (isServerStream(socket)) endStreamWith(socket, bytes);
  else endWith(socket, bytes);
}
