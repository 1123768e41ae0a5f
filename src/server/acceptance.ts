/**
 * How a server takes a request for a WebSocket (§4.2), from its head to the open connection: it is judged, compression is
 * agreed on, the application is asked, the answer leaves, the connection opens, and whoever listens is given it. What
 * servers decide each for themselves is a `Policy`. This file refuses to know of their options, and of how requests come
 * in and answers go out.
 */

import type { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import type { Rejection } from '../admission/rejection.ts';
import { type AcceptedAgreement, agreeOnDeflate } from '../deflate/agreement.ts';
import { contextOfCall } from '../deflate/async-context.ts';
import type { DeflateSettings } from '../deflate/negotiate.ts';
import {
  type AcceptableRequest,
  checkUpgradeRequest,
  type UpgradeRequest,
  type UpgradeRequestOptions,
  type UpgradeResponse,
} from '../handshake/index.ts';
import type { ConnectionSettings } from '../options/connection-settings.ts';
import { isThenable } from '../socket/emitter.ts';
import { internals, type WebSocket } from '../socket/websocket.ts';
import { warnOfError } from '../transport/errors.ts';

/** What a server decides about one request. What is thrown here, by hooks of the application, is answered with 500. */
export interface Policy<Socket extends WebSocket = WebSocket> {
  /** The server, as warnings name it. */
  readonly name: string;
  readonly settings: ConnectionSettings;
  /** What the request is judged by. */
  rules(): UpgradeRequestOptions;
  /** What may be agreed on for compression; undefined for nothing. */
  deflate(): DeflateSettings | undefined;
  /** Asks the application, which answers now or later, by one of the two. */
  ask(request: AcceptableRequest, decide: (verdict: true | Rejection) => void, fail: (error: unknown) => void): void;
  /** Why no connection is taken now, if so. Asked before the request is judged, and again before it is accepted. */
  obstacle(): Rejection | undefined;
  /** What refuses each handshake that waits for the application: for a server that goes away meanwhile. */
  readonly undecided: Set<(rejection: Rejection) => void>;
  chooseSubprotocol(offered: readonly string[]): string | undefined;
  makeSocket(): Socket;
  /** Sends the answer that accepts. */
  respond(response: UpgradeResponse): void;
  /** Sends one that refuses, and ends the transport. */
  refuse(rejection: Rejection): void;
  /** Books the connection and gives it to the application. @returns what that has returned */
  connected(webSocket: Socket): unknown;
}

/** A request that is going to be accepted, and what was agreed on. */
interface Accepted {
  readonly key: string;
  /** As offered. */
  readonly subprotocols: readonly string[];
  readonly agreement: AcceptedAgreement;
}

/**
 * Takes or refuses a request. What follows runs in the async context of this call, with what the application enters when it
 * is asked, wherever it answers.
 * @param rest bytes behind its head, the first frames
 * @param complete the last step, where subclasses of the server may come between
 */
export function accept<Socket extends WebSocket>(
  head: UpgradeRequest,
  socket: Duplex,
  rest: Uint8Array,
  policy: Policy<Socket>,
  complete = (accepted: Accepted) => completeAcceptance(accepted, socket, rest, policy),
): void {
  const fail = (error: unknown): void => {
    warnOfError(error, `a hook of ${policy.name}`);
    policy.refuse({ reason: 'hookFailed', status: 500 });
  };
  const guard = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      fail(error);
    }
  };
  guard(() => {
    const obstacle = policy.obstacle();
    if (obstacle !== undefined) {
      policy.refuse(obstacle);
      return;
    }
    const request = checkUpgradeRequest(head, policy.rules());
    if (!request.ok) {
      policy.refuse({ reason: request.check, ...request });
      return;
    }
    const { key, subprotocols, extensions } = request;
    // §9: nothing is used that was not offered.
    const agreement = agreeOnDeflate(extensions, policy.deflate());
    if (!agreement.ok) {
      policy.refuse({ reason: 'extensions', status: 400, message: agreement.message });
      return;
    }
    let context: AsyncResource | undefined;
    const decide = (verdict: true | Rejection): void => {
      const settle = () => (verdict === true ? complete({ key, subprotocols, agreement }) : policy.refuse(verdict));
      if (context === undefined) guard(settle);
      else context.runInAsyncScope(guard, undefined, settle);
    };
    askUnlessRefused(request, socket, policy, decide, fail);
    context = contextOfCall();
  });
}

/** Asks the application. Its answer counts for nothing once the server has refused, or the socket is gone. */
function askUnlessRefused(
  request: AcceptableRequest,
  socket: Duplex,
  policy: Policy,
  decide: (verdict: true | Rejection) => void,
  fail: (error: unknown) => void,
): void {
  let isDecided = false;
  const settle = (): boolean => {
    const isFirst = !isDecided;
    isDecided = true;
    policy.undecided.delete(decideOnce);
    socket.off('close', settle);
    return isFirst;
  };
  const decideOnce = (verdict: true | Rejection): void => {
    if (settle()) decide(verdict);
  };
  policy.ask(request, decideOnce, (error) => {
    if (settle()) fail(error);
    else warnOfError(error, `a hook of ${policy.name}`);
  });
  if (isDecided) return;
  policy.undecided.add(decideOnce);
  socket.on('close', settle);
}

/** Sends the answer that accepts and opens the connection (§4.2.2 item 5). The socket may be gone by then. */
export function completeAcceptance<Socket extends WebSocket>(
  { key, subprotocols, agreement: { extensions, deflate } }: Accepted,
  socket: Duplex,
  rest: Uint8Array,
  policy: Policy<Socket>,
): void {
  if (!socket.readable || !socket.writable) {
    socket.destroy();
    return;
  }
  const obstacle = policy.obstacle();
  if (obstacle !== undefined) {
    policy.refuse(obstacle);
    return;
  }
  const subprotocol = policy.chooseSubprotocol(subprotocols);
  const webSocket = policy.makeSocket();
  policy.respond({ key, subprotocol, extensions });
  try {
    internals.open(webSocket, socket, rest, { protocol: subprotocol ?? '', settings: policy.settings, deflate });
  } catch (error) {
    // Thrown by the `setSocket` of a subclass: the answer has left, so that nothing else can be said.
    warnOfError(error, 'the setSocket() of a WebSocket');
    socket.destroy();
    return;
  }
  try {
    const result = policy.connected(webSocket);
    if (!isThenable(result)) return;
    internals.holdWhile(webSocket, result);
    result.then(undefined, (error) => internals.failForHandler(webSocket, error));
  } catch (error) {
    internals.failForHandler(webSocket, error);
  }
}
