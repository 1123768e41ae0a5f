/** Pings, pongs and floods of them, through a Connection (§5.5.2, §5.5.3, §10.4). */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/protocol/index.ts';
import { End, type EndOptions, peerFrame } from '../support/link-pair.ts';
import { byteByByte, type FrameFields, toHex } from '../support/wire.ts';

const ROLES: Role[] = ['server', 'client'];
const ping = (payload: FrameFields['payload'] = ''): FrameFields => ({ opcode: 9, payload });

describe.each(ROLES)('connection, %s: pings and pongs', (role) => {
  it('§5.5.2 a ping is answered with its own payload, before the handler hears of it', () => {
    const end = new End(role);
    const answered: number[] = [];
    end.handler.react = () => answered.push(end.output.frames.length);
    const long = new Uint8Array(125).fill(0xab);
    end.receiveFrames(ping('a'), ping(), ping(long));
    expect(end.output.log).toEqual(['8a 61', '8a', `8a ${toHex(long)}`]);
    expect(end.handler.log).toEqual(['ping:61', 'ping:', `ping:${toHex(long)}`]);
    expect(answered).toEqual([1, 2, 3]);
  });

  it('§5.5.2 a ping in pieces, and two behind each other', () => {
    const end = new End(role);
    for (const payload of ['first, longer', 'second']) {
      for (const byte of byteByByte(peerFrame(role, ping(payload)))) end.receive(byte);
    }
    expect(end.output.frames.map(([, payload]) => payload)).toEqual(
      end.handler.calls.map((call) => 'data' in call && call.data),
    );
    expect(end.handler.calls.length).toBe(2);
  });

  it('§5.4 a ping between fragments is answered at once', () => {
    const end = new End(role);
    end.receiveFrames({ fin: false, opcode: 1, payload: 'a' }, ping('p'));
    expect(end.output.log).toEqual(['8a 70']);
    end.receiveFrames({ opcode: 0, payload: 'b' });
    expect(end.handler.log).toEqual(['ping:70', 'text:ab']);
  });

  it('§5.5.3 a pong, asked for or not, is not answered', () => {
    const end = new End(role);
    end.receiveFrames({ opcode: 10, payload: 'x' });
    expect(end.handler.log).toEqual(['pong:78']);
    expect(end.output.log).toEqual([]);
  });

  it('§5.5.2 no automatic pongs, when they are switched off', () => {
    const end = new End(role, { autoPong: false });
    end.receiveFrames(ping('p'));
    expect(end.handler.log).toEqual(['ping:70']);
    expect(end.output.log).toEqual([]);
    expect(end.connection.isAwaitingFlush).toBe(false);
  });

  it('§5.5.2 no pong for a ping behind the Close frame of the peer', () => {
    const end = new End(role);
    end.receiveFrames({ opcode: 8, payload: [0x03, 0xe8] }, ping('p'));
    end.receiveFrames(ping('q'));
    expect(end.output.log).toEqual(['88 03 e8']);
    expect(end.handler.log).toEqual(['closeReceived']);
  });

  it('§5.5.1 no pong once a Close frame was sent; the ping is still heard', () => {
    const end = new End(role);
    end.connection.close(1000);
    end.receiveFrames(ping('p'));
    expect(end.output.log).toEqual(['88 03 e8']);
    expect(end.handler.log).toEqual(['ping:70']);
  });
});

describe.each(ROLES)('connection, %s: a handler that answers pings itself', (role) => {
  function open(answer: (end: End, payload: Uint8Array) => boolean, options?: EndOptions) {
    const end = new End(role, options);
    Object.assign(end.handler, { answerPing: (payload: Uint8Array) => answer(end, payload) });
    return end;
  }

  it('§5.5.2 or leaves it to the connection', () => {
    const end = open(() => false);
    end.receiveFrames(ping('a'));
    expect(end.output.log).toEqual(['8a 61']);
  });

  it('§5.5.2 in words of its own, before it hears of the ping', () => {
    const end = open(({ connection }) => connection.sendControl(10, Uint8Array.of(0xff)));
    end.handler.react = () => expect(end.output.log).toHaveLength(1);
    end.receiveFrames(ping('a'));
    expect(end.output.log).toEqual(['8a ff']);
    expect(end.handler.log).toEqual(['ping:61']);
    expect(end.connection.isAwaitingFlush).toBe(true);
  });

  it('§5.5.3 with silence, and then no pong waits', () => {
    const asked: number[] = [];
    const end = open((_end, payload) => asked.push(payload[0]!) > 0, { limits: { maxPendingPongs: 1 } });
    end.receiveFrames(ping('a'), ping('b'), ping('c'));
    expect(asked).toEqual([0x61, 0x62, 0x63]);
    expect([end.output.log, end.connection.isAwaitingFlush]).toEqual([[], false]);
  });

  it('§7.1.7 and throws: the connection fails, and the ping is not heard', () => {
    const error = new Error('mine');
    const end = open(() => {
      throw error;
    });
    end.receiveFrames(ping('a'), ping('b'));
    expect(end.output.log).toEqual(['88 03 f3']);
    expect(end.handler.calls).toEqual([{ call: 'failed', id: 'handlerFailed', detail: 0, cause: error }]);
  });
});

