/** X: what Autobahn's groups leave out of frames (§5), text (§8.1) and closing (§7). */

import { Opcode } from '../../../protocol/index.ts';
import {
  AGAIN,
  closeBody,
  expectClose,
  expectEcho,
  expectEnd,
  expectFailed,
  expectMessage,
  expectPong,
  failsOn,
  HELLO,
  NOTHING,
  open,
  utf8,
  wordsOf,
} from '../moves.ts';
import { Unexpected } from '../outcome.ts';
import type { Peer } from '../peer.ts';
import { inBothRoles, type ProgramCase, programCase } from '../program.ts';

const FAILED = 'the connection is failed';

/** A frame that fails the connection; a message behind it is not echoed. */
function refused(id: string, clause: string, summary: string, send: (peer: Peer) => Promise<void>): ProgramCase {
  const program = failsOn(async (peer) => {
    await send(peer);
    await peer.send(Opcode.Binary, AGAIN);
  });
  return programCase(id, clause, 'MUST', summary, FAILED, inBothRoles(program));
}

const FRAMES: readonly ProgramCase[] = [
  refused('X.1.1', '§5.2', 'a ping with RSV1', (peer) => peer.send(Opcode.Ping, HELLO, { rsv: 4 })),
  refused('X.1.2', '§5.2', 'a pong with RSV2', (peer) => peer.send(Opcode.Pong, HELLO, { rsv: 2 })),
  refused('X.1.3', '§5.2', 'the second fragment with RSV3', async (peer) => {
    await peer.send(Opcode.Text, HELLO, { fin: false });
    await peer.send(Opcode.Continuation, HELLO, { rsv: 1 });
  }),
  refused('X.1.4', '§5.5', 'a pong with FIN clear', (peer) => peer.send(Opcode.Pong, HELLO, { fin: false })),
  programCase(
    'X.1.5',
    '§5.5',
    'MUST',
    'a Close frame with FIN clear',
    'the connection is failed, and the code does not come back',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Close, closeBody(4321), { fin: false });
      await expectFailed(peer);
      if (peer.closeCode === 4321) throw new Unexpected('the Close frame was answered as if it were right');
    }),
  ),
  refused('X.1.6', '§5.4', 'a message that begins with a continuation, behind one that was whole', async (peer) => {
    await peer.send(Opcode.Text, HELLO, { fin: false });
    await peer.send(Opcode.Continuation, HELLO);
    await expectMessage(peer, Buffer.concat([HELLO, HELLO]));
    await peer.send(Opcode.Continuation, AGAIN);
  }),
];

const EURO = utf8('€');

/** A ping within a message, which must not touch it. */
function pinged(id: string, summary: string, parts: readonly Uint8Array[], isBinary: boolean): ProgramCase {
  return programCase(
    id,
    '§5.4',
    'MUST',
    summary,
    'the ping is answered, then the message is echoed',
    inBothRoles(async (peer) => {
      await open(peer);
      const [first = NOTHING, ...others] = parts;
      await peer.send(isBinary ? Opcode.Binary : Opcode.Text, first, { fin: false });
      for (const [i, part] of others.entries()) {
        await peer.send(Opcode.Ping, utf8(`ping ${i}`));
        await expectPong(peer, utf8(`ping ${i}`));
        await peer.send(Opcode.Continuation, part, { fin: i === others.length - 1 });
      }
      await expectMessage(peer, Buffer.concat(parts), isBinary);
    }),
  );
}

