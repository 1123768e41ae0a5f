/** What carries the messages of the realtime protocol: a WebSocket, or HTTP in its place. */

import type { Link, LinkEvents } from './connection.ts';

export interface LiveLink extends Link {
  /** @param text one message, as JSON */
  send(type: string, text: string, id: number): void;
}

export interface LiveLinkEvents extends LinkEvents {
  /** A frame's text. */
  message(text: unknown): void;
}
