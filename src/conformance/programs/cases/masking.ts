/** M: masking, and with it the roles (§5.1, §5.3): clients mask each frame with a key of its own, servers none. */

import { Opcode } from '../../../protocol/index.ts';
import {
  AGAIN,
  closeBody,
  expectEcho,
  expectFailed,
  expectMessage,
  failsOn,
  HELLO,
  NOTHING,
  open,
  utf8,
} from '../moves.ts';
import { Unexpected } from '../outcome.ts';
import type { Peer, PeerFrame } from '../peer.ts';
import { inBothRoles, type Program, type ProgramCase, programCase } from '../program.ts';

/** How frames of this role must not be: plain ones of a client, masked ones of a server. */
function wrongly({ role }: Peer): { maskingKey: number | undefined } {
  return { maskingKey: role === 'client' ? undefined : 0x12345678 };
}

const FAILED = 'the connection is failed';

function refused(id: string, summary: string, send: (peer: Peer) => Promise<void>): ProgramCase {
  return programCase(
    id,
    '§5.1',
    'MUST',
    `${summary}, masked as the other role does`,
    FAILED,
    inBothRoles(failsOn(send)),
  );
}

const CLOSE_CODE = 4321;

const RECEIVED: readonly ProgramCase[] = [
  refused('M.1.1', 'a message', (peer) => peer.send(Opcode.Text, HELLO, wrongly(peer))),
  refused('M.1.2', 'a ping', (peer) => peer.send(Opcode.Ping, HELLO, wrongly(peer))),
  programCase(
    'M.1.3',
    '§5.1',
    'MUST',
    'a Close frame, masked as the other role does',
    'the connection is failed, and the code does not come back',
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(Opcode.Close, closeBody(CLOSE_CODE), wrongly(peer));
      await expectFailed(peer);
      if (peer.closeCode === CLOSE_CODE) throw new Unexpected('the Close frame was answered as if it were right');
    }),
  ),
  refused('M.1.4', 'the second fragment of a message', async (peer) => {
    await peer.send(Opcode.Text, HELLO, { fin: false });
    await peer.send(Opcode.Continuation, AGAIN, wrongly(peer));
  }),
  refused('M.1.5', 'an empty message', (peer) => peer.send(Opcode.Binary, NOTHING, wrongly(peer))),
  refused('M.1.6', 'a pong, with a message behind it', async (peer) => {
    await peer.send(Opcode.Pong, HELLO, wrongly(peer));
    await peer.send(Opcode.Text, HELLO);
  }),
];

/** The next frame of a type. */
async function frameOf(peer: Peer, opcode: number): Promise<PeerFrame> {
  for (;;) {
    const frame = await peer.nextFrame();
    if (frame === undefined) throw new Unexpected('TCP ended before');
    if (frame.opcode === opcode) return frame;
  }
}

/** The testee's frame in answer to one of ours is masked as its role has it. */
function sent(id: string, summary: string, opcode: number, answer = opcode, body = HELLO): ProgramCase {
  const expected = 'a client masks it, a server does not';
  return programCase(
    id,
    '§5.1',
    'MUST',
    summary,
    expected,
    inBothRoles(async (peer) => {
      await open(peer);
      await peer.send(opcode, body);
      const { masked } = await frameOf(peer, answer);
      if (masked !== (peer.role === 'server')) throw new Unexpected(`the frame is ${masked ? '' : 'not '}masked`);
    }),
  );
}

const KEY_COUNT = 8;

/** The keys of the echoes of some messages. That there are none is another case. */
async function keysOf(peer: Peer): Promise<number[]> {
  await open(peer);
  const keys: number[] = [];
  for (let i = 0; i < KEY_COUNT; i++) {
    await peer.send(Opcode.Text, HELLO);
    const { maskingKey } = await frameOf(peer, Opcode.Text);
    if (maskingKey !== undefined) keys.push(maskingKey);
  }
  return keys;
}

const SENT: readonly ProgramCase[] = [
  sent('M.2.1', 'the echo of a message', Opcode.Text),
  sent('M.2.2', 'a pong', Opcode.Ping, Opcode.Pong),
  sent('M.2.3', 'the answer to a Close frame', Opcode.Close, Opcode.Close, closeBody(1000)),
  programCase('M.2.4', '§5.3', 'MUST', 'the masking keys of eight frames', 'each is another one', {
    async client(peer) {
      const keys = await keysOf(peer);
      if (new Set(keys).size < keys.length) throw new Unexpected(`keys come again: ${keys.map(hex).join(', ')}`);
    },
  }),
  programCase('M.2.5', '§5.3', 'MUST', 'the steps between the masking keys of eight frames', 'they are no rule', {
    async client(peer) {
      const keys = await keysOf(peer);
      const steps = keys.slice(1).map((key, i) => (key - keys[i]!) >>> 0);
      // One key for all is another case.
      if (new Set(steps).size === 1 && steps[0] !== 0)
        throw new Unexpected(`keys in order: ${keys.map(hex).join(', ')}`);
    },
  }),
];

function hex(key: number): string {
  return key.toString(16).padStart(8, '0');
}

/** Only clients mask, so a server is the testee. */
function unmasked(id: string, summary: string, server: Program): ProgramCase {
  return programCase(id, '§5.3', 'MUST', summary, 'it is echoed as it was', { server });
}

const DIGITS = utf8('0123456789abcdef');

const UNMASKED: readonly ProgramCase[] = [
  unmasked('M.3.1', 'a message with a key of zeros', async (peer) => {
    await open(peer);
    await peer.send(Opcode.Text, HELLO, { maskingKey: 0 });
    await expectMessage(peer, HELLO);
  }),
  unmasked('M.3.2', 'messages of 1 to 16 bytes', async (peer) => {
    await open(peer);
    for (let length = 1; length <= DIGITS.length; length++) await expectEcho(peer, DIGITS.subarray(0, length));
  }),
  unmasked('M.3.3', 'a message in three fragments, each with a key of its own', async (peer) => {
    await open(peer);
    await peer.send(Opcode.Text, DIGITS.subarray(0, 5), { fin: false, maskingKey: 0x01020304 });
    await peer.send(Opcode.Continuation, DIGITS.subarray(5, 10), { fin: false, maskingKey: 0x0a0b0c0d });
    await peer.send(Opcode.Continuation, DIGITS.subarray(10), { maskingKey: 0x11121314 });
    await expectMessage(peer, DIGITS);
  }),
  unmasked('M.3.4', 'a message whose payload comes octet by octet', async (peer) => {
    await open(peer);
    const frame = peer.frame(Opcode.Binary, DIGITS, { maskingKey: 0x01020304 });
    await peer.write(frame.subarray(0, 6));
    await peer.dribble(frame.subarray(6));
    await expectMessage(peer, DIGITS, true);
  }),
  unmasked('M.3.5', 'a message with a key whose highest bit is set', async (peer) => {
    await open(peer);
    await peer.send(Opcode.Text, DIGITS, { maskingKey: 0xf1f2f3f4 });
    await expectMessage(peer, DIGITS);
  }),
  unmasked('M.3.6', 'a message of 64 KiB', async (peer) => {
    await open(peer);
    await expectEcho(peer, Buffer.alloc(65_536, DIGITS), true);
  }),
];

export const MASKING_CASES: readonly ProgramCase[] = [...RECEIVED, ...SENT, ...UNMASKED];
