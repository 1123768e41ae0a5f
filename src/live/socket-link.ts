/** The WebSocket as a link: messages of one turn of the event loop go in one frame. */

import { SUBPROTOCOL, TOKEN_PREFIX, writeFrame } from '../realtime-protocol/wire.ts';
import type { LiveLink, LiveLinkEvents } from './link.ts';
import type { SocketClass, SocketLike } from './types.ts';

/** In one frame at most so many characters, unless a message alone has more: servers bound what they take. */
const MAX_FRAME_LENGTH = 16_384;

/** The subprotocols that a client offers. */
export function offer(protocols: readonly string[], token: string | undefined): string[] {
  return token === undefined ? [...protocols] : [...protocols, TOKEN_PREFIX + token];
}

/** Opens a WebSocket whose end is told to `events`. */
export function openSocket(
  Socket: SocketClass,
  url: string,
  protocols: string[],
  events: { lost(code: number, reason: string, cause?: unknown): void },
): SocketLike {
  const socket = new Socket(url, protocols);
  let cause: unknown;
  socket.onerror = ({ error }: { error?: unknown }) => {
    cause = error;
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => events.lost(code, reason, cause);
  return socket;
}

export function socketLink(
  Socket: SocketClass,
  url: string,
  token: string | undefined,
  events: LiveLinkEvents,
  isAlone: boolean,
): LiveLink {
  const socket = openSocket(Socket, url, offer([SUBPROTOCOL], token), events);
  socket.onmessage = ({ data }: { data: unknown }) => events.message(data);
  let outgoing: string[] = [];
  let lengthOfAll = 0;
  const flush = () => {
    if (outgoing.length > 0) socket.send(writeFrame(outgoing));
    outgoing = [];
    lengthOfAll = 0;
  };
  const send = (text: string) => {
    if (outgoing.length === 0) queueMicrotask(flush);
    if (isAlone || lengthOfAll + text.length > MAX_FRAME_LENGTH) flush();
    outgoing.push(text);
    lengthOfAll += text.length;
  };
  return {
    send: (_type, text) => send(text),
    ping: () => send('{"type":"ping"}'),
    close() {
      socket.onmessage = null;
      socket.close(1000);
    },
  };
}
