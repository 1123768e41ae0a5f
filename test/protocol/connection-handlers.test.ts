/** What handlers may do while they are called (§7): throw, halt, resume, close, fail, discard, receive and end. */

import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/protocol/index.ts';
import { End, linkPair, peerFrame } from '../support/link-pair.ts';
import type { HandlerCall } from '../support/recording-handler.ts';
import { byteByByte, concat, type FrameFields } from '../support/wire.ts';

const ROLES: Role[] = ['server', 'client'];
const text = (payload: string): FrameFields => ({ opcode: 1, payload });
const CLOSE: FrameFields = { opcode: 8, payload: [0x03, 0xe8] };

/** Does something at the first call of this kind. */
function once(end: End, kind: HandlerCall['call'], action: () => void): void {
  end.handler.react = ({ call }) => {
    if (call !== kind) return;
    end.handler.react = () => {};
    action();
  };
}

describe.each(ROLES)('handlers that throw, %s', (role) => {
  const KINDS: [kind: 'message' | 'ping' | 'pong', frames: FrameFields[], heard: string[], before: string[]][] = [
    ['message', [text('a')], ['text:a'], []],
    ['message', [{ fin: false, opcode: 2, payload: [1] }, { opcode: 0 }], ['binary:01'], []],
    ['ping', [{ opcode: 9, payload: 'p' }], ['ping:70'], ['8a 70']],
    ['pong', [{ opcode: 10 }], ['pong:'], []],
  ];
  it.each(KINDS)(
    '§7.4.1 %s: 1011 with the cause, and the rest of the chunk is not heard',
    (kind, frames, heard, before) => {
      for (const isWhole of [true, false]) {
        const end = new End(role);
        const cause = new Error('a fault of the application');
        once(end, kind, () => {
          throw cause;
        });
        const wire = concat(...[...frames, text('next')].map((fields) => peerFrame(role, fields)));
        for (const chunk of isWhole ? [wire] : byteByByte(wire)) end.receive(chunk);
        expect(end.handler.log).toEqual([...heard, 'failed:handlerFailed']);
        expect(end.handler.calls.at(-1)).toMatchObject({ cause });
        expect(end.output.log).toEqual([...before, '88 03 f3']);
      }
    },
  );

  it('§7.4.1 a handler that closes and then throws: no second Close frame', () => {
    const end = new End(role);
    once(end, 'message', () => {
      end.connection.close(4000);
      throw new Error('after all');
    });
    end.receiveFrames(text('a'), text('b'));
    expect(end.output.log).toEqual(['88 0f a0']);
    expect(end.handler.log).toEqual(['text:a', 'failed:handlerFailed']);
  });

  it.each(['closeReceived', 'failed'] as const)('§7.1.4 %s throws to the caller; the end is still noticed', (kind) => {
    const end = new End(role);
    once(end, kind, () => {
      throw new Error('in the last words');
    });
    expect(() => end.receiveFrames(kind === 'failed' ? { opcode: 3 } : CLOSE, text('never'))).toThrow(
      'in the last words',
    );
    expect(end.connection.state).toBe(kind === 'failed' ? 'failed' : 'closeExchanged');
    end.receiveFrames(text('never'));
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
    end.connection.transportClosed();
    expect(end.handler.log).toEqual([kind === 'failed' ? 'failed:reservedOpcode' : 'closeReceived', 'closed']);
  });

  it('§7.1.4 closed throws to the caller, once', () => {
    const end = new End(role);
    once(end, 'closed', () => {
      throw new Error('in the last words');
    });
    expect(() => end.connection.transportClosed()).toThrow('in the last words');
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['closed']);
  });

  it('§7.4.1 other connections go on', () => {
    const [broken, sound] = [linkPair(), linkPair()];
    once(broken.server, 'message', () => {
      throw new Error('only here');
    });
    for (const { client, deliver } of [broken, sound]) {
      client.connection.sendMessage('one', false);
      client.connection.sendMessage('two', false);
      deliver();
    }
    expect(broken.client.connection.closeCode).toBe(1011);
    expect(sound.server.handler.log).toEqual(['text:one', 'text:two']);
  });
});

