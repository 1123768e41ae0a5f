/** Chunks that are lent: nothing that the Connection keeps may lie in them. */

import { describe, expect, it } from 'vitest';
import { Chunk, Connection, type ConnectionOptions, resolveLimits } from '../../src/protocol/index.ts';
import { clientFrame, close, ping, text } from '../support/raw-peer.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { concat, frame } from '../support/wire.ts';

/** A server's connection that is given everything in the same memory, which is overwritten behind every call. */
function open(options: Partial<ConnectionOptions> = {}) {
  const handler = new RecordingHandler();
  const output = { writeFrame() {}, flush() {}, end() {} };
  const connection = new Connection(output, handler, { role: 'server', limits: resolveLimits(), ...options });
  const memory = new Uint8Array(1000);
  const chunk = new Chunk(memory, true);
  const receive = (...parts: Uint8Array[]) => {
    const bytes = concat(...parts);
    memory.set(bytes);
    connection.receive(chunk, 0, bytes.length);
    memory.fill(0xff);
  };
  return { handler, connection, receive };
}

describe('lent chunks', () => {
  it('§5.4 a message that lies whole in one is handed on as lent; one of several pieces is not', () => {
    const { handler, receive } = open();
    receive(text('whole'), text('in two').subarray(0, 8));
    receive(text('in two').subarray(8), clientFrame(1, 'in ', { fin: false }), clientFrame(0, 'fragments'));
    expect(handler.log).toEqual(['text:whole', 'text:in two', 'text:in fragments']);
    expect(handler.lent).toEqual([true, false, false]);
  });

  it('a chunk is taken whole, or the part of it that is named', () => {
    const { handler, connection } = open();
    connection.receive(new Chunk(text('whole'), true));
    const stream = concat(text('before'), text('named'), text('behind'));
    connection.receive(new Chunk(stream), text('before').length, stream.length - text('behind').length);
    expect(handler.log).toEqual(['text:whole', 'text:named']);
    expect(handler.lent).toEqual([true, false]);
  });

  it('a chunk of the Connection’s own is not lent', () => {
    const { handler, connection } = open();
    connection.receive(text('own'));
    expect(handler.lent).toEqual([false]);
  });

  it('§5.2 headers and control frames may be cut anywhere', () => {
    const stream = concat(ping('are you there'), text('a'.repeat(200)), close(1000, 'bye'));
    for (let cut = 1; cut < stream.length; cut++) {
      const { handler, connection, receive } = open();
      receive(stream.subarray(0, cut));
      receive(stream.subarray(cut));
      expect(handler.log).toEqual([
        'ping:61 72 65 20 79 6f 75 20 74 68 65 72 65',
        `text:${'a'.repeat(200)}`,
        'closeReceived',
      ]);
      expect(new TextDecoder().decode(connection.closeReason)).toBe('bye');
    }
  });

  it('what is held back while halted is kept', () => {
    const { handler, connection, receive } = open();
    handler.react = ({ call }) => call === 'message' && connection.halt();
    receive(text('one'), text('two'), text('three').subarray(0, 7));
    receive(text('three').subarray(7), text('four'));
    expect(handler.log).toEqual(['text:one']);
    for (let i = 0; i < 3; i++) connection.resume();
    expect(handler.log).toEqual(['text:one', 'text:two', 'text:three', 'text:four']);
    expect(handler.lent).toEqual([true, false, false, false]);
  });

  it('RFC 7692 §6.2 an inflater is told which bytes it may read later', () => {
    const lent: boolean[] = [];
    let inflate = () => {};
    const inflater: ConnectionOptions['inflater'] = {
      inflate(bytes, start, end, _maxBytes, done, isLent) {
        lent.push(isLent);
        const own = isLent ? bytes.slice(start, end) : bytes.subarray(start, end);
        inflate = () => done(undefined, own);
      },
    };
    const { handler, receive } = open({ inflater });
    const key = [1, 2, 3, 4];
    receive(frame({ rsv: 4, opcode: 1, payload: 'later', key }));
    inflate();
    receive(frame({ rsv: 4, opcode: 1, fin: false, payload: 'in ', key }), frame({ opcode: 0, payload: 'parts', key }));
    inflate();
    expect(handler.log).toEqual(['text:later', 'text:in parts']);
    expect(lent).toEqual([true, false]);
    expect(handler.lent).toEqual([false, false]);
  });

  it('RFC 7692 §6.2 what an inflater lends is handed out as lent, and kept when it has to wait', () => {
    const memory = new Uint8Array(2);
    const inflater: ConnectionOptions['inflater'] = {
      inflate(bytes, start, end, _maxBytes, done) {
        memory.set(bytes.subarray(start, end));
        done(undefined, memory, true);
        memory.fill(0);
      },
    };
    const { handler, connection, receive } = open({ inflater });
    const message = (payload: string) => frame({ rsv: 4, opcode: 1, payload, key: [1, 2, 3, 4] });
    receive(message('at'));
    // A fragment may use up the share of the turn, and the next one end the message.
    const inflate = inflater.inflate.bind(inflater);
    inflater.inflate = (...given) => {
      connection.halt();
      inflate(...given);
    };
    receive(message('it'));
    expect(handler.log).toEqual(['text:at']);
    connection.resume();
    expect(handler.log).toEqual(['text:at', 'text:it']);
    expect(handler.lent).toEqual([true, false]);
  });
});
