/**
 * Compressed messages in the core: what it gives to an inflater, and what it does while it waits. The inflater here
 * "inflates" by adding 1 to each byte, at once or when the test says so.
 */

import { describe, expect, it } from 'vitest';
import { Hold, type InflateFault, type Inflater, type Role } from '../../src/protocol/index.ts';
import { End, type EndOptions } from '../support/link-pair.ts';
import { type FrameFields, hex } from '../support/wire.ts';

class TestInflater implements Inflater {
  readonly maxBytes: number[] = [];
  private waiting: (() => void) | undefined;
  private readonly isDeferred: boolean;
  fault: InflateFault | undefined;

  constructor(isDeferred: boolean) {
    this.isDeferred = isDeferred;
  }

  inflate(...[bytes, start, end, maxBytes, done]: Parameters<Inflater['inflate']>): void {
    const output = bytes.slice(start, end).map((byte) => byte + 1);
    this.maxBytes.push(maxBytes);
    expect(this.waiting).toBeUndefined();
    const finish = () => {
      this.waiting = undefined;
      done(this.fault, output);
    };
    if (this.isDeferred) this.waiting = finish;
    else finish();
  }

  get isWaiting(): boolean {
    return this.waiting !== undefined;
  }
  finish(): void {
    this.waiting!();
  }
}

/** 'GHI' as its compressed form in this play: 'FGH'. */
const COMPRESSED: FrameFields = { rsv: 4, opcode: 1, payload: 'FGH' };
const PLAIN: FrameFields = { opcode: 1, payload: 'plain' };

function open(role: Role, isDeferred: boolean, options: EndOptions = {}) {
  const inflater = new TestInflater(isDeferred);
  return { inflater, end: new End(role, { ...options, inflater }) };
}