describe.each(ROLES)('connection, %s: a peer that does not read its pongs', (role) => {
  const options: EndOptions = { limits: { maxPendingPongs: 3 } };
  const pings = (...names: string[]) => names.map((name) => ping(name));

  it('§5.5.3 past maxPendingPongs a flush is asked for, then only the newest ping is remembered', () => {
    const end = new End(role, options);
    end.receiveFrames(...pings('a', 'b', 'c'));
    expect(end.output.flushCalls).toBe(0);
    end.receiveFrames(...pings('d', 'e', 'f'));
    expect(end.output.flushCalls).toBe(3);
    expect(end.output.log).toEqual(['8a 61', '8a 62', '8a 63']);
    expect(end.connection.isAwaitingFlush).toBe(true);
    end.connection.flushed();
    expect(end.output.log.slice(3)).toEqual(['8a 66']);
    end.connection.flushed();
    expect(end.output.log.length).toBe(4);
    expect(end.connection.isAwaitingFlush).toBe(false);
    expect(end.handler.log).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `ping:${name.charCodeAt(0).toString(16)}`),
    );
  });

  it('§5.5.2 a peer that reads gets every pong, in order', () => {
    const end = new End(role, options);
    end.output.onFlush = () => end.connection.flushed();
    end.receiveFrames(...pings('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'));
    expect(end.output.log).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((n) => `8a ${n.charCodeAt(0).toString(16)}`),
    );
    expect(end.output.flushCalls).toBe(2);
  });

  it('§5.5.3 with a limit of one, an older ping is answered before a newer', () => {
    const end = new End(role, { limits: { maxPendingPongs: 1 } });
    end.receiveFrames(...pings('a', 'b'));
    end.output.onFlush = () => end.connection.flushed();
    end.receiveFrames(...pings('c'));
    expect(end.output.log).toEqual(['8a 61', '8a 62']);
    end.output.onFlush = () => {};
    end.connection.flushed();
    expect(end.output.log).toEqual(['8a 61', '8a 62', '8a 63']);
  });

  it('§5.5.3 what is remembered is a copy, also when chunks are Buffers', () => {
    const end = new End(role, { limits: { maxPendingPongs: 1 } });
    end.receiveFrames(ping('a'));
    const chunk = Buffer.from(peerFrame(role, ping('b')));
    end.connection.receive(chunk);
    chunk.fill(0);
    end.connection.flushed();
    expect(end.output.log).toEqual(['8a 61', '8a 62']);
  });

  it('§5.5.1 a ping left unanswered stays so once the connection closes', () => {
    const end = new End(role, { limits: { maxPendingPongs: 1 } });
    end.receiveFrames(...pings('a', 'b'));
    end.connection.close();
    end.connection.flushed();
    end.connection.flushed();
    expect(end.output.log).toEqual(['8a 61', '88']);
  });
});

describe.each(ROLES)('connection, %s: a flood of control frames', (role) => {
  function open(limits: EndOptions['limits'] = { maxControlFramesBetweenData: 3, controlWindowMs: 1000 }) {
    const clock = { ms: 50_000 };
    const end = new End(role, { limits, now: () => clock.ms });
    return { clock, end };
  }
  const flood = ['failed:tooManyControlFrames'];

  it('§10.4 as many as are allowed, then one too many', () => {
    const { end } = open();
    end.receiveFrames(ping(), { opcode: 10 }, ping());
    expect(end.connection.state).toBe('open');
    end.receiveFrames({ opcode: 10 }, ping());
    expect(end.handler.log.slice(3)).toEqual(flood);
    expect(end.output.log.at(-1)).toBe('88 03 f0');
  });

  it('§10.4 a data frame starts the count anew, a fragment or a frame not all there too', () => {
    const { end } = open();
    const three = [ping(), ping(), ping()];
    end.receiveFrames(...three, { opcode: 2 }, ...three, { opcode: 1 }, ...three, { fin: false, opcode: 1 }, ...three);
    const cut = peerFrame(role, { fin: false, opcode: 0, payload: 'abc' });
    end.receive(cut.subarray(0, -1));
    end.receive(cut.subarray(-1));
    end.receiveFrames(...three);
    expect(end.connection.state).toBe('open');
    end.receiveFrames(ping());
    expect(end.connection.state).toBe('failed');
  });

  it('§10.4 as many in a longer time are no flood', () => {
    const { clock, end } = open();
    end.receiveFrames(ping(), ping(), ping());
    clock.ms += 1000;
    end.receiveFrames(ping(), ping(), ping());
    expect(end.connection.state).toBe('open');
    clock.ms += 999;
    end.receiveFrames(ping());
    expect(end.handler.log.at(-1)).toBe(flood[0]);
  });

  it('§10.4 a Close frame is never one too many', () => {
    const { end } = open({ maxControlFramesBetweenData: 0 });
    end.receiveFrames({ opcode: 8 });
    expect(end.handler.log).toEqual(['closeReceived']);
  });

  it('§10.4 without a limit there is no flood', () => {
    const { end } = open({ maxControlFramesBetweenData: Number.POSITIVE_INFINITY });
    end.receiveFrames(...Array.from({ length: 5000 }, () => ping()));
    expect(end.connection.state).toBe('open');
  });
});
