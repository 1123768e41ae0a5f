/** A WebSocket of a hub, with its session. */

import { RealtimeCloseCode } from '../realtime-protocol/close-codes.ts';
import type { RawData } from '../socket/payload.ts';
import { internals, WebSocket } from '../socket/websocket.ts';
import type { FirstAsked } from './hub-request.ts';
import type { Session } from './session.ts';

export class HubSocket extends WebSocket {
  session: Session | undefined = undefined;
  /** What `authenticate` is given again with a new token. */
  firstAsked: FirstAsked | undefined = undefined;
  /** Whether it is asked at the moment. */
  isAsking = false;

  /** One frame had so many messages more than the one that it was counted for. */
  charge(messages: number): void {
    internals.meterOf(this)?.charge(messages);
  }

  /** Has the session told what comes. All sockets have the same listeners. */
  speakFor(session: Session): void {
    this.session = session;
    this.on('message', onMessage).on('drain', onDrain).on('close', onClose);
  }
}

function onMessage(this: HubSocket, data: RawData, isBinary: boolean): void {
  if (isBinary) this.session!.close(RealtimeCloseCode.NotThisProtocol, 'Binary messages have no meaning here');
  else this.session!.receive(String(data));
}

function onDrain(this: HubSocket): void {
  this.session!.drained();
}

function onClose(this: HubSocket): void {
  this.session!.end();
}
