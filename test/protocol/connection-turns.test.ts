/** How much one connection is handed out in a turn of the event loop: a share, and the rest in order behind it. */

import { describe, expect, it } from 'vitest';
import { End, type EndOptions } from '../support/link-pair.ts';
import type { FrameFields } from '../support/wire.ts';

/** Turns come when the test says so. */
function open(options: EndOptions = {}) {
  const waiting: (() => void)[] = [];
  const end = new End('server', options);
  end.output.nextTurn = (action) => void waiting.push(action);
  const turn = () => {
    for (const action of waiting.splice(0)) action();
  };
  /** Lets turns pass until there is nothing left to do. @returns how many calls each one brought */
  const drain = () => {
    const counts: number[] = [];
    while (waiting.length > 0) {
      const before = end.handler.calls.length;
      turn();
      counts.push(end.handler.calls.length - before);
    }
    return counts;
  };
  return { end, turn, drain };
}

const repeat = (count: number, fields: FrameFields) => Array<FrameFields>(count).fill(fields);
const MESSAGE: FrameFields = { opcode: 2, payload: [1] };

describe('the share of a turn', () => {
  it('is over after a thousand messages or so, whose rest comes in the next turns, in order', () => {
    const { end, drain } = open();
    end.receiveFrames(...Array.from({ length: 5000 }, (_, i): FrameFields => ({ opcode: 1, payload: `${i}` })));
    expect(end.handler.calls.length).toBe(1024);
    expect(end.connection.isHolding).toBe(true);
    expect(drain().every((count) => count <= 1024)).toBe(true);
    expect(end.handler.log).toEqual(Array.from({ length: 5000 }, (_, i) => `text:${i}`));
    expect(end.connection.isHolding).toBe(false);
  });

  it('is one for all that is read in the turn', () => {
    const { end, drain } = open();
    for (let read = 0; read < 32; read++) end.receiveFrames(...repeat(100, MESSAGE));
    expect(end.handler.calls.length).toBe(1024);
    drain();
    expect(end.handler.calls.length).toBe(3200);
  });

  it.each<[string, FrameFields[], number]>([
    ['pings', repeat(3000, { opcode: 9 }), 1024],
    ['fragments', [{ opcode: 2, fin: false }, ...repeat(3000, { opcode: 0, fin: false }), { opcode: 0 }], 0],
  ])('is spent by %s as well', (_what, frames, first) => {
    const { end, drain } = open({ limits: { maxControlFramesBetweenData: 10_000 } });
    end.receiveFrames(...frames);
    expect(end.handler.calls.length).toBe(first);
    expect(end.connection.isHolding).toBe(true);
    expect(drain().length).toBeGreaterThan(1);
    expect(end.connection.state).toBe('open');
  });

  it('is spent sooner by compressed messages, by what comes out of them', () => {
    const inflater = {
      inflate: (...[bytes, , , , done]: Parameters<NonNullable<EndOptions['inflater']>['inflate']>) =>
        done(undefined, new Uint8Array(bytes[0]! * 1024)),
    };
    for (const [kib, most, count] of [
      [0, 64, 200],
      [64, 4, 10],
    ] as const) {
      const { end, drain } = open({ inflater });
      end.receiveFrames(...repeat(count, { opcode: 2, rsv: 4, payload: [kib] }));
      expect(end.handler.calls.length).toBeLessThanOrEqual(most);
      drain();
      expect(end.handler.calls.length).toBe(count);
    }
  });

  it('begins anew with each turn', () => {
    const { end, turn } = open();
    for (let i = 0; i < 20; i++) {
      end.receiveFrames(...repeat(500, MESSAGE));
      expect(end.connection.isHolding).toBe(false);
      turn();
      end.receiveFrames(...repeat(500, MESSAGE));
      expect(end.connection.isHolding).toBe(false);
      turn();
    }
    expect(end.handler.calls.length).toBe(20_000);
  });

  it('a halt outlasts it, and it outlasts a halt', () => {
    const { end, turn } = open();
    end.handler.react = () => end.handler.calls.length === 1024 && end.connection.halt();
    end.receiveFrames(...repeat(1500, MESSAGE));
    turn();
    expect(end.handler.calls.length).toBe(1024);
    end.connection.resume();
    expect(end.handler.calls.length).toBe(1500);
    end.receiveFrames(...repeat(1500, MESSAGE));
    end.connection.halt();
    end.connection.resume();
    expect(end.connection.isHolding).toBe(true);
    turn();
    expect(end.handler.calls.length).toBe(3000);
  });

  it('the end of the peer waits behind what is held', () => {
    const { end, drain } = open();
    end.receiveFrames(...repeat(2000, MESSAGE));
    end.connection.receiveEnd();
    end.connection.transportClosed();
    expect(end.handler.calls.length).toBe(1024);
    drain();
    expect(end.handler.calls.length).toBe(2001);
    expect(end.handler.log.at(-1)).toBe('closed');
  });

  it('§5.5.1 a connection that ends meanwhile is not held up', () => {
    const { end, turn } = open();
    end.receiveFrames(...repeat(1023, MESSAGE), { opcode: 8 }, MESSAGE);
    expect(end.handler.log.at(-1)).toBe('closeReceived');
    turn();
    end.receiveFrames(MESSAGE);
    expect(end.handler.calls.length).toBe(1024);
  });

  it('with spreadsEvents each message, ping and pong has a turn of its own, and fragments none', () => {
    const { end, drain } = open({ spreadsEvents: true });
    const fragments = [{ opcode: 2, fin: false }, ...repeat(50, { opcode: 0, fin: false }), { opcode: 0 }];
    end.receiveFrames(MESSAGE, { opcode: 9 }, ...fragments, { opcode: 10 }, { opcode: 8 });
    expect(end.handler.calls.length).toBe(1);
    expect(drain()).toEqual([1, 1, 1, 1]);
  });

  it('without turns, everything is handed out at once', () => {
    const end = new End('server');
    end.receiveFrames(...repeat(5000, MESSAGE));
    expect(end.handler.calls.length).toBe(5000);
  });
});

describe('§5.5.1 what is discarded is not held back', () => {
  it('halt does nothing behind the Close frame of the peer', () => {
    const end = new End('client');
    end.receiveFrames({ opcode: 8 });
    end.connection.halt();
    expect(end.connection.isHolding).toBe(false);
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
  });
});

describe('memory that an application takes away', () => {
  it('fails its own connection, when messages lay in it that had not been handed out (1011)', () => {
    const end = new End('server');
    const { message } = end.handler;
    end.handler.message = (chunk, ...rest) => {
      message.call(end.handler, chunk, ...rest);
      structuredClone(null, { transfer: [chunk.memory as ArrayBuffer] });
    };
    end.receiveFrames(MESSAGE, MESSAGE);
    expect(end.handler.log).toEqual(['binary:01', 'failed:handlerFailed']);
    expect(end.output.log).toEqual(['88 03 f3']);
  });
});
