/** Messages through a Connection, both ways (§5.4, §5.6, §6, §8.1). */

import { describe, expect, it, vi } from 'vitest';
import { Connection, type IsUtf8, type Role, resolveLimits } from '../../src/protocol/index.ts';
import { End, linkPair, MemoryOutput, peerFrame } from '../support/link-pair.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { byteByByte, concat, cutAt, frame, hex, toBytes, toHex } from '../support/wire.ts';

const ROLES: Role[] = ['server', 'client'];

describe('the fragments of a message', () => {
  it('§5.4 are told apart for those who ask: none of one whole frame', () => {
    const lengths: number[][] = [];
    const handler = new RecordingHandler();
    handler.message = () => void lengths.push([...connection.fragmentLengths]);
    const connection = new Connection(new MemoryOutput('server'), handler, { role: 'server', limits: resolveLimits() });
    const fragmented = () => [
      peerFrame('server', { fin: false, opcode: 2, payload: 'ab' }),
      peerFrame('server', { fin: false, opcode: 0 }),
      peerFrame('server', { opcode: 9, payload: 'ping' }),
      peerFrame('server', { opcode: 0, payload: 'c' }),
    ];
    connection.receive(concat(...fragmented()));
    connection.recordsFragments = true;
    connection.receive(concat(...fragmented(), peerFrame('server', { opcode: 2, payload: 'whole' })));
    expect(lengths).toEqual([[], [2, 0, 1], []]);
  });
});