const MESSAGES: readonly ProgramCase[] = [
  pinged('X.2.1', 'text cut within a character, and a ping in between', [EURO.subarray(0, 1), EURO.subarray(1)], false),
  pinged('X.2.2', 'a binary message in three fragments, and pings in between', [HELLO, AGAIN, HELLO], true),
  programCase(
    'X.2.3',
    '§5.6',
    'SHOULD',
    'text that begins with a byte order mark: it is part of the text',
    'it is echoed with it',
    inBothRoles(async (peer) => {
      await open(peer);
      await expectEcho(peer, utf8('\ufeffhello'));
    }),
  ),
  programCase(
    'X.2.4',
    '§5.6',
    'SHOULD',
    'text with NUL, line ends, and a character outside the first plane',
    'it is echoed as it was',
    inBothRoles(async (peer) => {
      await open(peer);
      await expectEcho(peer, utf8('a\0b\r\nc\n\u{1f600}\r'));
    }),
  ),
  programCase(
    'X.2.5',
    '§8.1',
    'MUST',
    'text whose last character is cut off at the end of the message',
    FAILED,
    inBothRoles(failsOn((peer) => peer.send(Opcode.Text, utf8('price: €').subarray(0, -1)))),
  ),
  programCase(
    'X.2.6',
    '§5.6',
    'SHOULD',
    'a binary message that is not UTF-8, in two fragments',
    'it is echoed: only text is UTF-8',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Binary, Buffer.of(0xc3, 0x28), { fin: false });
      await peer.send(Opcode.Continuation, Buffer.of(0xff));
      await expectMessage(peer, Buffer.of(0xc3, 0x28, 0xff), true);
    }),
  ),
  programCase(
    'X.2.7',
    '§5.5.2',
    'SHOULD',
    'a pong that nobody asked for',
    'it is not answered, and the next message is echoed',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Pong, HELLO);
      await peer.send(Opcode.Text, HELLO);
      const event = await peer.next();
      if (event.type !== 'text') throw new Unexpected(`${wordsOf(event)} came`);
    }),
  ),
  programCase(
    'X.2.8',
    '§5.5.2',
    'MUST',
    'a ping of 125 bytes, none of them text',
    'the pong has the same bytes',
    inBothRoles(async (peer) => {
      await open(peer);
      const payload = Uint8Array.from({ length: 125 }, (_, i) => 255 - i);
      await peer.send(Opcode.Ping, payload);
      await expectPong(peer, payload);
    }),
  ),
];

/** A program that starts the closing handshake, and looks at the answer. */
function closed(
  id: string,
  clause: string,
  severity: ProgramCase['severity'],
  summary: string,
  expected: string,
  close: (peer: Peer) => Promise<void>,
): ProgramCase {
  const program = async (peer: Peer): Promise<void> => {
    await open(peer);
    await close(peer);
  };
  return programCase(id, clause, severity, summary, expected, inBothRoles(program));
}

/** Nothing but the end may come. Whoever leaves TCP open sends nothing, either: that is another case. */
async function expectNothingMore(peer: Peer): Promise<void> {
  peer.end();
  const event = await peer.nextIfAny();
  if (event !== undefined && event.type !== 'end')
    throw new Unexpected(`${wordsOf(event)} came behind the Close frame`);
}

