/** The closing handshake through a Connection (§5.5.1, §7): begun by either side, by both, or by a lost transport. */

import { describe, expect, it } from 'vitest';
import { CloseCode, type Role } from '../../src/protocol/index.ts';
import { End, linkPair } from '../support/link-pair.ts';
import { byteByByte, hex, toBytes, toHex } from '../support/wire.ts';

const ROLES: Role[] = ['server', 'client'];
const NORMAL = { opcode: 8, payload: [0x03, 0xe8, 0x6f, 0x6b] };
const reasonOf = (end: End) => new TextDecoder().decode(end.connection.closeReason);

describe('closing handshake: both ends', () => {
  for (const chunking of [undefined, byteByByte]) {
    const how = chunking === undefined ? 'in whole chunks' : 'byte by byte';
    const link = () => linkPair(chunking === undefined ? {} : { chunking });

    it.each(['client', 'server'] as const)(`§7.1.2 started by the %s, ${how}`, (starter) => {
      const pair = link();
      const [own, other] = starter === 'client' ? [pair.client, pair.server] : [pair.server, pair.client];
      own.connection.sendMessage('last', false);
      own.connection.close(4000, 'done');
      expect(own.connection.state).toBe('closeSent');
      pair.deliver();
      expect(own.handler.log).toEqual(['closeReceived', 'closed']);
      expect(other.handler.log).toEqual(['text:last', 'closeReceived', 'closed']);
      for (const end of [own, other]) {
        expect(end.connection.state).toBe('closed');
        expect([end.connection.closeCode, reasonOf(end)]).toEqual([4000, 'done']);
      }
      expect(other.output.log).toEqual(['88 0f a0 64 6f 6e 65']);
    });

    it(`§7.1.3 started by both at once, ${how}: each keeps what the other said`, () => {
      const { client, server, deliver } = link();
      client.connection.close(1001, 'leaving');
      server.connection.close(1012);
      deliver();
      expect([client.connection.closeCode, reasonOf(client)]).toEqual([1012, '']);
      expect([server.connection.closeCode, reasonOf(server)]).toEqual([1001, 'leaving']);
      for (const end of [client, server]) {
        expect(end.output.frames.length).toBe(1);
        expect(end.handler.log).toEqual(['closeReceived', 'closed']);
        expect(end.connection.state).toBe('closed');
      }
    });

    it(`§7.1.7 the server fails the connection, ${how}: the client answers the Close frame`, () => {
      const { client, server, deliver } = link();
      server.connection.fail('messageTooLong');
      deliver();
      expect(client.connection.closeCode).toBe(1009);
      expect(client.handler.log).toEqual(['closeReceived', 'closed']);
      expect(server.handler.log).toEqual(['failed:messageTooLong', 'closed']);
      expect(server.connection.closeCode).toBe(1006);
    });
  }

  it('§7.1.5 a Close frame without a code: 1005, and an empty one goes back', () => {
    const { client, server, deliver } = linkPair();
    client.connection.close();
    deliver();
    expect(server.output.log).toEqual(['88']);
    expect([client.connection.closeCode, server.connection.closeCode]).toEqual([1005, 1005]);
  });
});

