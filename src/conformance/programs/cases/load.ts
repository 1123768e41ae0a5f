/** T: many frames at once, slow peers, and several connections beside each other. */

import { Opcode } from '../../../protocol/index.ts';
import { AGAIN, expectAlive, expectEcho, expectMessage, HELLO, open, utf8, wordsOf } from '../moves.ts';
import { Unexpected } from '../outcome.ts';
import type { Peer } from '../peer.ts';
import { inBothRoles, type ProgramCase, programCase } from '../program.ts';

const PINGS = 200;
const MESSAGES = 400;
const LARGE_BYTES = 64 * 1024;
const LARGE_MESSAGES = 128;
const CONNECTIONS = 20;

function numbered(i: number): Uint8Array {
  const message = Buffer.alloc(LARGE_BYTES, i);
  message.writeUInt32BE(i);
  return message;
}

/** Large messages while nothing is read; then what has come of them. */
async function floodUnread(peer: Peer, behind: Uint8Array): Promise<void> {
  peer.pause();
  // Not waited for: a testee may stop reading as long as nobody reads.
  for (let i = 0; i < LARGE_MESSAGES; i++) void peer.send(Opcode.Binary, numbered(i), zeroKey(peer));
  void peer.write(behind);
  await peer.turn();
  peer.resume();
}

/** What masks nothing, so that megabytes cost nothing. */
function zeroKey({ role }: Peer): { maskingKey: number | undefined } {
  return { maskingKey: role === 'client' ? 0 : undefined };
}

/** @returns whether the connection was closed in place of the message */
async function expectNumbered(peer: Peer, i: number): Promise<boolean> {
  const event = await peer.next();
  if (event.type === 'close' || event.type === 'end') return true;
  if (event.type === 'binary' && Buffer.compare(event.payload, numbered(i)) === 0) return false;
  throw new Unexpected(`${wordsOf(event)} came in place of message ${i}`);
}

export const LOAD_CASES: readonly ProgramCase[] = [
  programCase(
    'T.1.1',
    '§5.5.2',
    'MUST',
    `${PINGS} pings in one write`,
    'pongs in their order, at least that of the last ping, or the connection is closed',
    inBothRoles(async (peer) => {
      await open(peer);
      const frames = Array.from({ length: PINGS }, (_, i) => peer.frame(Opcode.Ping, utf8(String(i))));
      await peer.write(Buffer.concat(frames), `${PINGS} pings`);
      for (let last = -1; last < PINGS - 1; ) {
        const event = await peer.next();
        if (event.type === 'close' || event.type === 'end') return;
        const number = Number(Buffer.from(event.payload).toString());
        if (event.type !== 'pong' || !(number > last))
          throw new Unexpected(`${wordsOf(event)} came behind pong ${last}`);
        last = number;
      }
    }),
  ),
  programCase(
    'T.1.2',
    '§6.2',
    'MUST',
    `${MESSAGES} messages, each in a write of its own`,
    'each is echoed, in their order',
    inBothRoles(async (peer) => {
      await open(peer);
      for (let i = 0; i < MESSAGES; i++) void peer.send(Opcode.Text, utf8(`number ${i}`));
      for (let i = 0; i < MESSAGES; i++) await expectMessage(peer, utf8(`number ${i}`));
    }),
  ),
  programCase(
    'T.2.1',
    '§6.2',
    'SHOULD',
    '8 MiB of messages while the fuzzer reads nothing, then it reads',
    'each is echoed, in their order, or the connection is closed: none is left out',
    inBothRoles(async (peer) => {
      await open(peer);
      await floodUnread(peer, peer.frame(Opcode.Text, HELLO));
      for (let i = 0; i < LARGE_MESSAGES; i++) if (await expectNumbered(peer, i)) return;
    }),
  ),
  programCase(
    'T.2.2',
    '§5.5.2',
    'MUST',
    'a ping behind 8 MiB of messages that are not read',
    'it is answered, or the connection is closed',
    inBothRoles(async (peer) => {
      await open(peer);
      await floodUnread(peer, peer.frame(Opcode.Ping, utf8('behind')));
      for (;;) {
        const { type } = await peer.next();
        if (type === 'pong' || type === 'close' || type === 'end') return;
      }
    }),
  ),
  programCase(
    'T.2.3',
    '§6.2',
    'MUST',
    'a message, octet by octet at both ends',
    'it is echoed',
    inBothRoles(async (peer) => {
      await open(peer);
      const payload = utf8('slowly, one octet after the other, but all of them');
      await peer.dribble(peer.frame(Opcode.Text, payload));
      await expectMessage(peer, payload);
    }),
  ),
  programCase('T.3.1', '§6.2', 'SHOULD', 'another connection, while one is within a message', 'it is served', {
    async server(peer) {
      await open(peer);
      const frame = peer.frame(Opcode.Text, HELLO);
      await peer.write(frame.subarray(0, 8));
      await expectAlive(peer);
      await peer.write(frame.subarray(8));
      await expectMessage(peer, HELLO);
    },
  }),
  programCase('T.3.2', '§4.2.1', 'SHOULD', 'another connection, while one is within its request', 'it is served', {
    async server(peer) {
      await peer.write(peer.requestBytes().subarray(0, 20));
      await expectAlive(peer);
    },
  }),
  programCase(
    'T.3.3',
    '§6.2',
    'SHOULD',
    'another connection, while one reads nothing of what it gets',
    'it is served',
    {
      async server(peer) {
        await open(peer);
        peer.pause();
        for (let i = 0; i < LARGE_MESSAGES; i++) void peer.send(Opcode.Binary, numbered(i), zeroKey(peer));
        await expectAlive(peer);
      },
    },
  ),
  programCase('T.3.4', '§7.1.1', 'SHOULD', 'a connection that is reset', 'the next one is served', {
    async server(peer) {
      await open(peer);
      await expectEcho(peer, AGAIN);
      peer.reset();
      await expectAlive(peer);
    },
  }),
  programCase(
    'T.3.5',
    '§4.2.1',
    'SHOULD',
    `${CONNECTIONS} connections at once`,
    'each is served, with its own messages',
    {
      async server(peer) {
        await open(peer);
        const others = await Promise.all(Array.from({ length: CONNECTIONS }, () => peer.another()));
        await Promise.all(others.map((other) => open(other)));
        await Promise.all(others.map((other, i) => expectEcho(other, utf8(`connection ${i}`))));
        await expectEcho(peer);
      },
    },
  ),
];
