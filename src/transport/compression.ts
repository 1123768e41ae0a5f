/**
 * permessage-deflate on one connection that has agreed on it (RFC 7692 §7): one codec for each direction, with its
 * parameters. The core inflates through it.
 */

import { type DeflateDone, MessageDeflater, MessageInflater } from '../deflate/codec.ts';
import { type AgreedDeflate, compressionThreshold, directionOf } from '../deflate/negotiate.ts';
import type { InflateDone, Inflater, Role } from '../protocol/index.ts';

export class Compression implements Inflater {
  /** What has been agreed on. */
  readonly agreement: AgreedDeflate;
  /** Shorter messages are sent as they are. */
  readonly thresholdBytes: number;
  private readonly inflater: MessageInflater;
  private readonly deflater: MessageDeflater;
  private readonly runInput: (action: () => void) => void;

  /** @param runInput runs what makes the core hand out messages when an inflation ends */
  constructor(agreement: AgreedDeflate, role: Role, runInput: (action: () => void) => void) {
    const { agreed, settings } = agreement;
    this.agreement = agreement;
    const peer = role === 'server' ? 'client' : 'server';
    const { concurrencyLimit, zlibDeflateOptions, zlibInflateOptions } = settings;
    this.thresholdBytes = compressionThreshold(agreed, settings);
    this.deflater = new MessageDeflater({
      ...directionOf(agreed, role),
      concurrencyLimit,
      zlibOptions: zlibDeflateOptions,
    });
    this.inflater = new MessageInflater({
      ...directionOf(agreed, peer),
      concurrencyLimit,
      zlibOptions: zlibInflateOptions,
    });
    this.runInput = runInput;
  }

  inflate(bytes: Uint8Array, start: number, end: number, maxBytes: number, done: InflateDone, isLent: boolean): void {
    this.inflater.inflate(
      bytes,
      start,
      end,
      maxBytes,
      (fault, output, isOutputLent) => {
        // The connection is over: nobody waits for the message.
        if (fault?.id !== 'closed') this.runInput(() => done(fault, output, isOutputLent));
      },
      isLent,
    );
  }

  deflateNow(payload: string | Uint8Array, fin: boolean, take: (output: Uint8Array) => void): boolean {
    return this.deflater.deflateNow(typeof payload === 'string' ? Buffer.from(payload) : payload, fin, take);
  }

  deflate(payload: Uint8Array, fin: boolean, done: DeflateDone): void {
    this.deflater.deflate(payload, fin, done);
  }

  close(): void {
    this.inflater.close();
    this.deflater.close();
  }
}
