/** Bun.serve. */

import { HOST, HTTP_BODY, MAX_MESSAGE_BYTES, type StartServer } from './contract.ts';
import { work } from './work.ts';

interface BunSocket {
  send(data: string | Uint8Array, compress?: boolean): number;
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: string | Uint8Array): number;
}

declare const Bun: {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly reusePort: boolean;
    fetch(request: Request, server: BunServer): Response | undefined;
    readonly websocket: {
      readonly maxPayloadLength: number;
      readonly backpressureLimit: number;
      readonly perMessageDeflate: unknown;
      open(socket: BunSocket): void;
      message(socket: BunSocket, data: string | Uint8Array): void;
    };
  }): BunServer;
};

const TOPIC = 'all';

export const start: StartServer = async ({ mode, deflate, port = 0, reusePort = false }) => {
  const compress = deflate !== undefined;
  const server = Bun.serve({
    hostname: HOST,
    port,
    reusePort,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(HTTP_BODY)),
    websocket: {
      maxPayloadLength: MAX_MESSAGE_BYTES,
      // Past it, Bun drops messages.
      backpressureLimit: 1024 * 1024 * 1024,
      perMessageDeflate: deflate ?? false,
      open(socket) {
        if (mode === 'broadcast') socket.subscribe(TOPIC);
      },
      message(socket, data) {
        if (mode === 'broadcast') server.publish(TOPIC, data);
        else {
          if (mode === 'work') work();
          socket.send(data, compress);
        }
      },
    },
  });
  return server.port;
};
