/**
 * Echo servers for rules that an ordinary one has no occasion to enforce: each takes less than others do, or has a program
 * with a fault. Pages break these rules on raw lines. Each listens on a free port of its own once somebody asks for it.
 */

import type { AddressInfo } from 'node:net';
import { type ListenOptions, listen, type NetRequest, type NetServer, type WebSocket } from '../index.ts';
import type { ViolationId } from '../protocol/index.ts';
import { ignoreError } from '../transport/errors.ts';
import { echo } from './echo.ts';

interface Receiver extends ListenOptions {
  /** Default: it echoes. */
  readonly program?: (socket: WebSocket, request: NetRequest) => void;
}

/** A program that throws at every message. */
function fail(socket: WebSocket): void {
  socket.on('message', () => {
    throw new Error('The program behind the connection has a fault');
  });
}

/** Echoes, but nothing leaves before the end, as if the peer did not read. */
function echoToNobody(socket: WebSocket, { socket: tcp }: NetRequest): void {
  tcp.cork();
  echo(socket);
}

const RECEIVERS: Readonly<Partial<Record<ViolationId, Receiver>>> = {
  lengthNotMinimal: { strictLengths: true },
  frameTooLong: { limits: { maxFrameBytes: 32 } },
  tooManyFragments: { limits: { maxFragments: 4 } },
  tooManyControlFrames: { limits: { maxControlFramesBetweenData: 8 } },
  rateExceeded: { messageRate: { perSecond: 1, burst: 3, onExcess: 'close' } },
  invalidCompression: { perMessageDeflate: true },
  handlerFailed: { program: fail },
  backlogTooLong: { maxBacklogBytes: 24, highWaterMarkBytes: 8, program: echoToNobody },
};

export class LimitedReceivers {
  readonly #common: ListenOptions;
  readonly #servers = new Map<string, Promise<NetServer>>();

  /** @param common what holds for all of them */
  constructor(common: ListenOptions) {
    this.#common = common;
  }

  /** Where the receiver for a rule listens; undefined when there is none. @throws when it cannot listen */
  async addressOf(rule: string): Promise<AddressInfo | undefined> {
    if (!Object.hasOwn(RECEIVERS, rule)) return undefined;
    let server = this.#servers.get(rule);
    if (server === undefined) {
      const { program = echo, ...options } = RECEIVERS[rule as ViolationId]!;
      server = listen({ ...this.#common, ...options, host: '127.0.0.1', port: 0 }, (socket, request) => {
        // What a peer does wrong ends its connection; here it is nobody's concern beyond that.
        socket.on('error', ignoreError);
        program(socket, request);
      });
      this.#servers.set(rule, server);
    }
    return (await server).address() as AddressInfo;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map(async (server) => (await server).close()));
  }
}
