/** L: lengths of frames (§5.2), how their headers are cut, and what is announced and never comes. */

import { Opcode } from '../../../protocol/index.ts';
import {
  AGAIN,
  expectEnd,
  expectFailed,
  expectMessage,
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

/** A length in more bytes than it needs: no rule says what a receiver does, but it must not read another one. */
function tooLongForm(id: string, payload: Uint8Array, lengthBytes: 2 | 8): ProgramCase {
  return programCase(
    id,
    '§6.2',
    'MUST',
    `a length of ${payload.length} in ${lengthBytes} bytes, which is more than it needs`,
    'the message is echoed, or the connection is failed',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Text, payload, { lengthBytes });
      await peer.send(Opcode.Text, AGAIN);
      const event = await peer.next();
      if (event.type === 'close' || event.type === 'end') return;
      if (Buffer.compare(event.payload, payload) !== 0) throw new Unexpected(`${wordsOf(event)} came`);
    }),
  );
}

/** A length that nobody takes, with five bytes behind it. */
function tooLong(id: string, announced: bigint, words: string): ProgramCase {
  return programCase(
    id,
    '§10.4',
    'SHOULD',
    `a frame of ${words}, of which five bytes come`,
    'the connection is failed',
    inBothRoles(failsOn((peer) => peer.send(Opcode.Text, HELLO, { lengthBytes: 8, announced }))),
  );
}

const ANNOUNCED: readonly ProgramCase[] = [
  tooLongForm('L.1.1', HELLO, 2),
  tooLongForm('L.1.2', HELLO, 8),
  tooLongForm('L.1.3', Buffer.alloc(300, 'x'), 8),
  tooLongForm('L.1.4', NOTHING, 2),
  tooLong('L.1.5', 2n ** 63n + 5n, '2^63 + 5 bytes, a length that must not be'),
  tooLong('L.1.6', 2n ** 62n, '2^62 bytes'),
  tooLong('L.1.7', 2n ** 53n + 5n, '2^53 + 5 bytes, which is no exact number in JavaScript'),
  programCase(
    'L.1.8',
    '§6.2',
    'MUST',
    'a frame of 2^32 + 5 bytes, of which five come, then the end of TCP',
    'no message is echoed',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Text, HELLO, { lengthBytes: 8, announced: 2n ** 32n + 5n });
      peer.end();
      await expectEnd(peer);
    }),
  ),
  programCase(
    'L.1.9',
    '§5.5',
    'MUST',
    'a pong of 126 bytes, with a message behind it',
    'the connection is failed',
    inBothRoles(
      failsOn(async (peer) => {
        await peer.send(Opcode.Pong, new Uint8Array(126));
        await peer.send(Opcode.Text, HELLO);
      }),
    ),
  ),
];

/** The testee says lengths in as few bytes as it can. */
function shortest(id: string, lengths: readonly number[], length7: number | undefined, summary: string): ProgramCase {
  return programCase(
    id,
    '§5.2',
    'MUST',
    summary,
    'its length is written in the shortest form',
    inBothRoles(async (peer) => {
      await open(peer);
      for (const length of lengths) {
        await peer.send(Opcode.Binary, new Uint8Array(length));
        const frame = await peer.nextFrame();
        // Whatever else comes in its place is the business of other cases.
        if (frame?.opcode !== Opcode.Binary || frame.payload.length !== length || frame.rsv !== 0) continue;
        if (frame.length7 !== (length7 ?? length)) throw new Unexpected(`${length} bytes in the form ${frame.length7}`);
      }
    }),
  );
}

const SENT: readonly ProgramCase[] = [
  shortest('L.2.1', [0, 1, 125], undefined, 'echoes of 0, 1 and 125 bytes'),
  shortest('L.2.2', [126, 127, 65_535], 126, 'echoes of 126, 127 and 65535 bytes'),
  programCase(
    'L.2.3',
    '§5.2',
    'MUST',
    'a pong of 125 bytes',
    'its length is written in the shortest form',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Ping, new Uint8Array(125));
      const frame = await peer.nextFrame();
      if (frame?.opcode === Opcode.Pong && frame.length7 > 125) throw new Unexpected(`the form is ${frame.length7}`);
    }),
  ),
];

function cut(id: string, summary: string, write: (peer: Peer) => Promise<readonly Uint8Array[]>): ProgramCase {
  return programCase(
    id,
    '§6.2',
    'MUST',
    summary,
    'each message is echoed',
    inBothRoles(async (peer) => {
      await open(peer);
      for (const payload of await write(peer)) await expectMessage(peer, payload);
    }),
  );
}

/** The header octet by octet, the payload in one write. */
async function headerDribbled(peer: Peer, length: number, headerBytes: number): Promise<readonly Uint8Array[]> {
  const payload = Buffer.alloc(length, 'x');
  const frame = peer.frame(Opcode.Text, payload);
  await peer.dribble(frame.subarray(0, headerBytes));
  await peer.write(frame.subarray(headerBytes));
  return [payload];
}

function maskBytes({ role }: Peer): number {
  return role === 'client' ? 4 : 0;
}

const CUT: readonly ProgramCase[] = [
  cut('L.3.1', 'a header with a length of two bytes, octet by octet', (peer) =>
    headerDribbled(peer, 300, 4 + maskBytes(peer)),
  ),
  cut('L.3.2', 'a header with a length of eight bytes, octet by octet', (peer) =>
    headerDribbled(peer, 70_000, 10 + maskBytes(peer)),
  ),
  cut('L.3.3', 'two messages, and a cut in the header of the second', async (peer) => {
    const frames = Buffer.concat([peer.frame(Opcode.Text, HELLO), peer.frame(Opcode.Text, AGAIN)]);
    const at = frames.length / 2 + 1;
    await peer.write(frames.subarray(0, at));
    await peer.turn();
    await peer.write(frames.subarray(at));
    return [HELLO, AGAIN];
  }),
  cut('L.3.4', 'a hundred messages in one write', async (peer) => {
    const payloads = Array.from({ length: 100 }, (_, i) => utf8(`message ${i}`));
    await peer.write(Buffer.concat(payloads.map((payload) => peer.frame(Opcode.Text, payload))));
    return payloads;
  }),
];

/** Something that is not whole, and then FIN. */
function broken(id: string, summary: string, send: (peer: Peer) => Promise<unknown>): ProgramCase {
  return programCase(
    id,
    '§6.2',
    'MUST',
    `${summary}, then the end of TCP`,
    'nothing is answered but the end',
    inBothRoles(async (peer) => {
      await open(peer);
      await send(peer);
      peer.end();
      const event = await expectFailed(peer);
      if (event.type === 'close') await expectEnd(peer);
    }),
  );
}

const NEVER_SENT: readonly ProgramCase[] = [
  broken('L.4.1', 'a frame of 1000 bytes, of which five come', (peer) =>
    peer.send(Opcode.Text, HELLO, { announced: 1000n }),
  ),
  broken('L.4.2', 'the first fragment of a message', (peer) => peer.send(Opcode.Text, HELLO, { fin: false })),
  broken('L.4.3', 'half the payload of a ping', (peer) => peer.send(Opcode.Ping, HELLO, { announced: 10n })),
];

export const LENGTH_CASES: readonly ProgramCase[] = [...ANNOUNCED, ...SENT, ...CUT, ...NEVER_SENT];