describe.each(['server', 'client'] as const)('compressed messages, %s', (role) => {
  it('RFC 7692 §6.2 a message in one frame, between plain ones', () => {
    const { end, inflater } = open(role, false, { limits: { maxMessageBytes: 100 } });
    end.receiveFrames(PLAIN, COMPRESSED, { rsv: 4, opcode: 2, payload: [1, 2] }, PLAIN);
    expect(end.handler.log).toEqual(['text:plain', 'text:GHI', 'binary:02 03', 'text:plain']);
    expect(inflater.maxBytes).toEqual([100, 100]);
  });

  it('RFC 7692 §6.1 fragments are inflated as one, and RSV1 stands on the first only', () => {
    const { end } = open(role, false);
    end.receiveFrames(
      { rsv: 4, fin: false, opcode: 1, payload: 'F' },
      { opcode: 9, payload: 'p' },
      { fin: false, opcode: 0, payload: '' },
      { opcode: 0, payload: 'GH' },
    );
    expect(end.handler.log).toEqual(['ping:70', 'text:GHI']);
    end.receiveFrames({ rsv: 4, fin: false, opcode: 1 }, { rsv: 4, opcode: 0 });
    expect(end.handler.log.at(-1)).toBe('failed:unexpectedRsv1');
  });

  it('RFC 7692 §6.1 bytes that are no text until they are inflated are not checked before', () => {
    const { end } = open(role, false);
    end.receiveFrames({ rsv: 4, fin: false, opcode: 1, payload: [0xff] }, { opcode: 0, payload: [0x60] });
    expect(end.handler.log).toEqual(['text:\0a']);
  });

  it('§8.1 inflated text that is not UTF-8 fails the connection', () => {
    const { end } = open(role, false);
    end.receiveFrames({ rsv: 4, opcode: 1, payload: [0xfe] });
    expect(end.handler.log).toEqual(['failed:invalidText']);
  });

  it('§10.4 inflated too long: 1009', () => {
    const { end, inflater } = open(role, false);
    inflater.fault = { id: 'tooLong' };
    end.receiveFrames(COMPRESSED, PLAIN);
    expect(end.handler.log).toEqual(['failed:messageTooLong']);
    expect(end.output.log).toEqual(['88 03 f1']);
  });

  it('RFC 7692 §7.2.2 what comes behind a message waits until it is inflated', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED, PLAIN, COMPRESSED);
    expect(end.connection.isHolding).toBe(true);
    end.receiveFrames({ opcode: 8, payload: [0x03, 0xe8] });
    end.connection.receiveEnd();
    end.connection.transportClosed();
    expect(end.handler.log).toEqual([]);
    inflater.finish();
    expect(end.handler.log).toEqual(['text:GHI', 'text:plain']);
    inflater.finish();
    expect(end.handler.log).toEqual(['text:GHI', 'text:plain', 'text:GHI', 'closeReceived', 'closed']);
    expect(end.connection.closeCode).toBe(1000);
  });

  it('halting and resuming while a message is being inflated', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED, PLAIN);
    end.connection.halt();
    end.connection.resume();
    expect(end.handler.log).toEqual([]);
    end.connection.halt();
    inflater.finish();
    expect(end.handler.log).toEqual([]);
    expect(end.connection.isHolding).toBe(true);
    end.connection.resume();
    expect(end.handler.log).toEqual(['text:GHI', 'text:plain']);
  });

  it('what an inflation ends with waits for all holds to go, before what came behind it and the end', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED, PLAIN);
    end.connection.halt();
    end.connection.halt(Hold.Turn);
    inflater.finish();
    end.receiveFrames(PLAIN);
    end.connection.receiveEnd();
    end.connection.transportClosed();
    end.connection.resume();
    expect(end.handler.log).toEqual([]);
    end.connection.resume(Hold.Turn);
    expect(end.handler.log).toEqual(['text:GHI', 'text:plain', 'text:plain', 'closed']);
  });

  it('a handler that halts and resumes over an inflated message gets the next one after it', () => {
    const { end, inflater } = open(role, true);
    const order: string[] = [];
    end.handler.react = ({ call }) => {
      order.push(`${call} begins`);
      end.connection.halt();
      end.connection.resume();
      order.push(`${call} ends`);
    };
    end.receiveFrames(COMPRESSED, { opcode: 9 });
    inflater.finish();
    expect(order).toEqual(['message begins', 'message ends', 'ping begins', 'ping ends']);
  });

  it('§7.1.7 a violation found by an inflation is told when the holds are gone', () => {
    const { end, inflater } = open(role, true);
    inflater.fault = { id: 'tooLong' };
    end.receiveFrames(COMPRESSED, PLAIN);
    end.connection.halt();
    inflater.finish();
    expect(end.handler.log).toEqual([]);
    end.connection.resume();
    expect(end.handler.log).toEqual(['failed:messageTooLong']);
  });

  it('a message that waits is dropped with the input: the end of the transport is seen at once', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED, PLAIN);
    end.connection.halt();
    inflater.finish();
    end.connection.discardInput();
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['closed']);
    end.connection.resume();
    expect(end.handler.log).toEqual(['closed']);
  });

  it('§7.1.7 an inflation that ends after the connection failed is nobody’s', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED);
    end.connection.fail('handlerFailed');
    inflater.finish();
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['failed:handlerFailed', 'closed']);
  });

  it('§7.1.7 a failure while an inflation holds back the end of the transport: the end is seen at once', () => {
    const { end, inflater } = open(role, true);
    end.receiveFrames(COMPRESSED);
    end.connection.transportClosed();
    expect(end.handler.log).toEqual([]);
    end.connection.fail('handlerFailed');
    expect(end.handler.log).toEqual(['failed:handlerFailed', 'closed']);
    inflater.finish();
    expect(end.handler.log).toEqual(['failed:handlerFailed', 'closed']);
  });

  it('a handler that throws over an inflated message', () => {
    const { end } = open(role, false);
    end.handler.react = ({ call }) => {
      if (call === 'message') throw new Error('no');
    };
    end.receiveFrames(COMPRESSED, PLAIN);
    expect(end.handler.log).toEqual(['text:GHI', 'failed:handlerFailed']);
  });

  it('RFC 7692 §6.1 sends RSV1 on the first fragment of a compressed message', () => {
    const { end } = open(role, false);
    end.connection.sendMessage(hex('01'), true, true, true);
    end.connection.sendMessage(hex('02'), false, false, true);
    end.connection.sendMessage(hex('03'), false, true, true);
    end.connection.sendMessage(hex('04'), true);
    expect(end.output.log).toEqual(['c2 01', '41 02', '80 03', '82 04']);
  });
});
