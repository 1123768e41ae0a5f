/**
 * Answers pings (§5.5.2, §5.5.3). Of those whose pongs the network does not take, only so many are answered one by one;
 * past that the newest is remembered, and answered once the peer reads again.
 */

import type { FrameOutput } from './connection-contract.ts';

export class AutoPong {
  private readonly output: Pick<FrameOutput, 'flush'>;
  private readonly send: (payload: Uint8Array) => boolean;
  private readonly maxPendingPongs: number;
  private pendingPongs = 0;
  private unansweredPing: Uint8Array | undefined;

  /** @param send writes a pong; false when none was written, so that none waits */
  constructor(output: Pick<FrameOutput, 'flush'>, maxPendingPongs: number, send: (payload: Uint8Array) => boolean) {
    this.output = output;
    this.send = send;
    this.maxPendingPongs = maxPendingPongs;
  }

  /** Whether pongs wait to be written, so that `flushed` matters. */
  get isAwaitingFlush(): boolean {
    return this.pendingPongs > 0;
  }

  /** @param payload the ping's, valid during the call only */
  answer(payload: Uint8Array): void {
    if (this.pendingPongs >= this.maxPendingPongs) this.output.flush();
    if (this.pendingPongs >= this.maxPendingPongs) {
      this.unansweredPing = new Uint8Array(payload);
      return;
    }
    if (this.send(payload)) this.pendingPongs++;
  }

  /**
   * Everything given to the output so far has been taken by the network.
   * @param isOpen whether a ping may still be answered
   */
  flushed(isOpen: boolean): void {
    this.pendingPongs = 0;
    const payload = this.unansweredPing;
    this.unansweredPing = undefined;
    if (payload !== undefined && isOpen) this.answer(payload);
  }
}
