/** Messages of the server, as frames. */

import type { ServerMessage } from '../realtime-protocol/wire.ts';
import { type PreparedMessage, prepareMessage } from '../socket/prepared-message.ts';

export function toText(message: ServerMessage): string {
  return JSON.stringify(message);
}

/** A frame that many get. @param text JSON text of messages */
export function toFrame(text: string): PreparedMessage {
  return prepareMessage(text);
}