describe.each(ROLES)('connection, %s: receiving messages', (role) => {
  const TEXT: [what: string, frames: Uint8Array[], log: string[]][] = [
    ['one frame', [peerFrame(role, { opcode: 1, payload: 'Hello' })], ['text:Hello']],
    ['an empty frame', [peerFrame(role, { opcode: 1 })], ['text:']],
    ['binary', [peerFrame(role, { opcode: 2, payload: [0, 255] })], ['binary:00 ff']],
    [
      'three fragments',
      [
        peerFrame(role, { fin: false, opcode: 1, payload: 'H' }),
        peerFrame(role, { fin: false, opcode: 0, payload: '€'.repeat(60) }),
        peerFrame(role, { opcode: 0, payload: '!' }),
      ],
      [`text:H${'€'.repeat(60)}!`],
    ],
    [
      'a code point cut by fragments',
      [
        peerFrame(role, { fin: false, opcode: 1, payload: [0xf0] }),
        peerFrame(role, { fin: false, opcode: 0, payload: [0x9f, 0x98] }),
        peerFrame(role, { opcode: 0, payload: [0x80] }),
      ],
      ['text:😀'],
    ],
    [
      'fragments that are all empty, then another message',
      [
        peerFrame(role, { fin: false, opcode: 2 }),
        peerFrame(role, { fin: false, opcode: 0 }),
        peerFrame(role, { opcode: 0 }),
        peerFrame(role, { opcode: 1, payload: 'next' }),
      ],
      ['binary:', 'text:next'],
    ],
    [
      'control frames between fragments',
      [
        peerFrame(role, { fin: false, opcode: 2, payload: [1] }),
        peerFrame(role, { opcode: 9, payload: 'a' }),
        peerFrame(role, { fin: false, opcode: 0, payload: [2] }),
        peerFrame(role, { opcode: 10, payload: 'b' }),
        peerFrame(role, { opcode: 0, payload: [3] }),
      ],
      ['ping:61', 'pong:62', 'binary:01 02 03'],
    ],
  ];
  it.each(TEXT)('§5.4 %s, whole, byte by byte and at every split', (_, frames, log) => {
    const wire = concat(...frames);
    const ways = [cutAt(wire, []), byteByByte(wire), ...Array.from(wire, (_byte, place) => cutAt(wire, [place]))];
    for (const chunks of ways) {
      const end = new End(role);
      for (const chunk of chunks) end.receive(chunk);
      expect(end.handler.log).toEqual(log);
      expect(end.connection.state).toBe('open');
    }
  });

  it('§5.4 a message in one chunk is a view of it, one in pieces has memory of its own', () => {
    const end = new End(role);
    const seen: Uint8Array[] = [];
    end.handler.message = ({ bytes }, start, stop) => seen.push(bytes.subarray(start, stop));
    const chunk = peerFrame(role, { opcode: 2, payload: [1, 2, 3] });
    end.connection.receive(chunk);
    expect(seen[0]!.buffer).toBe(chunk.buffer);
    const pieces = cutAt(peerFrame(role, { opcode: 2, payload: [4, 5, 6] }), [role === 'server' ? 8 : 3]);
    for (const piece of pieces) end.connection.receive(piece);
    for (const piece of pieces) piece.fill(0);
    expect(toHex(seen[1]!)).toBe('04 05 06');
  });

  it('§5.6 a binary message may hold anything: every byte there is, whole, in fragments and byte by byte', () => {
    const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
    const whole = peerFrame(role, { opcode: 2, payload });
    const fragments = concat(
      peerFrame(role, { fin: false, opcode: 2, payload: payload.subarray(0, 200) }),
      peerFrame(role, { opcode: 0, payload: payload.subarray(200) }),
    );
    for (const chunks of [[whole], [fragments], byteByByte(whole), byteByByte(fragments)]) {
      const end = new End(role);
      for (const chunk of chunks) end.receive(chunk);
      expect(end.handler.log).toEqual([`binary:${toHex(payload)}`]);
    }
  });

  it('§8.1 bad text fails at its first bad byte, with the frame unfinished', () => {
    const wire = peerFrame(role, { opcode: 1, payload: 'ab\u0000cdefgh' });
    const at = wire.length - 6;
    wire[at] = wire[at]! ^ 0xff ^ 'd'.charCodeAt(0);
    for (const chunks of [cutAt(wire.subarray(0, at + 1), [at - 1]), byteByByte(wire.subarray(0, at + 1))]) {
      const end = new End(role);
      const last = chunks.pop()!;
      for (const chunk of chunks) end.receive(chunk);
      expect(end.handler.log).toEqual([]);
      end.receive(last);
      expect(end.handler.log).toEqual(['failed:invalidText']);
      expect(end.output.log).toEqual(['88 03 ef']);
    }
  });

  it('§8.1 text that ends inside a code point is bad, in one frame or in fragments', () => {
    const single = new End(role);
    single.receiveFrames({ opcode: 1, payload: [0x61, 0xe2, 0x82] });
    expect(single.handler.log).toEqual(['failed:invalidText']);
    const fragmented = new End(role);
    fragmented.receiveFrames({ fin: false, opcode: 1, payload: [0x61, 0xe2] }, { opcode: 0, payload: [0x82] });
    expect(fragmented.handler.log).toEqual(['failed:invalidText']);
  });

  it('§8.1 a fragment that is bad keeps the next frames from being heard', () => {
    const end = new End(role);
    end.receiveFrames({ fin: false, opcode: 1, payload: [0xff] }, { opcode: 9 }, { opcode: 0 }, { opcode: 2 });
    expect(end.handler.log).toEqual(['failed:invalidText']);
  });

  it('§8.1 no validation, when it is switched off', () => {
    const end = new End(role, { skipsUtf8Validation: true, isUtf8: () => false });
    const seen: string[] = [];
    end.handler.message = ({ bytes }, start, stop, isBinary) =>
      seen.push(`${isBinary} ${toHex(bytes.slice(start, stop))}`);
    end.receiveFrames(
      { opcode: 1, payload: [0xff] },
      { fin: false, opcode: 1, payload: [0xfe] },
      { opcode: 0, payload: [0xc3] },
      { opcode: 8, payload: [0x03, 0xe8, 0xff] },
    );
    expect(seen).toEqual(['false ff', 'false fe c3']);
    expect(toHex(end.connection.closeReason)).toBe('ff');
    expect(end.connection.state).toBe('closeExchanged');
  });

  it('§8.1 a validator of the caller judges messages of one piece', () => {
    const asked: string[] = [];
    const isUtf8: IsUtf8 = ({ bytes }, start, stop) => {
      asked.push(toHex(bytes.slice(start, stop)));
      return asked.length < 2;
    };
    const end = new End(role, { isUtf8 });
    end.receiveFrames({ opcode: 1, payload: 'ä' }, { opcode: 2, payload: 'b' }, { opcode: 1, payload: 'ö' });
    expect(asked).toEqual(['c3 a4', 'c3 b6']);
    expect(end.handler.log).toEqual(['text:ä', 'binary:62', 'failed:invalidText']);
  });

  it('§8.1 ASCII that unmasking has seen is not judged again', () => {
    const isUtf8 = vi.fn(() => true);
    const end = new End(role, { isUtf8 });
    end.receiveFrames({ opcode: 1, payload: 'abc' }, { opcode: 1, payload: 'x'.repeat(200) });
    expect(isUtf8).toHaveBeenCalledTimes(role === 'server' ? 0 : 2);
    expect(end.handler.log).toHaveLength(2);
  });

  it('§10.4 memory for a message comes from the caller, if it likes, and follows what has arrived', () => {
    const allocations: number[] = [];
    const allocate = (lengthBytes: number) => {
      allocations.push(lengthBytes);
      return new Uint8Array(lengthBytes);
    };
    const end = new End(role, { allocate });
    const wire = peerFrame(role, { opcode: 2, payload: new Uint8Array(100_000) });
    end.receive(wire.subarray(0, 40));
    expect(Math.max(...allocations)).toBeLessThanOrEqual(640);
    end.receive(wire.subarray(40));
    expect(Math.max(...allocations)).toBe(100_000);
    expect(end.handler.calls.length).toBe(1);
  });

  it('§5.2 lengths not in their shortest form are taken, or refused when asked to', () => {
    const fields = { opcode: 2, payload: [1], lengthForm: '64' } as const;
    const lax = new End(role);
    lax.receiveFrames(fields);
    expect(lax.handler.log).toEqual(['binary:01']);
    const strict = new End(role, { strictLengths: true });
    strict.receiveFrames(fields);
    expect(strict.handler.log).toEqual(['failed:lengthNotMinimal']);
  });
});

