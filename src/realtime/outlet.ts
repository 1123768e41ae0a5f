/** Where a session's frames go: a WebSocket, or whatever else has these members. They do not throw. */

import type { PreparedMessage } from '../socket/prepared-message.ts';

export interface Outlet {
  /** Whether more may be sent: not while as much waits as may, and not behind the end. */
  readonly isWritable: boolean;
  /** Sends a frame that others get as well. */
  sendPrepared(frame: PreparedMessage): boolean;
  send(frame: string): void;
  /** What came as one frame were so many messages more. */
  charge?(messages: number): void;
  close(code: number, reason: string): void;
  /** Ends it at once. */
  terminate(): void;
  /** Bytes that wait for the network. */
  readonly bufferedAmount: number;
  /** Stops what comes in, where something does. */
  pause(): void;
  resume(): void;
}