describe.each(ROLES)('closing handshake, %s', (role) => {
  it('§5.5.1 the peer starts: answered with the same body, in the same call', () => {
    const end = new End(role);
    const states: string[] = [];
    end.handler.react = () => states.push(`${end.connection.state} ${end.output.log}`);
    end.receiveFrames(NORMAL);
    expect(states).toEqual(['closeExchanged 88 03 e8 6f 6b']);
    expect([end.connection.closeCode, reasonOf(end)]).toEqual([1000, 'ok']);
  });

  it('§7.1.1 the server ends the transport first, the client waits for it', () => {
    const end = new End(role);
    end.receiveFrames(NORMAL);
    expect(end.output.endCalls).toBe(role === 'server' ? 1 : 0);
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
    expect(end.output.endCalls).toBeGreaterThan(0);
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['closeReceived', 'closed']);
  });

  it('§7.1.5 the code is 1006 until the peer has said one', () => {
    const end = new End(role);
    expect(end.connection.closeCode).toBe(CloseCode.AbnormalClosure);
    end.connection.close(4001);
    expect([end.connection.closeCode, reasonOf(end)]).toEqual([1006, '']);
    end.receiveFrames({ opcode: 8, payload: [0x0f, 0xa2] });
    expect(end.connection.closeCode).toBe(4002);
  });

  it('§5.5.1 the reason is a copy, also when chunks are Buffers', () => {
    const end = new End(role);
    const chunk = Buffer.from(role === 'client' ? '880403e86f6b' : '88840000000003e86f6b', 'hex');
    end.connection.receive(chunk);
    chunk.fill(0);
    expect(toHex(end.connection.closeReason)).toBe('6f 6b');
    expect(end.output.log).toEqual(['88 03 e8 6f 6b']);
  });

  it('§5.5.1 after a Close frame was sent nothing else is', () => {
    const end = new End(role);
    expect(end.connection.sendMessage('part', false, false)).toBe(true);
    end.connection.close(1000);
    expect(end.connection.sendMessage('more', false)).toBe(false);
    expect(end.connection.sendControl(9, toBytes(''))).toBe(false);
    end.connection.close(1001);
    end.receiveFrames({ opcode: 9 });
    end.receiveFrames(NORMAL);
    expect(end.connection.sendMessage('more', false)).toBe(false);
    expect(end.output.log).toEqual(['01 70 61 72 74', '88 03 e8']);
  });

  it('§7.1.2 a code or reason that may not be sent is refused, in any state', () => {
    const end = new End(role);
    for (let round = 0; round < 2; round++) {
      expect(() => end.connection.close(1005)).toThrow(TypeError);
      expect(() => end.connection.close(1000, 'x'.repeat(124))).toThrow(RangeError);
      end.connection.close(1000);
    }
    expect(end.output.log).toEqual(['88 03 e8']);
  });

  it('§5.5.1 messages of the peer are still heard until its Close frame, and none after it', () => {
    const end = new End(role);
    end.connection.close(1000);
    end.receiveFrames({ opcode: 1, payload: 'late' }, NORMAL, { opcode: 1, payload: 'too late' }, { opcode: 9 });
    end.receive('ff ff ff');
    end.receiveFrames({ opcode: 1, payload: 'far too late' });
    expect(end.handler.log).toEqual(['text:late', 'closeReceived']);
    expect(end.connection.state).toBe('closeExchanged');
  });

  it('§7.1.5 the peer ends its side without a Close frame: 1006, and this side ends too', () => {
    const end = new End(role);
    end.receiveFrames({ opcode: 1, payload: 'half' });
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
    expect(end.output.endCalls).toBe(1);
    expect(end.connection.sendMessage('x', false)).toBe(false);
    end.connection.close(1000);
    end.connection.fail('handlerFailed');
    end.connection.receiveEnd();
    expect(end.output.log).toEqual([]);
    end.connection.transportClosed();
    expect(end.handler.log).toEqual(['text:half', 'closed']);
    expect(end.connection.closeCode).toBe(1006);
  });

  it('§7.1.5 the peer ends instead of answering our Close frame', () => {
    const end = new End(role);
    end.connection.close(1000);
    end.connection.receiveEnd();
    expect(end.connection.state).toBe('peerEnded');
    expect(end.connection.closeCode).toBe(1006);
  });

  it.each(['open', 'closeSent', 'closeExchanged', 'failed', 'peerEnded'] as const)(
    '§7.1.4 the transport closes while %s: closed, once',
    (state) => {
      const end = new End(role);
      if (state === 'closeSent') end.connection.close();
      if (state === 'closeExchanged') end.receiveFrames(NORMAL);
      if (state === 'failed') end.connection.fail('invalidText');
      if (state === 'peerEnded') end.connection.receiveEnd();
      expect(end.connection.state).toBe(state);
      end.connection.transportClosed();
      end.connection.transportClosed();
      end.connection.receiveEnd();
      expect(end.connection.state).toBe('closed');
      expect(end.handler.log.filter((call) => call === 'closed')).toEqual(['closed']);
      expect(end.connection.sendMessage('x', false)).toBe(false);
      const before = end.output.log;
      end.connection.close(1000);
      end.connection.fail('invalidText');
      expect(end.output.log).toEqual(before);
    },
  );

  it('§7.1.7 failing: a Close frame, the end, and nothing is heard any more', () => {
    const end = new End(role);
    end.receiveFrames({ fin: false, opcode: 1, payload: 'a' });
    end.connection.fail('tooManyFragments', 5, 'because');
    end.connection.fail('invalidText');
    end.receiveFrames({ opcode: 0, payload: 'b' }, NORMAL);
    expect(end.handler.calls).toEqual([{ call: 'failed', id: 'tooManyFragments', detail: 5, cause: 'because' }]);
    expect(end.output.log).toEqual(['88 03 f0']);
    expect(end.output.endCalls).toBe(1);
    expect(end.connection.closeCode).toBe(1006);
  });

  it('§7.1.7 failing after our Close frame: no second one', () => {
    const end = new End(role);
    end.connection.close(1000);
    end.receive(hex('f0 00'));
    expect(end.handler.log).toEqual(['failed:unexpectedRsv23']);
    expect(end.output.log).toEqual(['88 03 e8']);
    expect(end.output.endCalls).toBe(1);
  });

  it('§7.1.7 a handshake that is complete cannot fail any more', () => {
    const end = new End(role);
    end.receiveFrames(NORMAL);
    end.connection.fail('handlerFailed');
    expect(end.connection.state).toBe('closeExchanged');
    expect(end.handler.log).toEqual(['closeReceived']);
  });
});