describe.each(ROLES)('connection, %s: sending messages', (role) => {
  it('§6.1 text and binary, in one frame each', () => {
    const { connection, output } = new End(role);
    expect(connection.sendMessage('Hi', false)).toBe(true);
    expect(connection.sendMessage(hex('00 ff'), true)).toBe(true);
    expect(connection.sendMessage('', false)).toBe(true);
    expect(output.log).toEqual(['81 48 69', '82 00 ff', '81']);
  });

  it('§5.4 fragments: the first has the type, those behind it continue it whatever is said', () => {
    const { connection, output } = new End(role);
    connection.sendMessage('a', false, false);
    connection.sendMessage('b', true, false);
    connection.sendControl(9, toBytes('p'));
    connection.sendMessage('', false, false);
    connection.sendMessage('c', true, true);
    connection.sendMessage('d', true);
    connection.sendMessage('e', true, false);
    connection.sendMessage('f', true);
    expect(output.log).toEqual(['01 61', '00 62', '89 70', '00', '80 63', '82 64', '02 65', '80 66']);
  });

  it('§5.5 pings and pongs of up to 125 bytes', () => {
    const { connection, output } = new End(role);
    expect(connection.sendControl(9, new Uint8Array(0))).toBe(true);
    expect(connection.sendControl(10, new Uint8Array(125))).toBe(true);
    expect(output.log).toEqual(['89', `8a ${toHex(new Uint8Array(125))}`]);
    expect(() => connection.sendControl(9, new Uint8Array(126))).toThrow(RangeError);
    expect(() => connection.sendControl(9, new Uint8Array(126))).toThrow('must not be greater than 125 bytes');
    connection.close();
    expect(() => connection.sendControl(9, new Uint8Array(126))).toThrow(RangeError);
    expect(output.log.length).toBe(3);
  });
});

describe('connection: both ends', () => {
  it('§6.2 what one sends the other receives, byte by byte too', () => {
    for (const chunking of [undefined, byteByByte]) {
      const { client, server, deliver } = linkPair(chunking === undefined ? {} : { chunking });
      client.connection.sendMessage('to the server', false);
      client.connection.sendMessage(new Uint8Array(200).fill(7), true);
      server.connection.sendMessage('to the ', false, false);
      server.connection.sendMessage('client', false);
      deliver();
      expect(server.handler.log).toEqual(['text:to the server', `binary:${toHex(new Uint8Array(200).fill(7))}`]);
      expect(client.handler.log).toEqual(['text:to the client']);
    }
  });

  it('§5.3 the client masks, each frame with another key; the server does not', () => {
    const { client, server } = linkPair();
    for (let i = 0; i < 2; i++) {
      client.connection.sendMessage('same', false);
      server.connection.sendMessage('same', false);
    }
    const fromClient = client.output.take();
    expect(fromClient[1]).toBe(0x84);
    expect(toHex(fromClient.subarray(0, 10))).not.toBe(toHex(fromClient.subarray(10)));
    expect(toHex(server.output.take())).toBe('81 04 73 61 6d 65 81 04 73 61 6d 65');
  });

  it('§6.1 defaults: pings answered, text checked, memory and clock of its own', () => {
    const output = new MemoryOutput('client');
    const handler = new RecordingHandler();
    const connection = new Connection(output, handler, {
      role: 'client',
      limits: resolveLimits({ maxControlFramesBetweenData: 1, controlWindowMs: 0 }),
    });
    for (const byte of concat(
      frame({ opcode: 9 }),
      frame({ opcode: 9 }),
      frame({ opcode: 1, payload: [0x61, 0xff] }),
    )) {
      connection.receive(Uint8Array.of(byte));
    }
    expect(handler.log).toEqual(['ping:', 'ping:', 'failed:invalidText']);
    expect(output.log).toEqual(['8a', '8a', '88 03 ef']);
  });
});
