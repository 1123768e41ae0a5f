/** Messages that their handler puts off: they come again, first of all, and everything else waits behind them. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chunk, Hold, type Inflater } from '../../src/protocol/index.ts';
import { anyCuts, applyCuts } from '../support/arbitraries.ts';
import { End, type EndOptions, peerFrame } from '../support/link-pair.ts';
import { concat, type FrameFields } from '../support/wire.ts';

/** Its handler puts off the messages that the test says, by the number of the call. */
function open(putsOff: (call: number) => boolean, options: EndOptions = {}) {
  const end = new End('server', options);
  const { connection, handler } = end;
  const hear = handler.message.bind(handler);
  let calls = 0;
  handler.message = (chunk, start, last, isBinary) => {
    if (putsOff(calls++)) connection.putOff(chunk, start, last, isBinary);
    else hear(chunk, start, last, isBinary);
  };
  const goOn = () => connection.resume(Hold.Rate);
  return { end, goOn, calls: () => calls };
}

const text = (payload: string): FrameFields => ({ opcode: 1, payload });
const CLOSE: FrameFields = { opcode: 8, payload: [0x03, 0xe8] };
const inflater: Inflater = {
  inflate: (bytes, start, last, _maxBytes, done) => done(undefined, new Uint8Array(bytes.subarray(start, last))),
};

describe('a message that is put off', () => {
  it('comes again, and what stands behind it waits: messages, control frames, the end', () => {
    const { end, goOn } = open((call) => call === 1 || call === 2);
    end.receiveFrames(text('a'), text('b'), { opcode: 9, payload: 'p' }, text('c'), CLOSE);
    end.connection.receiveEnd();
    end.connection.transportClosed();
    expect(end.connection.isHolding).toBe(true);
    expect(end.connection.isEndWaiting).toBe(true);
    goOn();
    expect(end.handler.log).toEqual(['text:a']);
    goOn();
    expect(end.handler.log).toEqual(['text:a', 'text:b', 'ping:70', 'text:c', 'closeReceived', 'closed']);
    expect(end.connection.isEndWaiting).toBe(false);
  });

  it('waits as long as there is another reason, and may be put off again', () => {
    const { end, goOn } = open((call) => call < 2);
    end.receiveFrames(text('a'));
    end.connection.halt();
    goOn();
    expect(end.handler.log).toEqual([]);
    end.connection.resume();
    expect(end.handler.log).toEqual([]);
    goOn();
    expect(end.handler.log).toEqual(['text:a']);
  });

  it('lies in memory of the connection’s own when it was lent', () => {
    const { end, goOn } = open((call) => call === 0);
    const bytes = peerFrame('server', text('lent'));
    end.connection.receive(new Chunk(bytes, true));
    bytes.fill(0);
    goOn();
    expect(end.handler.log).toEqual(['text:lent']);
  });

  it('knows its fragments still', () => {
    const { end, goOn } = open((call) => call === 0);
    end.connection.recordsFragments = true;
    const lengths: (readonly number[])[] = [];
    end.handler.react = () => lengths.push(end.connection.fragmentLengths);
    end.receiveFrames(
      { opcode: 2, fin: false, payload: 'ab' },
      { opcode: 0, payload: 'c' },
      { opcode: 2, payload: 'd' },
    );
    goOn();
    expect(lengths).toEqual([[2, 1], []]);
  });

  it('knows still how long it was compressed', () => {
    const { end, goOn } = open((call) => call === 0, { inflater });
    const lengths: (number | undefined)[] = [];
    end.handler.react = () => lengths.push(end.connection.compressedBytes);
    end.receiveFrames({ opcode: 2, rsv: 4, payload: 'abc' }, text('d'));
    goOn();
    expect(lengths).toEqual([3, undefined]);
  });

  it('comes alone: what its handler resumes stands behind it', () => {
    const { end, goOn } = open((call) => call === 0);
    const depths: number[] = [];
    let depth = 0;
    end.handler.react = () => {
      depths.push(++depth);
      end.connection.halt();
      end.connection.resume();
      depth--;
    };
    end.receiveFrames(text('a'), text('b'));
    goOn();
    expect(depths).toEqual([1, 1]);
  });

  it('is dropped with the rest when the connection fails or is over', () => {
    const { end, goOn } = open(() => true);
    end.receiveFrames(text('a'), text('b'));
    end.connection.fail('rateExceeded');
    end.connection.transportClosed();
    goOn();
    expect(end.handler.log).toEqual(['failed:rateExceeded', 'closed']);
  });

  it('fails the connection when its memory was taken away meanwhile', () => {
    const { end, goOn } = open((call) => call === 0);
    const bytes = peerFrame('server', text('a'));
    end.connection.receive(bytes);
    structuredClone(null, { transfer: [bytes.buffer as ArrayBuffer] });
    goOn();
    expect(end.handler.log).toEqual(['failed:handlerFailed']);
  });

  it('changes nothing else, whatever is put off, however bytes are cut', () => {
    const frames: FrameFields[] = [
      text('a'),
      { opcode: 9, payload: 'p' },
      { opcode: 2, fin: false, payload: 'b' },
      { opcode: 10 },
      { opcode: 0, payload: 'c' },
      { opcode: 2, rsv: 4, payload: 'compressed' },
      text('d'),
      { opcode: 1, fin: false, rsv: 4, payload: 'e' },
      { opcode: 0, payload: 'f' },
      text('g'),
      CLOSE,
    ];
    const wire = concat(...frames.map((fields) => peerFrame('server', fields)));
    const plain = new End('server', { inflater });
    plain.receive(wire);
    plain.connection.transportClosed();
    fc.assert(
      fc.property(anyCuts, fc.array(fc.boolean(), { maxLength: 30 }), fc.boolean(), (cuts, plan, isLent) => {
        const { end, goOn, calls } = open((call) => plan[call] === true, { inflater });
        for (const chunk of applyCuts(wire, cuts)) {
          const bytes = new Uint8Array(chunk);
          end.connection.receive(new Chunk(bytes, isLent));
          if (isLent) bytes.fill(0xff);
          if (plan[calls() % 30] === true) goOn();
        }
        for (let i = 0; i < 40; i++) goOn();
        end.connection.transportClosed();
        expect(end.handler.log).toEqual(plain.handler.log);
        expect(end.output.log).toEqual(plain.output.log);
        expect(end.connection.state).toBe('closed');
      }),
    );
  });
});
