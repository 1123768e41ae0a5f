/** Deno.serve. */

import { HOST, HTTP_BODY, type StartServer } from './contract.ts';

interface DenoSocket {
  binaryType: 'arraybuffer';
  onopen: () => void;
  onclose: () => void;
  onerror: () => void;
  onmessage: (event: { readonly data: string | ArrayBuffer }) => void;
  send(data: string | ArrayBuffer): void;
}

declare const Deno: {
  serve(
    options: { readonly hostname: string; readonly port: number; onListen(): void },
    handler: (request: Request) => Response,
  ): { readonly addr: { readonly port: number } };
  upgradeWebSocket(request: Request): { readonly socket: DenoSocket; readonly response: Response };
};

export const start: StartServer = async ({ mode, deflate }) => {
  if (deflate !== undefined) throw new Error('Deno does not compress');
  const clients = new Set<DenoSocket>();
  const server = Deno.serve({ hostname: HOST, port: 0, onListen() {} }, (request) => {
    if (request.headers.get('upgrade') !== 'websocket') return new Response(HTTP_BODY);
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => clients.add(socket);
    socket.onclose = () => clients.delete(socket);
    socket.onerror = () => {};
    socket.onmessage = ({ data }) => {
      if (mode !== 'broadcast') socket.send(data);
      else for (const other of clients) other.send(data);
    };
    return response;
  });
  return server.addr.port;
};
