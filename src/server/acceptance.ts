/**
 * How a server takes a request for a WebSocket (§4.2), from its head to the open connection: it is judged, compression is
 * agreed on, the application is asked, the answer leaves, the connection opens, and whoever listens is given it. What
 * servers decide each for themselves is a `Policy`. This file refuses to know of their options, and of how requests come
 * in and answers go out.
 */

import type { AsyncResource } from 'node:async_hooks';
import type { Duplex } from 'node:stream';
import type { Admission, Ask, Decide } from '../admission/admission.ts';
import type { Arrival } from '../admission/arrival.ts';
import type { Rejection } from '../admission/rejection.ts';
import { Visitor } from '../admission/visitor.ts';
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
import type { ConnectionSettings, Identity, MessageMeter } from '../options/connection-settings.ts';
import { isThenable } from '../socket/emitter.ts';
import { internals, type WebSocket } from '../socket/websocket.ts';
import { noteRequest, publishAccepted, upgradeAccepted, upgradeRefused } from '../transport/diagnostics.ts';
import { warnOfError } from '../transport/errors.ts';
import { quickAcceptValue } from './accept-value.ts';

/** What a server decides about one request. What is thrown here, by hooks of the application, is answered with 500. */
export interface Policy<Socket extends WebSocket = WebSocket> {
  /** The server, as warnings name it. */
  readonly name: string;
  /** For those who watch: the server, and the request as its hooks get it. */
  readonly server: object;
  readonly request: object;
  readonly settings: ConnectionSettings;
  /** What the request is judged by. */
  rules(): UpgradeRequestOptions;
  /** What may be agreed on for compression; undefined for nothing. */
  deflate(): DeflateSettings | undefined;
  /** What is asked before the application is; undefined for nothing. */
  readonly admission?: Admission | undefined;
  /** The request as `admission` looks at it. */
  arrival(): Arrival;
  /** Whether `ask` would say yes at once. Default false. */
  readonly asksNobody?: boolean;
  /** Asks the application, which answers now or later, by one of the two. */
  ask(request: AcceptableRequest, ...answer: Parameters<Ask>): void;
  /** Why no connection is taken now, if so. Asked before the request is judged, and again before it is accepted. */
  obstacle(): Rejection | undefined;
  /** What refuses each handshake that waits for the application: for a server that goes away meanwhile. */
  readonly undecided: Set<(rejection: Rejection) => void>;
  chooseSubprotocol(offered: readonly string[]): string | undefined;
  makeSocket(): Socket;
  /** What counts the connection's messages, where they are limited. */
  meter?(identity: Identity | undefined): MessageMeter | undefined;
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
  readonly agreement: AcceptedAgreement & { readonly identity?: Identity | undefined };
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
  noteRequest(socket);
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
    const { key, extensions } = request;
    const subprotocols = policy.admission?.subprotocolsOf(request) ?? request.subprotocols;
    // §9: nothing is used that was not offered.
    const agreement = agreeOnDeflate(extensions, policy.deflate());
    if (!agreement.ok) {
      policy.refuse({ reason: 'extensions', status: 400, message: agreement.message });
      return;
    }
    if (policy.asksNobody === true && policy.admission === undefined) {
      complete({ key, subprotocols, agreement });
      return;
    }
    let context: AsyncResource | undefined;
    const decide: Decide = (verdict, identity) => {
      const settle = () => {
        if (verdict !== true) policy.refuse(verdict);
        else complete({ key, subprotocols, agreement: identity ? { ...agreement, identity } : agreement });
      };
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
  decide: Decide,
  fail: (error: unknown) => void,
): void {
  let isDecided = false;
  const settle = (): boolean => {
    const isFirst = !isDecided;
    isDecided = true;
    policy.undecided.delete(decideOnce);
    socket.off('close', settle).off('end', destroy);
    return isFirst;
  };
  const decideOnce: Decide = (verdict, identity) => {
    if (settle()) decide(verdict, identity);
  };
  const failOnce = (error: unknown): void => {
    if (settle()) fail(error);
    else warnOfError(error, `a hook of ${policy.name}`);
  };
  const ask: Ask = (...answer) => policy.ask(request, ...answer);
  if (policy.admission === undefined) ask(decideOnce, failOnce);
  else if (!socket.destroyed) {
    policy.admission.admit({ request, arrival: policy.arrival(), socket }, ask, decideOnce, failOnce);
  }
  // It would never close again.
  if (isDecided || socket.closed) return;
  policy.undecided.add(decideOnce);
  socket.on('close', settle);
  // A client that has gone without a reset: nobody else listens, and it would keep its place until the answer.
  if (policy.admission === undefined) return;
  if (socket.readableEnded) socket.destroy();
  else socket.on('end', destroy);
}

function destroy(this: Duplex): void {
  this.destroy();
}

/** Sends the answer that accepts and opens the connection (§4.2.2 item 5). The socket may be gone by then. */
export function completeAcceptance<Socket extends WebSocket>(
  { key, subprotocols, agreement: { extensions, deflate, identity } }: Accepted,
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
  const meter = policy.meter?.(identity);
  policy.respond({ key, accept: quickAcceptValue, subprotocol, extensions });
  try {
    const agreement = { protocol: subprotocol ?? '', settings: policy.settings, deflate };
    internals.open(webSocket, socket, rest, identity || meter ? { ...agreement, identity, meter } : agreement);
  } catch (error) {
    // Thrown by the `setSocket` of a subclass: the answer has left, so that nothing else can be said.
    warnOfError(error, 'the setSocket() of a WebSocket');
    socket.destroy();
    return;
  }
  const { server, request } = policy;
  if (upgradeAccepted.hasSubscribers) publishAccepted(socket, { server, request, socket: webSocket });
  const leave = identity?.leave;
  if (leave !== undefined && webSocket.readyState !== 0) {
    // Messages that came too soon may outlive the socket: the connection counts until the last of them.
    socket.off('close', leave);
    internals.observe(webSocket, { closed: leave });
  }
  if (identity instanceof Visitor) identity.opened(webSocket);
  try {
    const result = policy.connected(webSocket);
    if (!isThenable(result)) return;
    internals.holdWhile(webSocket, result);
    result.then(undefined, (error) => internals.failForHandler(webSocket, error));
  } catch (error) {
    internals.failForHandler(webSocket, error);
  }
}

/** Tells those who watch that a request was refused. @param request undefined when it could not be read */
export function publishRefusal(
  server: object,
  request: object | undefined,
  stream: Duplex,
  { reason, status, message = '' }: Rejection,
): void {
  if (upgradeRefused.hasSubscribers) upgradeRefused.publish({ server, request, stream, reason, status, message });
}