const CLOSING: readonly ProgramCase[] = [
  closed(
    'X.3.1',
    '§5.5.1',
    'MUST',
    'a Close frame with a body of one byte',
    'the Close frame that answers it has no body, or one that begins with a code',
    async (peer) => {
      await peer.send(Opcode.Close, Buffer.of(3));
      const { type, payload } = await expectFailed(peer);
      if (type === 'close' && payload.length === 1) throw new Unexpected('the answer has a body of one byte, too');
    },
  ),
  closed('X.3.2', '§5.5.1', 'MUST', 'a Close frame without body', 'it is answered with a Close frame', async (peer) => {
    await peer.send(Opcode.Close, NOTHING);
    await expectClose(peer);
  }),
  closed(
    'X.3.3',
    '§5.5.1',
    'MUST',
    'a Close frame and a message, in one write',
    'the message is not echoed',
    async (peer) => {
      const frames = [peer.frame(Opcode.Close, closeBody(1000)), peer.frame(Opcode.Text, HELLO)];
      await peer.write(Buffer.concat(frames), 'a Close frame and a message');
      await expectFailed(peer);
      if (peer.role === 'server') peer.end();
      await expectNothingMore(peer);
    },
  ),
  closed(
    'X.3.4',
    '§5.5.1',
    'MUST',
    'a message and a Close frame, in one write',
    'the Close frame is answered',
    async (peer) => {
      const frames = [peer.frame(Opcode.Text, HELLO), peer.frame(Opcode.Close, closeBody(3001))];
      await peer.write(Buffer.concat(frames), 'a message and a Close frame');
      for (;;) {
        const event = await peer.next();
        if (event.type === 'close') return;
        if (event.type === 'end') throw new Unexpected('TCP ended without a Close frame');
      }
    },
  ),
  closed(
    'X.3.5',
    '§5.5.1',
    'SHOULD',
    'a frame that breaks the rules and a Close frame, in one write',
    'one Close frame comes, not two',
    async (peer) => {
      const frames = [peer.frame(Opcode.Text, HELLO, { rsv: 7 }), peer.frame(Opcode.Close, closeBody(1000))];
      await peer.write(Buffer.concat(frames), 'a message with all RSV bits and a Close frame');
      const event = await expectFailed(peer);
      if (event.type === 'close') await expectNothingMore(peer);
    },
  ),
  closed(
    'X.3.6',
    '§5.5.1',
    'SHOULD',
    'a Close frame with 3456 and a reason',
    'the code comes back, or 1000, or none',
    async (peer) => {
      await peer.send(Opcode.Close, closeBody(3456, 'reason'));
      await expectClose(peer);
      const { closeCode = 1000 } = peer;
      if (closeCode !== 3456 && closeCode !== 1000) throw new Unexpected(`the answer has ${closeCode}`);
    },
  ),
  closed(
    'X.3.7',
    '§5.5.1',
    'MUST',
    'a Close frame whose reason is not UTF-8',
    'the answer does not repeat it: a reason is UTF-8',
    async (peer) => {
      await peer.send(Opcode.Close, Buffer.concat([closeBody(1000), Buffer.of(0xff)]));
      const { type, payload } = await expectFailed(peer);
      if (type === 'close' && payload.includes(0xff, 2))
        throw new Unexpected('the answer has a reason that is not UTF-8');
    },
  ),
  programCase('X.3.8', '§7.1.1', 'SHOULD', 'the closing handshake is done', 'the server ends TCP', {
    async server(peer) {
      await open(peer);
      await peer.send(Opcode.Close, closeBody(1000));
      await expectEnd(peer);
    },
  }),
  programCase(
    'X.3.9',
    '§7.1.1',
    'SHOULD',
    'the closing handshake is done, and the server ends TCP',
    'the client ends it too',
    {
      async client(peer) {
        await open(peer);
        await peer.send(Opcode.Close, closeBody(1000));
        await expectClose(peer);
        peer.end();
        await expectEnd(peer);
      },
    },
  ),
  closed(
    'X.3.10',
    '§7.1.7',
    'MUST',
    'a reserved opcode, and the Close frame of the testee is not answered',
    'TCP ends all the same',
    async (peer) => {
      await peer.send(0xb, HELLO);
      const event = await expectFailed(peer);
      if (event.type === 'end') return;
      if (peer.role === 'server') peer.end();
      await expectEnd(peer);
    },
  ),
];

const TCP: readonly ProgramCase[] = [
  programCase(
    'X.4.1',
    '§7.1.1',
    'SHOULD',
    'TCP ends at an open connection, without a Close frame',
    'the testee ends it, too',
    inBothRoles(async (peer) => {
      await open(peer);
      await expectEcho(peer);
      peer.end();
      await expectEnd(peer);
    }),
  ),
  programCase(
    'X.4.2',
    '§7.1.1',
    'INFORMATIONAL',
    'a message, and TCP ends at once: may the testee still answer?',
    'the echo and the end, or the end alone',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Text, HELLO);
      peer.end();
      await peer.next();
    }),
  ),
];

export const GAP_CASES: readonly ProgramCase[] = [...FRAMES, ...MESSAGES, ...CLOSING, ...TCP];