describe.each(ROLES)('halting, %s', (role) => {
  it('§7 halted in a handler, the rest of the chunk waits for resume, in order', () => {
    const end = new End(role);
    once(end, 'message', () => end.connection.halt());
    end.receiveFrames(text('a'), { opcode: 9 }, text('b'));
    end.receiveFrames(text('c'));
    expect(end.connection.isHolding).toBe(true);
    expect(end.handler.log).toEqual(['text:a']);
    expect(end.output.log).toEqual([]);
    end.connection.resume();
    expect(end.connection.isHolding).toBe(false);
    expect(end.handler.log).toEqual(['text:a', 'ping:', 'text:b', 'text:c']);
  });

  it('§7 halted at every call, with bytes one at a time or all at once', () => {
    const frames: FrameFields[] = [
      text('a'),
      { opcode: 9 },
      { fin: false, opcode: 2, payload: [1] },
      { opcode: 10 },
      { opcode: 0 },
      CLOSE,
    ];
    const wire = concat(...frames.map((fields) => peerFrame(role, fields)));
    for (const chunks of [[wire], byteByByte(wire)]) {
      const end = new End(role);
      end.handler.react = () => end.connection.halt();
      for (const chunk of chunks) end.receive(chunk);
      for (let heard = 1; heard <= 5; heard++) {
        expect(end.handler.calls.length).toBe(heard);
        end.connection.resume();
      }
      expect(end.handler.log).toEqual(['text:a', 'ping:', 'pong:', 'binary:01', 'closeReceived']);
    }
  });

  it('§7 halted and resumed in one handler, nothing is lost or doubled', () => {
    const end = new End(role);
    end.handler.react = () => {
      end.connection.halt();
      end.connection.resume();
    };
    end.receiveFrames(text('a'), text('b'), { opcode: 9 }, text('c'));
    expect(end.handler.log).toEqual(['text:a', 'text:b', 'ping:', 'text:c']);
  });

  it('§7 bytes received in a handler come behind those of the chunk at hand', () => {
    const end = new End(role);
    once(end, 'message', () => end.receiveFrames(text('later')));
    end.receiveFrames(text('a'), text('b'));
    expect(end.handler.log).toEqual(['text:a', 'text:b', 'text:later']);
  });

  it('§7.1.5 an end behind bytes that wait is noticed after them', () => {
    const end = new End(role);
    end.connection.halt();
    end.receiveFrames(text('a'), CLOSE);
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('open');
    end.connection.transportClosed();
    expect(end.connection.isOpen).toBe(false);
    expect(end.connection.sendMessage('too late', false)).toBe(false);
    expect(end.handler.log).toEqual([]);
    once(end, 'message', () => end.connection.halt());
    end.connection.resume();
    expect(end.handler.log).toEqual(['text:a']);
    end.connection.resume();
    expect(end.handler.log).toEqual(['text:a', 'closeReceived', 'closed']);
    expect(end.connection.closeCode).toBe(1000);
  });

  it('§7.1.5 an end with nothing waiting is noticed though halted', () => {
    const end = new End(role);
    end.connection.halt();
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['closed']);
  });

  it('§7.1.5 the end and the closing of the transport, told inside a handler, wait for the chunk at hand', () => {
    const end = new End(role);
    once(end, 'message', () => {
      end.connection.receiveEnd();
      expect(end.connection.state).toBe('open');
      end.connection.transportClosed();
      expect(end.connection.isOpen).toBe(false);
    });
    end.receiveFrames(text('a'), text('b'));
    expect(end.handler.log).toEqual(['text:a', 'text:b', 'closed']);
  });

  it('§7.1.1 a transport that closes as soon as it is ended', () => {
    const end = new End(role);
    end.output.end = () => end.connection.transportClosed();
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('closed');
    expect(end.handler.log).toEqual(['closed']);
  });
});

describe.each(ROLES)('ending inside a handler, %s', (role) => {
  it('§5.5.1 close: later messages of the chunk are still heard, pings no longer answered', () => {
    const end = new End(role);
    once(end, 'message', () => end.connection.close(1000));
    end.receiveFrames(text('a'), { opcode: 9 }, text('b'), CLOSE, text('c'));
    expect(end.handler.log).toEqual(['text:a', 'ping:', 'text:b', 'closeReceived']);
    expect(end.output.log).toEqual(['88 03 e8']);
    expect(end.connection.state).toBe('closeExchanged');
  });

  it.each(['message', 'ping', 'pong'] as const)('§7.1.7 fail in %s: nothing more is heard', (kind) => {
    const end = new End(role);
    once(end, kind, () => end.connection.fail('handlerFailed', 0, 'why'));
    end.receiveFrames(...(kind === 'message' ? [] : [{ opcode: kind === 'ping' ? 9 : 10 }]), text('a'), text('b'));
    expect(end.handler.log).toEqual([kind === 'message' ? 'text:a' : `${kind}:`, 'failed:handlerFailed']);
  });

  it.each(['message', 'ping', 'pong'] as const)('§7 input discarded in %s: nothing more is heard', (kind) => {
    for (const isHaltedToo of [false, true]) {
      const end = new End(role);
      once(end, kind, () => {
        if (isHaltedToo) end.connection.halt();
        end.connection.discardInput();
        end.receiveFrames(text('from inside'));
      });
      const first: FrameFields[] =
        kind === 'message' ? [] : [{ fin: false, opcode: 1, payload: 'open' }, { opcode: kind === 'ping' ? 9 : 10 }];
      end.receiveFrames(...first, ...(kind === 'message' ? [text('a')] : []), text('b'));
      end.receiveFrames(text('c'));
      end.connection.receiveEnd();
      end.connection.transportClosed();
      expect(end.handler.log).toEqual([kind === 'message' ? 'text:a' : `${kind}:`, 'closed']);
    }
  });

  it('§7 discarding bytes that wait', () => {
    const end = new End(role);
    end.connection.halt();
    end.receiveFrames(text('a'), text('b'));
    end.connection.discardInput();
    expect(end.connection.isHolding).toBe(false);
    end.connection.resume();
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['closed']);
  });

  it('§7.1.3 close in closeReceived or failed does nothing', () => {
    for (const frame of [CLOSE, { opcode: 3 }]) {
      const end = new End(role);
      end.handler.react = () => {
        end.connection.close(1001);
        expect(end.connection.sendMessage('x', false)).toBe(false);
      };
      end.receiveFrames(frame);
      expect(end.output.frames.length).toBe(1);
    }
  });

  it('§6.1 sending inside a handler', () => {
    const end = new End(role);
    end.handler.react = () => end.connection.sendMessage('echo', false);
    end.receiveFrames(text('a'), { opcode: 9 });
    expect(end.output.log).toEqual(['81 65 63 68 6f', '8a', '81 65 63 68 6f']);
  });
});
